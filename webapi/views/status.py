"""Health for machines, and the documented status of the service."""

import time
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, request

from conf.broker import BrokerUnavailableError
from dumps.published import Dump, published_dumps
from jobs.catalog import catalog
from jobs.job import PER_USER, Job
from webapi.db.status import result_ages
from webapi.errors import RETRY_AFTER, BadRequestError, NotFoundError, reply
from webapi.freshness import freshness
from webapi.health import incoming_depth, readiness
from webapi.openapi.declare import Answer, Parameter, describes
from webapi.openapi.schemas import COUNT, TEXT, closed, component
from webapi.parameters import whole
from webapi.services import services

blueprint = Blueprint("status", __name__)


@blueprint.get("/health/live")
def live() -> Response:
    """This process answers; nothing else is asked."""
    return reply({"status": "ok"})


@blueprint.get("/health/ready")
def ready() -> Response:
    """200 when requests can be served, else 503 with the reasons; not limited, so the answer is kept for a second."""
    document = services().health.get(lambda: readiness(services()).document())
    response = reply(document, 200 if document["ready"] else 503)
    if not document["ready"]:
        response.headers["Retry-After"] = RETRY_AFTER
    return response


@blueprint.get("/1/status/service-status")
@describes(
    "How old everything is, and how far behind",
    group="Status",
    answers={
        200: Answer(
            "Ages, how many messages wait to be written; of each statistic its lag beside its bound, and what its last "
            "run cost.",
            component("ServiceStatus"),
        )
    },
)
def service_status() -> Response:
    """Ages in seconds of every statistic and range of the catalog; null where nothing is known.

    `statistics` is beyond the original: lags and costs, see webapi/freshness.py.
    """
    with services().pool.transaction() as cursor:
        ages, fresh = result_ages(cursor), freshness(cursor)
    per_user = [job for job in catalog().jobs.values() if job.route and isinstance(job.output, PER_USER)]
    sitewide = [job for job in catalog().jobs.values() if job.route and not isinstance(job.output, PER_USER)]
    return reply(
        {
            "time": int(time.time()),
            "dump_age": None,
            "stats_age": _youngest(per_user, ages),
            "stats": [age for job in per_user for age in _named_ages(job, ages)],
            "sitewide_stats_age": _youngest(sitewide, ages),
            "incoming_listen_count": _incoming(),
            "statistics": [one.document() for one in fresh],
        }
    )


@blueprint.get("/1/status/get-dump-info")
@describes(
    "Which dump there is",
    group="Status",
    parameters=(
        Parameter(
            "id",
            {"anyOf": [{"type": "integer"}, {"const": ""}]},
            "The number of a dump; without it the newest is told of.",
        ),
    ),
    answers={
        200: Answer(
            "When the dump was made, and how much is in it.",
            closed({"id": COUNT, "timestamp": TEXT, "dump_type": {"enum": ["full", "incremental"]}}),
        ),
        404: Answer("There is no such dump.", component("Error")),
    },
)
def get_dump_info() -> Response:
    """A dump by its number, or the newest."""
    dump = chosen_dump(published_dumps(), request.args.get("id"))
    return reply({"id": dump.id, "timestamp": dump.timestamp, "dump_type": dump.kind})


def chosen_dump(dumps: Sequence[Dump], asked: str | None) -> Dump:
    """The dump of this number, or the last one. Raises BadRequestError, NotFoundError."""
    if not asked:
        if not dumps:
            raise NotFoundError("No dump entry exists.")
        return dumps[-1]
    number = whole(asked)
    if number is None:
        raise BadRequestError("The `id` parameter needs to be an integer.")
    for dump in dumps:
        if dump.id == number:
            return dump
    raise NotFoundError(f"No dump exists with ID: {number}")


def _named_ages(job: Job, ages: dict[tuple[str, str], int]) -> list[dict[str, Any]]:
    assert job.route is not None
    key = job.route.payload_key
    return [{"name": f"{key}_{name}", "age": ages.get((job.statistic, name))} for name in job.ranges]


def _youngest(jobs: list[Job], ages: dict[tuple[str, str], int]) -> int | None:
    statistics = {job.statistic for job in jobs}
    return min((age for (statistic, _), age in ages.items() if statistic in statistics), default=None)


def _incoming() -> int | None:
    try:
        return incoming_depth(services().settings)
    except BrokerUnavailableError:
        return None
