"""Pictures to post (api.md 12): SVG that refers to nothing outside itself."""

import time

from flask import Blueprint, Response, render_template

from jobs.years import FIRST_YEAR, current_year, range_of
from webapi.cards import IMAGES, MARGIN, OVERVIEW, SIDE, card_of
from webapi.db.year_in_music import report_version
from webapi.errors import BadRequestError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, Parameter, describes
from webapi.openapi.schemas import component
from webapi.pages.frame import look_digest
from webapi.parameters import chosen, whole
from webapi.services import services
from webapi.year_in_music import report_of, statistics

blueprint = Blueprint("art", __name__, url_prefix="/1/art")

SVG = "image/svg+xml"
CSP = "default-src 'none'; sandbox"
"""Whoever opens the picture by itself: nothing is loaded, nothing runs."""


@blueprint.get("/year-in-music/<year>/<path:user_name>")
@describes(
    "The year in music of a user as a card",
    group="Art",
    parameters=(
        Parameter(
            "image",
            {"type": "string", "enum": [*IMAGES, ""], "default": OVERVIEW},
            "What is on it.",
            example="artists",
        ),
    ),
    answers={
        200: Answer("A square picture.", {"type": "string"}, (SVG,)),
        204: Answer("The user has too few listens in this year, or the report has nothing of this image."),
        400: Answer("No such image, user or year, or no report of the user's year.", component("Error")),
    },
    conditional=True,
)
def year_in_music(year: str, user_name: str) -> Response:
    """To be posted: texts are cut so that they fit, and nothing in them is markup."""
    image, number = chosen("image", tuple(IMAGES)) or OVERVIEW, whole(year)
    if number is None or not FIRST_YEAR <= number <= current_year(time.time()):
        raise BadRequestError(f"Cannot find Year in Music report for year: {year}")
    with services().pool.statement() as cursor:
        known = report_version(cursor, statistics(), range_of(number), user_name)
    if known is None:
        raise BadRequestError(f"User {user_name} not found")
    if not known.computed:
        raise BadRequestError(f"Year in Music report for user {user_name} not found: {number} is not computed yet")

    def picture() -> bytes | None:
        with services().pool.transaction() as cursor:
            data = report_of(cursor, known.user_id, known.user_name, number)
        if not data:
            raise BadRequestError(
                f"Year in Music report for user {user_name} not found: no listens of {number} have been counted"
            )
        card = card_of(image, data, known.user_name)
        if card is None:
            return None
        return render_template("year_card.svg", card=card, year=number, side=SIDE, margin=MARGIN).encode()

    answer = fresh(services().answers, (look_digest(), known.version), picture, mimetype=SVG)
    answer.headers["Content-Security-Policy"] = CSP
    return answer
