"""The OpenAPI 3.1 document of an application: its routes, and what their views declare."""

import re
from collections.abc import Iterator
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from webapi.hooks import is_native
from webapi.openapi.answers import error_answer, error_answers
from webapi.openapi.declare import Answer, Operation, Parameter, Schema, UndeclaredViewError, operation_of
from webapi.openapi.headers import CORS, HEADERS, LIMITS, refer
from webapi.openapi.parameters import IF_NONE_MATCH, PATH
from webapi.openapi.schemas import SCHEMAS

_PART = re.compile(r"<(?:(?P<converter>[a-z_]+)(?:\([^<>]*\))?:)?(?P<name>\w+)>")
_CONVERTED: dict[str, Schema] = {"int": {"type": "integer", "minimum": 0}, "float": {"type": "number"}}
_ABOUT = """
Music players and other programs send listens here and read them back. Existing ListenBrainz clients work with this
address as their API URL.

**Tokens.** `Authorization: Token YOUR-TOKEN`. A wrong token is 401 wherever a token is read.

**Errors** are JSON, `{"code": status, "error": text}`: also 404 for paths that are not there, 405 for methods that a
path does not have, 414 and 431 for requests with too long a line or too large headers. Any answer may be 503 while the
database or the queue cannot be reached: nothing was done then, so try again.

**Limits.** Every answer has the X-RateLimit headers; beyond the limit the answer is 429. Requests with a token count
for the token, all others for the address they come from.

**Browsers.** Every path answers OPTIONS with 200, without a token and without counting it; answers are open to scripts
of any site. Every GET has its HEAD.

**Bodies** are read as JSON whatever their Content-Type says. Times are whole seconds since the epoch, UTC. A slash at
the end of a path is ignored, and an empty value in the query is the same as none unless it says otherwise.
"""
TOKEN_SCHEME = "Token"  # noqa: S105 - a name
SECURITY: dict[str, Any] = {"none": [], "optional": [{}, {TOKEN_SCHEME: []}], "required": [{TOKEN_SCHEME: []}]}


def document_of(app: Flask) -> dict[str, Any]:
    """The document. Raises UndeclaredViewError for a route below /1 that declares nothing."""
    paths: dict[str, dict[str, Any]] = {}
    groups: dict[str, None] = {}
    for rule, operation in declared_routes(app):
        item = paths.setdefault(path_of(rule), {})
        item.update(_operations(rule, operation))
        groups[operation.group] = None
    return {
        "openapi": "3.1.0",
        "info": {"title": "Listenlake", "version": "1", "description": _ABOUT.strip()},
        "servers": [{"url": "/"}],
        "tags": [{"name": group} for group in groups],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "headers": HEADERS,
            "responses": error_answers(),
            "securitySchemes": {
                TOKEN_SCHEME: {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "`Token ` and the user token. Only the second word is read.",
                }
            },
        },
    }


def declared_routes(app: Flask) -> Iterator[tuple[Rule, Operation]]:
    """The routes of the document with what they declare, by path: all below /1, and others that declare something.

    Raises UndeclaredViewError.
    """
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (path_of(rule), sorted(rule.methods or ()))):
        try:
            yield rule, operation_of(app.view_functions[rule.endpoint])
        except UndeclaredViewError:
            if is_api(rule):
                raise


def is_api(rule: Rule) -> bool:
    """Whether the route has the API's rate limit, CORS headers and error shape."""
    return is_native(rule.rule)


def path_of(rule: Rule) -> str:
    """The route's path as OpenAPI writes it: /1/user/{user_name}/listens."""
    return _PART.sub(r"{\g<name>}", rule.rule)


