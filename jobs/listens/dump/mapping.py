"""What a dump says of its MSIDs, as rows of `mapping` whose source is the dump's.

A dump gives every listen the mapping that its user sees: the mapper's, or her own. What it says of an MSID for most
listens (ties: the greatest) is the row for everybody; a user for whom it says something else has a row of her own.

A full dump replaces all that dumps of its source have said. An incremental one knows a few listens of an MSID only, so
it takes nothing back that is said to everybody: what differs is said to its users. That holds where all of its rows of
an MSID agree, too: most often they are one user's, and a row does not tell the mapper's word from one of hers by hand,
which would then remap everybody's listens. So a correction of the mapper's reaches those who have listened since with
the incremental dump, and everybody with the next full one, two weeks later at most. What a user's own file has said to
her (jobs/listens/dump_mapping.py; such rows have no dump_id) no dump changes.
"""

from collections.abc import Callable, Iterator

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from jobs.listens.dump.dump import Dump
from jobs.listens.positions import lock_writes, take_positions

BATCH = 10_000
"""Rows written under one lock."""

_CREATE = """
DROP TABLE IF EXISTS pg_temp.dump_said;
CREATE TEMPORARY TABLE dump_said AS
WITH said AS (
    SELECT recording_msid, user_id, recording_mbid, release_mbid, artist_credit_id, artist_mbids, count(*) AS listens
    FROM dump_row JOIN dump_user USING (foreign_id)
    WHERE good AND NOT gone
        AND (recording_mbid IS NOT NULL OR release_mbid IS NOT NULL OR artist_mbids <> '{}')
    GROUP BY 1, 2, 3, 4, 5, 6
), by_everybody AS (
    SELECT DISTINCT ON (recording_msid) recording_msid, recording_mbid, release_mbid, artist_credit_id, artist_mbids
    FROM (
        SELECT recording_msid, recording_mbid, release_mbid, artist_credit_id, artist_mbids, sum(listens) AS listens
        FROM said GROUP BY 1, 2, 3, 4, 5
    ) AS counted
    ORDER BY 1, listens DESC, recording_mbid DESC NULLS LAST, release_mbid DESC NULLS LAST,
        artist_credit_id DESC NULLS LAST, artist_mbids DESC
), shared AS (
    SELECT b.recording_msid, m.id IS NOT NULL AS known,
        CASE WHEN m.id IS NULL THEN b.recording_mbid ELSE m.recording_mbid END AS recording_mbid,
        CASE WHEN m.id IS NULL THEN b.release_mbid ELSE m.release_mbid END AS release_mbid,
        CASE WHEN m.id IS NULL THEN b.artist_credit_id ELSE m.artist_credit_id END AS artist_credit_id,
        CASE WHEN m.id IS NULL THEN b.artist_mbids ELSE m.artist_mbids END AS artist_mbids
    FROM by_everybody b LEFT JOIN mapping m
        ON NOT %(full)s AND m.user_id IS NULL AND m.recording_msid = b.recording_msid AND m.source = %(source)s
), own AS (
    SELECT DISTINCT ON (user_id, recording_msid) *
    FROM said
    ORDER BY user_id, recording_msid, listens DESC, recording_mbid DESC NULLS LAST, release_mbid DESC NULLS LAST,
        artist_credit_id DESC NULLS LAST, artist_mbids DESC
)
SELECT NULL::integer AS user_id, recording_msid, recording_mbid, release_mbid, artist_credit_id, artist_mbids
FROM shared WHERE NOT known
UNION ALL
SELECT o.user_id, o.recording_msid, o.recording_mbid, o.release_mbid, o.artist_credit_id, o.artist_mbids
FROM own o JOIN shared s USING (recording_msid)
WHERE (o.recording_mbid, o.release_mbid, o.artist_credit_id, o.artist_mbids)
        IS DISTINCT FROM (s.recording_mbid, s.release_mbid, s.artist_credit_id, s.artist_mbids)
    OR NOT %(full)s AND EXISTS (
        SELECT FROM mapping m
        WHERE m.user_id = o.user_id AND m.recording_msid = o.recording_msid AND m.source = %(source)s
    );
CREATE UNIQUE INDEX ON dump_said (coalesce(user_id, 0), recording_msid)
"""
_PENDING = """
DROP TABLE IF EXISTS pg_temp.dump_pending;
CREATE TEMPORARY TABLE dump_pending AS
SELECT s.*, row_number() OVER () AS k
FROM dump_said s LEFT JOIN mapping m ON coalesce(m.user_id, 0) = coalesce(s.user_id, 0)
    AND m.recording_msid = s.recording_msid AND m.source = %(source)s
WHERE (m.recording_mbid, m.release_mbid, m.artist_credit_id, m.artist_mbids)
    IS DISTINCT FROM (s.recording_mbid, s.release_mbid, s.artist_credit_id, s.artist_mbids);
CREATE UNIQUE INDEX ON dump_pending (k)
"""
_PUT = """
INSERT INTO mapping (user_id, recording_msid, recording_mbid, release_mbid, artist_credit_id, artist_mbids, source,
    dump_id, updated, position)
SELECT p.user_id, p.recording_msid, p.recording_mbid, p.release_mbid, p.artist_credit_id, p.artist_mbids, %(source)s,
    %(dump_id)s, clock_timestamp(), %(first)s + p.k - %(after)s - 1
FROM dump_pending p
WHERE p.k > %(after)s AND p.k <= %(upto)s
    AND (p.user_id IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = p.user_id))
ON CONFLICT (coalesce(user_id, 0), recording_msid, source) DO UPDATE SET
    recording_mbid = EXCLUDED.recording_mbid, release_mbid = EXCLUDED.release_mbid,
    artist_credit_id = EXCLUDED.artist_credit_id, artist_mbids = EXCLUDED.artist_mbids, dump_id = EXCLUDED.dump_id,
    updated = EXCLUDED.updated, position = EXCLUDED.position
WHERE CASE WHEN %(full)s THEN mapping.user_id IS NULL OR mapping.dump_id IS NOT NULL
    ELSE mapping.user_id IS NOT NULL AND mapping.dump_id <= EXCLUDED.dump_id END
"""
_LEAVING = """
DROP TABLE IF EXISTS pg_temp.dump_pending;
CREATE TEMPORARY TABLE dump_pending AS
SELECT m.id, row_number() OVER () AS k FROM mapping m
WHERE m.source = %(source)s AND m.dump_id IS NOT NULL AND NOT EXISTS (
    SELECT FROM dump_said s
    WHERE coalesce(s.user_id, 0) = coalesce(m.user_id, 0) AND s.recording_msid = m.recording_msid
);
CREATE UNIQUE INDEX ON dump_pending (k)
"""
_REMOVE = """
WITH gone AS (
    DELETE FROM mapping m USING dump_pending p
    WHERE p.k > %(after)s AND p.k <= %(upto)s AND m.id = p.id AND m.dump_id IS NOT NULL
    RETURNING m.user_id, m.recording_msid, m.source, p.k
)
INSERT INTO mapping_delete (position, user_id, recording_msid, source)
SELECT %(first)s + k - %(after)s - 1, user_id, recording_msid, source FROM gone
"""


