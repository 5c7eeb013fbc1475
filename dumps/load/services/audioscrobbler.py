"""The log of portable players, .scrobbler.log: tab-separated artist, album, title, number, seconds, rating, time, MBID.

Rating L is a play, S a skip. Times are epoch seconds, of the player's own clock unless `#TZ/UTC` says otherwise: then
they are converted from the time zone that goes with the file.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo

from dumps.load.format import Format, RefusedItemError, mbid, play, whole_seconds
from dumps.load.source import Source
from dumps.load.tables import text_lines
from jobs.listens.items import Brings, Item, LeftOut, Refused

_LEAST_FIELDS = 7
_LONGEST_TIME = 12


def _recognises(source: Source) -> bool:
    return source.archive is None and source.head.removeprefix(b"\xef\xbb\xbf").startswith(
        (b"#AUDIOSCROBBLER/", b"#CLIENT/", b"#TZ/")
    )


def _read(source: Source) -> Iterator[Item]:
    client, zone = "", source.zone
    for member, text in source.texts(lambda name: name.lower().endswith(".log")):
        for number, line in enumerate(text_lines(text), 1):
            content = line.rstrip("\r\n")
            if content.startswith("#CLIENT/"):
                client = content.removeprefix("#CLIENT/").strip()
            elif content.startswith("#TZ/"):
                zone = UTC if content.removeprefix("#TZ/").strip().upper() == "UTC" else source.zone
            elif content.strip() and not content.startswith("#"):
                yield Item(number, content.encode(), _judged(content.split("\t"), client, zone), member)


def _judged(fields: list[str], client: str, zone: tzinfo) -> Brings:
    if len(fields) < _LEAST_FIELDS:
        return Refused(f"expected {_LEAST_FIELDS} or 8 fields with tabs between them, found {len(fields)}")
    artist, album, title, track_number, duration, rating, time = (field.strip() for field in fields[:_LEAST_FIELDS])
    if rating.upper() != "L":
        return LeftOut("skipped")
    try:
        listened_at = _utc(time, zone)
    except RefusedItemError as problem:
        return Refused(str(problem))
    return play(
        listened_at,
        artist,
        title,
        album,
        submission_client="AudioScrobbler Archive Importer",
        media_player=client,
        tracknumber=int(track_number) if track_number.isascii() and track_number.isdigit() else None,
        duration=whole_seconds(duration),
        track_mbid=mbid(fields[7].strip()) if len(fields) > _LEAST_FIELDS else None,
    )


def _utc(time: str, zone: tzinfo) -> int:
    """Epoch seconds of a clock that shows the zone's time as if it were UTC."""
    if not (time.isascii() and time.isdigit() and len(time) < _LONGEST_TIME):
        raise RefusedItemError(f"time: expected epoch seconds, got {time[:40]!r}")
    shown = datetime.fromtimestamp(int(time), UTC).replace(tzinfo=zone)
    return int(shown.timestamp())


FORMAT = Format("audioscrobbler", "log of a portable player (.scrobbler.log)", _recognises, _read)
