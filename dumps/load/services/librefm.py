"""Libre.fm's CSV: a header with time, artist, track and perhaps album."""

from collections.abc import Iterator

from dumps.load.format import Format, epoch_seconds, play
from dumps.load.source import Source
from dumps.load.tables import Named, has_header, read_table
from jobs.listens.items import Brings, Item

_COLUMNS = {"time", "artist", "track"}


def _recognises(source: Source) -> bool:
    return source.archive is None and has_header(source.head, _COLUMNS)


def _read(source: Source) -> Iterator[Item]:
    def understand(row: Named) -> Brings:
        return play(
            epoch_seconds("time", row.get("time"), source.zone),
            row.get("artist"),
            row.get("track"),
            row.get("album"),
            submission_client="Libre.fm Archive Importer",
            music_service="libre.fm",
        )

    return read_table(source, _COLUMNS, understand)


FORMAT = Format("librefm", "Libre.fm history (.csv)", _recognises, _read)
