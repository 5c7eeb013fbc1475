"""The page about the API: everything of the document is on it, and its examples work as they stand."""

import re
import shlex
from html import unescape
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.webapi.conftest import Account
from webapi.openapi.page import SHOWN, introduction, kind

NOTHING_THERE = (
    "No dump entry exists.",
    "BADSESSION",
    "Cannot find model",
    "Similar-to user not found",
    "Cannot find playlist",
    "is not computed yet",
)
"""Answers to examples where there is no dump, session, model, similar user, playlist or report."""


@pytest.fixture(scope="module")
def page(standing_client: FlaskClient) -> str:
    answer = standing_client.get("/api/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer.text


def test_every_get_post_and_delete_is_on_the_page_and_in_its_contents(standing_client: FlaskClient, page: str) -> None:
    paths = standing_client.get("/1/openapi.json").get_json()["paths"]
    ids = {item[method]["operationId"] for item in paths.values() for method in SHOWN if method in item}
    assert {*re.findall(r'<section [^>]*id="(\w+)"', page)} == {*re.findall(r'href="#(\w+)">', page)} - {"main"} == ids


def test_nothing_on_the_page_needs_another_site_or_an_inline_script(page: str) -> None:
    assert "<script" not in page
    assert "style=" not in page
    assert all(source.startswith("/") for source in re.findall(r'(?:src|href)="([^"#][^"]*)"', page))


def test_the_curl_lines_work_as_they_stand(standing_client: FlaskClient, standing_rob: Account, page: str) -> None:
    texts = [unescape(text) for text in re.findall(r"<pre [^>]*>(.*?)</pre>", page, re.DOTALL)]
    commands = [shlex.split(text.replace("\\\n", "")) for text in texts]
    assert len(commands) > 5
    for curl, url, *options in commands:
        assert curl == "curl"
        path = re.sub(r"^https?://[^/]+", "", url).replace("alice", standing_rob.name)
        told = list(zip(options[::2], options[1::2], strict=True))
        headers = standing_rob.headers if "-H" in options else {}
        form = dict(value.split("=", 1) for option, value in told if option == "--data-urlencode")
        files = dict(value.partition(";filename=")[0].split("=", 1) for option, value in told if option == "-F")
        body: Any = form or {name: (BytesIO(text.encode()), "listens.jsonl") for name, text in files.items()}
        body = body or dict(told).get("-d")
        method = dict(told).get("-X") or ("POST" if body else "GET")
        answer = standing_client.open(path, method=method, data=body, headers=headers)
        # The import of the examples is nobody's.
        without = any(said in answer.text for said in NOTHING_THERE) or "IMPORT_ID" in url
        assert answer.status_code in (200, 204) or without, (url, options, answer.text)


def test_what_is_no_markup_of_ours_is_escaped() -> None:
    assert introduction("**a** `<b>`\n\n<i>") == ["<strong>a</strong> <code>&lt;b&gt;</code>", "&lt;i&gt;"]


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (
            {"anyOf": [{"type": "integer", "minimum": 0}, {"const": ""}], "default": 25},
            "integer, 0 or more; 25 if not given",
        ),
        ({"type": "integer", "minimum": 1, "maximum": 9}, "integer, 1 to 9"),
        ({"type": "integer", "minimum": -9, "maximum": 9}, "integer"),
        ({"type": "string", "enum": ["a", "b"]}, "a, b"),
        ({"type": "string", "format": "uuid"}, "uuid"),
        ({"type": "string", "maxLength": 3}, "string, at most 3 characters"),
    ],
)
def test_a_schema_in_words(schema: dict[str, object], words: str) -> None:
    assert kind(schema) == words
