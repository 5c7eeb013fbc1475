"""Identity: which MusicBrainz recording, release and artists a listen is about. One rule, wherever it is asked.

Sources are asked in this order, which is total because (user, MSID, source) is unique:
1. `submitted`: the MBIDs in the listen's additional_info;
2. `manual`: the mapping row the user made;
3. `automatic`: the mapper's row;
4. every other source (dumps), by name in the order of its UTF-8 bytes.
In 3 and 4 a row of the user goes before one for everybody (user_id null); rows of other users are never asked.

The recording is that of the first source that names one. A source that names a *different* recording is then not
asked any more: what it says is about something else. Of the others, the first that names artists decides the artists,
the first that names a release the release; the artist credit is the first one given for just these artists. Where
nobody names artists, they are known by name only. A row that names nothing says nothing.

`RESOLVED_TRACKS_SQL` is the same rule for Spark; a test proves both equal.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg2.errors
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.positions import lock_writes, take_positions
from jobs.tables.mapping import MAPPING
from jobs.tables.rules import UUID_PATTERN

SUBMITTED = "submitted"
MANUAL = "manual"
AUTOMATIC = "automatic"
NAMES = "names"
"""What `Resolved.decided_by` says when no source names anything."""

_UUID = re.compile(rf"{UUID_PATTERN}\Z")


class InvalidMappingError(ValueError):
    """A mapping row that cannot be stored: says which rule it breaks."""


@dataclass(frozen=True)
class MappingRow:
    """One row of `mapping`: what a source says of an MSID, to one user or to everybody. UUIDs in lower case."""

    user_id: int | None
    recording_msid: str
    source: str
    recording_mbid: str | None = None
    release_mbid: str | None = None
    artist_mbids: tuple[str, ...] = ()
    """In the order of the credit."""
    artist_credit_id: int | None = None


@dataclass(frozen=True)
class Resolved:
    """What a listen is about, as far as MBIDs say."""

    recording_mbid: str | None
    release_mbid: str | None
    artist_mbids: tuple[str, ...]
    """In the order of the credit; empty: the artists are known by name only."""
    artist_credit_id: int | None
    decided_by: str
    """The source that gave the recording, else the artists, else the release; NAMES when there is none."""


NAMES_ONLY = Resolved(None, None, (), None, NAMES)

RESOLVED_TRACKS_SQL = """
WITH said AS (
    SELECT recording_msid, array_sort(collect_list(struct(
               CASE WHEN source = 'manual' AND user_id IS NOT NULL THEN 1 WHEN source = 'automatic' THEN 2 ELSE 3 END
                   AS place,
               source, user_id IS NULL AS shared, user_id,
               recording_mbid, release_mbid, artist_mbids, artist_credit_id))) AS sources
      FROM {mapping} GROUP BY recording_msid
), track AS (
    SELECT t.track_id, said.sources,
           struct(0 AS place, 'submitted' AS source, true AS shared, CAST(NULL AS INT) AS user_id,
                  t.recording_mbid, t.release_mbid, t.artist_mbids,
                  CAST(NULL AS BIGINT) AS artist_credit_id) AS submitted
      FROM {tracks} t LEFT JOIN said ON said.recording_msid = t.recording_msid
), asked AS (
    SELECT p.user_id, p.track_id, CASE WHEN t.sources IS NULL THEN array(t.submitted) ELSE concat(array(t.submitted),
           filter(t.sources, s -> s.user_id IS NULL OR s.user_id = p.user_id)) END AS sources
      FROM {user_track} p JOIN track t ON t.track_id = p.track_id
), recording AS (
    SELECT user_id, track_id, sources,
           get(filter(sources, s -> s.recording_mbid IS NOT NULL), 0).recording_mbid AS recording_mbid
      FROM asked
), agreeing AS (
    SELECT user_id, track_id, recording_mbid, filter(sources,
           s -> s.recording_mbid IS NULL OR s.recording_mbid = recording_mbid) AS sources
      FROM recording
), credited AS (
    SELECT user_id, track_id, recording_mbid, sources,
           get(filter(sources, s -> s.release_mbid IS NOT NULL), 0).release_mbid AS release_mbid,
           coalesce(get(filter(sources, s -> size(s.artist_mbids) > 0), 0).artist_mbids,
                    CAST(array() AS ARRAY<STRING>)) AS artist_mbids
      FROM agreeing
)
SELECT user_id, track_id, recording_mbid, release_mbid, artist_mbids,
       get(filter(sources, s -> s.artist_credit_id IS NOT NULL AND s.artist_mbids = artist_mbids), 0)
           .artist_credit_id AS artist_credit_id,
       coalesce(get(filter(sources, s -> s.recording_mbid IS NOT NULL), 0).source,
                get(filter(sources, s -> size(s.artist_mbids) > 0), 0).source,
                get(filter(sources, s -> s.release_mbid IS NOT NULL), 0).source, 'names') AS decided_by
  FROM credited
"""
"""The rule over frames: a row per row of {user_track} (user_id, track_id; unique), whose track is in {tracks}.

{tracks}: track_id, recording_msid, recording_mbid, release_mbid, artist_mbids. {mapping}: as the Delta table `mapping`.
Gives user_id, track_id, recording_mbid, release_mbid, artist_mbids (never null), artist_credit_id, decided_by.
"""

_ROWS = """
SELECT user_id, recording_msid::text, source, recording_mbid::text, release_mbid::text, artist_mbids::text[],
    artist_credit_id
