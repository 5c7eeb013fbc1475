"""Artists heard in the same sessions (jobs.md 9): `similarity.artist`.

As jobs/similarity/recording.py, whose choices hold here too, but pairs are of artists: of two listens in a session with
different credits every artist of the one with every artist of the other, unless it is the same. A featured artist
weighs a quarter, any other one; a pair scores the product. A user adds at most `contribution` to a pair; the sum over
users is cut to a whole number and has to be above `threshold`.

Where numbers differ from the original's, beside those of recordings (jobs.md 14):

- The original stores nothing, for the names of its messages do not match (fault 1).
- The artists of one listen do not skip each other (fault 4): sessions and skips are found on listens, artists come
  after. In the original all but the last artist of a credit are lost.
- Join phrases are compared without the blanks around them, in any case and width, so that featured artists do weigh a
  quarter; and it is the artists after the phrase, not the one that carries it, who is the main artist.
- Each co-occurrence counts once. The original counts it in both directions of its join, so its scores are twice as
  great at the same threshold.
- Artists are those of the identity rule, else of the recording in MusicBrainz; who of them is featured, the artist
  credit says, else the recording's. A listen without any artist MBID is part of its session and has no artist to pair.
- An artist named twice in a credit counts once, as the main artist if it is that too. Two credits are the same when
  they name the same artists in the same order.

The name shown is MusicBrainz's; else as credited, else the credit text of listens to that artist alone, else any credit
text, each the most played; ties: the greatest by UTF-8 bytes.
"""

from jobs.job import AT, Command, EntityDocument, Job
from jobs.ranges import ALL_TIME
from jobs.similarity.parameters import (
    ABOUT,
    DAYS,
    IS_PRODUCTION_DATASET,
    LIMIT,
    SESSION,
    THRESHOLD,
    contribution,
    skip,
    statistics,
)

STATISTIC = "similar_artists"
JOBS = tuple(
    Job(
        name="similarity.artist",
        statistic=statistic,
        select={},
        params=(DAYS, SESSION, contribution("contribution"), THRESHOLD, LIMIT, skip("skip"), IS_PRODUCTION_DATASET, AT),
        inputs=(
            "listens",
            "users",
            "tracks",
            "mapping",
            "recording_length",
            "recording_artist",
            "artist_credit_mbid",
            "artist_country_code",
        ),
        run="jobs.run_similar_artists.similar_artists",
        output=EntityDocument(),
        about=f"Artists that are heard in the same sessions, {ABOUT[production]}",
        command=Command("request_similar_artists"),
        ranges=(ALL_TIME,),
        only_with={IS_PRODUCTION_DATASET.name: production},
    )
    for statistic, production in statistics(STATISTIC).items()
)
