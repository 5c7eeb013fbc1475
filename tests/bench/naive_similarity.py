"""Similar recordings in the original's shape, written by us: plain Spark, raw pairs of text ids, shuffled twice.

Listens are one flat Parquet file with recording ids, artists and lengths (made before, untimed). Pairs above the
threshold pass Python as Row, dict and JSON text, 10,000 a message, before they are stored. They are not cut to a limit.

    python -m tests.bench.naive_similarity FLAT.parquet < requests
"""

import json
import os
import sys

from conf import postgres
from tests.bench.naive_statistics import messages, naive_session

MESSAGE = 10_000
"""Rows of a message of the original."""
QUERY = """
WITH paused AS (
    SELECT *, listened - lag(listened + seconds) OVER (PARTITION BY user_id ORDER BY listened, recording, seconds)
              AS pause FROM listens
), numbered AS (
    SELECT user_id, recording, artists,
           sum(CASE WHEN pause > {session} THEN 1 ELSE 0 END)
               OVER (PARTITION BY user_id ORDER BY listened, recording, seconds) AS session,
           lead(pause) OVER (PARTITION BY user_id ORDER BY listened, recording, seconds) AS next_pause
      FROM paused
), kept AS (
    SELECT user_id, session, recording, artists FROM numbered WHERE coalesce(next_pause >= -{skip}, true)
), said AS (
    SELECT a.user_id, a.recording AS one, b.recording AS other, least(count(*), {contribution}) AS score
      FROM kept a JOIN kept b ON a.user_id = b.user_id AND a.session = b.session AND a.recording < b.recording
     WHERE NOT arrays_overlap(a.artists, b.artists)
     GROUP BY a.user_id, a.recording, b.recording
)
SELECT one, other, sum(score) AS score FROM said GROUP BY one, other HAVING sum(score) > {threshold}"""
_TABLE = "CREATE UNLOGGED TABLE IF NOT EXISTS naive_pair (one text, other text, score bigint)"
_STORE = """
INSERT INTO naive_pair
SELECT row ->> 'one', row ->> 'other', (row ->> 'score')::bigint FROM jsonb_array_elements(%s::jsonb) AS row"""


def main(flat: str) -> None:
    """Answer every request: [session, skip, contribution, threshold] -> stored N."""
    spark = naive_session(flat)
    connection = postgres.connect(os.environ["DATABASE_URL"], application="naive peer")
    with postgres.transaction(connection) as cursor:
        cursor.execute(_TABLE)
    for line in sys.stdin:
        session, skip, contribution, threshold = json.loads(line)
        query = QUERY.format(session=session, skip=skip, contribution=contribution, threshold=threshold)
        rows = (row.asDict() for row in spark.sql(query).toLocalIterator())
        stored = 0
        with postgres.transaction(connection) as cursor:
            cursor.execute("TRUNCATE naive_pair")
            for message in messages(rows, MESSAGE):
                cursor.execute(_STORE, (json.dumps(message),))
                stored += len(message)
        print(f"stored {stored}", flush=True)
    connection.close()
    spark.stop()


if __name__ == "__main__":
    main(sys.argv[1])
