"""Plays as people send them: Arrow tables, and listens in API form made of text that is encoded once per recording."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue, Credits
from dumps.generator.chance import Ids
from dumps.generator.listeners import CLIENTS, Listeners
from dumps.generator.plays import Plays

SCHEMA = pa.schema(
    [
        ("user_id", pa.int32()),
        ("user_name", pa.string()),
        ("listened_at", pa.int64()),
        ("created", pa.int64()),
        ("recording", pa.int32()),
        ("played_ms", pa.int32()),
        ("client", pa.string()),
        ("artist_name", pa.string()),
        ("track_name", pa.string()),
        ("release_name", pa.string()),
        ("recording_mbid", pa.string()),
        ("release_mbid", pa.string()),
        ("release_group_mbid", pa.string()),
        ("artist_mbids", pa.list_(pa.string())),
        ("track_number", pa.int16()),
        ("duration_ms", pa.int32()),
    ]
)
"""`recording` is the generator's own number, for truth counts. Times: epoch seconds."""
DESCRIBED = [field.name for field in SCHEMA][7:]


@dataclass(frozen=True)
class Described:
    """What is said of the distinct (recording, case) pairs of a block, and which row each play has."""

    table: pa.Table
    row: Ids


def describe(catalogue: Catalogue, plays: Plays) -> Described:
    """Names and MBIDs of a block, made once per distinct recording and case."""
    return _describe(catalogue, plays.recording * 3 + plays.variant)


def describe_recordings(catalogue: Catalogue, recordings: Ids) -> Described:
    """Names and MBIDs of recordings, as printed."""
    return _describe(catalogue, recordings * 3)


def _describe(catalogue: Catalogue, keyed: Ids) -> Described:
    keys, row = np.unique(keyed, return_inverse=True)
    recordings, variant = keys // 3, pa.array(keys % 3)
    credit = catalogue.credits(recordings)
    release, number = catalogue.release_of(recordings)
    titled = pa.array(catalogue.has_release_name(recordings))
    known = pa.array(catalogue.mapped(recordings))
    nothing = pa.scalar(None, pa.string())

    def identified(kind: str, ids: Ids) -> pa.Array:
        return pc.if_else(known, chance.mbids(catalogue.seed, kind, ids), nothing)

    columns = {
        "artist_name": _cased(catalogue.credit_names(credit), variant),
        "track_name": _cased(catalogue.track_names(recordings), variant),
        "release_name": pc.if_else(titled, catalogue.release_names(release), nothing),
        "recording_mbid": identified("recording", recordings),
        "release_mbid": identified("release", release),
        "release_group_mbid": identified("release group", catalogue.release_group_of(release)),
        "artist_mbids": credit_mbids(catalogue, credit, np.asarray(known)),
        "track_number": pa.array(number, pa.int16()),
        "duration_ms": pa.array(catalogue.length_ms(recordings), pa.int32()),
    }
    return Described(pa.table(columns), row.astype(np.int64))


def credit_mbids(catalogue: Catalogue, credit: Credits, known: chance.Flags) -> pa.Array:
    """The artists' MBIDs in order of the credit; empty lists where nothing is known."""
    there = (credit.artists >= 0) & known[:, None]
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), chance.mbids(catalogue.seed, "artist", credit.artists[there]))


def _cased(text: pa.Array, variant: pa.Array) -> pa.Array:
    return pc.choose(variant, text, pc.utf8_lower(text), pc.utf8_upper(text))


def table(catalogue: Catalogue, listeners: Listeners, plays: Plays) -> pa.Table:
    """A block as an Arrow table of SCHEMA."""
    described = describe(catalogue, plays)
    said = described.table.take(pa.array(described.row))
    client = np.where(listeners.client == len(CLIENTS) - 1, -1, listeners.client)[plays.user - 1]
    columns = [
        pa.array(plays.user, pa.int32()),
        listeners.names().take(pa.array(plays.user - 1)),
        pa.array(plays.listened_at),
        pa.array(plays.created),
        pa.array(plays.recording, pa.int32()),
        pa.array(plays.played_ms, pa.int32()),
        pa.array(CLIENTS).take(pa.array(client, mask=client < 0)),
        *(said.column(name).combine_chunks() for name in DESCRIBED),
    ]
    return pa.table(columns, schema=SCHEMA)


def api_lines(catalogue: Catalogue, listeners: Listeners, plays: Plays, *, named: bool = True) -> pa.Array:
    """One JSON text per listen, in API form; `named` puts user_name before it and ends it as a line."""
    described = describe(catalogue, plays)
    tails = pa.array([_tail(row) for row in described.table.to_pylist()], pa.string())
    names = pa.array([orjson.dumps({"user_name": name}).decode()[:-1] + "," for name in listeners.names().to_pylist()])
    heads = names.take(pa.array(plays.user - 1)) if named else pa.array(["{"]).take(pa.array(plays.user * 0))
    clients = pa.array([f'"submission_client":{orjson.dumps(name).decode()},' if name else "" for name in CLIENTS])
    return pc.binary_join_element_wise(
        heads,
        '"listened_at":',
        pc.cast(pa.array(plays.listened_at), pa.string()),
        ',"track_metadata":{"additional_info":{',
        clients.take(pa.array(listeners.client[plays.user - 1])),
        '"duration_played":',
        pc.cast(pa.array(plays.played_ms // 1000), pa.string()),
        tails.take(pa.array(described.row)),
        "\n" if named else "",
        "",
    )


def text_of(lines: pa.Array) -> memoryview:
    """All texts of an array as they stand in memory, one after the other, in UTF-8."""
    _, offsets, data = lines.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(data)[int(ends[0]) : int(ends[-1])]


def _tail(row: dict[str, object]) -> str:
    """The rest of a listen's JSON after the first member of additional_info."""
    metadata = {"artist_name": row["artist_name"], "track_name": row["track_name"]}
    if row["release_name"] is not None:
        metadata["release_name"] = row["release_name"]
    info = {"duration_ms": row["duration_ms"], "tracknumber": row["track_number"]}
    if row["recording_mbid"] is not None:
        info |= {key: row[key] for key in ("recording_mbid", "release_mbid", "release_group_mbid", "artist_mbids")}
    return "," + orjson.dumps(info).decode()[1:] + "," + orjson.dumps(metadata).decode()[1:] + "}"


def listens(catalogue: Catalogue, listeners: Listeners, plays: Plays) -> Iterator[tuple[int, dict[str, object]]]:
    """(user id, listen in API form) of a block: for small numbers of listens."""
    lines = api_lines(catalogue, listeners, plays, named=False).to_pylist()
    for user, line in zip(plays.user.tolist(), lines, strict=True):
        yield user, orjson.loads(line)
