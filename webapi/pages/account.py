"""Logging in and out, and making an account where visitors may."""

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.users import (
    InvalidPasswordError,
    InvalidUserNameError,
    UserExistsError,
    check_name,
    create_token,
    create_user,
)
from webapi.costs import GUESS_WINDOW
from webapi.errors import ApiError
from webapi.pages.frame import user_path
from webapi.pages.profile import token_page
from webapi.passwords import TOO_MANY, a_turn_to_hash, user_of_password
from webapi.services import services
from webapi.sessions import current_user, local_path, log_in, log_out

PER_ADDRESS = 5
"""New accounts, or tries, from one address in a minute."""
TOKEN_LABEL = "first"  # noqa: S105 - the label of a token, none itself
WRONG = "The user name or the password is wrong."

Page = str | WerkzeugResponse | tuple[str, int]

blueprint = Blueprint("account", __name__)


@blueprint.get("/login")
def login_form() -> Page:
    """The form; who is logged in goes on."""
    if user := current_user():
        return redirect(_onward(request.args.get("next"), user.name), 303)
    return render_template("login.html", onward=local_path(request.args.get("next"), ""), name="")


@blueprint.post("/login")
def login() -> Page:
    """Begin a session; one answer for every kind of wrong."""
    name, wanted = request.form.get("name", ""), request.form.get("next")
    user = user_of_password(name, request.form.get("password", ""))
    if user is None:
        flash(WRONG, "problem")
        return render_template("login.html", onward=local_path(wanted, ""), name=name), 401
    log_in(user.id)
    return redirect(_onward(wanted, user.name), 303)


@blueprint.get("/signup")
def signup_form() -> Page:
    """The form, where visitors may make an account."""
    return _signup_page("", 200 if _is_open() else 404)


@blueprint.post("/signup")
def signup() -> Page:
    """Make the account, log in, and show the first token this once."""
    if not _is_open():
        return _signup_page("", 404)
    here = services()
    if not here.limiter.take(f"signup:{request.remote_addr}", PER_ADDRESS, window=GUESS_WINDOW).allowed:
        raise ApiError(429, TOO_MANY)
    name = request.form.get("name", "")
    try:
        with a_turn_to_hash(), here.pool.session() as connection:
            user_id = create_user(connection, check_page_name(name), password=request.form.get("password", ""))
    except (InvalidUserNameError, InvalidPasswordError, UserExistsError) as problem:
        flash(f"{problem}.", "problem")
        return _signup_page(name, 400)
    log_in(user_id)
    with here.pool.transaction() as cursor:
        token = create_token(cursor, user_id, TOKEN_LABEL, here.token_vault)
    return token_page(TOKEN_LABEL, token, welcome=True)


@blueprint.post("/logout")
def logout() -> Page:
    """End this browser's session."""
    log_out()
    flash("You are logged out.", "done")
    return redirect("/", 303)


def check_page_name(name: str) -> str:
    """A name whose page has an address that every browser and player can write. Raises InvalidUserNameError."""
    stored = check_name(name)
    if "/" in stored or "\\" in stored or not stored.strip("."):
        raise InvalidUserNameError(f"user name {name!r}: slashes, or dots alone, cannot be used")
    return stored


def _is_open() -> bool:
    return services().settings.signup == "open"


def _signup_page(name: str, status: int) -> tuple[str, int]:
    return render_template("signup.html", name=name), status


def _onward(wanted: str | None, name: str) -> str:
    return local_path(wanted, user_path(name))
