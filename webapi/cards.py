"""A report of a year as a card to post: what is on it, each text cut so that it fits; templates/year_card.svg draws it.

The picture refers to nothing outside itself and has no scripts and no styles. Sizes are its own units.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from jobs.clock import MONTHS
from jobs.year_in_music import top_discoveries, top_missed_recordings
from webapi.charts import Box, Counted, columns

SIDE = 1080
"""Width and height of a card."""
MARGIN = 70
OVERVIEW = "overview"
LONGEST = 200
"""Characters of a text that are looked at: no card shows more."""
GENRES = 6

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NARROW, _WIDE = frozenset("fijlrtI.,:;'|!()[] "), frozenset("mwMW@%&")

Report = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """A number in large, and what it counts."""

    value: str
    label: str


@dataclass(frozen=True)
class Row:
    """Of a list."""

    name: str
    by: str
    """Empty: nobody."""
    count: str
    """Empty: it has none."""


@dataclass(frozen=True)
class Place:
    """What a list has of the card: rows, width and size of their texts, and how far one is below the other."""

    rows: int
    width: int
    size: int
    step: int


ALONE, BESIDE = Place(10, 778, 32, 70), Place(5, 280, 27, 66)


@dataclass(frozen=True)
class Listed:
    """A list with its heading."""

    heading: str
    rows: list[Row]
    place: Place


@dataclass(frozen=True)
class Card:
    """What one picture shows."""

    user_name: str
    figures: list[Figure]
    lists: list[Listed]
    months: Sequence[Box]
    """A column each, in percent of their place; none: the card has no such chart."""
    genres: str
    """The most heard, as running text."""


def card_of(image: str, data: Report, user_name: str) -> Card | None:
    """The card of a report; None where it has too little for it. `image`: one of IMAGES."""
    if data.get("too_few_listens"):
        return None
    return IMAGES[image](data, user_name)


def fitted(text: str, width: float, size: float) -> str:
    """As much of a text as has room in `width` at the font size `size`, without what XML cannot hold."""
    clean = " ".join(_NOT_XML.sub("", text[:LONGEST]).split())
    room, kept = width / size, 0.0
    for place, character in enumerate(clean):
        kept += _advance(character)
        if kept > room:
            return _cut(clean[:place], room)
    return clean if len(text) <= LONGEST else f"{clean}…"


def _cut(text: str, room: float) -> str:
    """With an ellipsis in place of its end."""
    while text and sum(map(_advance, text)) + 1 > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def _advance(character: str) -> float:
    """How wide a character of a bold sans serif font is at most, nearly; 1 is the font's size."""
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    if unicodedata.east_asian_width(character) in "WF" or ord(character) > 0xFFFF:
        return 1.3 if ord(character) > 0xFFFF else 1.02
    if character in _NARROW:
        return 0.42
    if character in _WIDE:
        return 1.12
    return 0.8 if character.isupper() or ord(character) > 0x24F else 0.7


def _overview(data: Report, user_name: str) -> Card | None:
    lists = [listed for image in ("artists", "tracks") if (listed := _listed(data, image, BESIDE))]
    figures = _figures(data)[:3]
    return _card(user_name, figures, lists, _months(data), _genres(data)) if figures or lists else None


def _stats(data: Report, user_name: str) -> Card | None:
    figures = _figures(data)
    return _card(user_name, figures, [], _months(data), _genres(data)) if figures else None


def _list(image: str) -> Callable[[Report, str], Card | None]:
    def made(data: Report, user_name: str) -> Card | None:
        listed = _listed(data, image, ALONE)
        return None if listed is None else _card(user_name, [], [listed])

    return made


def _playlist(key: str, heading: str) -> Callable[[Report, str], Card | None]:
    def made(data: Report, user_name: str) -> Card | None:
        tracks = data[key]["track"] if data.get(key) else []
        rows = [_row(one["title"], one["creator"], "", ALONE) for one in tracks[: ALONE.rows]]
        return _card(user_name, [], [Listed(heading, rows, ALONE)]) if rows else None

    return made


_LISTS = {
    "artists": ("top_artists", "Top artists", "artist_name", ""),
    "albums": ("top_release_groups", "Top albums", "release_group_name", "artist_name"),
    "tracks": ("top_recordings", "Top tracks", "track_name", "artist_name"),
}
IMAGES: Mapping[str, Callable[[Report, str], Card | None]] = {
    OVERVIEW: _overview,
    "stats": _stats,
    **{image: _list(image) for image in _LISTS},
    "discovery-playlist": _playlist(top_discoveries.KEY, "Discoveries of the year"),
    "missed-playlist": _playlist(top_missed_recordings.KEY, "Missed this year"),
}
"""What cards there are, by the value of `image`."""


def _card(
    user_name: str, figures: list[Figure], lists: list[Listed], months: Sequence[Box] = (), genres: str = ""
) -> Card:
    return Card(fitted(user_name, SIDE - 2 * MARGIN, 60), figures, lists, months, genres)


def _listed(data: Report, image: str, place: Place) -> Listed | None:
    key, heading, name, by = _LISTS[image]
    rows = [
        _row(one[name], one[by] if by else "", f"{one['listen_count']:,}", place)
        for one in data.get(key, ())[: place.rows]
    ]
    return Listed(heading, rows, place) if rows else None


def _row(name: str, by: str, count: str, place: Place) -> Row:
    return Row(fitted(name, place.width, place.size), fitted(by, place.width, place.size - 7), count)


def _figures(data: Report) -> list[Figure]:
    """Those that the report has, the first three first."""
    hours = data.get("total_listening_time", 0) / 3600
    shown = (
        (data.get("total_listen_count"), "listens"),
        (f"{hours:,.0f}" if hours >= 10 else f"{hours:,.1f}" if hours else None, "hours of music"),
        (data.get("total_artists_count"), "artists"),
        (data.get("total_new_artists_discovered"), "new artists"),
        (data.get("total_recordings_count"), "tracks"),
        (data.get("total_release_groups_count"), "albums"),
        (_days_heard(data), "days with music"),
        (data.get("day_of_week"), "the busiest weekday"),
    )
    return [
        Figure(value if isinstance(value, str) else f"{value:,}", label) for value, label in shown if value is not None
    ]


def _days_heard(data: Report) -> int | None:
    buckets = data.get("listens_per_day")
    return None if buckets is None else sum(bucket["listen_count"] > 0 for bucket in buckets)


def _months(data: Report) -> list[Box]:
    """Listens of each; the days come in order, their labels end in month and year."""
    by_month = groupby(data.get("listens_per_day", ()), key=lambda bucket: bucket["time_range"].split()[1])
    counts = [Counted(month, sum(bucket["listen_count"] for bucket in one)) for month, one in by_month]
    return columns(counts, [], [""] * len(MONTHS)).boxes


def _genres(data: Report) -> str:
    """As many as have room together, or the beginning of the first."""
    names, width, size = [one["genre"] for one in data.get("top_genres", ())[:GENRES]], SIDE - 2 * MARGIN, 28
    while len(names) > 1 and fitted(" · ".join(names), width, size) != " · ".join(names):
        names.pop()
    return fitted(" · ".join(names), width, size)
