"""Recordings heard in the same sessions (jobs.md 9): `similarity.recording`.

Listens of a user follow each other in sessions; two recordings of one session, by different artists, are a pair. Their
score is how often they were heard so, at most `max_contribution` times per user, summed over users; pairs that score
above `threshold` are kept. Every recording is served the `limit` greatest of its pairs, score descending, ties the
greater id first.

Where numbers differ from the original's, and why (jobs.md 14):

- A user's last listen counts. The original drops it: nothing follows, so "not skipped" is unknown there.
- Listens without a match in MusicBrainz count. They are recordings of their own by their MSID, so that an instance
  without a mapper has an index; and they do not tear the session around them apart (fault 5).
- How long a recording is: as MusicBrainz says, else as the player said, else 180 s. The original asks MusicBrainz only;
  a wrong length makes a skip or a session's end of what is none. A length of 0 is none.
- The window ends with T and is whole: every month in it is read (fault 3), T does not depend on a clock.
- Deleted listens, and those of deleted users, are gone (fault 9). What a user leaves out of her own statistics counts
  here, as in all statistics of everybody.
- A recording has the artists MusicBrainz credits it to, else those its listens name, whatever MSIDs and mappings
  (fault 10: each recording is one item). Where they name none: those that listens with the same credit text name, else
  the text. The original takes the credit of each listen.
- Listens of one second follow each other by recording id; the original leaves their order open.
- `limit` cuts the list of each recording, exactly. The original ranks a pair under its lesser id only and keeps ties,
  so that of one recording up to twice as many, or far too few, remain.
- A recording with an MBID that was merged is one with the MBID it was merged into, under that; its own document says
  where it is now. Of several non-merged MBIDs with one number, the least.

The name shown is the most played (track, artist) as submitted, in the window; ties: the greatest by UTF-8 bytes.
"""

from jobs.job import AT, USE_MLHD, Command, EntityDocument, Job
from jobs.ranges import ALL_TIME
from jobs.similarity.parameters import (
    ABOUT,
    DAYS,
    IS_PRODUCTION_DATASET,
    LIMIT,
    ONLY_STAGE2,
    SESSION,
    THRESHOLD,
    contribution,
    skip,
    statistics,
)

STATISTIC = "similar_recordings"
JOBS = tuple(
    Job(
        name="similarity.recording",
        statistic=statistic,
        select={},
        params=(
            DAYS,
            SESSION,
            contribution("max_contribution"),
            THRESHOLD,
            LIMIT,
            skip("skip_threshold"),
            IS_PRODUCTION_DATASET,
            USE_MLHD,
            ONLY_STAGE2,
            AT,
        ),
        inputs=("listens", "users", "tracks", "mapping", "recording_length", "recording_artist"),
        run="jobs.run_similar_recordings.similar_recordings",
        output=EntityDocument(),
        about=f"Recordings that are heard in the same sessions, {ABOUT[production]}",
        command=Command("request_similar_recordings"),
        ranges=(ALL_TIME,),
        only_with={IS_PRODUCTION_DATASET.name: production},
    )
    for statistic, production in statistics(STATISTIC).items()
)
