"""An unchanged answer told before Flask is the one that the application would give, counted and limited like it."""

import gzip
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conf.postgres import Connection
from conf.settings import Settings
from tests.faults.parts import until
from tests.webapi.conftest import Account, Drain, listen, submission, timeless_app
from webapi.services import EXTENSION, Services
from webapi.versions import Hearing

BASE = 1_600_000_000
PATH = "/1/user/Rob/listens"
PATHS = (PATH, f"{PATH}?count=1", "/1/user/rob/listen-count", "/1/user/rob/playing-now")
OWN = {"X-Request-Id", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-RateLimit-Reset-In"}


def hearing(app: Flask, url: str) -> Iterator[Services]:
    here: Services = app.extensions[EXTENSION]
    thread = Hearing(url, here.versions)
    thread.start()
    until(lambda: here.versions.hears, 10, "the session hears")
    yield here
    thread.end()
    thread.join(10)


@pytest.fixture
def here(app: Flask, database_url: str) -> Iterator[Services]:
    """The application's services, which hear of changes: else nothing is told before Flask."""
    yield from hearing(app, database_url)


@pytest.fixture
def flask_calls(app: Flask) -> list[str]:
    """The paths that came as far as Flask."""
    calls: list[str] = []
    inner = app.full_dispatch_request

    def counted() -> object:
        from flask import request

        calls.append(request.full_path)
        return inner()

    app.full_dispatch_request = counted  # type: ignore[method-assign,assignment]
    return calls


@pytest.mark.parametrize("with_token", [False, True])
def test_it_has_the_headers_of_the_application(
    client: FlaskClient, rob: Account, here: Services, flask_calls: list[str], with_token: bool
) -> None:
    for path in PATHS:
        headers = rob.headers if with_token else {}
        etag = client.get(path, headers=headers).headers["ETag"]
        flask_calls.clear()
        told = client.get(path, headers={**headers, "If-None-Match": etag})
        assert flask_calls == []
        same = client.get(path, headers={**headers, "If-None-Match": f'"other", {etag}'})
        assert len(flask_calls) == 1
        assert (told.status_code, told.data, same.status_code) == (304, b"", 304)
        assert {key: value for key, value in told.headers if key not in OWN} == {
            key: value for key, value in same.headers if key not in OWN
        }
        assert set(told.headers.keys()) == set(same.headers.keys())
        assert int(told.headers["X-RateLimit-Remaining"]) == int(same.headers["X-RateLimit-Remaining"]) + 1


@pytest.mark.parametrize("encoding", [None, "gzip, deflate, br", "identity"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_whole_answer_told_again_is_the_one_the_application_gave(
    client: FlaskClient,
    rob: Account,
    here: Services,
    flask_calls: list[str],
    drain: Drain,
    method: str,
    encoding: str | None,
) -> None:
    songs = [listen(BASE + number, f"Song {number}") for number in range(25)]
    client.post("/1/submit-listens", json=submission(*songs), headers=rob.headers)
    drain()
    until(lambda: client.get(PATH).get_json()["payload"]["count"] == 25, 5, "it was heard")
    headers = {} if encoding is None else {"Accept-Encoding": encoding}
    for path in PATHS:
        first = client.open(path, method=method, headers=headers)
        client.get(path)
        flask_calls.clear()
        told = client.open(path, method=method, headers=headers)
        assert flask_calls == []
        assert told.status_code == 200
        assert set(told.headers.keys()) == set(first.headers.keys()) - {"Date"}  # the server adds its own
        differing = OWN | {"Content-Length"} if method == "HEAD" or "Content-Encoding" in told.headers else OWN
        assert {key: value for key, value in told.headers if key not in differing} == {
            key: value for key, value in first.headers if key not in {*differing, "Date"}
        }
        assert bytes_of(told) == bytes_of(first)


def bytes_of(answer: TestResponse) -> bytes:
    return gzip.decompress(answer.data) if answer.data and "Content-Encoding" in answer.headers else answer.data


def test_who_says_how_much_an_encoding_is_liked_is_answered_by_the_application(
    client: FlaskClient, rob: Account, here: Services, flask_calls: list[str]
) -> None:
    client.get(PATH)
    flask_calls.clear()
    answer = client.get(PATH, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert answer.status_code == 200
    assert "Content-Encoding" not in answer.headers
    assert len(flask_calls) == 1


def test_whatever_is_not_plain_goes_to_the_application(
    client: FlaskClient, rob: Account, here: Services, flask_calls: list[str]
) -> None:
    etag = client.get(PATH).headers["ETag"]
    flask_calls.clear()
    known = {"If-None-Match": etag}
    assert client.get(PATH, headers={**known, "Authorization": "Token wrong"}).status_code == 304
    assert client.get(f"{PATH}?count=x", headers=known).status_code == 400
    assert client.get("/1/user/nobody/listens", headers=known).status_code == 404
    assert client.post(PATH, headers=known).status_code == 405
    assert client.get(PATH, headers={"If-None-Match": "*"}).status_code == 304
    assert client.get(PATH, headers={"If-None-Match": 'W/"0"'}).status_code == 200
    assert len(flask_calls) == 6
    assert client.head(PATH, headers=known).status_code == 304
    assert len(flask_calls) == 6


def test_a_change_ends_it(client: FlaskClient, rob: Account, here: Services, drain: Drain) -> None:
    etag = client.get(PATH).headers["ETag"]
    assert client.get(PATH, headers={"If-None-Match": etag}).status_code == 304
    client.post("/1/submit-listens", json=submission(listen()), headers=rob.headers)
    drain()
    until(lambda: client.get(PATH, headers={"If-None-Match": etag}).status_code == 200, 2, "it was heard")


def test_it_is_not_told_while_changes_are_not_heard(
    client: FlaskClient, rob: Account, here: Services, flask_calls: list[str]
) -> None:
    etag = client.get(PATH).headers["ETag"]
    here.versions.hear(False)
    flask_calls.clear()
    assert client.get(PATH, headers={"If-None-Match": etag}).status_code == 304
    assert len(flask_calls) == 1


def test_it_is_counted_and_limited(settings: Settings, rob: Account, database_url: str) -> None:
    app = timeless_app(replace(settings, rate_limit_window=3600, rate_limit_per_address=4))
    for here in hearing(app, database_url):
        client = app.test_client()
        etag = client.get(PATH).headers["ETag"]
        answers = [client.get(PATH, headers={"If-None-Match": etag}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [304, 304, 304, 429, 429]
        told = {(one.route, one.status): sum(one.buckets) for one in here.requests.series()}
        route = "/1/user/<path:user_name>/listens"
        assert told == {(route, "2xx"): 1, (route, "3xx"): 3, (route, "4xx"): 2}


def test_a_removed_token_is_no_longer_believed(
    client: FlaskClient, rob: Account, here: Services, connection: Connection, flask_calls: list[str]
) -> None:
    etag = client.get(PATH, headers=rob.headers).headers["ETag"]
    time.sleep(1.1)
    flask_calls.clear()
    client.get(PATH, headers={**rob.headers, "If-None-Match": etag})
    assert len(flask_calls) == 1
