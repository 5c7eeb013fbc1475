"""What lines of a dump or user export say of their listens: the other server's `mbid_mapping`, kept as mapping rows.

A row belongs to the user whose import brought it: one person's file never changes what others see; what a whole dump of
that server has said to her before (a row with a dump_id) becomes hers. Its source is
DUMP_SOURCE, which the resolver (jobs/listens/mapping.py) asks after everything said by hand or by the mapper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.mapping import MappingRow, submitted_mbids
from jobs.listens.msid import msid_of
from jobs.listens.positions import take_positions

DUMP_SOURCE = "listenbrainz"
"""The source of these rows: whose server wrote the form that carries `mbid_mapping`."""


class Said(NamedTuple):
    """What a line says of its listen, and the rest of the listen's key."""

    listened_at: int
    row: MappingRow
    """Of no user yet."""


def said_of(listen: Mapping[str, Any], mbid_mapping: object) -> Said | None:
    """What `mbid_mapping` adds to the MBIDs a validated listen carries itself; None when that is nothing.

    An MBID that is no UUID says nothing, as in additional_info.
    """
    if not isinstance(mbid_mapping, Mapping):
        return None
    metadata = listen["track_metadata"]
    said, own = submitted_mbids(mbid_mapping), submitted_mbids(metadata.get("additional_info") or {})
    if (
        said.recording_mbid in (None, own.recording_mbid)
        and said.release_mbid in (None, own.release_mbid)
        and said.artist_mbids in ((), own.artist_mbids)
    ):
        return None
    return Said(listen["listened_at"], replace(said, recording_msid=str(msid_of(metadata)), source=DUMP_SOURCE))


# The last line about an MSID counts, of those whose listen is there (not refused, not deleted meanwhile).
_NEW = """
WITH said AS (
    SELECT DISTINCT ON (given.recording_msid) given.*
    FROM unnest(%(listened_at)s::bigint[], %(recording_msid)s::uuid[], %(recording_mbid)s::uuid[],
        %(release_mbid)s::uuid[], %(artist_mbids)s::text[])
        WITH ORDINALITY AS given (listened_at, recording_msid, recording_mbid, release_mbid, artist_mbids, n)
    WHERE EXISTS (
        SELECT FROM listen l WHERE l.user_id = %(user_id)s AND l.listened_at = given.listened_at
        AND l.recording_msid = given.recording_msid
    )
    ORDER BY given.recording_msid, given.n DESC
)
SELECT said.n - 1
FROM said LEFT JOIN mapping m ON coalesce(m.user_id, 0) = %(user_id)s
    AND m.recording_msid = said.recording_msid AND m.source = %(source)s
WHERE m.id IS NULL OR m.dump_id IS NOT NULL OR (NOT %(replayed)s AND (m.recording_mbid, m.release_mbid, m.artist_mbids)
    IS DISTINCT FROM (said.recording_mbid, said.release_mbid, said.artist_mbids::uuid[]))
ORDER BY said.n
"""

_PUT = """
INSERT INTO mapping (user_id, recording_msid, recording_mbid, release_mbid, artist_mbids, source, updated, position)
SELECT %(user_id)s, given.recording_msid, given.recording_mbid, given.release_mbid, given.artist_mbids::uuid[],
    %(source)s, clock_timestamp(), given.position
FROM unnest(%(recording_msid)s::uuid[], %(recording_mbid)s::uuid[], %(release_mbid)s::uuid[],
    %(artist_mbids)s::text[], %(position)s::bigint[])
    AS given (recording_msid, recording_mbid, release_mbid, artist_mbids, position)
ON CONFLICT (coalesce(user_id, 0), recording_msid, source) DO UPDATE SET
    recording_mbid = EXCLUDED.recording_mbid, release_mbid = EXCLUDED.release_mbid,
    artist_mbids = EXCLUDED.artist_mbids, artist_credit_id = NULL, dump_id = NULL,
    updated = EXCLUDED.updated, position = EXCLUDED.position
"""


def put_said(cursor: Cursor, user_id: int, said: Sequence[Said], *, replayed: bool) -> int:
    """Write what is new of it for the user; how many rows that were. Under `lock_writes`, after the listens.

    What was said in the same way takes no position. `replayed`: these lines were written before, so they only add
    what is missing and take nothing back that a later file said.
    """
    if not said:
        return 0
    cursor.execute(_NEW, _values(user_id, said) | {"replayed": replayed})
    new = [said[n] for (n,) in cursor.fetchall()]
    if new:
        positions = list(take_positions(cursor, len(new)))
        cursor.execute(_PUT, _values(user_id, new) | {"position": positions})
    return len(new)


def _values(user_id: int, said: Sequence[Said]) -> dict[str, Any]:
    """The fields, each as one array; a list of artists as PostgreSQL writes an array, for unnest flattens lists."""
    rows = [row for _, row in said]
    return {
        "user_id": user_id,
        "source": DUMP_SOURCE,
        "listened_at": [listened_at for listened_at, _ in said],
        "recording_msid": [row.recording_msid for row in rows],
        "recording_mbid": [row.recording_mbid for row in rows],
        "release_mbid": [row.release_mbid for row in rows],
        "artist_mbids": ["{" + ",".join(row.artist_mbids) + "}" for row in rows],
    }
