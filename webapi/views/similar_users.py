"""Users who listen to the same."""

from typing import Any

from flask import Blueprint, Response
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.users import find_user
from jobs.ranges import ALL_TIME
from spark_reader.load import load_document
from webapi.db.recommended import Known, similar_users_version
from webapi.db.users import names_of_users
from webapi.errors import NotFoundError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.schemas import TEXT, closed, component
from webapi.parameters import MAX_NAME
from webapi.services import services

STATISTIC = "similar_users"
NO_SUCH = "Similar-to user not found"

blueprint = Blueprint("similar_users", __name__, url_prefix="/1/user/<path:user_name>")

_SIMILAR = closed({"user_name": TEXT, "similarity": {"type": "number"}})


@blueprint.get("/similar-users")
@describes(
    "Users similar to a user",
    group="Similarity",
    answers={
        200: Answer(
            "The most similar first; empty where none is, or none was computed yet.",
            closed({"payload": {"type": "array", "items": _SIMILAR}}),
        )
    },
    conditional=True,
)
def similar_users(user_name: str) -> Response:
    """By the cosine of what they play. Who is gone since it was computed is left out."""
    known = _known(user_name)

    def document() -> dict[str, Any]:
        with services().pool.transaction() as cursor:
            found = similar_to(cursor, known.user_id)
        return {"payload": [{"user_name": name, "similarity": score} for name, score in found]}

    return fresh(services().answers, known.version, document)


@blueprint.get("/similar-to/<path:other_user_name>")
@describes(
    "How similar two users are",
    group="Similarity",
    answers={
        200: Answer("The other user, and how similar.", closed({"payload": _SIMILAR})),
        404: Answer("No such user, or the other is not among the most similar.", component("Error")),
    },
    conditional=True,
)
def similarity_to(user_name: str, other_user_name: str) -> Response:
    """Of two users of whom the one is among the most similar of the other."""
    known = _known(user_name)

    def document() -> dict[str, Any]:
        with services().pool.transaction() as cursor:
            other = find_user(cursor, other_user_name) if len(other_user_name) <= MAX_NAME else None
            scores = dict(_scores(cursor, known.user_id))
        if other is None or other.id not in scores:
            raise NotFoundError(NO_SUCH)
        return {"payload": {"user_name": other_user_name, "similarity": scores[other.id]}}

    return fresh(services().answers, known.version, document)


def similar_to(cursor: Cursor, user_id: int) -> list[tuple[str, float]]:
    """(name, similarity) of those who are there, the most similar first."""
    scores = _scores(cursor, user_id)
    names = names_of_users(cursor, [other for other, _ in scores])
    return [(names[other], score) for other, score in scores if other in names]


def _scores(cursor: Cursor, user_id: int) -> list[tuple[int, float]]:
    found = load_document(cursor, STATISTIC, ALL_TIME, user_id)
    return [] if found is None else [(other, score) for other, score in found.doc]


def _known(user_name: str) -> Known:
    with services().pool.statement() as cursor:
        found = similar_users_version(cursor, STATISTIC, user_name)
    if found is None:
        raise NotFoundError(f"User {user_name} not found")
    return found
