"""Logging in and out, and making an account where visitors may."""

from flask import Blueprint, flash, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from webapi.pages.frame import user_path
from webapi.passwords import user_of_password
from webapi.sessions import current_user, local_path, log_in, log_out

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


@blueprint.post("/logout")
def logout() -> Page:
    """End this browser's session."""
    log_out()
    flash("You are logged out.", "done")
    return redirect("/", 303)


def _onward(wanted: str | None, name: str) -> str:
    return local_path(wanted, user_path(name))
