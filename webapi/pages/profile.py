"""The profile: tokens, password, settings of statistics, and the ways to what one has here."""

from flask import Blueprint, abort, flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.tokens import TokenError, add_token, outlive_belief, remove_token, reset_token, tokens_of
from jobs.listens.users import InvalidPasswordError, hash_password, keep_password
from webapi.costs import GUESS_WINDOW
from webapi.db.lastfm import end_password_sessions, end_program, programs_of
from webapi.db.web_session import end_sessions
from webapi.errors import ApiError
from webapi.pages.frame import kept_by_nobody
from webapi.pages.statistics_settings import shown_settings
from webapi.passwords import TOO_MANY, a_turn_to_hash, user_of_password
from webapi.services import services
from webapi.sessions import log_in, logged_in, require_login

CHANGES = 20
"""Changes of tokens and password by one user in a minute: each holds a thread for a while."""
GONE_ALREADY = "You have no such token; it may have been removed or reset already."
ENDED_ALREADY = "No such program acts for you; it may have been ended already."

Page = str | WerkzeugResponse

blueprint = Blueprint("profile", __name__, url_prefix="/profile")
blueprint.after_request(kept_by_nobody)


@blueprint.get("")
@require_login
def profile() -> Page:
    """Tokens without their secrets, programs that were approved, settings of statistics, the password form, links."""
    user = logged_in()
    with services().pool.transaction() as cursor:
        tokens, programs = tokens_of(cursor, user.id), programs_of(cursor, user.id)
        settings = shown_settings(cursor, user.id)
    return render_template("profile.html", tokens=tokens, programs=programs, name=user.name, **settings)


@blueprint.post("/tokens")
@require_login
def make_token() -> Page:
    """Another token, shown once."""
    _count_change()
    label = request.form.get("label", "")
    try:
        with services().pool.transaction() as cursor:
            made = add_token(cursor, logged_in().id, label, services().token_vault)
    except TokenError as problem:
        return _refused(str(problem))
    return token_page(label.strip(), made)


@blueprint.post("/tokens/<int:token_id>/reset")
@require_login
def replace_token(token_id: int) -> Page:
    """A new token under the same label, shown once; when this answers, no worker takes the old one."""
    _count_change()
    with services().pool.transaction() as cursor:
        done = reset_token(cursor, logged_in().id, _known(token_id), services().token_vault)
    if done is None:
        abort(404, GONE_ALREADY)
    outlive_belief()
    old, made = done
    return token_page(old.label, made)


@blueprint.post("/tokens/<int:token_id>/remove")
@require_login
def drop_token(token_id: int) -> Page:
    """The token is gone; when this answers, no worker takes it."""
    _count_change()
    with services().pool.transaction() as cursor:
        gone = remove_token(cursor, logged_in().id, _known(token_id))
    if gone is None:
        abort(404, GONE_ALREADY)
    outlive_belief()
    flash(f"Removed: {gone.label}, ending in {gone.last_four}. Players that had it are refused from now on.", "done")
    return redirect("/profile", 303)


@blueprint.post("/programs/end")
@require_login
def drop_program() -> Page:
    """The program's sessions are over; when this answers, no worker takes them."""
    api_key = request.form.get("api_key", "")
    with services().pool.transaction() as cursor:
        ended = 0 if "\0" in api_key else end_program(cursor, logged_in().id, api_key)
    if not ended:
        abort(404, ENDED_ALREADY)
    flash("Ended. The program is refused from now on, until you approve it again.", "done")
    return redirect("/profile", 303)


@blueprint.post("/password")
@require_login
def change_password() -> Page:
    """Another password: all sessions of the user end, programs' too, and this browser gets a new one."""
    _count_change()
    user = logged_in()
    try:
        with a_turn_to_hash():
            fresh = hash_password(request.form.get("new", ""))
    except InvalidPasswordError as problem:
        return _refused(str(problem))
    if user_of_password(user.name, request.form.get("current", "")) is None:
        return _refused("The current password is wrong.")
    with services().pool.transaction() as cursor:
        keep_password(cursor, user.id, fresh)
        end_sessions(cursor, user.id)
        end_password_sessions(cursor, user.id)
    log_in(user.id)
    flash("The password is changed. Other browsers, and programs without a token, must log in again.", "done")
    return redirect("/profile", 303)


def token_page(label: str, token: str, *, welcome: bool = False) -> WerkzeugResponse:
    """A token, shown this once: in no redirect, no message and no cache."""
    settings = services().settings
    page = make_response(render_template("token.html", label=label, token=token, url=settings.url, welcome=welcome))
    page.headers["Cache-Control"] = "no-store"
    return page


def _known(token_id: int) -> int:
    if token_id >= 2**31:
        abort(404, GONE_ALREADY)
    return token_id


def _refused(why: str) -> WerkzeugResponse:
    flash(why[:1].upper() + why[1:], "problem")
    return redirect("/profile", 303)


def _count_change() -> None:
    if not services().limiter.take(f"profile:{logged_in().id}", CHANGES, window=GUESS_WINDOW).allowed:
        raise ApiError(429, TOO_MANY)
