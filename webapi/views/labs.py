"""The similarity indexes in the form of the data sets that ListenBrainz has on its labs host: inputs in, rows out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from flask import Blueprint, Response, request
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.validator import canonical_uuid
from jobs.similarity.parameters import statistics
from webapi.bodies import INVALID_DOCUMENT, read_body
from webapi.db.recommended import algorithm_of, load_entity_documents
from webapi.errors import BadRequestError
from webapi.fresh import JSON
from webapi.openapi.declare import Answer, Body, Parameter, Schema, describes
from webapi.openapi.schemas import COUNT, MAYBE_TEXT, MAYBE_UUID, TEXT, closed
from webapi.openapi.schemas import UUID as UUID_SCHEMA
from webapi.services import services
from webapi.views.similarity import ARTISTS, RECORDINGS, similar_recording

MOST_IDS = 100
"""Recordings or artists of one request."""

Row = dict[str, Any]
Asked = tuple[UUID, str | None]
"""An id, and the algorithm whose rows are wanted."""
Item = dict[str, Any]

blueprint = Blueprint("labs", __name__)

_MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ALGORITHM = Parameter(
    "algorithm",
    TEXT,
    "As /1/similarity/ names it. Of another one than is served there the rows are kept for a week; where they are not "
    "there, the rows are those that are served.",
)


def _about(ids: str) -> tuple[Parameter, Body]:
    """How the ids are given in the query, and in a body."""
    listed = {"type": "string", "pattern": f"^{_UUID}(,{_UUID}){{0,{MOST_IDS - 1}}}$"}
    asked = Parameter(ids, listed, f"At most {MOST_IDS}, with commas between them.", required=True, example=_MBID)
    inputs: Schema = {
        "type": "array",
        "minItems": 1,
        "items": {
            "type": "object",
            "required": [ids],
            "properties": {
                ids: {"type": "array", "items": UUID_SCHEMA, "minItems": 1, "maxItems": MOST_IDS},
                "algorithm": {"description": _ALGORITHM.about},
            },
        },
    }
    about = f"Inputs, with at most {MOST_IDS} ids in all; the ids may also be one text with commas."
    return asked, Body(inputs, [{ids: [_MBID]}], about)


_RECORDING_QUERY, _RECORDING_BODY = _about("recording_mbids")
_ARTIST_QUERY, _ARTIST_BODY = _about("artist_mbids")
_RECORDING_ROWS = {
    "type": "array",
    "items": closed(
        {
            "recording_mbid": MAYBE_UUID,
            "recording_msid": MAYBE_UUID,
            "recording_name": TEXT,
            "artist_credit_name": TEXT,
            "score": COUNT,
            "reference_mbid": UUID_SCHEMA,
        }
    ),
}
_ARTIST_ROWS = {
    "type": "array",
    "items": closed(
        {
            "artist_mbid": UUID_SCHEMA,
            "name": TEXT,
            "comment": MAYBE_TEXT,
            "type": MAYBE_TEXT,
            "gender": MAYBE_TEXT,
            "score": COUNT,
            "reference_mbid": UUID_SCHEMA,
        }
    ),
}


@blueprint.get("/similar-recordings/json")
@describes(
    "Recordings similar to recordings, as rows",
    group="Similarity",
    parameters=(_RECORDING_QUERY, _ALGORITHM),
    answers={200: Answer("Rows of each in turn, the most similar first.", _RECORDING_ROWS)},
)
def get_similar_recordings() -> Response:
    """`reference_mbid` is the recording that a row is similar to."""
    return _rows(RECORDINGS, _of_query("recording_mbids"), similar_recording)


@blueprint.post("/similar-recordings/json")
@describes(
    "Recordings similar to many recordings, as rows",
    group="Similarity",
    body=_RECORDING_BODY,
    answers={200: Answer("Rows of each in turn, the most similar first.", _RECORDING_ROWS)},
)
def post_similar_recordings() -> Response:
    """As GET, with a list of inputs."""
    return _rows(RECORDINGS, _of_body("recording_mbids"), similar_recording)


@blueprint.get("/similar-artists/json")
@describes(
    "Artists similar to artists, as rows",
    group="Similarity",
    parameters=(_ARTIST_QUERY, _ALGORITHM),
    answers={200: Answer("Rows of each in turn, the most similar first.", _ARTIST_ROWS)},
)
def get_similar_artists() -> Response:
    """`reference_mbid` is the artist that a row is similar to; what is not known of an artist is null."""
    return _rows(ARTISTS, _of_query("artist_mbids"), _artist_row)


@blueprint.post("/similar-artists/json")
@describes(
    "Artists similar to many artists, as rows",
    group="Similarity",
    body=_ARTIST_BODY,
    answers={200: Answer("Rows of each in turn, the most similar first.", _ARTIST_ROWS)},
)
def post_similar_artists() -> Response:
    """As GET, with a list of inputs."""
    return _rows(ARTISTS, _of_body("artist_mbids"), _artist_row)


def _rows(served: str, asked: Sequence[Asked], row: Callable[[Item], Row]) -> Response:
    by_algorithm: dict[str | None, list[UUID]] = {}
    for one, algorithm in asked:
        by_algorithm.setdefault(algorithm, []).append(one)
    with services().pool.transaction() as cursor:
        found = {
            (one, algorithm): document
            for algorithm, ids in by_algorithm.items()
            for one, document in load_entity_documents(cursor, _made_by(cursor, served, algorithm), ids).items()
        }
    documents = ((one[0], orjson.loads(found[one])) for one in asked if one in found)
    rows = [{**row(item), "reference_mbid": str(one)} for one, document in documents for item in document["items"]]
    return Response(orjson.dumps(rows), mimetype=JSON)


def _made_by(cursor: Cursor, served: str, algorithm: str | None) -> str:
    """The statistic that this algorithm made, else the one that is served."""
    if algorithm is None:
        return served
    return next((name for name in statistics(served) if algorithm_of(cursor, name) == algorithm), served)


def _artist_row(item: Item) -> Row:
    unknown = dict.fromkeys(("comment", "type", "gender"))
    return {"artist_mbid": item["artist_mbid"], "name": item["artist_name"], **unknown, "score": item["score"]}


def _of_query(name: str) -> list[Asked]:
    algorithm = request.args.get("algorithm")
    return _asked(name, [(text, algorithm) for text in (request.args.get(name) or "").split(",")])


def _of_body(name: str) -> list[Asked]:
    try:
        inputs = orjson.loads(read_body())
    except orjson.JSONDecodeError as problem:
        raise BadRequestError(f"Cannot parse JSON document: {problem}") from None
    if not isinstance(inputs, list) or not inputs or not all(isinstance(one, dict) for one in inputs):
        raise BadRequestError(f"{INVALID_DOCUMENT}expected a list of objects with {name}.")
    return _asked(name, [(text, _algorithm(one)) for one in inputs for text in _texts(name, one)])


def _algorithm(given: Mapping[str, Any]) -> str | None:
    """What an input names; what is no text names none."""
    algorithm = given.get("algorithm")
    return algorithm if isinstance(algorithm, str) else None


def _texts(name: str, given: Mapping[str, Any]) -> Iterator[str]:
    """The ids of one input: a list of texts, or one text with commas."""
    ids = given.get(name)
    texts = ids.split(",") if isinstance(ids, str) else ids
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRequestError(f"{name}: expected a list of UUIDs.")
    yield from texts


def _asked(name: str, given: Sequence[tuple[str, str | None]]) -> list[Asked]:
    found = []
    for text, algorithm in given:
        one = canonical_uuid(text.strip())
        if one is None:
            raise BadRequestError(f"{name}: {text.strip()[:100]} is no UUID.")
        found.append((UUID(one), algorithm))
    distinct = list(dict.fromkeys(found))
    if not distinct:
        raise BadRequestError(f"{name}: expected at least one UUID.")
    if len(distinct) > MOST_IDS:
        raise BadRequestError(f"{name}: at most {MOST_IDS} are taken at once.")
    return distinct
