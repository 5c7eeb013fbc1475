"""The request log: one line a request, and in none of them, nor in any other, what only its sender should know."""

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from conf.logs import JsonFormatter, TextFormatter
from conf.postgres import Connection, transaction
from conf.settings import PROJECT, Settings, environment
from jobs.listens.users import hash_password, keep_password
from tests.audioscrobbler.player import shake
from tests.lastfm.conftest import Player, session_of
from tests.live_server import Server
from tests.pages.conftest import PASSWORD, Visitor
from tests.ports import free_port
from tests.webapi.conftest import Account, listen, make_account, submission
from webapi import create_app

LINE = "/1/user/<path:user_name>/listens"


@pytest.fixture
def lines() -> Iterator[None]:
    """The request log speaks."""
    log = logging.getLogger("request")
    log.setLevel(logging.INFO)
    yield
    log.setLevel(logging.NOTSET)


@pytest.mark.usefixtures("lines")
def test_a_line_has_id_user_route_status_and_milliseconds(
    client: FlaskClient, rob: Account, capfd: pytest.CaptureFixture[str]
) -> None:
    client.get("/1/user/Rob/listens?count=3", headers={**rob.headers, "X-Request-Id": "abc-1"})
    client.get("/nowhere/at/all")
    first, second = capfd.readouterr().err.splitlines()
    assert f" INFO request: id=abc-1 user={rob.id} method=GET route={LINE} status=200 ms=" in first
    assert " user=- method=GET route=- status=404 ms=" in second


@pytest.mark.usefixtures("lines")
def test_a_line_has_the_user_of_every_protocol(
    client: FlaskClient, connection: Connection, capfd: pytest.CaptureFixture[str]
) -> None:
    rob = make_account(connection, "Rob", client.application.extensions["listenlake"].vault)
    with transaction(connection) as cursor:
        keep_password(cursor, rob.id, hash_password(PASSWORD))
    lastfm = Player(client, session_of(connection, rob.id))
    lastfm.get("user.getInfo")
    Player(client).post("auth.getMobileSession", username="rob", password=PASSWORD)
    Player(client).get("user.getInfo", user="rob")
    session = shake(client, rob)
    client.post("/np_1.2", data={"s": session, "a": "A", "t": "t", "b": ""})
    client.post("/np_1.2", data={"s": "none of ours", "a": "A", "t": "t", "b": ""})
    browser = Visitor(client)
    browser.log_in()
    browser.get("/profile")

    told = re.findall(r" user=(\S+) method=(\S+) route=(\S+) ", capfd.readouterr().err)
    own = str(rob.id)
    assert told == [
        (own, "GET", "/2.0"),
        (own, "POST", "/2.0"),
        ("-", "GET", "/2.0"),
        (own, "GET", "/"),
        (own, "POST", "/np_1.2"),
        ("-", "POST", "/np_1.2"),
        ("-", "GET", "/login"),
        (own, "POST", "/login"),
        (own, "GET", "/profile"),
    ]


@pytest.mark.usefixtures("lines")
def test_a_line_may_be_json(settings: Settings, rob: Account, capfd: pytest.CaptureFixture[str]) -> None:
    client = create_app(replace(settings, log_format="json")).test_client()
    client.get("/1/user/Rob/listens?count=3", headers={**rob.headers, "X-Request-Id": "abc-1"})
    fields = json.loads(capfd.readouterr().err)
    assert fields.pop("ms") > 0
    assert fields.pop("time").endswith("Z")
    assert fields == {
        "level": "INFO", "logger": "request", "id": "abc-1", "user": rob.id, "method": "GET", "route": LINE,
        "status": 200,
    }  # fmt: skip


