"""What the statistics of entities have in common: pairs of jobs, of every user and of everybody; how credits are shown.

A list is whole, not cut at 1000 as in the original; sitewide a user's plays count up to 500 for an item, and not, as
there, for each spelling and each part of the data.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from jobs.job import (
    AT,
    DATABASE,
    REBUILD,
    STATS_RANGE,
    Column,
    Command,
    Job,
    PerUser,
    Route,
    Sitewide,
    SitewideDocument,
    UserDocument,
)
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
    total_key = f"total_{entity.removesuffix('s')}_count"
    route = Route("", entity, total_key, answer, answered)
    shared = _job(entity, items, inputs, route)
    return (
        _of_user(replace(shared, output=PerUser(struct, group), about=f"Top {about} of every user, in nine ranges")),
        _of_everybody(
            replace(shared, output=Sitewide(struct, group), about=f"Top {about} of everybody, in nine ranges")
        ),
    )


def document_jobs(entity: str, about: str, run: str, inputs: tuple[str, ...], *, route: Route, made_from: Pair) -> Pair:
    """Documents made from the lists of a pair of jobs (Job.made_from). `about`: a text with {whose} in it.

    `route`: without its path, which is that of `entity`.
    """
    user, sitewide = made_from
    shared = _job(entity, run, inputs, route)
    return (
        _of_user(replace(shared, output=UserDocument(), made_from=user, about=about.replace("{whose}", "every user"))),
        _of_everybody(
            replace(shared, output=SitewideDocument(), made_from=sitewide, about=about.replace("{whose}", "everybody"))
        ),
    )


def _job(entity: str, run: str, inputs: tuple[str, ...], route: Route) -> Job:
    return Job(
        name="",
        statistic=entity,
        select={"entity": entity},
        params=(STATS_RANGE, AT, REBUILD),
        inputs=inputs,
        run=run,
        output=UserDocument(),
        about="",
        route=replace(route, path=entity.replace("_", "-")),
        refreshed=True,
    )


def _of_user(job: Job) -> Job:
    return replace(
        job,
        name="stats.user.entity",
        statistic=f"user_{job.statistic}",
        params=(*job.params, DATABASE),
        route=_below(job, "/1/stats/user/<path:user_name>"),
        command=Command("request_user_stats", {"type": "entity"}),
    )


def _of_everybody(job: Job) -> Job:
    return replace(
        job,
        name="stats.sitewide.entity",
        statistic=f"sitewide_{job.statistic}",
        route=_below(job, "/1/stats/sitewide"),
        command=Command("request_sitewide_stats", {"type": "entity"}),
    )


def _below(job: Job, path: str) -> Route | None:
    return job.route and replace(job.route, path=f"{path}/{job.route.path}")
