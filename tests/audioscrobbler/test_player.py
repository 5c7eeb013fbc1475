"""The real server and a player as old ones are, which writes its requests itself: over both brokers."""

import socket
import time
from urllib.parse import quote, urlsplit

import pytest

from conf.broker import INCOMING, Delivery, open_broker
from conf.postgres import Connection, transaction
from conf.secret import Vault, secret_of
from conf.settings import Settings
from jobs.listens.listen import Submission
from jobs.listens.write import write_submissions
from tests.audioscrobbler.player import entry, proof
from tests.faults.parts import until
from tests.live_server import GENEROUS, Server, served
from tests.webapi.conftest import Account, make_account

pytestmark = pytest.mark.servers


class Player:
    """A C player of 2010: HTTP/1.1 without keep-alive, a form written by hand, and the body read to its end."""

    def __init__(self, server: Server, account: Account) -> None:
        self._address = ("127.0.0.1", server.port)
        self._account = account
        self.session = self.now_playing = self.submission = ""
        self.stamp = 0

    def exchange(self, request: str) -> tuple[int, str]:
        with socket.create_connection(self._address, timeout=10) as raw:
            raw.sendall(request.encode())
            answer = b""
            while piece := raw.recv(65536):
                answer += piece
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body.decode()

    def shake(self) -> tuple[int, str]:
        self.stamp = stamp = int(time.time())
        auth = proof(self._account.token, stamp)
        query = f"hs=true&p=1.2&c=tst&v=1.0&u={quote(self._account.name)}&t={stamp}&a={auth}"
        host = f"127.0.0.1:{self._address[1]}"
        status, body = self.exchange(f"GET /?{query} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
        if body.startswith("OK\n"):
            _, self.session, self.now_playing, self.submission, _ = body.split("\n")
        return status, body

    def post(self, url: str, form: dict[str, str]) -> tuple[int, str]:
        parts = urlsplit(url)
        assert (parts.hostname, parts.port) == self._address
        body = "&".join(f"{name}={quote(value, safe='')}" for name, value in {"s": self.session, **form}.items())
        return self.exchange(
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nConnection: close\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n\r\n{body}"
        )


@pytest.fixture
def rob(settings: Settings, connection: Connection) -> Account:
    return make_account(connection, "Rob", Vault(secret_of(settings)))


def test_a_player_submits_several_batches_and_loses_nothing(
    on_broker: Settings, rob: Account, connection: Connection
) -> None:
    with served(on_broker, **GENEROUS, BROKER_URL=on_broker.broker_url) as server:
        player = Player(server, rob)
        assert player.shake()[0] == 200
        now = {"a": "Artist", "t": "Song 0", "b": "", "l": "240", "n": "", "m": ""}
        assert player.post(player.now_playing, now) == (200, "OK\n")
        playing = server.request("GET", "/1/user/Rob/playing-now")[1]["payload"]
        assert playing["listens"][0]["track_metadata"]["track_name"] == "Song 0"
        for first in (0, 50, 100):
            fields = [entry(index, i=str(1700000000 + first + index)) for index in range(50)]
            batch = {name: value for one in fields for name, value in one.items()}
            assert player.post(player.submission, batch) == (200, "OK\n")
            # Its line was cut before the answer came: the same again.
            assert player.post(player.submission, batch) == (200, "OK\n")
        player.session = "0" * 32
        assert player.post(player.submission, entry(200)) == (401, "BADSESSION\n")
        until(lambda: int(time.time()) > player.stamp, 5, "the next second, which is another handshake")
        assert player.shake()[0] == 200
        assert player.post(player.submission, entry(0, i="1700000200")) == (200, "OK\n")

    broker = open_broker(on_broker)
    deliveries: list[Delivery] = []
    while more := broker.consume(INCOMING, 100, 2):
        deliveries += more
    assert len(deliveries) == 7
    write_submissions(connection, [Submission.decode(delivery.body) for delivery in deliveries])
    broker.ack(deliveries)
    broker.close()
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT listened_at), bool_and(user_id = %s) FROM listen", (rob.id,))
        assert cursor.fetchall() == [(151, 151, True)]


def test_switching_off_erases_at_the_start_of_the_server(
    settings: Settings, rob: Account, connection: Connection
) -> None:
    with served(settings, WEB_WORKERS="1") as server:
        assert Player(server, rob).shake()[0] == 200

    def kept() -> tuple[int, int]:
        with transaction(connection) as cursor:
            cursor.execute("SELECT (SELECT count(md5_encrypted) FROM token), count(*) FROM audioscrobbler_session")
            [row] = cursor.fetchall()
        return int(row[0]), int(row[1])

    assert kept() == (1, 1)
    with served(settings, WEB_WORKERS="1", AUDIOSCROBBLER="off") as server:
        until(lambda: kept() == (0, 0), 30, "all is erased")
        off = (400, "FAILED AudioScrobbler 1.2 is switched off on this server\n")
        assert Player(server, rob).shake() == off
