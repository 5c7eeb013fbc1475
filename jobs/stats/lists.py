"""What the statistics of entities have in common: pairs of jobs, of every user and of everybody; how credits are shown.

A list is whole, not cut at 1000 as in the original; sitewide a user's plays count up to 500 for an item, and not, as
there, for each spelling and each part of the data.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jobs.job import Column, Job, PerUser, Route, Sitewide, SitewideDocument, UserDocument
from jobs.stats.whose import EVERYBODY, USER, statistic_job
from jobs.tables.metadata import ARTISTS

SHOWN_BESIDE = (Column("artists", ARTISTS), Column("caa_id", "bigint"), Column("caa_release_mbid", "string"))
"""Of the metadata: the credit, null where it is not known, and the front cover."""
ALBUM_ARTIST = (Column("artist_name", "string"), Column("artist_mbids", "array<string>"))

Pair = tuple[Job, Job]
"""Of every user, of everybody."""


def item(stored: Mapping[str, Any]) -> dict[str, Any]:
    """As answered: lists are never null."""
    return {**stored, "artist_mbids": stored["artist_mbids"] or [], "artists": stored["artists"] or []}


def list_jobs(  # noqa: PLR0917 - what it is called, then what it is
    entity: str,
    about: str,
    items: str,
    inputs: tuple[str, ...],
    struct: tuple[Column, ...],
    group: tuple[str, ...],
    *,
    answered: tuple[Column, ...] = (),
    answer: Callable[[Mapping[str, Any]], dict[str, Any]] = item,
) -> Pair:
    """Lists. `entity`: as requests name it, e.g. release_groups; `about`: what a list is of.

    `items`, `struct`, `group` are what jobs/job.py says of a list; `answered` and `answer` Route's columns and item.
    """
    route = Route("", entity, f"total_{entity.removesuffix('s')}_count", answer, answered)
    user, sitewide = (
        statistic_job(
            whose, entity, run=items, inputs=inputs, output=output, about=f"Top {about} of {said}, in nine ranges",
            route=route, entity=True,
        )
        for whose, said, output in (
            (USER, "every user", PerUser(struct, group)), (EVERYBODY, "everybody", Sitewide(struct, group))
        )
    )  # fmt: skip
    return user, sitewide


def document_jobs(entity: str, about: str, run: str, inputs: tuple[str, ...], *, route: Route, made_from: Pair) -> Pair:
    """Documents made from the lists of a pair of jobs (Job.made_from). `about`: a text with {whose} in it.

    `route`: without its path, which is that of `entity`.
    """
    user, sitewide = (
        statistic_job(
            whose, entity, run=run, inputs=inputs, output=output, about=about.replace("{whose}", said), route=route,
            entity=True, made_from=lists,
        )
        for whose, said, output, lists in (
            (USER, "every user", UserDocument(), made_from[0]),
            (EVERYBODY, "everybody", SitewideDocument(), made_from[1]),
        )
    )  # fmt: skip
    return user, sitewide
