"""What the statistics must be, counted in plain Python, one listen at a time: no Spark, no code of jobs/ranges."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from jobs.listens.mapping import MappingRow, resolve_one

RANGES = ("this_week", "this_month", "this_year", "week", "month", "quarter", "half_yearly", "year", "all_time")
Key = tuple[int, str]
"""(user id, range)"""
Row = tuple[int, str, str | None]
"""(listen count, artist name, artist MBID)"""


@dataclass(frozen=True)
class Track:
    """The tuple submitted."""

    track_id: int
    recording_msid: str
    artist_name: str
    recording_mbid: str | None = None
    artist_mbids: tuple[str, ...] = ()
    track_name: str = "Song"
    release_name: str | None = None
    release_mbid: str | None = None
    release_group_mbid: str | None = None


@dataclass
class Histories:
    """Everything a lake holds."""

    tracks: list[Track]
    users: set[int]
    listens: list[tuple[int, int, int]] = field(default_factory=list)
    """(user id, listened_at, track id)"""
    durations: dict[int, int] = field(default_factory=dict)
    """What players say of the length of a track, milliseconds, by track id."""
    mapping: list[MappingRow] = field(default_factory=list)
    beside: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of tables that a lake may lack (metadata, settings), without their folded keys. Those named are there."""


def folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


@cache
def labels(day: int) -> Mapping[str, Any]:
    """Which week, month, ... a day (since 1970) is in."""
    date = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)).date()
    iso = date.isocalendar()
    return {
        "week": (iso.year, iso.week),
        "month": (date.year, date.month),
        "quarter": (date.year, (date.month - 1) // 3),
        "half_yearly": (date.year, (date.month - 1) // 6),
        "year": date.year,
    }


@cache
def previous(unit: str, day: int) -> Any:
    """The label of the last day whose label is another one than that of `day`."""
    earlier = day
    while labels(earlier)[unit] == labels(day)[unit]:
        earlier -= 1
    return labels(earlier)[unit]


def in_range(stats_range: str, listened_at: int, newest: int) -> bool:
    if listened_at > newest or listened_at < 1009843200:
        return False
    if stats_range == "all_time":
        return True
    day, today = listened_at // 86400, newest // 86400
    if stats_range.startswith("this_"):
        unit = stats_range.removeprefix("this_")
        return bool(labels(day)[unit] == labels(today - 1)[unit])
    return bool(labels(day)[stats_range] == previous(stats_range, today))


def user_artists(histories: Histories, newest: int) -> dict[Key, list[Row]]:
    """Top artists of every user and range that has any, in order."""
    tracks = {track.track_id: track for track in histories.tracks}
    by_msid: dict[str, list[MappingRow]] = defaultdict(list)
    for row in histories.mapping:
        by_msid[row.recording_msid].append(row)
    spellings: dict[tuple[int, str, str, str | None], Counter[str]] = defaultdict(Counter)
    for user_id, listened_at, track_id in histories.listens:
        if user_id not in histories.users:
            continue
        track = tracks[track_id]
        for mbid in artists(track, user_id, by_msid[track.recording_msid]):
            for stats_range in RANGES:
                if in_range(stats_range, listened_at, newest):
                    key = (user_id, stats_range, folded(track.artist_name), mbid)
                    spellings[key][track.artist_name] += 1
    found: dict[Key, list[Row]] = defaultdict(list)
    for (user_id, stats_range, _, mbid), names in spellings.items():
        shown = max(names, key=lambda name: (names[name], name.encode()))
        found[user_id, stats_range].append((sum(names.values()), shown, mbid))
    return {key: sorted(rows, key=_order, reverse=True) for key, rows in found.items()}


def artists(track: Track, user_id: int, rows: Iterable[MappingRow]) -> Sequence[str | None]:
    submitted = MappingRow(
        None, track.recording_msid, "submitted", recording_mbid=track.recording_mbid, artist_mbids=track.artist_mbids
    )
    return list(dict.fromkeys(resolve_one(submitted, user_id, rows).artist_mbids)) or [None]


def _order(row: Row) -> tuple[int, bytes, bytes]:
    return row[0], row[1].encode(), (row[2] or "").encode()