def bring_mapping(connection: Connection, dump: Dump) -> Iterator[int]:
    """Write what the staged rows say and take back what a full dump says no more; rows changed so far, per batch."""
    changed = 0
    values = {"source": dump.source, "dump_id": dump.dump_id, "full": dump.is_full}
    with transaction(connection) as cursor:
        cursor.execute(_CREATE, values)
        cursor.execute(_PENDING, values)
    for put in _in_batches(connection, _put, values):
        changed += put
        yield changed
    if not dump.is_full:
        return
    with transaction(connection) as cursor:
        cursor.execute(_LEAVING, values)
    for removed in _in_batches(connection, _remove, values):
        changed += removed
        yield changed


def _put(cursor: Cursor, values: dict[str, object]) -> int:
    cursor.execute(_PUT, values)
    return cursor.rowcount


def _remove(cursor: Cursor, values: dict[str, object]) -> int:
    cursor.execute(_REMOVE, values)
    return cursor.rowcount


def _in_batches(
    connection: Connection, write: Callable[[Cursor, dict[str, object]], int], values: dict[str, object]
) -> Iterator[int]:
    """Do it for BATCH rows of dump_pending at a time, each under one lock, with positions of their own."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM dump_pending")
        row = cursor.fetchone()
    count = int(row[0]) if row else 0
    for after in range(0, count, BATCH):
        upto = min(after + BATCH, count)
        with transaction(connection) as cursor:
            lock_writes(cursor)
            first = take_positions(cursor, upto - after).start
            done = write(cursor, values | {"after": after, "upto": upto, "first": first})
        yield done
