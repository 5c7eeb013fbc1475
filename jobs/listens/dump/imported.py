"""Which dumps are in: a row per (source, kind, id), as last imported."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.dump.dump import Dump

_SELECT = "SELECT dump_id, end_at, imported FROM dump_import WHERE source = %s AND kind = %s"
_PUT = """
INSERT INTO dump_import (source, kind, dump_id, name, sha256, start_at, end_at, counts, imported)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
ON CONFLICT (source, kind, dump_id) DO UPDATE SET name = EXCLUDED.name, sha256 = EXCLUDED.sha256,
    start_at = EXCLUDED.start_at, end_at = EXCLUDED.end_at, counts = EXCLUDED.counts, imported = EXCLUDED.imported
"""


@dataclass(frozen=True)
class Imported:
    """A dump that is in."""

    dump_id: int
    end_at: datetime
    """What was submitted on its server until then is in."""
    imported: datetime


def last_full(cursor: Cursor, source: str) -> Imported | None:
    """The full dump of the source that was imported last, whatever its id."""
    cursor.execute(_SELECT + " ORDER BY imported DESC LIMIT 1", (source, "full"))
    row = cursor.fetchone()
    return Imported(*row) if row else None


def incrementals_since(cursor: Cursor, source: str, since: datetime) -> list[Imported]:
    """The incremental dumps of the source that came in at that time or later, by id."""
    cursor.execute(_SELECT + " AND imported >= %s ORDER BY dump_id", (source, "incremental", since))
    return [Imported(*row) for row in cursor.fetchall()]


def note_import(cursor: Cursor, dump: Dump, counts: Mapping[str, int]) -> None:
    """The dump is in, as of now."""
    values = (dump.source, dump.kind, dump.dump_id, dump.name, dump.sha256, dump.start_at, dump.end_at)
    cursor.execute(_PUT, (*values, orjson.dumps(dict(counts)).decode()))
