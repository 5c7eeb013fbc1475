"""The API's own document: for programs, and as a page for people."""

from flask import Blueprint, Response, current_app

from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.document import document_of
from webapi.services import services

blueprint = Blueprint("documentation", __name__)


@blueprint.get("/1/openapi.json")
@describes(
    "This document",
    group="Status",
    answers={200: Answer("OpenAPI 3.1.", {"type": "object", "required": ["openapi", "info", "paths", "components"]})},
    conditional=True,
)
def openapi() -> Response:
    """It is made from the code that answers. Its ETag changes with the code only."""
    return fresh(services().answers, ("openapi",), lambda: document_of(current_app))
