"""What of a user's settings a result was made with: told beside the result, so that it explains itself.

Of exclusions their numbers: results are everybody's to read, and what she leaves out is hers to know.
"""

from pyspark.sql import DataFrame

from jobs.frames import Frames

_APPLIED = """
SELECT s.key, to_json(struct(s.zone AS timezone, coalesce(e.artists, 0L) AS artists,
       coalesce(e.recordings, 0L) AS recordings, coalesce(e.clients, 0L) AS clients)) AS applied
  FROM {subjects} s
  LEFT JOIN (SELECT user_id, count_if(kind = 'artist') AS artists, count_if(kind = 'recording') AS recordings,
                    count_if(kind = 'client') AS clients FROM {exclusions} GROUP BY user_id) e
    ON e.user_id = s.user_id
 WHERE s.filtered
"""


def applied(frames: Frames) -> DataFrame:
    """One row per key with settings: key bigint, applied (JSON: timezone, and how many of each kind are excluded)."""
    return frames.sql(_APPLIED, ("subjects", "exclusions"))
