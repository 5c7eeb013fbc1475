"""The rows of a dump in a temporary table: all of a dump is judged before anything of it is written.

The table goes with the connection, so whatever dies leaves no row behind; none is in the log or in a backup either.
"""

from collections.abc import Iterable, Iterator

import pyarrow as pa

from conf.postgres import Connection, transaction
from jobs.listens.table_copy import copy_table

STAGED = pa.schema(
    [
        ("n", pa.int64()),
        ("foreign_id", pa.int64()),
        ("listened_at", pa.int64()),
        ("created", pa.int64()),
        ("recording_msid", pa.string()),
        ("artist_name", pa.string()),
        ("track_name", pa.string()),
        ("release_name", pa.string()),
        ("artist_credit_id", pa.int64()),
        ("release_mbid", pa.string()),
        ("recording_mbid", pa.string()),
        ("artist_mbids", pa.string()),
        ("refused", pa.string()),
        ("body", pa.string()),
    ]
)
"""A row per row of the dump. n: its place; foreign_id: the user's id there; listened_at: epoch seconds; created: epoch
microseconds; UUIDs in lower case; artist_mbids: `{uuid,uuid}`; refused: why it cannot be a listen, and body: the row as
JSON, for such a row only."""

_CREATE = """
DROP TABLE IF EXISTS pg_temp.dump_row;
CREATE TEMPORARY TABLE dump_row (
    n                bigint NOT NULL,
    foreign_id       bigint,
    listened_at      bigint,
    created          bigint,
    recording_msid   uuid,
    artist_name      text,
    track_name       text,
    release_name     text,
    artist_credit_id bigint,
    release_mbid     uuid,
    recording_mbid   uuid,
    artist_mbids     uuid[] NOT NULL,
    refused          text,
    body             text,
    good             boolean GENERATED ALWAYS AS (refused IS NULL
        AND coalesce(btrim(artist_name, %(blank)s) <> '' AND btrim(track_name, %(blank)s) <> '', false)) STORED
)
"""
_BLANK = "".join(character for character in map(chr, range(1, 0x3001)) if character.isspace())
"""As jobs/tables/rules.py has it. Of rows with one key, the first good one is the listen."""
# Sorting and grouping millions of rows; the connection does nothing else.
_SETTINGS = "SET work_mem = '64MB'"


def stage(connection: Connection, batches: Iterable[pa.Table]) -> Iterator[int]:
    """COPY tables of STAGED; tells the rows so far after each. What was staged before goes.

    An error of the batches ends it before anything was written but here.
    """
    with transaction(connection) as cursor:
        cursor.execute(_CREATE, {"blank": _BLANK})
        cursor.execute(_SETTINGS)
    rows = 0
    for batch in batches:
        with transaction(connection) as cursor:
            copy_table(cursor, "dump_row", batch)
        rows += batch.num_rows
        yield rows
    with transaction(connection) as cursor:
        cursor.execute("ANALYZE dump_row")


def forget_staged(connection: Connection) -> None:
    """Drop what was staged, and what was made of it: it is in."""
    with transaction(connection) as cursor:
        cursor.execute(
            "DROP TABLE IF EXISTS pg_temp.dump_row, pg_temp.dump_user, pg_temp.dump_said, pg_temp.dump_pending"
        )
