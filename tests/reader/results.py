"""Manifests and part files made by hand, as a run would make them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.messages import COLUMNS, Manifest, Part, Switch, inline_digest, new_run_id
from jobs.result_files import digest

Lists = dict[int, list[tuple[int, int]]]
"""key -> [(entity id, count)]"""


def entity(entity_id: int) -> str:
    return json.dumps({"artist_name": f'Artist \\ "{entity_id}"\t\n', "artist_mbid": None})


def inline_parts(lists: Lists, stats_range: str = "week", statistic: str = "user_artists") -> list[Part]:
    rows = [list_row(key, items) for key, items in lists.items()]
    ids = sorted({i for items in lists.values() for i, _ in items})
    documents = [[i, entity(i)] for i in ids]
    found = []
    for kind, what, values in (("entity", ("", ""), documents), ("list", (statistic, stats_range), rows)):
        if values:
            size, sha256 = inline_digest(values)
            found.append(Part(kind, *what, len(values), None, size, sha256, values))
    return found


def list_row(key: int, items: list[tuple[int, int]]) -> list[Any]:
    """A row of COLUMNS["list"] of items that were there before neither, and of which no time is known."""
    none = [0] * len(items)
    places = [*range(1, len(items) + 1)]
    return [key, [i for i, _ in items], [c for _, c in items], none, none, [], [], none, places, [0, 0, 0, 0], None]


def file_parts(folder: Path, parts: list[Part]) -> list[Part]:
    """The same rows, as Parquet files."""
    folder.mkdir(parents=True, exist_ok=True)
    return [_file_part(folder / f"part-{number}.parquet", part) for number, part in enumerate(parts)]


def _file_part(path: Path, part: Part) -> Part:
    columns: list[Any] = list(zip(*(part.inline or []), strict=True))
    if part.kind == "entity":
        table = pa.table({"id": pa.array(columns[0], pa.int64()), "doc": pa.array(columns[1], pa.string())})
    else:
        types = {"key": pa.int64(), "applied": pa.string()}
        longs = ("ids", "gone_ids", "seconds", "time_by_source")
        named = dict(zip(COLUMNS["list"], columns, strict=True))
        table = pa.table(
            {
                name: pa.array(values, types.get(name, pa.list_(pa.int64() if name in longs else pa.int32())))
                for name, values in named.items()
            }
        )
    pq.write_table(table, path)
    size, sha256 = digest(str(path))
    return replace(part, path=str(path), bytes=size, sha256=sha256, inline=None)


def manifest(
    lists: Lists,
    *,
    data_version: int = 1,
    now: float = 1_700_000_000,
    stats_range: str = "week",
    parts: list[Part] | None = None,
    request_id: UUID | None = None,
    base: Manifest | None = None,
    touched: tuple[int, ...] = (),
    **switch: Any,
) -> Manifest:
    """With `base`, a run that continues that one for the users touched."""
    replace_what = "all" if base is None else "touched"
    made = Switch("user_artists", stats_range, 1000, 2000, len(lists), replace_what)
    return Manifest(
        run_id=new_run_id(now),
        request_id=request_id,
        query="stats.user.entity",
        data_version=data_version,
        newest_listen_ts=1500,
        switches=[replace(made, **switch)],
        parts=inline_parts(lists, stats_range) if parts is None else parts,
        base_run_id=None if base is None else base.run_id,
        touched=list(touched),
    )
