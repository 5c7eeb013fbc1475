"""S5.1 to S5.3 of reliability.md: a restart under load, a run switched while somebody pages, answers not kept."""

import json
import os
import signal
import threading
import time
from uuid import uuid4

import psutil
import pytest

from conf.postgres import Connection, transaction
from conf.settings import Settings
from tests.faults.parts import until
from tests.live_server import GENEROUS, Server, served
from tests.webapi.conftest import Account, listen, submission

pytestmark = pytest.mark.servers


class Load(threading.Thread):
    """Submits one listen after the other, each on a connection of its own, and notes what it was answered."""

    def __init__(self, server: Server, rob: Account, first: int) -> None:
        super().__init__(daemon=True)
        self.server, self.rob, self.next = server, rob, first
        self.stopping = threading.Event()
        self.answers: list[tuple[float, int | None]] = []

    def await_answers(self, count: int) -> None:
        until(lambda: len(self.answers) >= count, 30, f"{count} answers")

    def run(self) -> None:
        while not self.stopping.is_set():
            self.next += 1
            try:
                body = json.dumps(submission(listen(self.next)))
                status: int | None = self.server.request("POST", "/1/submit-listens", body, self.rob.headers)[0]
            except (OSError, ValueError):
                status = None
                time.sleep(0.02)
            self.answers.append((time.monotonic(), status))


def test_workers_are_replaced_under_load_without_an_error_and_a_stop_loses_nothing(
    settings: Settings, rob: Account, connection: Connection
) -> None:
    with served(settings, **GENEROUS) as server:
        loads = [Load(server, rob, 1_600_000_000 + 100_000 * n) for n in range(4)]
        for load in loads:
            load.start()
        for load in loads:
            load.await_answers(1)
        workers = {child.pid for child in psutil.Process(server.process.pid).children()}
        os.kill(server.process.pid, signal.SIGHUP)
        until(lambda: not any(map(psutil.pid_exists, workers)), 60, "every worker is replaced")
        for load in loads:
            load.await_answers(len(load.answers) + 3)
        stopped = time.monotonic()
    for load in loads:
        load.stopping.set()
        load.join(20)
    answers = [answer for load in loads for answer in load.answers]
    assert {status for at, status in answers if at < stopped} == {200}
    assert {status for at, status in answers if at >= stopped} <= {200, 503, None}
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM queue_message")
        row = cursor.fetchone()
    taken = [status for _, status in answers].count(200)
    assert row is not None
    assert taken > 8
    assert taken <= row[0] <= taken + len(loads), "an answer may be lost with its connection, a listen never"


def store_run(connection: Connection, user_id: int, first: int, entities: int) -> str:
    """A run of the user's artists: so many, each with `first` listens and more."""
    run_id = str(uuid4())
    ids = [first * 1000 + n for n in range(entities)]
    with transaction(connection) as cursor:
        for entity in ids:
            doc = json.dumps({"artist_name": f"run {first}", "artist_mbid": None, "artist_mbids": []})
            cursor.execute("INSERT INTO result_entity (id, doc) VALUES (%s, %s)", (entity, doc))
        cursor.execute("DELETE FROM result_list")
        cursor.execute("DELETE FROM run")
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " last_updated, row_count) VALUES ('user_artists', 'all_time', %s, %s, 1, 2, 2, to_timestamp(%s), 1)",
            (run_id, first, 1_700_000_000 + first),
        )
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts)"
            " VALUES ('user_artists', 'all_time', %s, %s, %s)",
            (user_id, ids, [first] * entities),
        )
    return run_id


def test_every_page_is_of_one_run_while_runs_are_switched(live: Server, rob: Account, connection: Connection) -> None:
    store_run(connection, rob.id, 1, 60)
    switching = threading.Event()
    seen: list[tuple[set[str], int, set[int]]] = []

    def page() -> None:
        while not switching.is_set():
            for offset in (0, 25, 50):
                code, document, _ = live.request("GET", f"/1/stats/user/rob/artists?offset={offset}")
                assert code == 200
                payload = document["payload"]
                names = {row["artist_name"] for row in payload["artists"]}
                seen.append((names, payload["last_updated"], {row["listen_count"] for row in payload["artists"]}))

    reader = threading.Thread(target=page, daemon=True)
    reader.start()
    for run in range(2, 12):
        store_run(connection, rob.id, run, 60)
        time.sleep(0.1)
    switching.set()
    reader.join(20)
    assert len({updated for _, updated, _ in seen}) > 2
    for names, updated, counts in seen:
        run = updated - 1_700_000_000
        assert (names, counts) == ({f"run {run}"}, {run}), "a page says its run, and is of no other"


def test_a_worker_that_keeps_no_answers_gives_the_same(
    settings: Settings, rob: Account, connection: Connection
) -> None:
    store_run(connection, rob.id, 1, 60)
    path = "/1/stats/user/rob/artists?count=60"
    with served(settings, **GENEROUS) as server:
        warm = [server.request("GET", path) for _ in range(6)]
    with served(settings, **GENEROUS) as server:
        cold = server.request("GET", path)
    for code, document, headers in warm:
        assert (code, document, headers["ETag"]) == (cold[0], cold[1], cold[2]["ETag"])
