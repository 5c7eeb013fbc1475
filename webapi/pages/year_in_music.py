"""A user's year in music as a page: what the API answers of it, as charts with their figures, for showing around.

What is drawn is made by webapi/pages/year_charts.py; no script is needed, and it prints.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import Blueprint, Response, make_response, redirect, render_template, request, session
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.users import User
from jobs.year_in_music.listen_count import FEW
from jobs.years import FIRST_YEAR, current_year, range_of
from spark_reader.load import Document
from webapi.db.year_in_music import newest_year, report_version, years_of
from webapi.errors import NotFoundError
from webapi.fresh import etag_of
from webapi.pages import user as user_pages
from webapi.pages.frame import look_digest, tagged, user_path
from webapi.pages.year_charts import LISTS, PLAYLISTS, drawn
from webapi.parameters import user_known, user_of_path, whole
from webapi.paths import end_was_written
from webapi.services import services
from webapi.sessions import current_user
from webapi.year_in_music import UTC_ZONE, statistics, stored_report, told, zone_of

SHOWN = 10
"""Items of each list that are not folded away."""
_END = "/year-in-music"

Page = str | WerkzeugResponse

blueprint = Blueprint("year_in_music_page", __name__)


@dataclass(frozen=True)
class Facts:
    """Of the newest run of a report, and the settings that it was made with."""

    computed: datetime
    data_version: int
    mixed: bool
    """Other sections are of an older data version."""
    zone: str
    excludes: bool
    """Something is left out, as the user wants it."""


@blueprint.get("/user/<user_name:user_name>/year-in-music")
def newest(user_name: str) -> Page:
    """To the last year of which the user has a report, or else anybody."""
    if not end_was_written(_END):
        return user_pages.user_page(user_name + _END)
    with services().pool.transaction() as cursor:
        owner = user_of_path(cursor, user_name)
        years = years_of(cursor, statistics(), owner.id)
        year = years[0] if years else newest_year(cursor, statistics())
    return redirect(_address(owner, current_year(time.time()) if year is None else year), 303)


@blueprint.get("/user/<user_name:user_name>/year-in-music/<year>")
def of_year(user_name: str, year: str) -> Page:
    """The report of one year; where there is none, why."""
    if not end_was_written(f"{_END}/{year}"):
        return user_pages.user_page(f"{user_name}{_END}/{year}")
    number = whole(year)
    if number is None or not FIRST_YEAR <= number <= current_year(time.time()):
        raise NotFoundError(f"Cannot find Year in Music report for year: {year}")
    return _page(user_name, number)


def _page(user_name: str, year: int) -> Response:
    # Has a transaction of its own. Who is logged in, or is told something, has a page like no other.
    is_plain_visitor = current_user() is None and not session
    with services().pool.transaction() as cursor:
        owner = user_of_path(cursor, user_name)
        # Read before what they are versions of: then a page is at worst asked for once more.
        known = user_known(report_version(cursor, statistics(), range_of(year), owner.name), owner.name)
        years = sorted({*years_of(cursor, statistics(), owner.id), year}, reverse=True)
        shown = (look_digest(), year, years, current_year(time.time()), known.version)
        etag = etag_of(shown) if is_plain_visitor else None
        if etag is not None and request.if_none_match.contains_weak(etag):
            return tagged(make_response("", 304), etag)
        stored = stored_report(cursor, owner.id, year)
        data = told(cursor, stored, owner.name, year)
    facts = _facts(stored)
    page = render_template(
        "year_in_music.html",
        owner=owner,
        year=year,
        years={one: _address(owner, one) for one in years},
        running=year == current_year(time.time()),
        computed=known.computed,
        few=FEW,
        facts=facts,
        data=data,
        drawn=drawn(data, year, facts.zone if facts else UTC_ZONE),
        lists=LISTS,
        playlists=PLAYLISTS,
        shown=SHOWN,
    )
    return tagged(make_response(page), etag)


def _facts(stored: Mapping[str, Document]) -> Facts | None:
    if not stored:
        return None
    newest_of_all = max(stored.values(), key=lambda document: (document.run.last_updated, document.run.data_version))
    run, applied = newest_of_all.run, newest_of_all.applied or {}
    return Facts(
        datetime.fromtimestamp(run.last_updated, UTC),
        run.data_version,
        len({document.run.data_version for document in stored.values()}) > 1,
        zone_of(newest_of_all),
        any(applied.get(kind) for kind in ("artists", "recordings", "clients")),
    )


def _address(owner: User, year: int) -> str:
    return f"{user_path(owner.name)}{_END}/{year}"
