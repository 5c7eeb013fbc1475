"""One document model, rendered as XML or JSON.

JSON is the XML without its outermost level: attributes become keys, text beside attributes becomes `#text`, every
scalar is text, one child of a name is an object, several are a list.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from flask import Response

from webapi.lastfm.errors import LastfmError

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
# XML 1.0 can hold none of these, not even escaped.
_UNHOLDABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Parsers make a line feed of a bare carriage return, and a space of any white space in an attribute.
_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"})
_ATTRIBUTE = {**_TEXT, **str.maketrans({'"': "&quot;", "\t": "&#9;", "\n": "&#10;"})}


@dataclass(frozen=True)
class Element:
    """One element of an answer."""

    name: str
    text: str | None = None
    """None: JSON shows no `#text` beside the attributes."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    children: tuple["Element", ...] = ()
    listed: tuple[str, ...] = ()
    """Names of children that JSON shows as a list, however many there are."""
    grouped: bool = False
    """JSON shows the attributes a second time, below `@attr`."""


def rendered(children: tuple[Element, ...], as_json: bool) -> Response:
    """An answer that succeeded."""
    if as_json:
        return _json(_value(Element("lfm", children=children)) or {})
    return _xml(Element("lfm", None, {"status": "ok"}, children))


def failed(problem: LastfmError, as_json: bool) -> Response:
    """An answer that failed; its status is 200 all the same."""
    if as_json:
        return _json({"error": problem.code, "message": problem.message})
    error = Element("error", problem.message, {"code": str(problem.code)})
    return _xml(Element("lfm", None, {"status": "failed"}, (error,)))


def holdable(text: str) -> str:
    """The text as XML can hold it: what it cannot hold is replaced, so that an answer is always well-formed."""
    return _UNHOLDABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _xml(root: Element) -> Response:
    pieces = [_HEAD]
    _write(pieces, root)
    return _response("".join(pieces).encode(), "application/xml")


def _json(document: Any) -> Response:
    return _response(orjson.dumps(document), "application/json")


def _response(body: bytes, kind: str) -> Response:
    """Nobody keeps it: a GET may be answered with a session key."""
    response = Response(body, content_type=f"{kind}; charset=utf-8")
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _write(pieces: list[str], element: Element) -> None:
    pieces.append(f"<{element.name}")
    for name, value in element.attributes.items():
        pieces.append(f' {name}="{holdable(value).translate(_ATTRIBUTE)}"')
    pieces.append(">")
    if element.text:
        pieces.append(holdable(element.text).translate(_TEXT))
    for child in element.children:
        _write(pieces, child)
    pieces.append(f"</{element.name}>")


def _value(element: Element) -> Any:
    if not (element.attributes or element.children or element.listed):
        return element.text or ""
    value: dict[str, Any] = {name: [] for name in element.listed}
    value.update(element.attributes)
    if element.grouped:
        value["@attr"] = dict(element.attributes)
    if element.text is not None:
        value["#text"] = element.text
    for child in element.children:
        _add(value, child)
    return value


def _add(value: dict[str, Any], child: Element) -> None:
    found = value.get(child.name)
    if isinstance(found, list):
        found.append(_value(child))
    elif found is None:
        value[child.name] = _value(child)
    else:
        value[child.name] = [found, _value(child)]
