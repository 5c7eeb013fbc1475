"""The year in music of a user (api.md 7)."""

import time
from typing import Any

from flask import Blueprint, Response

from jobs.job import YearDocument
from jobs.years import FIRST_YEAR, current_year, range_of
from webapi.db.year_in_music import newest_year, report_version
from webapi.errors import NotFoundError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.parameters import YEAR
from webapi.openapi.schemas import TEXT, closed, component, payload
from webapi.parameters import user_known, whole
from webapi.services import services
from webapi.year_in_music import report_of, sections, statistics

blueprint = Blueprint("year_in_music", __name__, url_prefix="/1/stats/user/<path:user_name>/year-in-music")

_DATA = {
    key: dict(schema)
    for job in sections()
    if isinstance(job.output, YearDocument)
    for key, schema in job.output.schema.items()
}
_REPORT = payload({"user_name": TEXT, "year": dict(YEAR), "data": closed(_DATA, tuple(_DATA))})
_ANSWERS = {
    200: Answer("The sections that there are; without any listen in the year, or any report, `data` is empty.", _REPORT)
}


@blueprint.get("")
@describes(
    "The newest year in music of a user",
    about="Of the last year that was computed for anybody.",
    group="Statistics",
    answers=_ANSWERS,
    conditional=True,
)
def newest(user_name: str) -> Response:
    """As of a year that is named."""
    with services().pool.statement() as cursor:
        year = newest_year(cursor, statistics())
    return _report(user_name, current_year(time.time()) if year is None else year)


@blueprint.get("/<year>")
@describes(
    "The year in music of a user",
    about="Brought up to date when it is asked for with request_year_in_music.",
    group="Statistics",
    answers=_ANSWERS | {404: Answer("No such user, or no such year.", component("Error"))},
    conditional=True,
)
def of_year(user_name: str, year: str) -> Response:
    """All sections in one document: numbers, lists, days, and two playlists as JSPF."""
    number = whole(year)
    if number is None or not FIRST_YEAR <= number <= current_year(time.time()):
        raise NotFoundError(f"Cannot find Year in Music report for year: {year}")
    return _report(user_name, number)


def _report(user_name: str, year: int) -> Response:
    with services().pool.statement() as cursor:
        known = user_known(report_version(cursor, statistics(), range_of(year), user_name), user_name)

    def document() -> dict[str, Any]:
        with services().pool.transaction() as cursor:
            data = report_of(cursor, known.user_id, user_name, year)
        return {"payload": {"user_name": user_name, "year": year, "data": data}}

    return fresh(services().answers, (year, known.version), document)
