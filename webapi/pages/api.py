"""The page about the API: every operation of the document, for people."""

from flask import Blueprint, current_app, render_template

from webapi.openapi.document import document_of
from webapi.openapi.page import groups_of, introduction
from webapi.services import services

blueprint = Blueprint("api", __name__)


@blueprint.get("/api")
def api() -> str:
    """Made from the document of this very code."""
    document, url = document_of(current_app), services().settings.url
    about = introduction(document["info"]["description"])
    return render_template("api.html", groups=groups_of(document, url), about=about, url=url)
