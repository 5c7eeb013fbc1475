"""The real server in a process of its own: limits shared by workers, odd bodies, what it holds and how it ends."""

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conf.postgres import Connection, transaction
from conf.settings import PROJECT, Settings, load_settings
from tests.faults.parts import until
from tests.live_server import Server, served
from tests.webapi.conftest import Account, listen, submission

pytestmark = pytest.mark.servers


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    with served(settings, RATE_LIMIT_PER_ADDRESS="20", RATE_LIMIT_WINDOW="3600") as running:
        yield running


def reported(connection: Connection) -> list[dict[str, Any]]:
    """What web workers say of themselves."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT detail FROM part_status WHERE part = 'web'")
        return [detail for (detail,) in cursor.fetchall()]


def test_two_workers_share_one_limit(server: Server) -> None:
    answers = [server.request("GET", "/1/validate-token?token=x") for _ in range(40)]
    assert [code for code, _, _ in answers].count(200) == 20
    assert answers[-1][2]["X-RateLimit-Remaining"] == "0"


def test_a_listen_is_taken_and_the_workers_report_themselves(
    server: Server, rob: Account, connection: Connection
) -> None:
    body = json.dumps(submission(listen(), listen_type="single"))
    assert server.request("POST", "/1/submit-listens", body, rob.headers)[:2] == (200, {"status": "ok"})
    until(lambda: len(reported(connection)) == 2, 30, "both workers report themselves")
    assert all(detail["rss_mb"] < 200 for detail in reported(connection))


def test_a_chunked_body_over_the_cap_is_refused_while_it_comes(server: Server, rob: Account) -> None:
    piece = b"10000\r\n" + b" " * 65536 + b"\r\n"
    head = f"POST /1/submit-listens HTTP/1.1\r\nHost: x\r\nAuthorization: Token {rob.token}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(10_240_000 // 65536 + 1):
            raw.sendall(piece)
        answer = b""
        while b"}" not in answer:
            answer += raw.recv(65536)
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"Payload too large" in answer


def test_a_chunked_listen_is_taken(server: Server, rob: Account) -> None:
    body = iter([json.dumps(submission(listen())).encode()])
    assert server.request("POST", "/1/submit-listens", body, rob.headers)[:2] == (200, {"status": "ok"})


def test_a_body_that_nobody_read_costs_no_kept_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for size in (10_000, 2_000_000, 100):
        for body in (b"x" * size, iter([b"x" * size])):
            connection.request("POST", "/1/submit-listens", body, {"Authorization": "Token wrong"})
            mine = connection.sock
            answer = connection.getresponse()
            assert answer.status in (401, 429)
            answer.read()
            assert connection.sock is mine, "not closed"
    connection.close()


def test_a_client_that_drops_mid_body_publishes_nothing(server: Server, rob: Account, connection: Connection) -> None:
    head = f"POST /1/submit-listens HTTP/1.1\r\nHost: x\r\nAuthorization: Token {rob.token}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as raw:
        raw.sendall(head.encode() + b"Content-Length: 1000\r\n\r\n" + json.dumps(submission(listen())).encode())
    time.sleep(0.5)
    assert server.request("GET", "/health/live")[0] == 200
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM queue_message")
        assert cursor.fetchone() == (0,)


def test_a_token_of_ten_kilobytes_gets_a_json_answer(server: Server) -> None:
    code, document, _ = server.request("POST", "/1/submit-listens", b"{}", {"Authorization": "Token " + "x" * 10_000})
    assert (code, document["code"]) == (401, 401)


HEAD = "POST /1/submit-listens HTTP/1.1\r\nHost: x\r\n"
UNREADABLE = {
    "long address": ("GET /" + "x" * 20_000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "large header": (f"{HEAD}X-Large: {'x' * 40_000}\r\n\r\n", 431),
    "length no number": (f"{HEAD}Authorization: Token secret\r\nContent-Length: secret\r\n\r\n", 400),
    "two lengths": (f"{HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}", 400),
    "unknown coding": (f"{HEAD}Transfer-Encoding: secret\r\n\r\n", 400),
    "header without a name": (f"{HEAD}: secret\r\n\r\n", 400),
    "no HTTP": ("secret\r\n\r\n", 400),
}


@pytest.fixture(scope="module")
def standing_server(standing_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("web")), "DATABASE_URL": standing_url}
    with served(load_settings(values, env_file=None), WEB_WORKERS="1") as running:
        yield running


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_readable_request_is_answered_in_json_for_any_origin(standing_server: Server, name: str) -> None:
    sent, status = UNREADABLE[name]
    with socket.create_connection(("127.0.0.1", standing_server.port), timeout=10) as raw:
        raw.sendall(sent.encode())
        answer = http.client.HTTPResponse(raw)
        answer.begin()
        document = json.loads(answer.read())
    assert (answer.status, document["code"], sorted(document)) == (status, status, ["code", "error"])
    assert answer.getheader("Content-Type") == "application/json"
    assert answer.getheader("Access-Control-Allow-Origin") == "*"
    assert "secret" not in document["error"]
    assert standing_server.request("GET", "/health/live")[0] == 200


def test_a_stopped_server_ends_in_order_and_takes_its_rows_away(settings: Settings, connection: Connection) -> None:
    with served(settings) as server:
        until(lambda: len(reported(connection)) == 2, 30, "both workers report themselves")
        process = server.process
    assert process.returncode == 0
    assert reported(connection) == []


def test_a_frozen_postgresql_is_503_within_five_seconds(settings: Settings, connection: Connection) -> None:
    with served(settings, WEB_WORKERS="1") as server, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE users IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        code, document, headers = server.request("GET", "/1/user/rob/listens")
        assert time.monotonic() - started < 5
        connection.rollback()
        assert (code, document["code"], headers["Retry-After"]) == (503, 503, "5")
        assert server.request("GET", "/1/user/rob/listens")[0] == 404


@pytest.mark.parametrize("path", ["/1/user/rob/listens", "/user/rob/", "/health/ready"])
def test_a_request_waits_for_a_frozen_postgresql_once(settings: Settings, connection: Connection, path: str) -> None:
    with served(settings, WEB_WORKERS="1") as server, connection.cursor() as cursor:
        # The limit, the view and the frame of the error page, each ask a table that does not answer.
        cursor.execute("LOCK TABLE rate_limit, users, web_session, part_status, queue_message IN ACCESS EXCLUSIVE MODE")
        raw = http.client.HTTPConnection("127.0.0.1", server.port, timeout=15)
        started = time.monotonic()
        raw.request("GET", path, headers={"Accept": "text/html", "Cookie": "listenlake_session=x"})
        answer = raw.getresponse()
        answer.read()
        assert time.monotonic() - started < 5
        raw.close()
        connection.rollback()
        assert answer.status == 503


def test_a_submission_waits_for_a_frozen_postgresql_once(
    settings: Settings, rob: Account, connection: Connection
) -> None:
    body = json.dumps(submission(listen()))
    with served(settings, WEB_WORKERS="1") as server, connection.cursor() as cursor:
        cursor.execute("LOCK TABLE rate_limit, queue_message IN ACCESS EXCLUSIVE MODE")
        started = time.monotonic()
        code, document, _ = server.request("POST", "/1/submit-listens", body, rob.headers)
        assert time.monotonic() - started < 5
        connection.rollback()
        assert (code, document["code"]) == (503, 503)
        assert server.request("POST", "/1/submit-listens", body, rob.headers)[0] == 200


def test_the_web_server_never_imports_spark() -> None:
    probe = (
        "import sys; import webapi.server, webapi.app; "
        "print([m for m in ('pyspark', 'delta', 'implicit', 'great_expectations', 'pandas') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", probe], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