def _operations(rule: Rule, operation: Operation) -> dict[str, Any]:
    """The operations of a route by method, in lower case."""
    methods = sorted(rule.methods or ())
    name = rule.endpoint.replace(".", "_")
    main = _operation(rule, operation)
    found: dict[str, Any] = {}
    for method in methods:
        if method == "OPTIONS":
            found["options"] = _options(rule, operation, name)
        elif method == "HEAD":
            found["head"] = _head(main) | {"operationId": f"{name}_head"}
        else:
            suffix = f"_{method.lower()}" if len({*methods} - {"HEAD", "OPTIONS"}) > 1 else ""
            found[method.lower()] = main | {"operationId": name + suffix}
    if "get" in found and "post" in found:
        # Such a route reads its parameters from the query or the form.
        found["post"] = found["post"] | {"parameters": [told.document() for told in path_parameters(rule)]}
    for method in {"get", "head"} & set(found):
        found[method].pop("requestBody", None)
    return found


def _operation(rule: Rule, operation: Operation) -> dict[str, Any]:
    conditional = (IF_NONE_MATCH,) if operation.conditional else ()
    parameters = [*path_parameters(rule), *operation.parameters, *conditional]
    document: dict[str, Any] = {
        "summary": operation.title,
        "description": operation.about,
        "tags": [operation.group],
        "security": SECURITY[operation.auth],
        "parameters": [parameter.document() for parameter in parameters],
        "responses": _answers(rule, operation),
    }
    body = operation.body
    if body is not None:
        document["requestBody"] = {
            "description": body.about,
            "required": body.required,
            "content": {body.media_type: {"schema": body.schema, "example": body.example}},
        }
    return document


def _head(get: dict[str, Any]) -> dict[str, Any]:
    """As GET, without the bodies."""
    answers = {code: {"description": "As the answer to GET, without its body."} for code in get["responses"]}
    return get | {"responses": answers, "summary": f"{get['summary']}: headers only"}


def _options(rule: Rule, operation: Operation, name: str) -> dict[str, Any]:
    headers = refer(*CORS) if is_api(rule) else {}
    return {
        "summary": "What browsers ask before a request from another site",
        "operationId": f"{name}_options",
        "tags": [operation.group],
        "security": [],
        "parameters": [parameter.document() for parameter in path_parameters(rule)],
        "responses": {"200": {"description": "Methods and headers that are allowed.", "headers": headers}},
    }


def path_parameters(rule: Rule) -> list[Parameter]:
    """The parameters in a route's path, in order."""
    return [_path_parameter(part["name"], part["converter"] or "default") for part in _PART.finditer(rule.rule)]


def _path_parameter(name: str, converter: str) -> Parameter:
    known = PATH.get(name)
    if known is not None:
        return known
    schema = _CONVERTED.get(converter, {"type": "string", "minLength": 1})
    return Parameter(name, schema, f"The {name.replace('_', ' ')}.", where="path")


def _answers(rule: Rule, operation: Operation) -> dict[str, Any]:
    """Those of the operation, and those that the route has by its nature."""
    own = dict(operation.answers)
    if operation.conditional:
        own[304] = Answer("What you have is still so.")
    answers = {str(code): _answer(answer, _headers(rule, operation, str(code))) for code, answer in own.items()}
    if is_api(rule):
        for code in _codes(rule, operation):
            answers.setdefault(str(code), error_answer(code))
    return dict(sorted(answers.items()))


def _answer(answer: Answer, headers: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"description": answer.about, "headers": headers}
    if answer.schema is not None:
        document["content"] = {media_type: {"schema": answer.schema} for media_type in answer.media_types}
    return document


def _headers(rule: Rule, operation: Operation, code: str) -> dict[str, Any]:
    names = (*CORS, *LIMITS) if is_api(rule) else ()
    return refer(*names, *(("ETag",) if operation.conditional and code in ("200", "304") else ()))


def _codes(rule: Rule, operation: Operation) -> Iterator[int]:
    if operation.parameters or operation.body is not None:
        yield 400
    if operation.auth != "none":
        yield 401
    if rule.arguments:
        yield 404
    if operation.body is not None:
        yield 415
    yield from (429, 503)
