"""All that is kept of one user's listening, read as of one moment in flat memory: for an export."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson
from psycopg2.extensions import ISOLATION_LEVEL_REPEATABLE_READ
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, connect
from jobs.listens.mapping import NAMES, Resolved, resolve
from jobs.listens.recommendation_feedback import Rating

CHUNK = 2000
"""Rows fetched at a time."""
CHUNK_BYTES = 8_000_000
"""Rows are few at a time while they are long."""


class KeptListen(NamedTuple):
    """A row of `listen`."""

    listened_at: int
    """Epoch seconds."""
    recording_msid: UUID
    inserted_at: float
    """Epoch seconds."""
    artist_name: str
    track_name: str
    release_name: str | None
    additional_info: str
    """The JSON text as stored."""
    about: Resolved | None
    """Which MusicBrainz recording, release and artists it is; None: known by name only."""


class KeptFeedback(NamedTuple):
    """A row of `recording_feedback`."""

    recording_msid: UUID | None
    recording_mbid: UUID | None
    score: int
    created: datetime


_LISTENS = """
SELECT listened_at, recording_msid, extract(epoch FROM inserted_at)::float8, artist_name, track_name, release_name,
    additional_info
FROM listen WHERE user_id = %s ORDER BY listened_at, recording_msid
"""
_FEEDBACK = """
SELECT recording_msid, recording_mbid, score, created FROM recording_feedback WHERE user_id = %s ORDER BY created, id
"""
_RATINGS = """
SELECT recording_id, msid, rating, created FROM recommendation_feedback WHERE user_id = %s ORDER BY created, id
"""
_Row = tuple[int, UUID, float, str, str, str | None, str]


@contextmanager
def moment(url: str) -> Iterator[Connection]:
    """A connection of its own that sees one moment for the whole block. Raises StoreUnavailableError."""
    connection = connect(url, application="listenlake-export")
    try:
        connection.set_session(isolation_level=ISOLATION_LEVEL_REPEATABLE_READ, readonly=True)
        yield connection
    finally:
        connection.close()


def kept_listens(connection: Connection, user_id: int) -> Iterator[KeptListen]:
    """All listens, oldest first."""
    with connection.cursor("listens") as listens, connection.cursor() as mapping:
        listens.execute(_LISTENS, (user_id,))
        step = CHUNK // 20
        while rows := listens.fetchmany(step):
            yield from _resolved(mapping, user_id, rows)
            longest = max(len(row[-1]) + len(row[3]) + len(row[4]) for row in rows)
            step = max(1, min(CHUNK, CHUNK_BYTES // (longest + 1)))


def _resolved(cursor: Cursor, user_id: int, rows: list[_Row]) -> Iterator[KeptListen]:
    about = resolve(cursor, [(user_id, row[1], orjson.loads(row[6])) for row in rows])
    for row, resolved in zip(rows, about, strict=True):
        yield KeptListen(*row, None if resolved.decided_by == NAMES else resolved)


def kept_feedback(connection: Connection, user_id: int) -> Iterator[KeptFeedback]:
    """All love and hate, oldest first."""
    with connection.cursor("feedback") as cursor:
        cursor.execute(_FEEDBACK, (user_id,))
        while rows := cursor.fetchmany(CHUNK):
            yield from map(KeptFeedback._make, rows)


def kept_ratings(connection: Connection, user_id: int) -> Iterator[Rating]:
    """All ratings of recommendations, oldest first."""
    with connection.cursor("ratings") as cursor:
        cursor.execute(_RATINGS, (user_id,))
        while rows := cursor.fetchmany(CHUNK):
            yield from map(Rating._make, rows)
