"""Spinitron's export of a radio show's spins: a header with date-time, artist and song; release and label if known.

Times are those of the station, in the time zone that goes with the file unless they say their own.
"""

from collections.abc import Iterator

from dumps.load.format import Format, epoch_seconds, play, whole_seconds
from dumps.load.source import Source
from dumps.load.tables import Named, has_header, read_table
from jobs.listens.items import Brings, Item

_COLUMNS = {"date-time", "artist", "song"}


def _recognises(source: Source) -> bool:
    return source.archive is None and has_header(source.head, _COLUMNS)


def _read(source: Source) -> Iterator[Item]:
    def understand(row: Named) -> Brings:
        return play(
            epoch_seconds("date-time", row.get("date-time"), source.zone),
            row.get("artist"),
            row.get("song"),
            row.get("release"),
            submission_client="Spinitron Archive Importer",
            label=row.get("label"),
            isrc=row.get("isrc"),
            duration=whole_seconds(row.get("duration")),
        )

    return read_table(source, _COLUMNS, understand)


FORMAT = Format("spinitron", "Spinitron spins of a radio show (.csv)", _recognises, _read)
