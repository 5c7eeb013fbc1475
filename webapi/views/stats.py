"""Statistics: one route for every job of the catalog that has one, served from the stored result."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, request

from jobs.catalog import catalog
from jobs.job import Job, PerUser, Route
from jobs.ranges import ALL_TIME, STATS_RANGES
from spark_reader.store import Page, load_page
from webapi.db.versions import sitewide_version, statistic_version
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.parameters import COUNT, OFFSET, RANGE
from webapi.openapi.statistics import statistic_schema
from webapi.parameters import page, stats_range, user_known
from webapi.services import services

SITEWIDE_KEY = 0

Serve = Callable[..., Response]


def make_blueprint() -> Blueprint:
    """The routes of the catalog."""
    blueprint = Blueprint("stats", __name__)
    for job in catalog().jobs.values():
        if job.route is not None:
            serve = _per_user(job, job.route) if isinstance(job.output, PerUser) else _sitewide(job, job.route)
            blueprint.add_url_rule(job.route.path, job.statistic, _described(job, job.route)(serve), methods=["GET"])
    return blueprint


def _described(job: Job, route: Route) -> Callable[[Serve], Serve]:
    return describes(
        job.about,
        about="Computed after each landing of new listens, in whole; one page of it is answered.",
        group="Statistics",
        parameters=(RANGE, COUNT, OFFSET),
        answers={
            200: Answer("A page of the list, the most played first.", statistic_schema(job, route)),
            204: Answer("Not computed yet, or nothing was played in this range."),
        },
        conditional=True,
    )


def _per_user(job: Job, route: Route) -> Callable[[str], Response]:
    def serve(user_name: str) -> Response:
        statistic, asked_range = job.statistic, _asked_range()
        found = services().versions.find(
            ("statistic", statistic, asked_range, user_name),
            lambda cursor: statistic_version(cursor, statistic, asked_range, user_name),
        )
        known = user_known(found, user_name)
        range_name, (count, offset) = stats_range(), page()

        def document() -> dict[str, Any] | None:
            with services().pool.statement() as cursor:
                found = load_page(cursor, job.statistic, range_name, known.user_id, offset, count)
            if found is None:
                return None
            return {"payload": {**_payload(route, found, range_name, offset), "user_id": user_name}}

        return fresh(services().answers, known.version, document)

    return serve


def _asked_range() -> str:
    """The range, or any where it is no range: whose statistic it is is judged first."""
    asked = request.args.get("range", ALL_TIME)
    return asked if asked in STATS_RANGES else ALL_TIME


def _sitewide(job: Job, route: Route) -> Callable[[], Response]:
    def serve() -> Response:
        range_name, (count, offset) = stats_range(), page()
        with services().pool.statement() as cursor:
            version = sitewide_version(cursor, job.statistic, range_name)

        def document() -> dict[str, Any] | None:
            with services().pool.statement() as cursor:
                found = load_page(cursor, job.statistic, range_name, SITEWIDE_KEY, offset, count)
            return None if found is None else {"payload": _payload(route, found, range_name, offset)}

        return fresh(services().answers, version, document)

    return serve


def _payload(route: Route, found: Page, range_name: str, offset: int) -> dict[str, Any]:
    items = [{**route.item(struct), "listen_count": listen_count} for struct, listen_count in found.items]
    return {
        route.payload_key: items,
        "count": len(items),
        "offset": offset,
        route.total_key: found.total,
        "range": range_name,
        "from_ts": found.run.from_ts,
        "to_ts": found.run.to_ts,
        "last_updated": found.run.last_updated,
    }
