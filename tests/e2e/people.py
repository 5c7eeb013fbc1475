"""People as the system meets them: clients of the HTTP API, and what was asked of the cluster for them."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import requests as http
from deltalake import DeltaTable

from conf import postgres
from conf.broker import open_broker
from conf.settings import Settings
from jobs import lake_files
from jobs.lake_files import LakeEmptyError
from jobs.listens.changes import waiting
from jobs.listens.users import create_token, create_user
from request_consumer import request_rows, requests
from request_consumer.request_rows import RequestRow
from tests.faults.parts import System, until

PER_CALL = 1000


@dataclass(frozen=True)
class Person:
    """A user with a token."""

    name: str
    token: str
    url: str

    @classmethod
    def register(cls, connection: postgres.Connection, url: str, name: str) -> "Person":
        user_id = create_user(connection, name)
        with postgres.transaction(connection) as cursor:
            return cls(name, create_token(cursor, user_id, "e2e", None), url)

    def submit(self, *listens: dict[str, Any], kind: str = "import") -> None:
        for first in range(0, len(listens), PER_CALL):
            self.post("/1/submit-listens", {"listen_type": kind, "payload": listens[first : first + PER_CALL]})

    def delete(self, listened_at: int) -> None:
        """Delete the one listen of that second, as a client does: by the MSID it reads first."""
        found = [listen for listen in self.listens(count=1000) if listen["listened_at"] == listened_at]
        assert len(found) == 1
        key = {"listened_at": listened_at, "recording_msid": found[0]["recording_msid"]}
        self.post("/1/delete-listen", key)

    def listens(self, **query: Any) -> list[dict[str, Any]]:
        return list(self.get("listens", **query)["listens"])

    def listen_count(self) -> int:
        return int(self.get("listen-count")["count"])

    def get(self, what: str, **query: Any) -> dict[str, Any]:
        return dict(answered(f"{self.url}/1/user/{self.name}/{what}", query).json()["payload"])

    def top_artists(self, stats_range: str, **page: int) -> dict[str, Any] | None:
        """The payload; None for 204."""
        query = {"range": stats_range, **page}
        answer = answered(f"{self.url}/1/stats/user/{self.name}/artists", query)
        return None if answer.status_code == 204 else dict(answer.json()["payload"])

    def all_top_artists(self, stats_range: str, per_page: int = 1000) -> Iterator[tuple[int, str, str | None]]:
        """Page after page: (listen count, artist name, artist MBID)."""
        offset = 0
        while True:
            payload = self.top_artists(stats_range, offset=offset, count=per_page)
            if payload is None or not payload["artists"]:
                assert offset == (0 if payload is None else payload["total_artist_count"])
                return
            yield from ((a["listen_count"], a["artist_name"], a["artist_mbid"]) for a in payload["artists"])
            offset += payload["count"]

    def post(self, path: str, body: dict[str, Any]) -> None:
        headers = {"Authorization": f"Token {self.token}"}
        answer = http.post(f"{self.url}{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text


def answered(url: str, query: dict[str, Any]) -> http.Response:
    answer = http.get(url, params=query, timeout=30)
    assert answer.status_code in (200, 204), answer.text
    return answer


def listens_in_lake(settings: Settings) -> int:
    """Read by deltalake, which is not what wrote them."""
    return int(DeltaTable(f"{settings.lake}/listens").to_pyarrow_dataset().count_rows())


def until_landed(settings: Settings, system: System, connection: postgres.Connection, seconds: float = 120) -> float:
    """Wait until everything that PostgreSQL has is in the lake; how many seconds it took."""
    started = time.monotonic()
    consumer = next(part for part in system.parts if part.name == "request_consumer")
    until(lambda: _is_landed(settings, connection) or consumer.process.poll() is not None, seconds, "all is landed")
    assert consumer.process.poll() is None, consumer.said()
    return time.monotonic() - started


def _is_landed(settings: Settings, connection: postgres.Connection) -> bool:
    try:
        position = lake_files.newest(settings.lake).position
    except LakeEmptyError:
        return False
    with postgres.transaction(connection) as cursor:
        return not waiting(cursor, position)


def compute(settings: Settings, connection: postgres.Connection, **params: Any) -> RequestRow:
    """Ask for top artists and wait until they are readable."""
    broker = open_broker(settings)
    try:
        row = requests.enqueue(connection, broker, "stats.user.entity", {"entity": "artists", **params})
    finally:
        broker.close()
    *_, outcome = request_rows.wait(connection, row.id)
    assert outcome.state == "done", (outcome.error, outcome.progress)
    return outcome
