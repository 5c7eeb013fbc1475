"""A user's page: what plays now, recent listens, counts, statistics in short; for herself also love, hate and delete.

Everything works by links and forms alone; static/user.js spares reloading, and takes what it shows from this page.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

import orjson
from flask import Blueprint, flash, make_response, redirect, render_template, request, session
from flask.blueprints import BlueprintSetupState
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from werkzeug.routing import PathConverter
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.feedback import HATE, LOVE, put_score, scores_of
from jobs.listens.mapping import resolve
from jobs.listens.users import User
from jobs.listens.validator import canonical_uuid
from jobs.listens.write import delete_listen
from webapi.db.listen_pages import (
    GREATEST_MSID,
    LEAST_MSID,
    ListenKey,
    ListenPage,
    counts_since,
    find_listen,
    first_since,
    listens_above,
    listens_below,
)
from webapi.db.playing_now import get_playing_now
from webapi.db.recent_tracks import RecentTrack
from webapi.db.versions import ListensVersion, feedback_version, listens_version, playing_now_version
from webapi.errors import BadRequestError
from webapi.fresh import etag_of
from webapi.pages.frame import look_digest, tagged, user_path
from webapi.pages.summary import summary_of, summary_version
from webapi.parameters import MAX_TIMESTAMP, timestamp, user_known, user_of_path
from webapi.services import services
from webapi.sessions import current_user, local_path, logged_in, require_login

SHOWN = 25
"""Listens of a page."""
DAY = 86400
SCORES: dict[str, Literal[1, -1] | None] = {"love": LOVE, "hate": HATE, "neither": None}

_KEY = re.compile(r"(-?[0-9]{1,12}) ([0-9a-f-]{36})")

Page = str | WerkzeugResponse


class NameConverter(PathConverter):
    """A user's name in a path: any text, so also one that begins with a slash."""

    regex = ".+?"
    part_isolating = False


blueprint = Blueprint("user", __name__)


@blueprint.record
def _know_names(state: BlueprintSetupState) -> None:
    state.app.url_map.converters["user_name"] = NameConverter


@dataclass(frozen=True)
class Shown:
    """One listen as the page shows it."""

    key: str
    """What its buttons send."""
    listened_at: datetime
    artist_name: str
    track_name: str
    release_name: str | None
    score: int


@dataclass(frozen=True)
class Counts:
    """Of a user's listens. Days, not calendar weeks: the server does not know where the visitor's begin."""

    in_all: int
    since: datetime | None
    last_7_days: int
    last_30_days: int


@blueprint.get("/user/<user_name:user_name>")
def user_page(user_name: str) -> Page:
    """The newest listens, or with max_ts (and max_msid) those before, with min_ts (and min_msid) those after."""
    visitor = current_user()
    with services().pool.transaction() as cursor:
        user = user_of_path(cursor, user_name)
        # Read before what they are versions of: then a page is at worst asked for once more.
        listens = user_known(listens_version(cursor, user.name), user.name)
        playing = user_known(playing_now_version(cursor, user.name), user.name)
        below, above = _asked("max", LEAST_MSID), _asked("min", GREATEST_MSID)
        etag = _etag(cursor, visitor, user, listens.version + playing.version)
        if etag is not None and request.if_none_match.contains_weak(etag):
            return tagged(make_response("", 304), etag)
        page = _page(cursor, user.id, below, above)
        if above is not None and not page.newer:
            return redirect(f"{user_path(user.name)}/", 303)
        shown = _shown(cursor, user.id, page.listens)
        track = get_playing_now(cursor, user.id)
        counts = _counts(cursor, user.id, listens)
        summary = summary_of(cursor, user.id)
    made = render_template(
        "user.html",
        owner=user,
        own=visitor is not None and visitor.id == user.id,
        listens=shown,
        page_links=_page_links(user, page),
        is_first=not page.newer,
        back=f"{user_path(user.name)}/{_query('max', below) or _query('min', above)}",
        playing=track,
        counts=counts,
        summary=summary,
        listens_etag=etag_of(listens.version),
        playing_etag=etag_of(playing.version),
    )
    return tagged(make_response(made), etag)


@blueprint.post("/listen/feedback")
@require_login
def give_feedback() -> Page:
    """Love, hate or neither of the recording of one of one's own listens."""
    user = logged_in()
    wanted = next((name for name in SCORES if name in request.form), None)
    if wanted is None:
        raise BadRequestError(f"Expected one of {', '.join(SCORES)}, with the listen it is about.")
    key = _sent_key(request.form[wanted])
    with services().pool.transaction() as cursor:
        listen = find_listen(cursor, user.id, key)
        if listen is not None:
            mbid = _mbids(cursor, user.id, [listen])[0]
            put_score(cursor, user.id, listen.recording_msid, UUID(mbid) if mbid else None, SCORES[wanted])
    if listen is None:
        flash("That listen is not there any more.", "problem")
    return _back(user)


