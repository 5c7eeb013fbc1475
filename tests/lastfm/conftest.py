"""A player: calls of the Last.fm API, answered in XML or JSON."""
# ruff: noqa: F811 - fixtures by their names

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conf.postgres import Connection, connect, transaction
from tests.webapi.conftest import (  # noqa: F401 - fixtures
    Account,
    app,
    client,
    drain,
    rob,
    standing_client,
    standing_rob,
    standing_url,
)
from webapi.db.lastfm import new_session

API_KEY = "0123456789abcdef0123456789abcdef"
NOW = int(time.time())
FORMATS = ("xml", "json")


def parsed(text: bytes | str) -> ElementTree.Element:
    """The root of what must be well-formed XML."""
    return ElementTree.fromstring(text)  # noqa: S314 - our own answer


def value_of(element: ElementTree.Element) -> Any:
    """An element of the XML as JSON says it, but for what JSON adds or XML cannot tell: see `told_alike`."""
    if not element.attrib and not len(element):
        return element.text or ""
    value: dict[str, Any] = dict(element.attrib)
    if element.text:
        value["#text"] = element.text
    for child in element:
        value.setdefault(child.tag, []).append(value_of(child))
    return value


def told_alike(value: Any) -> Any:
    """Without @attr and empty texts; one of a kind is the thing itself, nothing of a kind is not there."""
    if isinstance(value, list):
        return told_alike(value[0]) if len(value) == 1 else [told_alike(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: told_alike(one) for key, one in value.items() if key != "@attr" and one != []}
    return {key: one for key, one in kept.items() if (key, one) != ("#text", "")} or ""


@dataclass(frozen=True)
class Answer:
    """One answer in both forms it may have: `document` is JSON, or the XML read as JSON."""

    response: TestResponse
    document: dict[str, Any]

    @property
    def code(self) -> int:
        """The error; 0: none."""
        return int(self.document.get("error", 0))

    @property
    def message(self) -> str:
        return str(self.document["message"])


def read(response: TestResponse) -> Answer:
    assert response.status_code == 200, response.text
    kind = response.headers["Content-Type"]
    if kind == "application/json; charset=utf-8":
        assert response.json is not None
        return Answer(response, response.json)
    assert kind == "application/xml; charset=utf-8"
    root = parsed(response.data)
    assert root.tag == "lfm"
    if root.attrib == {"status": "failed"}:
        (error,) = root
        return Answer(response, {"error": int(error.attrib["code"]), "message": error.text})
    assert root.attrib == {"status": "ok"}
    return Answer(response, {child.tag: told_alike(value_of(child)) for child in root})


@dataclass(frozen=True)
class Player:
    """A program with a key, and perhaps a session and a secret to sign with."""

    client: FlaskClient
    session: str | None = None
    api_key: str = API_KEY
    secret: str | None = None
    format: str = "json"

    def parameters(self, method: str, given: Mapping[str, Any]) -> dict[str, str]:
        sent = {"method": method, "api_key": self.api_key, **{name: str(value) for name, value in given.items()}}
        if self.session is not None:
            sent.setdefault("sk", self.session)
        if self.secret is not None:
            text = "".join(name + sent[name] for name in sorted(sent)) + self.secret
            sent["api_sig"] = hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the protocol's
        if self.format != "xml":
            sent["format"] = self.format
        return sent

    def post(self, method: str, **given: Any) -> Answer:
        return read(self.client.post("/2.0/", data=self.parameters(method, given)))

    def get(self, method: str, **given: Any) -> Answer:
        return read(self.client.get("/2.0/", query_string=self.parameters(method, given)))

    def scrobble(self, *tracks: Mapping[str, Any]) -> Answer:
        return self.post("track.scrobble", **indexed(*tracks))


def indexed(*tracks: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name}[{index}]": value for index, track in enumerate(tracks) for name, value in track.items()}


def track(name: str = "Song", timestamp: object = NOW - 1000, artist: str = "Artist", **more: Any) -> dict[str, Any]:
    return {"artist": artist, "track": name, "timestamp": timestamp, **more}


def session_of(connection: Connection, user_id: int, api_key: str = API_KEY) -> str:
    with transaction(connection) as cursor:
        return new_session(cursor, user_id, api_key)


def rows(connection: Connection, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with transaction(connection) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


@pytest.fixture
def player(client: FlaskClient, connection: Connection, rob: Account) -> Player:
    """Rob's, logged in."""
    return Player(client, session_of(connection, rob.id))


@pytest.fixture(scope="module")
def standing_player(
    standing_client: FlaskClient,
    standing_url: str,
    standing_rob: Account,
) -> Player:
    """Rob's, for calls that change nothing."""
    connection = connect(standing_url)
    session = session_of(connection, standing_rob.id)
    connection.close()
    return Player(standing_client, session)
