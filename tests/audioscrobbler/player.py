"""What an AudioScrobbler 1.2 player does, through a test client."""

import hashlib
import time

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.webapi.conftest import Account

Answer = tuple[int, list[str]]


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def proof(token: str, stamp: object) -> str:
    return md5(md5(token) + str(stamp))


def query(account: Account, **changed: str | None) -> dict[str, str]:
    """The handshake of a player that does everything right, with fields changed, or left out for None."""
    stamp = changed.get("t") or str(int(time.time()))
    right = {"hs": "true", "p": "1.2", "c": "tst", "v": "1.0", "u": account.name, "t": stamp}
    right["a"] = proof(account.token, stamp)
    return {name: value for name, value in {**right, **changed}.items() if value is not None}


def said(response: TestResponse) -> Answer:
    """Status and lines of an answer, which is plain text and ends with a newline."""
    assert response.mimetype == "text/plain", response.get_data(as_text=True)
    text = response.get_data(as_text=True)
    assert text.endswith("\n")
    return response.status_code, text[:-1].split("\n")


def shake(client: FlaskClient, account: Account, **changed: str | None) -> str:
    """A session."""
    status, lines = said(client.get("/", query_string=query(account, **changed)))
    assert (status, lines[0], len(lines)) == (200, "OK", 4)
    return lines[1]


def entry(index: int, **changed: str | None) -> dict[str, str]:
    """One listen as a C player sends it: m, n and r empty. Fields changed, or left out for None."""
    usual = {"a": "Artist", "t": f"Song {index}", "i": str(1700000000 + index), "o": "P", "r": "", "l": "240"}
    usual |= {"b": "Album", "n": "", "m": ""}
    return {f"{letter}[{index}]": value for letter, value in {**usual, **changed}.items() if value is not None}


def submit(client: FlaskClient, session: str, *entries: dict[str, str]) -> Answer:
    form = {"s": session}
    for fields in entries:
        form |= fields
    return said(client.post("/protocol_1.2", data=form))