@blueprint.post("/listen/delete")
@require_login
def delete_one() -> Page:
    """Delete one of one's own listens; it is gone when this answers."""
    user = logged_in()
    key = _sent_key(request.form.get("listen", ""))
    with services().pool.session() as connection:
        gone = delete_listen(connection, user.id, key.listened_at, key.recording_msid, int(time.time() * 1_000_000))
    flash("The listen is deleted." if gone else "That listen was gone already.", "done")
    return _back(user)


def _back(user: User) -> WerkzeugResponse:
    return redirect(local_path(request.form.get("back"), user_path(user.name)), 303)


def _asked(bound: str, otherwise: UUID) -> ListenKey | None:
    """max_ts and max_msid, or min_ts and min_msid: exclusive; without the MSID the whole second is outside."""
    at = timestamp(f"{bound}_ts")
    if at is None:
        return None
    given = request.args.get(f"{bound}_msid", "")
    if not given:
        return ListenKey(at, otherwise)
    msid = canonical_uuid(given)
    if msid is None:
        raise BadRequestError(f"Incorrect {bound}_msid argument: {given}")
    return ListenKey(at, UUID(msid))


def _sent_key(text: str) -> ListenKey:
    found = _KEY.fullmatch(text)
    msid = canonical_uuid(found[2]) if found else None
    if found is None or msid is None or abs(int(found[1])) > MAX_TIMESTAMP:
        raise BadRequestError("This form names no listen: load the page again and try once more.")
    return ListenKey(int(found[1]), UUID(msid))


def _page(cursor: Cursor, user_id: int, below: ListenKey | None, above: ListenKey | None) -> ListenPage:
    if above is None:
        return listens_below(cursor, user_id, below, SHOWN)
    if below is not None:
        raise BadRequestError("A page is bounded by max_ts or by min_ts, not by both.")
    return listens_above(cursor, user_id, above, SHOWN)


def _mbids(cursor: Cursor, user_id: int, listens: list[RecentTrack]) -> list[str | None]:
    asked = [(user_id, listen.recording_msid, orjson.loads(listen.additional_info)) for listen in listens]
    return [resolved.recording_mbid for resolved in resolve(cursor, asked)]


def _shown(cursor: Cursor, user_id: int, listens: list[RecentTrack]) -> list[Shown]:
    mbids = _mbids(cursor, user_id, listens)
    recordings = [(listen.recording_msid, mbid) for listen, mbid in zip(listens, mbids, strict=True)]
    scores = scores_of(cursor, user_id, recordings)
    return [
        Shown(
            f"{listen.listened_at} {listen.recording_msid}",
            datetime.fromtimestamp(listen.listened_at, UTC),
            listen.artist_name,
            listen.track_name,
            listen.release_name,
            score,
        )
        for listen, score in zip(listens, scores, strict=True)
    ]


def _etag(cursor: Cursor, visitor: User | None, user: User, heard: tuple[Any, ...]) -> str | None:
    """Of all that the page shows; None: who looks at it is told something, or gets the secret of her forms with it."""
    secret = session.get("csrf_token")
    if "_flashes" in session or (visitor is not None and secret is None):
        return None
    viewer = None if visitor is None else (visitor.id, visitor.name, secret)
    shown = (heard, feedback_version(cursor, user.id), first_since(cursor, user.id, *_since()), summary_version(cursor))
    return etag_of((look_digest(), request.full_path, user.id, user.name, viewer, shown))


def _since() -> tuple[int, int]:
    now = int(time.time())
    return now - 30 * DAY, now - 7 * DAY


def _counts(cursor: Cursor, user_id: int, known: ListensVersion) -> Counts:
    month, week = counts_since(cursor, user_id, *_since())
    since = datetime.fromtimestamp(known.oldest_listened_at, UTC) if known.listen_count else None
    return Counts(known.listen_count, since, week, month)


def _page_links(user: User, page: ListenPage) -> dict[str, str]:
    """Addresses of the pages beside this one: newest, newer, older; without those there are not."""
    here = f"{user_path(user.name)}/"
    links = {}
    if page.newer:
        links["newest"] = here
    if page.newer and page.listens:
        links["newer"] = here + _query("min", _key_of(page.listens[0]))
    if page.older:
        links["older"] = here + _query("max", _key_of(page.listens[-1]))
    return links


def _key_of(listen: RecentTrack) -> ListenKey:
    return ListenKey(listen.listened_at, listen.recording_msid)


def _query(bound: str, key: ListenKey | None) -> str:
    if key is None:
        return ""
    return "?" + urlencode({f"{bound}_ts": key.listened_at, f"{bound}_msid": key.recording_msid})
