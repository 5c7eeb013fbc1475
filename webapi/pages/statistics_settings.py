"""On the profile: the time zone of one's statistics, and what does not count in them."""

from itertools import groupby
from typing import Any

from flask import Blueprint, flash, redirect, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.exclusions import (
    Exclusion,
    InvalidExclusionError,
    TooManyExclusionsError,
    add_exclusion,
    exclusion_of,
    exclusions_of,
    remove_exclusion,
)
from jobs.listens.user_settings import set_zone, zone_of
from jobs.tables.exclusions import EXCLUSION_KINDS, MAX_VALUE_BYTES
from jobs.zones import UTC_ZONE, UnknownZoneError, zones
from webapi.costs import GUESS_WINDOW
from webapi.errors import ApiError
from webapi.pages.frame import kept_by_nobody
from webapi.ratelimit import MESSAGE
from webapi.services import services
from webapi.sessions import logged_in, require_login

CHANGES = 60
"""Of one user in a minute: each takes the lock that all writers wait for."""
REGIONS = (
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
)
"""Zones of these are offered. The API takes the other names too: most are older names of the same."""
LATER = "Your statistics follow with their next run."
_SHOWN = 100

blueprint = Blueprint("statistics_settings", __name__, url_prefix="/profile/statistics")
blueprint.after_request(kept_by_nobody)


def shown_settings(cursor: Cursor, user_id: int) -> dict[str, Any]:
    """What the template statistics_settings.html shows of a user."""
    zone = zone_of(cursor, user_id)
    found, _ = exclusions_of(cursor, user_id)
    return {
        "zone": zone,
        "zone_groups": zone_groups(zone),
        "exclusions": found,
        "exclusion_kinds": EXCLUSION_KINDS,
        "most_bytes": MAX_VALUE_BYTES,
    }


def zone_groups(chosen: str) -> list[tuple[str, list[tuple[str, str]]]]:
    """(region, [(name, what is shown of it)]): UTC and the chosen one, wherever it lies, are always there."""
    offered = (name for name in zones() if name.partition("/")[0] in REGIONS)
    groups = [
        (region, [(name, name.partition("/")[2].replace("_", " ")) for name in names])
        for region, names in groupby(offered, lambda name: name.partition("/")[0])
    ]
    apart = dict.fromkeys((UTC_ZONE, chosen if chosen.partition("/")[0] not in REGIONS else UTC_ZONE))
    return [("Everywhere", [(name, name) for name in apart]), *groups]


@blueprint.post("/timezone")
@require_login
def choose_zone() -> WerkzeugResponse:
    """The zone of a select, or any other name of one."""
    _count_change()
    name = request.form.get("zone", "")
    try:
        with services().pool.transaction() as cursor:
            set_zone(cursor, logged_in().id, name)
    except UnknownZoneError as problem:
        return _back(str(problem), "problem")
    return _back(f"Your time zone is {name}. {LATER}")


@blueprint.post("/exclusions")
@require_login
def exclude() -> WerkzeugResponse:
    """Leave out what the form names."""
    _count_change()
    try:
        exclusion = _of_form()
        with services().pool.transaction() as cursor:
            add_exclusion(cursor, logged_in().id, exclusion)
    except (InvalidExclusionError, TooManyExclusionsError) as problem:
        return _back(str(problem), "problem")
    return _back(f"Left out: {exclusion.kind} {exclusion.value[:_SHOWN]}. {LATER}")


@blueprint.post("/exclusions/remove")
@require_login
def include() -> WerkzeugResponse:
    """It counts again, whether or not it was left out."""
    _count_change()
    try:
        exclusion = _of_form()
    except InvalidExclusionError as problem:
        return _back(str(problem), "problem")
    with services().pool.transaction() as cursor:
        remove_exclusion(cursor, logged_in().id, exclusion)
    return _back(f"Counts again: {exclusion.kind} {exclusion.value[:_SHOWN]}. {LATER}")


def _of_form() -> Exclusion:
    return exclusion_of(request.form.get("kind"), request.form.get("value"))


def _back(said: str, category: str = "done") -> WerkzeugResponse:
    flash(said[:1].upper() + said[1:], category)
    return redirect("/profile#statistics", 303)


def _count_change() -> None:
    if not services().limiter.take(f"settings:{logged_in().id}", CHANGES, window=GUESS_WINDOW).allowed:
        raise ApiError(429, MESSAGE)
