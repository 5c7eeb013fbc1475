"""How a view says what it takes and what it gives: a decorator that leaves the function as it is.

Path parameters, methods, and the answers that every route may give (wrong token, rate limit, store down) are not
declared: the document takes them from the route.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

Schema = Mapping[str, Any]
"""A JSON Schema of dialect 2020-12, as OpenAPI 3.1 has it."""
Auth = Literal["none", "optional", "required"]
View = TypeVar("View", bound=Callable[..., Any])

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
_ATTRIBUTE = "__openapi_operation__"


class UndeclaredViewError(LookupError):
    """A route of the API whose view does not say what it takes and gives: decorate it with `describes`."""


@dataclass(frozen=True)
class Parameter:
    """A value in the query, the path or a header."""

    name: str
    schema: Schema
    about: str
    where: Literal["query", "path", "header"] = "query"
    required: bool = False
    example: Any = None

    def document(self) -> dict[str, Any]:
        """As an OpenAPI parameter."""
        document: dict[str, Any] = {
            "name": self.name,
            "in": self.where,
            "required": self.required or self.where == "path",
            "description": self.about,
            "schema": dict(self.schema),
        }
        return document if self.example is None else document | {"example": self.example}


@dataclass(frozen=True)
class Body:
    """What a POST takes. JSON is read whatever the Content-Type says; a form is a form."""

    schema: Schema
    example: Any
    about: str = ""
    media_type: str = JSON
    required: bool = True


@dataclass(frozen=True)
class Answer:
    """One way in which an operation answers."""

    about: str
    schema: Schema | None = None
    """None: no body."""
    media_types: tuple[str, ...] = (JSON,)


@dataclass(frozen=True)
class Operation:
    """What one view takes and gives."""

    title: str
    about: str
    """The view's docstring."""
    group: str
    auth: Auth
    parameters: tuple[Parameter, ...]
    body: Body | None
    answers: Mapping[int, Answer]
    """Those of this operation alone."""
    conditional: bool
    """Its answers have an ETag, and If-None-Match may get 304."""


def describes(
    title: str,
    *,
    group: str,
    answers: Mapping[int, Answer],
    auth: Auth = "none",
    parameters: tuple[Parameter, ...] = (),
    body: Body | None = None,
    conditional: bool = False,
    about: str | None = None,
) -> Callable[[View], View]:
    """Declare a view. `title`: a few words; what there is to say beyond them is `about`, or the view's docstring."""

    def declared(view: View) -> View:
        text = about if about is not None else " ".join((view.__doc__ or "").split())
        operation = Operation(title, text, group, auth, parameters, body, answers, conditional)
        setattr(view, _ATTRIBUTE, operation)
        return view

    return declared


def operation_of(view: Callable[..., Any]) -> Operation:
    """What the view declares. Raises UndeclaredViewError."""
    operation = getattr(view, _ATTRIBUTE, None)
    if not isinstance(operation, Operation):
        raise UndeclaredViewError(
            f"{view.__module__}.{view.__qualname__} serves the API but does not say what it takes and gives: "
            "decorate it with webapi.openapi.declare.describes"
        )
    return operation
