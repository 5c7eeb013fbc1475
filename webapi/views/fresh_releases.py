"""Releases that are just coming out, of everybody and of the artists that a user hears (api.md 12)."""

import re
import time
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.ranges import ALL_TIME
from jobs.releases.fresh import OF_DAY, OF_USER
from jobs.stats.schemas import MBID, NO_MBID
from spark_reader.load import load_document, load_documents_between
from webapi.db.versions import sitewide_version, statistic_version
from webapi.errors import BadRequestError, NotFoundError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, Parameter, Schema, describes
from webapi.openapi.parameters import EMPTY
from webapi.openapi.schemas import TEXT, closed, component, payload
from webapi.parameters import FLAGS, chosen, whole
from webapi.services import services

blueprint = Blueprint("fresh_releases", __name__, url_prefix="/1")

DAYS, MOST_DAYS, MOST_DAYS_OF_USER = 14, 30, 90
"""Before and after; unless told otherwise, and at most."""
_UNIX_DAY = date(1970, 1, 1)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
Item = Mapping[str, Any]
ORDERS: Mapping[str, Callable[[Item], Any]] = {
    "release_date": lambda one: one["release_date"],
    "artist_credit_name": lambda one: one["artist_credit_name"].casefold(),
    "release_name": lambda one: one["release_name"].casefold(),
    "confidence": lambda one: -one["confidence"],
}
"""By what a user's are ordered, ties by date, artist, name and MBID."""

_NO_TEXT: Schema = {"type": ["string", "null"]}
_ITEM = {
    "release_mbid": MBID,
    "release_name": TEXT,
    "artist_credit_name": TEXT,
    "artist_mbids": {"type": "array", "items": dict(MBID)},
    "release_date": {"type": "string", "format": "date"},
    "release_group_mbid": MBID,
    "release_group_primary_type": _NO_TEXT,
    "release_group_secondary_type": _NO_TEXT,
    "release_tags": {"type": "array", "items": dict(TEXT)},
    "listen_count": {"type": ["integer", "null"], "minimum": 0},
    "caa_id": {"type": ["integer", "null"]},
    "caa_release_mbid": NO_MBID,
}
_DAY: Schema = {"anyOf": [{"type": "string", "format": "date"}, EMPTY]}
_FLAG: Schema = {"type": "string", "enum": [*FLAGS, ""], "default": "true"}


def _days(most: int) -> Parameter:
    schema: Schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": most}, EMPTY], "default": DAYS}
    return Parameter("days", schema, "So many days before, and after.", example=7)


@blueprint.get("/explore/fresh-releases")
@describes(
    "Releases that are just coming out",
    group="Explore",
    parameters=(
        Parameter(
            "release_date", _DAY, "The day about which, YYYY-MM-DD; without it today, UTC.", example="2025-11-14"
        ),
        _days(MOST_DAYS),
    ),
    answers={
        200: Answer(
            "By date; empty before any were computed. A list, not an object.", {"type": "array", "items": closed(_ITEM)}
        )
    },
    conditional=True,
)
def explore() -> Response:
    """From the table that was imported last, as of the newest run of request_fresh_releases."""
    about, days = _about(), _days_asked(MOST_DAYS)
    with services().pool.statement() as cursor:
        version = sitewide_version(cursor, OF_DAY, ALL_TIME)

    def document() -> list[Any]:
        with services().pool.transaction() as cursor:
            found = _between(cursor, about - timedelta(days=days), about + timedelta(days=days))
        return sorted(found, key=_place)

    return fresh(services().answers, (about, version), document)


@blueprint.get("/user/<path:user_name>/fresh_releases")
@describes(
    "New releases of the artists that a user hears",
    group="Explore",
    parameters=(
        Parameter("sort", {"type": "string", "enum": [*ORDERS, ""], "default": "release_date"}, "By what they go."),
        Parameter("past", _FLAG, "Whether those that are out are among them."),
        Parameter("future", _FLAG, "Whether those to come are."),
        _days(MOST_DAYS_OF_USER),
    ),
    answers={
        200: Answer(
            "Empty where there are none, or none were computed yet. confidence: her listens of their artists.",
            payload(
                {
                    "releases": {
                        "type": "array",
                        "items": closed({**_ITEM, "confidence": {"type": "integer", "minimum": 1}}),
                    },
                    "user_id": TEXT,
                }
            ),
        ),
        404: Answer("No such user.", component("Error")),
    },
    conditional=True,
)
def of_user(user_name: str) -> Response:
    """About today, UTC; what comes out today is out."""
    order, days = chosen("sort", tuple(ORDERS)) or "release_date", _days_asked(MOST_DAYS_OF_USER)
    today = _today()
    first = today - timedelta(days=days) if _wanted("past") else today + timedelta(days=1)
    last = today + timedelta(days=days) if _wanted("future") else today
    with services().pool.statement() as cursor:
        known = statistic_version(cursor, OF_USER, ALL_TIME, user_name)
        shown = sitewide_version(cursor, OF_DAY, ALL_TIME)
    if known is None:
        raise NotFoundError(f"User {user_name} not found")

    def document() -> dict[str, Any]:
        with services().pool.transaction() as cursor:
            releases = _of_user(cursor, known.user_id, first, last)
        releases.sort(key=lambda one: (ORDERS[order](one), _place(one)))
        return {"payload": {"releases": releases, "user_id": user_name}}

    return fresh(services().answers, (today, known.version, shown), document)


def _of_user(cursor: Cursor, user_id: int, first: date, last: date) -> list[dict[str, Any]]:
    """Whatever comes out from `first` to `last`, both included, of whom she has heard."""
    found = load_document(cursor, OF_USER, ALL_TIME, user_id)
    confidence = {} if found is None else {one["release_mbid"]: one["confidence"] for one in found.doc}
    return [
        {**one, "confidence": confidence[one["release_mbid"]]}
        for one in (_between(cursor, first, last) if confidence else ())
        if one["release_mbid"] in confidence
    ]


def _between(cursor: Cursor, first: date, last: date) -> list[dict[str, Any]]:
    days = load_documents_between(cursor, OF_DAY, ALL_TIME, (first - _UNIX_DAY).days, (last - _UNIX_DAY).days)
    return [one for day in days for one in day]


def _place(one: Item) -> tuple[str, ...]:
    return one["release_date"], one["artist_credit_name"].casefold(), one["release_name"], one["release_mbid"]


def _about() -> date:
    text = request.args.get("release_date")
    if not text:
        return _today()
    try:
        about = date.fromisoformat(text if _DATE.fullmatch(text) else "")
        return min(max(about, date.min + timedelta(days=MOST_DAYS)), date.max - timedelta(days=MOST_DAYS))
    except ValueError:
        raise BadRequestError(f"Cannot parse date {text}: expected YYYY-MM-DD.") from None


def _days_asked(most: int) -> int:
    text = request.args.get("days")
    days = whole(text) if text else DAYS
    if days is None or not 1 <= days <= most:
        raise BadRequestError(f"days must be between 1 and {most}.")
    return days


def _wanted(name: str) -> bool:
    """A flag that is true unless the query says otherwise, in any case."""
    value = request.args.get(name, "")
    if value and value.lower() not in FLAGS:
        raise BadRequestError(f"Invalid {name} argument: {value}.")
    return value.lower() != "false"


def _today() -> date:
    return datetime.fromtimestamp(time.time(), UTC).date()
