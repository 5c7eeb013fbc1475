"""From the listens of an increment to the rows of the lake: tracks, clients, lengths. Plain Python and Arrow, no Spark.

Everything Spark SQL cannot say alike everywhere is computed here, once, when a row enters: the case-folded keys, the
hash of a track, what a client meant by its additional_info.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from jobs.listens.msid import fold
from jobs.tables.listens import MAX_DURATION_MS
from jobs.tables.rules import UUID_PATTERN

TrackTuple = tuple[str, str, str, str | None, str | None, str | None, str | None, str | None, tuple[str, ...]]
"""msid, artist, track, release, recording, release, release group and track MBID, artist MBIDs."""

_UUID = re.compile(UUID_PATTERN)
_NO_MBIDS: tuple[str, ...] = ()
_SINGLE = ("recording_mbid", "release_mbid", "release_group_mbid", "track_mbid")


@dataclass(frozen=True)
class Described:
    """The listens of an increment, with their distinct tracks and clients numbered from 0 in order of appearance."""

    tracks: list[TrackTuple]
    track_keys: list[str]
    track_of: np.ndarray[Any, np.dtype[np.int64]]
    """Per listen: index into tracks."""
    clients: list[str]
    client_of: np.ndarray[Any, np.dtype[np.int64]]
    """Per listen: index into clients; -1: no client."""
    played_ms: list[int | None]
    duration_ms: list[int | None]


def describe(listens: pa.Table) -> Described:
    """Read every listen's additional_info once. Text that is no JSON object counts as {} (a rule refuses it later)."""
    tracks: dict[TrackTuple, int] = {}
    clients: dict[str, int] = {}
    track_of, client_of, played, duration = [], [], [], []
    columns = ("recording_msid", "artist_name", "track_name", "release_name", "additional_info")
    for msid, artist, track, release, text in zip(*(listens[name].to_pylist() for name in columns), strict=True):
        info = _object(text)
        key = (msid, artist, track, release, *_mbids(info))
        track_of.append(tracks.setdefault(key, len(tracks)))
        client = client_name(info)
        client_of.append(-1 if client is None else clients.setdefault(client, len(clients)))
        duration.append(duration_ms(info))
        played.append(milliseconds(info.get("duration_played"), 1000))
    return Described(
        list(tracks),
        [track_key(track) for track in tracks],
        np.array(track_of, np.int64),
        list(clients),
        np.array(client_of, np.int64),
        played,
        duration,
    )


def track_key(track: TrackTuple) -> str:
    """Hash of the exact tuple: 32 hex digits of BLAKE2b over its JSON."""
    return hashlib.blake2b(orjson.dumps(track), digest_size=16).hexdigest()


def client_name(info: Mapping[str, Any]) -> str | None:
    """What sent the listen: submission_client, else media_player, else nobody says."""
    for field in ("submission_client", "media_player"):
        name = info.get(field)
        if isinstance(name, str) and name.strip():
            return name.strip()
    return None


def duration_ms(info: Mapping[str, Any]) -> int | None:
    """Length of the track: duration_ms, else duration in seconds; null when absent or senseless."""
    given = info.get("duration_ms")
    if given is not None:
        return milliseconds(given, 1)
    return milliseconds(info.get("duration"), 1000)


def milliseconds(value: object, scale: int) -> int | None:
    """A length as clients write it (number or its text), times scale; null outside 0 to MAX_DURATION_MS."""
    if value is None or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value * scale) if isinstance(value, int) else int(float(value) * scale)
    except (ValueError, OverflowError):
        return None
    return number if 0 <= number <= MAX_DURATION_MS else None


def track_rows(described: Described, indexes: Iterable[int], first_id: int) -> pa.Table:
    """Rows of `tracks` for new tracks, ids dense from first_id, in the order given."""
    chosen = list(indexes)
    tracks = [described.tracks[index] for index in chosen]
    names = ("recording_msid", "artist_name", "track_name", "release_name")
    mbids = ("recording_mbid", "release_mbid", "release_group_mbid", "track_mbid")
    columns = {name: pa.array([track[at] for track in tracks], pa.string()) for at, name in enumerate(names + mbids)}
    return pa.table(
        {
            "track_id": pa.array(range(first_id, first_id + len(chosen)), pa.int32()),
            "track_key": pa.array([described.track_keys[index] for index in chosen], pa.string()),
            **columns,
            "artist_mbids": pa.array([track[8] for track in tracks], pa.list_(pa.string())),
            "artist_key": pa.array([fold(track[1]) for track in tracks], pa.string()),
            "track_name_key": pa.array([fold(track[2]) for track in tracks], pa.string()),
            "release_key": pa.array([None if track[3] is None else fold(track[3]) for track in tracks], pa.string()),
        }
    )


def client_rows(names: list[str], first_id: int) -> pa.Table:
    """Rows of `clients` for new names, ids dense from first_id."""
    return pa.table(
        {
            "client_id": pa.array(range(first_id, first_id + len(names)), pa.int32()),
            "name": pa.array(names, pa.string()),
        }
    )


def listen_rows(
    listens: pa.Table, described: Described, track_ids: np.ndarray[Any, np.dtype[np.int32]], client_ids: list[int]
) -> pa.Table:
    """Rows of `listens` by month, user, time; track_ids and client_ids by index of the described tracks and clients."""
    given = {name: listens[name] for name in listens.column_names}
    times = given["listened_at"]
    clients = np.array([*client_ids, 0], np.int32)[described.client_of]
    rows = pa.table(
        {
            "user_id": given["user_id"],
            "track_id": pa.array(track_ids[described.track_of], pa.int32()),
            "client_id": pa.array(clients, pa.int32(), mask=described.client_of < 0),
            "played_ms": pa.array(described.played_ms, pa.int32()),
            "duration_ms": pa.array(described.duration_ms, pa.int32()),
            "position": given["position"],
            "listened_at": times,
            "inserted_at": given["inserted_at"],
            **{
                name: given[name]
                for name in ("recording_msid", "artist_name", "track_name", "release_name", "additional_info")
            },
            "source": given["source"],
            "dump_id": given["dump_id"],
            "year": pc.cast(pc.year(times), pa.int32()),
            "month": pc.cast(pc.month(times), pa.int32()),
        }
    )
    return rows.sort_by([(name, "ascending") for name in ("year", "month", "user_id", "listened_at")])


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def _mbids(info: Mapping[str, Any]) -> tuple[str | None, str | None, str | None, str | None, tuple[str, ...]]:
    get = info.get
    listed = get("artist_mbids")
    artists = _NO_MBIDS
    if isinstance(listed, list) and listed:
        artists = tuple(mbid for mbid in map(_mbid, listed) if mbid is not None)
    recording, release, group, track = map(get, _SINGLE)
    return (
        None if recording is None else _mbid(recording),
        None if release is None else _mbid(release),
        None if group is None else _mbid(group),
        None if track is None else _mbid(track),
        artists,
    )


def _mbid(value: object) -> str | None:
    """A UUID in its one form, or null for anything that is none."""
    return _uuid(value) if isinstance(value, str) else None


@lru_cache(maxsize=100_000)
def _uuid(value: str) -> str | None:
    lowered = value.strip().lower()
    return lowered if _UUID.fullmatch(lowered) else None
