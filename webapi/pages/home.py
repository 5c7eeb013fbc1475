"""The home page: what this is, how a player is pointed here, and the way to a user's page."""

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as WerkzeugResponse

from jobs.listens.users import find_user
from webapi.pages.frame import user_path
from webapi.parameters import MAX_NAME
from webapi.services import services

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def home() -> Response:
    """For everybody."""
    return _home(None)


@blueprint.get("/find")
def find() -> Response | WerkzeugResponse:
    """On to the page of the user who is asked for, whatever the case of the name."""
    wanted = request.args.get("user", "").strip()
    if not wanted:
        return redirect("/", 303)
    with services().pool.transaction() as cursor:
        user = find_user(cursor, wanted) if len(wanted) <= MAX_NAME else None
    return redirect(user_path(user.name), 303) if user else _home(wanted)


def _home(unknown: str | None) -> Response:
    settings = services().settings
    page = render_template(
        "home.html", url=settings.url, audioscrobbler=settings.audioscrobbler == "on", unknown=unknown
    )
    return make_response(page, 404 if unknown else 200)
