"""How popular recordings, releases, release groups and artists are (jobs.md 10): listens, and distinct listeners.

Counted anew from the lake in every run: so a listener who deleted her listens is none any more, which sums of counts
kept from before cannot tell (fault 7). Deleted users are out; what a user leaves out of her own statistics counts, as
in all statistics of everybody. Otherwise than in the original:

- A recording with an MBID that was merged counts as the one it was merged into, and has the counts of that one: asked
  for by either, the answer is the same. One without an MBID counts by its MSID.
- A release group is that of the release, else the one submitted, and counts once however many artists it has.
- Artists are those of the identity rule, else of the recording in MusicBrainz; named twice in a credit: counted once.
- Plays of other people elsewhere (MLHD) are not mixed in.

Of an artist, the recordings, releases and release groups with the most listens; ties: the greater id first. Named as
MusicBrainz names a group, else as it was submitted most; ties: the greatest by UTF-8 bytes.
"""

from jobs.job import AT, USE_MLHD, Bundle, Command, EntityDocument, Job
from jobs.ranges import ALL_TIME

ENTITIES = ("recording", "release", "release_group", "artist")
OF_ARTIST = ("recording", "release", "release_group")
MOST_OF_ARTIST = 1000


def _job(entity: str, kind: str, command: str, about: str) -> Job:
    return Job(
        name=f"popularity.{kind}",
        statistic=f"{kind}_{entity}",
        select={"entity": entity},
        params=(USE_MLHD, AT),
        inputs=(),
        run=f"jobs.run_popularity.{kind}",
        output=EntityDocument(),
        about=about.format(entity.replace("_", " ")),
        command=Command(command),
        ranges=(ALL_TIME,),
    )


JOBS = (
    *(_job(one, "popularity", "request_popularity", "Listens and listeners of every {}") for one in ENTITIES),
    *(
        _job(
            one,
            "popularity_top",
            "request_per_artist_popularity",
            "The {}s with the most listens, of every artist",
        )
        for one in OF_ARTIST
    ),
)
"""doc: [listens, listeners]; of an artist's top: [{id, msid, name, artist_name, listen_count, user_count}, ...]."""

BUNDLE = Bundle(
    name="popularity.all",
    jobs=tuple(job.statistic for job in JOBS),
    about="Popularity of recordings, releases, release groups and artists, and of every artist's",
    params=(AT,),
    command=Command("cron_request_popularity"),
)
