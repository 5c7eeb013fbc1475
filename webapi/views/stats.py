"""Statistics: one route for every job of the catalog that has one, served from the stored result."""

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from jobs.catalog import catalog
from jobs.job import Job, PerUser, Route
from spark_reader.store import Page, load_page
from webapi.errors import no_content, reply
from webapi.parameters import page, stats_range, user_of_path
from webapi.services import services

SITEWIDE_KEY = 0


def make_blueprint() -> Blueprint:
    """The routes of the catalog."""
    blueprint = Blueprint("stats", __name__)
    for job in catalog().jobs.values():
        if job.route is not None:
            serve = _per_user(job, job.route) if isinstance(job.output, PerUser) else _sitewide(job, job.route)
            blueprint.add_url_rule(job.route.path, job.statistic, serve, methods=["GET"])
    return blueprint


def _per_user(job: Job, route: Route) -> Callable[[str], Response]:
    def serve(user_name: str) -> Response:
        with services().pool.transaction() as cursor:
            user = user_of_path(cursor, user_name)
            range_name, (count, offset) = stats_range(), page()
            found = load_page(cursor, job.statistic, range_name, user.id, offset, count)
        if found is None:
            return no_content()
        return reply({"payload": {**_payload(route, found, range_name, offset), "user_id": user_name}})

    return serve


def _sitewide(job: Job, route: Route) -> Callable[[], Response]:
    def serve() -> Response:
        range_name, (count, offset) = stats_range(), page()
        with services().pool.transaction() as cursor:
            found = load_page(cursor, job.statistic, range_name, SITEWIDE_KEY, offset, count)
        return no_content() if found is None else reply({"payload": _payload(route, found, range_name, offset)})

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