FROM mapping
WHERE recording_msid = ANY(%s::uuid[]) AND (user_id IS NULL OR user_id = ANY(%s::integer[]))
"""

_PUT = """
INSERT INTO mapping (user_id, recording_msid, source, recording_mbid, release_mbid, artist_mbids, artist_credit_id,
    updated, position)
VALUES (%s, %s, %s, %s, %s, %s::uuid[], %s, clock_timestamp(), %s)
ON CONFLICT (coalesce(user_id, 0), recording_msid, source) DO UPDATE SET
    recording_mbid = EXCLUDED.recording_mbid, release_mbid = EXCLUDED.release_mbid,
    artist_mbids = EXCLUDED.artist_mbids, artist_credit_id = EXCLUDED.artist_credit_id,
    updated = EXCLUDED.updated, position = EXCLUDED.position
"""


def submitted_mbids(info: Mapping[str, Any]) -> MappingRow:
    """What a listen's additional_info says of itself. Anything that is no UUID says nothing."""
    artists = info.get("artist_mbids")
    given = [_mbid(item) for item in artists] if isinstance(artists, list) else []
    return MappingRow(
        user_id=None,
        recording_msid="",
        source=SUBMITTED,
        recording_mbid=_mbid(info.get("recording_mbid")),
        release_mbid=_mbid(info.get("release_mbid")),
        artist_mbids=tuple(mbid for mbid in given if mbid is not None),
    )


def resolve_one(submitted: MappingRow, user_id: int, rows: Iterable[MappingRow]) -> Resolved:
    """The rule: a listen's own MBIDs, its user, and the mapping rows of its MSID in any order."""
    asked = [submitted, *sorted((row for row in rows if row.user_id in (None, user_id)), key=_place)]
    naming = next((s for s in asked if s.recording_mbid is not None), None)
    recording = naming.recording_mbid if naming else None
    agreeing = [s for s in asked if s.recording_mbid is None or s.recording_mbid == recording]
    crediting = next((s for s in agreeing if s.artist_mbids), None)
    releasing = next((s for s in agreeing if s.release_mbid is not None), None)
    artists = crediting.artist_mbids if crediting else ()
    credits_ = (s.artist_credit_id for s in agreeing if s.artist_mbids == artists)
    decided = naming or crediting or releasing
    return Resolved(
        recording,
        releasing.release_mbid if releasing else None,
        artists,
        next((credit for credit in credits_ if credit is not None), None),
        decided.source if decided else NAMES,
    )


def resolve(cursor: Cursor, listens: Sequence[tuple[int, UUID, Mapping[str, Any]]]) -> list[Resolved]:
    """(user_id, recording_msid, additional_info) of listens, to what each is about, in order. One query."""
    if not listens:
        return []
    cursor.execute(_ROWS, ([msid for _, msid, _ in listens], list({user_id for user_id, _, _ in listens})))
    rows: dict[str, list[MappingRow]] = {}
    for user_id, msid, source, recording, release, artists, credit in cursor.fetchall():
        row = MappingRow(user_id, msid, source, recording, release, tuple(artists), credit)
        rows.setdefault(msid, []).append(row)
    return [resolve_one(submitted_mbids(info), user_id, rows.get(str(msid), ())) for user_id, msid, info in listens]


def put_mapping(connection: Connection, row: MappingRow) -> None:
    """Say, or say anew, what an MSID is. Raises InvalidMappingError: a rule of the table, or a user who is gone."""
    broken = MAPPING.broken_rule(vars(row))
    if broken is not None or row.source in (SUBMITTED, NAMES):
        raise InvalidMappingError(f"{row}: {broken.reason if broken else 'source is reserved'}")
    try:
        with transaction(connection) as cursor:
            lock_writes(cursor)
            position = take_positions(cursor, 1)[0]
            values = (row.user_id, row.recording_msid, row.source, row.recording_mbid, row.release_mbid)
            cursor.execute(_PUT, (*values, list(row.artist_mbids), row.artist_credit_id, position))
    except psycopg2.errors.ForeignKeyViolation:
        raise InvalidMappingError(f"{row}: there is no user {row.user_id}") from None


def delete_mapping(connection: Connection, user_id: int | None, recording_msid: UUID, source: str) -> bool:
    """Take back what a source says; whether it had said anything. The lake learns of it by its own position."""
    with transaction(connection) as cursor:
        lock_writes(cursor)
        cursor.execute(
            "DELETE FROM mapping WHERE coalesce(user_id, 0) = %s AND recording_msid = %s AND source = %s",
            (user_id or 0, recording_msid, source),
        )
        if not cursor.rowcount:
            return False
        cursor.execute(
            "INSERT INTO mapping_delete (position, user_id, recording_msid, source) VALUES (%s, %s, %s, %s)",
            (take_positions(cursor, 1)[0], user_id, recording_msid, source),
        )
    return True


def _place(row: MappingRow) -> tuple[int, str, bool]:
    if row.source == MANUAL and row.user_id is not None:
        return (1, row.source, False)
    return (2 if row.source == AUTOMATIC else 3, row.source, row.user_id is None)


def _mbid(value: object) -> str | None:
    if not isinstance(value, str):
        return None
    lowered = value.strip().lower()
    return lowered if _UUID.match(lowered) else None
