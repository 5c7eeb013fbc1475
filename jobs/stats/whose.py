"""A statistic of every user, or of everybody: what its job is called, what it may be told, and where it is served."""

from dataclasses import dataclass, replace

from jobs.job import AT, DATABASE, REBUILD, STATS_RANGE, Command, Job, Output, Param, Route


@dataclass(frozen=True)
class Whose:
    """Whose listens a statistic is of."""

    key: str
    """In names of requests and statistics."""
    path: str
    """Of the routes."""
    command: str
    params: tuple[Param, ...]


USER = Whose("user", "/1/stats/user/<path:user_name>", "request_user_stats", (STATS_RANGE, AT, REBUILD, DATABASE))
EVERYBODY = Whose("sitewide", "/1/stats/sitewide", "request_sitewide_stats", (STATS_RANGE, AT, REBUILD))


def statistic_job(
    whose: Whose,
    statistic: str,
    *,
    run: str,
    inputs: tuple[str, ...],
    output: Output,
    about: str,
    route: Route,
    entity: bool = False,
    made_from: Job | None = None,
) -> Job:
    """The job of a statistic, e.g. daily_activity; with `entity` one of those that one request names by entity.

    `route`: without its path, which is that of the statistic.
    """
    requested = "entity" if entity else statistic
    return Job(
        name=f"stats.{whose.key}.{requested}",
        statistic=f"{whose.key}_{statistic}",
        select={"entity": statistic} if entity else {},
        params=whose.params,
        inputs=inputs,
        run=run,
        output=output,
        about=about,
        route=replace(route, path=f"{whose.path}/{statistic.replace('_', '-')}"),
        command=Command(whose.command, {"type": requested}),
        made_from=made_from,
        refreshed=True,
    )
