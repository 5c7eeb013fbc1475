"""Bodies of requests: read raw, whatever their Content-Type says, and never beyond a cap."""

import json
from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import orjson
from flask import request
from gunicorn.http.errors import ParseException
from werkzeug.exceptions import ClientDisconnected

from jobs.listens.validator import LISTEN_TYPES, InvalidListenError, ListenType, canonical_uuid, check_numbers
from webapi.errors import ApiError, BadRequestError, TooSlowError

MAX_LISTEN_SIZE = 10240
MAX_LISTENS_PER_REQUEST = 1000
MAX_LISTEN_PAYLOAD_SIZE = MAX_LISTEN_SIZE * MAX_LISTENS_PER_REQUEST
MAX_FORM_BODY = 2_000_000
"""Bytes of a form of an older protocol: 50 listens of the greatest size, each byte percent-encoded, and room."""
LISTEN_TOO_LARGE = f"JSON document is too large. Each listens may not be larger than {MAX_LISTEN_SIZE} bytes."
NOT_AN_OBJECT = "Invalid JSON document submitted. Top level of JSON document should be a json object."
INVALID_DOCUMENT = "Invalid JSON document submitted: "
_STEP = 1 << 20
_MAX_ECHO = 200


def read_form_body() -> bytes:
    """The raw body of a form. Raises ApiError 413 beyond MAX_FORM_BODY."""
    return _read(MAX_FORM_BODY, ApiError(413, f"The form is too large. It cannot exceed {MAX_FORM_BODY} bytes"))


def read_body() -> bytes:
    """The raw body. Raises BadRequestError beyond MAX_LISTEN_PAYLOAD_SIZE."""
    too_large = BadRequestError(f"Payload too large. Payload cannot exceed {MAX_LISTEN_PAYLOAD_SIZE} bytes")
    return _read(MAX_LISTEN_PAYLOAD_SIZE, too_large)


def _read(most: int, too_large: ApiError) -> bytes:
    """Refused as soon as it is known to be too large, also when it comes in chunks without a length."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise ApiError(415, f"Content-Encoding {encoding[:_MAX_ECHO]} is not supported; send the document as it is.")
    if (request.content_length or 0) > most:
        raise too_large
    try:
        body = _read_to_the_end(most, too_large)
    except TooSlowError:
        raise
    except (OSError, ParseException):
        raise BadRequestError("The body ended before its end, or is not properly chunked.") from None
    if request.content_length is not None and len(body) < request.content_length:
        raise ClientDisconnected
    return body


def _read_to_the_end(most: int, too_large: ApiError) -> bytes:
    pieces: list[bytes] = []
    left = most + 1
    while piece := request.stream.read(min(left, _STEP)):
        pieces.append(piece)
        left -= len(piece)
        if not left:
            raise too_large
    return b"".join(pieces)


def read_object(body: bytes) -> dict[str, Any]:
    """The body as one JSON object, strictly: UTF-8, no NaN, no key twice where it would change the envelope."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise BadRequestError(f"Cannot parse JSON document: {problem}") from None
    if not isinstance(document, dict):
        raise BadRequestError(NOT_AN_OBJECT)
    return document


def refuse_other_keys(document: Mapping[str, Any], *known: str) -> None:
    """What a document says beyond what is read of it was meant otherwise. Raises BadRequestError."""
    for name in document:
        if name not in known:
            raise BadRequestError(f"{INVALID_DOCUMENT}{name[:_MAX_ECHO]} is not a key of it.")


def sent_uuid(name: str, value: object) -> UUID:
    """The UUID of a document's key. Raises BadRequestError."""
    found = canonical_uuid(value)
    if found is None:
        raise BadRequestError(f"{INVALID_DOCUMENT}{name} format invalid.")
    return UUID(found)


def read_submission(body: bytes) -> tuple[ListenType, list[object]]:
    """Type and listens of a submit-listens document; the listens themselves are judged by the validator."""
    document = read_object(body)
    _refuse_twice(body)
    if "payload" not in document or "listen_type" not in document:
        raise BadRequestError("Invalid JSON document submitted.")
    payload, listen_type = document["payload"], document["listen_type"]
    _check_payload(payload, len(body))
    if listen_type not in LISTEN_TYPES:
        raise BadRequestError("JSON document requires a valid listen_type key.")
    if listen_type != "import" and len(payload) > 1:
        raise BadRequestError(
            "JSON document contains more than listen for a single/playing_now. It should contain only one."
        )
    try:
        check_numbers(body)
    except InvalidListenError as problem:
        raise BadRequestError(problem.message) from None
    return cast(ListenType, listen_type), payload


def _check_payload(payload: object, size: int) -> None:
    if not isinstance(payload, list):
        raise BadRequestError("The payload in the JSON document should be a list of listens.")
    if not payload:
        raise BadRequestError("JSON document does not contain any listens")
    if len(payload) > MAX_LISTENS_PER_REQUEST:
        raise BadRequestError(
            f"Too many listens. You may not submit more than {MAX_LISTENS_PER_REQUEST} listens at once."
        )
    if size > len(payload) * MAX_LISTEN_SIZE:
        raise BadRequestError(LISTEN_TOO_LARGE)


def _refuse_twice(body: bytes) -> None:
    """Two payloads or types in one document: parsers differ in which they take, so neither is taken."""
    if body.count(b'"payload"') < 2 and body.count(b'"listen_type"') < 2:
        return
    try:
        top: list[tuple[str, Any]] = json.loads(body, object_pairs_hook=list)
    except (ValueError, RecursionError) as problem:
        raise BadRequestError(f"Cannot parse JSON document: {problem}") from None
    keys = [key for key, _ in top]
    for key in ("payload", "listen_type"):
        if keys.count(key) > 1:
            raise BadRequestError(f"Cannot parse JSON document: the key {key} occurs twice")
