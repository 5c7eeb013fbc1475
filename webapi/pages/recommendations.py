"""A user's recommendations: each with the reasons for it, for herself also love and hate; and who is similar.

Everything works by links and forms alone. What is hated goes at once; the page that follows offers to take that back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlencode
from uuid import UUID

from flask import Blueprint, redirect, render_template, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.feedback import HATE, put_score, scores_of
from jobs.listens.users import User
from jobs.listens.validator import canonical_uuid
from webapi.errors import BadRequestError
from webapi.pages import user as user_pages
from webapi.pages.frame import user_path
from webapi.parameters import chosen, non_negative, user_of_path
from webapi.paths import end_was_written
from webapi.recommendations import STATISTICS, Item, Recommended, recommended_to
from webapi.services import services
from webapi.sessions import current_user, local_path, logged_in, require_login
from webapi.views.similar_users import similar_to

SHOWN = 25
"""Recommendations of a page."""
SHOWN_USERS = 15
SHOWN_REASONS = 5
KINDS: Mapping[str, str] = {
    "raw": "All",
    "top": "By artists played most",
    "similar": "By similar artists",
}
"""What the sets are called, in the order of the switch."""
BECAUSE = {
    "popularity": "What everybody hears most",
    "own_history": "What was played most",
}
"""Why something is recommended, by the kind of model; of all others for what was played."""
_END = "/recommendations"

Page = str | WerkzeugResponse

blueprint = Blueprint("user_recommendations", __name__)


@dataclass(frozen=True)
class Reason:
    """One of the recordings for which another is recommended."""

    recording_name: str
    artist_name: str
    listen_count: int
    percent: float
    """Of the score."""


@dataclass(frozen=True)
class Shown:
    """One recommendation as the page shows it."""

    key: str
    """What its buttons send."""
    recording_name: str
    artist_name: str
    latest_listened_at: datetime | None
    score: int
    """1: loved, 0: neither was said."""
    reasons: list[Reason]
    more_reasons: int


@dataclass(frozen=True)
class Computed:
    """Facts of the run and of the model."""

    at: datetime
    data_version: int
    kind: str
    fallback: str | None
    because: str
    total: int
    """Recommendations on the pages: those that are stored with names and reasons."""
    more: int
    """Those further down the list, which answers of the API alone have."""


@blueprint.get("/user/<user_name:user_name>/recommendations")
def recommendations_page(user_name: str) -> Page:
    """One set of a user's recommendations, from `offset` on."""
    if not end_was_written(_END):
        return user_pages.user_page(user_name + _END)
    visitor = current_user()
    asked = chosen("artist_type", tuple(STATISTICS)) or "raw"
    offset = non_negative("offset", 0)
    with services().pool.transaction() as cursor:
        owner = user_of_path(cursor, user_name)
        own = visitor is not None and visitor.id == owner.id
        found = recommended_to(cursor, owner.id, asked)
        named: Sequence[Item] = [] if found is None else found.named
        shown = [] if found is None else _shown(cursor, owner.id, named[offset : offset + SHOWN], found.names)
        hated = _hated(cursor, owner) if own else None
        similar = similar_to(cursor, owner.id)[:SHOWN_USERS]
    here = f"{user_path(owner.name)}/recommendations/"
    return render_template(
        "recommendations.html",
        owner=owner,
        own=own,
        here=here,
        back=_address(here, asked, offset),
        kinds=KINDS,
        artist_type=asked,
        computed=None if found is None else _computed(found, len(named)),
        offset=offset,
        recommended=shown,
        page_links=_page_links(here, asked, offset, len(named)),
        hated=hated,
        similar=similar,
    )


@blueprint.post("/recommendations/feedback")
@require_login
def give_feedback() -> Page:
    """Love, hate or neither of a recording that was recommended to oneself."""
    visitor = logged_in()
    wanted = next((name for name in user_pages.SCORES if name in request.form), None)
    if wanted is None:
        raise BadRequestError(f"Expected one of {', '.join(user_pages.SCORES)}, with the recording it is about.")
    recording, msid = _sent_key(request.form[wanted])
    score = user_pages.SCORES[wanted]
    with services().pool.transaction() as cursor:
        put_score(cursor, visitor.id, recording if msid else None, None if msid else recording, score)
    back = local_path(request.form.get("back"), f"{user_path(visitor.name)}/recommendations/")
    if score != HATE:
        return redirect(back, 303)
    joined = "&" if "?" in back else "?"
    return redirect(f"{back}{joined}{urlencode({'hated': _key(str(recording), msid)})}", 303)


def _shown(cursor: Cursor, user_id: int, items: Sequence[Item], names: Mapping[str, tuple[str, str]]) -> list[Shown]:
    ids = [(UUID(item["id"]), None) if item["msid"] else (None, str(item["id"])) for item in items]
    scores = scores_of(cursor, user_id, ids)
    return [_shown_one(item, score, names) for item, score in zip(items, scores, strict=True)]


def _shown_one(item: Item, score: int, names: Mapping[str, tuple[str, str]]) -> Shown:
    heard, whole = item["latest_listened_at"], item["score"]
    stored = item.get("reasons") or ()
    named = [(names[one], listens, share) for one, _, listens, share in stored if one in names and share > 0]
    reasons = [
        Reason(*name, listen_count, min(100.0, 100 * share / whole) if whole > 0 else 0.0)
        for name, listen_count, share in sorted(named, key=lambda reason: -reason[2])
    ]
    return Shown(
        _key(item["id"], item["msid"]),
        *names[item["id"]],
        None if heard is None else datetime.fromtimestamp(heard, UTC),
        score,
        reasons[:SHOWN_REASONS],
        max(0, len(reasons) - SHOWN_REASONS),
    )


def _computed(found: Recommended, total: int) -> Computed:
    run, doc = found.found.run, found.found.doc
    because = BECAUSE.get(doc["kind"], "")
    at = datetime.fromtimestamp(run.last_updated, UTC)
    return Computed(at, run.data_version, doc["kind"], doc["fallback"], because, total, len(found.items) - total)


def _hated(cursor: Cursor, owner: User) -> str | None:
    """The key of what was hated just now, if it still is."""
    given = request.args.get("hated")
    if not given:
        return None
    recording, msid = _sent_key(given)
    [score] = scores_of(cursor, owner.id, [(recording, None) if msid else (None, str(recording))])
    return given if score == HATE else None


def _page_links(here: str, asked: str, offset: int, total: int) -> dict[str, str]:
    """Addresses of the pages beside this one; without those there are not."""
    links = {}
    if offset:
        links["prev"] = _address(here, asked, max(0, offset - SHOWN))
    if offset + SHOWN < total:
        links["next"] = _address(here, asked, offset + SHOWN)
    return links


def _address(here: str, asked: str, offset: int) -> str:
    query = {"artist_type": asked} if asked != "raw" else {}
    query |= {"offset": str(offset)} if offset else {}
    return here + (f"?{urlencode(query)}" if query else "")


def _key(recording: str, msid: bool) -> str:
    return f"{'msid' if msid else 'mbid'} {recording}"


def _sent_key(text: str) -> tuple[UUID, bool]:
    """(id, whether it is an MSID) of a button or an address. Raises BadRequestError."""
    kind, _, named = text.partition(" ")
    recording = canonical_uuid(named)
    if kind not in ("msid", "mbid") or recording is None:
        raise BadRequestError("This form names no recording: load the page again and try once more.")
    return UUID(recording), kind == "msid"
