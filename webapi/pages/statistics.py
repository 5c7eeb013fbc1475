"""Statistics as charts, of a user and of everybody: SVG from the server, with every figure in a table beside it.

What is shown are the payloads that the API answers (webapi/statistics.py); webapi/pages/charted.py makes charts of
them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, make_response, render_template, request, session
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.catalog import catalog
from jobs.job import Ranked
from jobs.listens.users import User
from jobs.ranges import ALL_TIME
from webapi.db.versions import runs_of_range
from webapi.fresh import etag_of
from webapi.pages import charted, user
from webapi.pages.frame import look_digest, tagged, user_path
from webapi.parameters import FLAGS, chosen, non_negative, stats_range, user_of_path
from webapi.paths import end_was_written
from webapi.services import services
from webapi.sessions import current_user
from webapi.statistics import SITEWIDE_KEY, Asked, Payload, payload_of

SHOWN = 10
"""Items of each list."""
SHOWN_ALONE = 100
"""Items of a list that is shown alone, a page at a time."""
RANGES: Mapping[str, str] = {
    "this_week": "This week",
    "week": "Last week",
    "this_month": "This month",
    "month": "Last month",
    "quarter": "Last quarter",
    "half_yearly": "Last half year",
    "this_year": "This year",
    "year": "Last year",
    ALL_TIME: "All time",
}
"""What the ranges are called, in the order of the switch."""
LISTS = (
    ("artists", "Top artists", "artist_name", None),
    ("recordings", "Top recordings", "track_name", "artist_name"),
    ("releases", "Top releases", "release_name", "artist_name"),
    ("release_groups", "Top albums", "release_group_name", "artist_name"),
)
"""(statistic, heading, key of an item's name, key of who it is by)."""
DOCUMENTS = {
    "listening_activity": charted.listening_activity,
    "daily_activity": charted.daily_activity,
    "genre_activity": charted.genre_activity,
    "era_activity": charted.era_activity,
    "artist_evolution_activity": charted.artist_evolution,
    "artist_map": charted.artist_map,
    "artist_activity": charted.artist_activity,
}
"""Statistics that are no lists, to what is drawn of them."""
_END = "/stats"

blueprint = Blueprint("statistics", __name__)


@dataclass(frozen=True)
class Whose:
    """Whose statistics, and where its page is."""

    key: int
    prefix: str
    """Of the names of statistics in the catalog."""
    path: str
    owner: User | None = None

    def statistics(self) -> list[str]:
        """Those there are, without the prefix."""
        names = [name for name, *_ in LISTS] + list(DOCUMENTS)
        return [name for name in names if self.prefix + name in catalog().jobs]


@dataclass(frozen=True)
class Alone:
    """A list that is shown without the others, from its item `offset` on."""

    name: str
    offset: int

    @property
    def before(self) -> int:
        """Where the page before this one begins."""
        return max(0, self.offset - SHOWN_ALONE)

    @property
    def after(self) -> int:
        """Where the next page begins."""
        return self.offset + SHOWN_ALONE


@dataclass(frozen=True)
class Facts:
    """Of the newest run of a page, and the settings it was made with. Times but `computed` on the settings' clock."""

    computed: datetime
    data_version: int
    newest_listen: datetime
    first: datetime
    last: datetime
    """The last second of the range."""
    zone: str
    excluded: dict[str, int]
    has_settings: bool


@blueprint.get("/user/<user_name:user_name>/stats")
def user_statistics(user_name: str) -> Any:
    """One range of a user's statistics, by default all time; `plain=true`: without the user's settings.

    `list=artists&offset=100`: that list alone, a page of it.
    """
    if not end_was_written(_END):
        return user.user_page(user_name + _END)

    def whose(cursor: Cursor) -> Whose:
        owner = user_of_path(cursor, user_name)
        return Whose(owner.id, "user_", f"{user_path(owner.name)}/stats/", owner)

    return _page(whose)


@blueprint.get("/statistics")
def statistics_of_everybody() -> Response:
    """One range of the statistics of everybody."""
    return _page(lambda _: Whose(SITEWIDE_KEY, "sitewide_", "/statistics/"))


def _page(find: Callable[[Cursor], Whose]) -> Response:
    # Has a transaction of its own. Who is logged in, or is told something, has a page like no other.
    is_plain_visitor = current_user() is None and not session
    with services().pool.transaction() as cursor:
        whose = find(cursor)
        asked_range = stats_range()
        plain = whose.owner is not None and chosen("plain", FLAGS) == "true"
        alone = _alone()
        # Read before what they are versions of: then a page is at worst asked for once more.
        runs = runs_of_range(cursor, asked_range)
        etag = _etag(whose, runs) if is_plain_visitor else None
        if etag is not None and request.if_none_match.contains_weak(etag):
            return tagged(make_response("", 304), etag)
        names = [alone.name] if alone else whose.statistics()
        found = {name: _payload(cursor, whose, name, asked_range, alone, plain=plain) for name in names}
    page = render_template(
        "statistics.html",
        owner=whose.owner,
        here=whose.path,
        stats_range=asked_range,
        ranges=RANGES,
        plain=plain,
        alone=alone,
        facts=_facts([payload for payload in found.values() if payload is not None]),
        computed={name for name in found if whose.prefix + name in runs},
        lists=LISTS,
        found=found,
        drawn=_drawn(found),
    )
    return tagged(make_response(page), etag)


def _alone() -> Alone | None:
    """`list` and `offset` of the query."""
    name = chosen("list", tuple(name for name, *_ in LISTS))
    return None if name is None else Alone(name, non_negative("offset", 0))


def _payload(
    cursor: Cursor, whose: Whose, name: str, asked_range: str, alone: Alone | None, *, plain: bool
) -> Payload | None:
    job = catalog().jobs[whose.prefix + name]
    if alone is not None:
        asked = Asked(asked_range, SHOWN_ALONE, alone.offset)
    else:
        asked = Asked(asked_range, SHOWN) if isinstance(job.output, Ranked) else Asked(asked_range)
    return payload_of(cursor, job, whose.key, asked, plain=plain)


def _drawn(found: Mapping[str, Payload | None]) -> dict[str, Any]:
    """By statistic what the template draws."""
    drawn: dict[str, Any] = {}
    for name, _, item_name, by in LISTS:
        if payload := found.get(name):
            drawn[name] = charted.ranked(payload[name], item_name, by)
    for name, draw in DOCUMENTS.items():
        if payload := found.get(name):
            drawn[name] = draw(payload)
    return drawn


def _facts(payloads: list[Payload]) -> Facts | None:
    if not payloads:
        return None
    newest = max(payloads, key=lambda payload: (payload["last_updated"], payload["data_version"]))
    zone = charted.zone_of(newest)
    clock = ZoneInfo(zone)
    from_ts, to_ts = newest["from_ts"], newest["to_ts"]
    if "listening_activity" in newest and newest["range"] != ALL_TIME:
        from_ts, to_ts = charted.bounds_of_activity(newest)
    return Facts(
        datetime.fromtimestamp(newest["last_updated"], UTC),
        newest["data_version"],
        datetime.fromtimestamp(newest["newest_listen_ts"], clock),
        datetime.fromtimestamp(from_ts, clock),
        datetime.fromtimestamp(to_ts - (newest["range"] != ALL_TIME), clock),
        zone,
        newest.get("settings_applied", {}).get("excluded", {}),
        "settings_applied" in newest,
    )


def _etag(whose: Whose, runs: Mapping[str, str]) -> str:
    name = whose.owner.name if whose.owner else ""
    return etag_of((look_digest(), request.full_path, whose.key, name, tuple(runs.items())))