@pytest.mark.parametrize("given", ["a", "A.b_c-9", "x" * 64])
def test_a_safe_request_id_is_echoed(standing_client: FlaskClient, given: str) -> None:
    assert standing_client.get("/health/live", headers={"X-Request-Id": given}).headers["X-Request-Id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "<a>", "\xe4", "a;b"])
def test_another_one_is_replaced(standing_client: FlaskClient, given: str) -> None:
    made = standing_client.get("/health/live", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert made != given
    assert re.fullmatch(r"[0-9a-f]{10}-[0-9a-f]{6}", made)


def test_below_warning_there_are_no_lines(client: FlaskClient, capfd: pytest.CaptureFixture[str]) -> None:
    client.get("/health/live")
    assert capfd.readouterr().err == ""


def test_no_message_makes_a_second_line() -> None:
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "of %s", ("a\r\n2026 ERROR forged",), None)
    for formatter in (JsonFormatter(), TextFormatter()):
        assert len(formatter.format(record).splitlines()) == 1


def raw(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(5)
        while connection.recv(65536):
            pass


def send_everywhere(server: Server, rob: Account, canary: str) -> None:
    """The canary in the place of every secret, by every way in; rob's own token too."""
    own = rob.token
    headers = {"Authorization": f"Token {canary}", "Cookie": f"session={canary}", "X-Request-Id": f"<{canary}>"}
    for path in ("/1/validate-token", f"/1/validate-token?token={canary}", f"/{canary}", f"/1/user/{canary}/listens",
                 f"/1//{canary}//", f"/?hs=true&p=1.2&u={canary}&t=1&a={canary}&c=x", f"/2.0/?sk={canary}&method=x",
                 f"/1/user/rob/listens?count={canary}", f"/api/auth/?token={canary}&api_key={canary}"):  # fmt: skip
        for method in ("GET", "POST", "PUT"):
            raw(server.port, f"{method} {path} HTTP/1.1\r\nHost: {canary}\r\nConnection: close\r\n".encode()
                + "".join(f"{k}: {v}\r\n" for k, v in headers.items()).encode() + b"\r\n")  # fmt: skip
    form = f"sk={canary}&s={canary}&password={canary}&username=rob&token={canary}&a[0]={canary}&artist={canary}"
    for path in ("/2.0/", "/np_1.2", "/protocol_1.2", "/login", "/1/submit-listens", "/1/delete-listen"):
        for token in (canary, own):
            for body in (
                form,
                json.dumps({"token": canary, "payload": [{canary: canary}]}),
                f"{{{canary}",
                "\x00" + canary,
            ):
                head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Token {token}\r\nConnection: close\r\n"
                kind = "Content-Type: application/x-www-form-urlencoded\r\n"
                raw(server.port, f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    good = listen(1_600_000_000, canary)
    server.request("POST", "/1/submit-listens", json.dumps(submission(good)), rob.headers)
    server.request("POST", "/1/submit-listens", json.dumps(submission({**good, "listened_at": canary})), rob.headers)
    for odd in (f"{canary}\r\n\r\n", f"GET /{canary} HTTP/9\r\n\r\n", f"GET / HTTP/1.1\r\n{canary}\r\n\r\n",
                f"POST /1/submit-listens HTTP/1.1\r\nContent-Length: {canary}\r\n\r\n{canary}",
                f"POST /1/submit-listens HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{canary}\r\n{canary}",
                f"\x16\x03\x01{canary}", f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{canary}"):  # fmt: skip
        raw(server.port, odd.encode("latin-1"))


@pytest.mark.servers
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_of_any_request_is_in_the_log(
    settings: Settings, rob: Account, tmp_path: Path, log_format: str
) -> None:
    canary, port = f"canary{uuid4().hex}", free_port()
    environ = {**environment(settings), "WEB_PORT": str(port), "LOG_LEVEL": "DEBUG", "LOG_FORMAT": log_format}
    path = tmp_path / "web.log"
    with path.open("wb") as log:
        command = [sys.executable, str(PROJECT / "spark_manage.py"), "web"]
        process = subprocess.Popen(command, env={**os.environ, **environ}, stdout=log, stderr=log)
    server = Server(port, process, settings)
    try:
        wait_for(server)
        send_everywhere(server, rob, canary)
    finally:
        process.terminate()
        assert process.wait(30) == 0
    text = path.read_text()
    lines = [line for line in text.splitlines() if "/1/submit-listens" in line]
    assert len(lines) > 5, text
    assert canary not in text
    assert rob.token not in text
    if log_format == "json":
        assert all(json.loads(line)["level"] for line in text.splitlines())


def wait_for(server: Server) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            server.request("GET", "/health/live")
            return
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
