"""The document as a page shows it: groups of operations, each with its parameters, a curl line and its answers."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson
from markupsafe import Markup, escape

from webapi.openapi.declare import JSON

SHOWN = ("get", "post", "delete")
"""HEAD and OPTIONS are there for all paths; the introduction says so."""
ANYWHERE = ("429", "503")
"""Answers that every operation may give; the introduction says so."""


@dataclass(frozen=True)
class ShownParameter:
    """A row of the table of parameters."""

    name: str
    where: str
    kind: str
    """Its values, in words."""
    about: str


@dataclass(frozen=True)
class ShownOperation:
    """One operation."""

    id: str
    method: str
    path: str
    title: str
    about: str
    auth: str
    """What it asks of a token; empty: nothing."""
    parameters: list[ShownParameter]
    body: str
    """What is to say of its body."""
    curl: str
    answers: list[tuple[str, str]]


@dataclass
class Group:
    """The operations of one heading."""

    name: str
    operations: list[ShownOperation] = field(default_factory=list)


def groups_of(document: dict[str, Any], url: str) -> list[Group]:
    """What the page shows of the document; `url`: the address of this server, for the curl lines."""
    groups = {tag["name"]: Group(tag["name"]) for tag in document["tags"]}
    for path, item in document["paths"].items():
        for method in SHOWN:
            if method in item:
                operation = item[method]
                groups[operation["tags"][0]].operations.append(_shown(document, url, path, method, operation))
    return [group for group in groups.values() if group.operations]


def introduction(text: str) -> list[Markup]:
    """The paragraphs of the description: **strong** and `code` marked up, everything else escaped."""
    return [_marked(paragraph) for paragraph in text.split("\n\n")]


def _marked(text: str) -> Markup:
    html = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", str(escape(text)))
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", html))  # noqa: S704 - escaped above


def _shown(document: dict[str, Any], url: str, path: str, method: str, operation: dict[str, Any]) -> ShownOperation:
    auth = {0: "", 1: "needs a token", 2: "takes a token"}[len(operation["security"])]
    body = operation.get("requestBody", {})
    return ShownOperation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        title=operation["summary"],
        about=operation["description"],
        auth=auth,
        parameters=[_parameter(told) for told in operation["parameters"]],
        body=body.get("description", ""),
        curl=_curl(url, path, method, operation),
        answers=list(_answers(document, operation)),
    )


def _parameter(told: dict[str, Any]) -> ShownParameter:
    where = {"path": "path", "query": "query", "header": "header"}[told["in"]]
    required = ", required" if told["required"] and told["in"] != "path" else ""
    return ShownParameter(told["name"], where + required, kind(told["schema"]), told["description"])


def kind(schema: dict[str, Any]) -> str:
    """The values of a schema in words: `integer, 0 or more; 25 if not given`."""
    choices = [choice for choice in schema.get("anyOf", [schema]) if choice != {"const": ""}]
    words = " or ".join(_values(choice) for choice in choices)
    default = schema.get("default")
    return words if default is None else f"{words}; {default} if not given"


def _values(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(str(value) for value in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    low, high, name = schema.get("minimum"), schema.get("maximum"), schema.get("format") or schema.get("type", "any")
    if low is None or (high is not None and low == -high):
        return f"{name}, at most {schema['maxLength']} characters" if "maxLength" in schema else str(name)
    return f"{name}, {low} to {high}" if high is not None and high < 2**53 else f"{name}, {low} or more"


def _curl(url: str, path: str, method: str, operation: dict[str, Any]) -> str:
    """One command, to be pasted into a shell; parts of paths without an example stand in capitals."""
    given = {(told["in"], told["name"]): told.get("example") for told in operation["parameters"]}
    for name in re.findall(r"\{(\w+)\}", path):
        example = given.get(("path", name))
        path = path.replace(f"{{{name}}}", quote(str(example or name.upper()), safe=""))
    query = {name: value for (where, name), value in given.items() if where == "query" and value is not None}
    address = f"{url}{path}" + (f"?{urlencode(query)}" if query else "")
    words = [f"curl {shlex.quote(address)}"]
    if operation["security"]:
        words.append('-H "Authorization: Token $TOKEN"')
    content = operation.get("requestBody", {}).get("content", {}) if method != "get" else {}
    if method == "delete" or (method == "post" and not content):
        words.append(f"-X {method.upper()}")
    for media_type, told in content.items():
        words += _data(media_type, told["example"])
    return " \\\n  ".join(words)


def _data(media_type: str, example: Any) -> list[str]:
    if media_type == JSON:
        return [f"-d {shlex.quote(orjson.dumps(example, option=orjson.OPT_INDENT_2).decode())}"]
    if media_type == "multipart/form-data":
        return [f"-F {shlex.quote(f'{name}={value};filename=listens.jsonl')}" for name, value in example.items()]
    return [f"--data-urlencode {shlex.quote(f'{name}={value}')}" for name, value in example.items()]


def _answers(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for code, answer in operation["responses"].items():
        if code in ANYWHERE:
            continue
        name = answer.get("$ref", "").rpartition("/")[2]
        told = document["components"]["responses"][name] if name else answer
        yield code, told["description"]
