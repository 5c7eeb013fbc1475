"""Generated data as files and as messages, block by block in bounded memory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dumps.generator.catalogue import Catalogue, Scale
from dumps.generator.chance import Ids
from dumps.generator.changes import deletes, remaps, wipes
from dumps.generator.listeners import Listeners, make_listeners
from dumps.generator.metadata import metadata_tables
from dumps.generator.plays import EARLIEST, Plays, blocks
from dumps.generator.rows import api_lines, table, text_of
from dumps.generator.truth import listen_counts, top_artists

MESSAGE = 1000
"""Listens of a message."""


@dataclass(frozen=True)
class World:
    """One seed's music and listeners; `until` (epoch seconds) is after the last listen."""

    catalogue: Catalogue
    listeners: Listeners
    until: int

    @classmethod
    def make(cls, seed: int, listens: int, *, until: int, since: int = EARLIEST, users: int | None = None) -> "World":
        """A world of about 2,000 listens a user; the same arguments give the same one."""
        scale = Scale.of(listens, users)
        return cls(Catalogue(seed, scale), make_listeners(seed, scale, since, until), until)

    def blocks(self) -> Iterator[Plays]:
        """All plays, whole users at a time."""
        return blocks(self.catalogue, self.listeners, self.until)

    def messages(self, size: int = MESSAGE) -> Iterator[tuple[int, int, str]]:
        """(user id, number of listens, JSON array of listens in API form): what clients import, `size` at a time."""
        for plays in self.blocks():
            lines = api_lines(self.catalogue, self.listeners, plays, named=False).to_pylist()
            starts = np.flatnonzero(np.diff(plays.user, prepend=-1))
            for first, last in zip(starts, [*starts[1:], len(plays)], strict=True):
                for at in range(first, last, size):
                    part = lines[at : min(at + size, last)]
                    yield int(plays.user[at]), len(part), f"[{','.join(part)}]"


def generate(
    path: Path,
    seed: int,
    listens: int,
    *,
    until: int,
    users: int | None = None,
    json_lines: bool = True,
    metadata: bool = True,
    progress: Callable[[int], None] = lambda _: None,
) -> dict[str, int]:
    """Write listens.parquet, listens.jsonl, truth/, changes/ and metadata/ below `path`; same arguments, same bytes.

    Returns the sizes, also written as generated.json: seed, listens, users, kept (listens without duplicates),
    recordings played. `progress` is told the listens of each block that is written.
    """
    world = World.make(seed, listens, until=until, users=users)
    totals = {"seed": seed, "listens": 0, "users": len(world.listeners.ids), "kept": 0}
    played: list[Ids] = []
    with _Files(path, json_lines) as files:
        for plays in world.blocks():
            kept = files.write(world, plays)
            played.append(np.unique(plays.recording))
            totals["listens"] += len(plays)
            totals["kept"] += kept
            progress(len(plays))
    recordings = np.unique(np.concatenate(played))
    totals["recordings"] = len(recordings)
    later = {"remaps": remaps(world.catalogue, recordings), "wipes": wipes(world.catalogue, world.listeners)}
    write_tables(path / "changes", later)
    if metadata:
        write_tables(path / "metadata", metadata_tables(world.catalogue, recordings, totals["users"], until))
    (path / "generated.json").write_bytes(orjson.dumps(totals))
    return totals


def write_tables(path: Path, tables: dict[str, pa.Table]) -> None:
    """One Parquet file per table."""
    path.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        pq.write_table(rows, path / f"{name}.parquet", compression="zstd")


class _Files:
    """The files that grow with every block."""

    def __init__(self, path: Path, json_lines: bool) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self._lines = (path / "listens.jsonl").open("wb") if json_lines else None
        self._tables: dict[str, pq.ParquetWriter] = {}
        self._path = path

    def __enter__(self) -> "_Files":
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._tables.values():
            writer.close()
        if self._lines is not None:
            self._lines.close()

    def write(self, world: World, plays: Plays) -> int:
        """Append a block; returns how many listens are left when duplicates count once."""
        self._put("listens", table(world.catalogue, world.listeners, plays))
        if self._lines is not None:
            self._lines.write(text_of(api_lines(world.catalogue, world.listeners, plays)))
        counts = listen_counts(plays)
        self._put("truth/listen_counts", counts)
        self._put("truth/top_artists", top_artists(world.catalogue, plays))
        self._put("changes/deletes", deletes(world.catalogue, world.listeners, plays))
        return int(np.sum(counts["listen_count"].to_numpy()))

    def _put(self, name: str, rows: pa.Table) -> None:
        if name not in self._tables:
            path = self._path / f"{name}.parquet"
            path.parent.mkdir(exist_ok=True)
            self._tables[name] = pq.ParquetWriter(path, rows.schema, compression="zstd")
        self._tables[name].write_table(rows)
