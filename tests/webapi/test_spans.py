"""from_ts and to_ts on the statistics of users: what is refused, waited for, answered, kept, and counted."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.broker import SPAN_REQUEST, open_broker
from conf.postgres import Connection, Pool, connect, transaction
from conf.settings import Settings
from jobs.messages import Part, Request, inline_digest
from spark_reader.reader import save_run
from tests.jobs.moments import ts
from tests.reader.results import Lists, manifest
from tests.webapi.conftest import Account, timeless_app
from webapi.costs import SPANS

FROM, TO = ts("2020-02-01"), ts("2020-03-01")
DAYS = f"from_ts={FROM}&to_ts={TO}"
URL = "/1/stats/user/Rob/artists"
LISTS: Lists = {1: [(11, 5), (12, 3)]}


def rows(connection: Connection) -> list[dict[str, Any]]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT id::text, state, query, params FROM request ORDER BY created")
        return [dict(zip(("id", "state", "query", "params"), row, strict=True)) for row in cursor.fetchall()]


def land(connection: Connection, landing_id: int) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " VALUES (%s, 1, now(), 1, 'land', 1)",
            (landing_id,),
        )


def age(connection: Connection, seconds: int) -> None:
    with transaction(connection) as cursor:
        cursor.execute("UPDATE span SET last_updated = last_updated - make_interval(secs => %s)", (seconds,))
        cursor.execute("UPDATE request SET finished = finished - make_interval(secs => %s)", (seconds,))


def answered(url: str, rob: Account, lists: Lists = LISTS, data_version: int = 1, now: float = 1.7e9) -> None:
    """What the request consumer and the reader do for the request that is queued."""
    connection, pool = connect(url), Pool(url)
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE request SET state = 'running', started = now() WHERE state = 'queued' RETURNING id, params"
        )
        row = cursor.fetchone()
    assert row is not None
    found = {rob.id if key == 1 else -rob.id: items for key, items in lists.items()}
    made = manifest(
        found, data_version=data_version, now=now, request_id=row[0], from_ts=FROM, to_ts=TO, stats_range="year"
    )
    save_run(pool, replace(made, span_of=rob.id))
    connection.close()
    pool.discard()


@contextmanager
def consumer(settings: Settings, answer: Callable[[], None]) -> Iterator[None]:
    """Waits for the bell, then answers."""

    def serve() -> None:
        broker = open_broker(settings)
        broker.ack(broker.consume(SPAN_REQUEST, 1, 10))
        broker.close()
        answer()

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    thread.join(timeout=20)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (f"from_ts={FROM}", "from_ts without to_ts: expected both"),
        (f"to_ts={TO}&from_ts=", "to_ts without from_ts: expected both"),
        (f"{DAYS}&range=week", "range together with from_ts and to_ts"),
        (f"from_ts={FROM}&to_ts=soon", "to_ts=soon: expected epoch seconds"),
        (f"from_ts={FROM + 1}&to_ts={TO}", f"from_ts={FROM + 1}: expected whole days"),
        (f"from_ts={TO}&to_ts={FROM}", "must be less than"),
        (f"from_ts=0&to_ts={TO}", "from_ts=0: expected epoch seconds from"),
        (f"from_ts={FROM}&to_ts=253370764800", "the end of tomorrow"),
        (f"from_ts={FROM}&to_ts={'9' * 40}", "the end of tomorrow"),
        (f"{DAYS}&count=-1", "'count' should be a non-negative integer"),
        (f"{DAYS}&compare=x", "Invalid compare"),
    ],
)
def test_what_is_no_span_is_refused_and_asked_for_nowhere(
    standing_client: FlaskClient, standing_rob: Account, standing_url: str, query: str, message: str
) -> None:
    answer = standing_client.get(f"{URL}?{query}")
    assert (answer.status_code, answer.get_json()["code"]) == (400, 400)
    assert message in answer.get_json()["error"]
    connection = connect(standing_url)
    assert rows(connection) == []
    connection.close()


def test_whose_it_is_is_judged_first(standing_client: FlaskClient) -> None:
    answer = standing_client.get("/1/stats/user/nobody/artists?from_ts=1&to_ts=0")
    assert (answer.status_code, answer.get_json()["error"]) == (404, "Cannot find user: nobody")


def test_everybody_has_ranges_only(standing_client: FlaskClient) -> None:
    assert standing_client.get(f"/1/stats/sitewide/artists?{DAYS}").status_code == 204


def test_a_span_is_asked_for_waited_for_and_answered(
    client: FlaskClient, rob: Account, settings: Settings, connection: Connection, database_url: str
) -> None:
    with consumer(settings, lambda: answered(database_url, rob, {1: [(11, 5), (12, 3)], -1: [(11, 9)]})):
        answer = client.get(f"{URL}?{DAYS}&count=1")

    assert answer.status_code == 200
    payload = answer.get_json()["payload"]
    assert [item["listen_count"] for item in payload["artists"]] == [5]
    assert (payload["total_artist_count"], payload["range"], payload["user_id"]) == (2, "custom", "Rob")
    assert (payload["from_ts"], payload["to_ts"], payload["data_version"]) == (FROM, TO, 1)
    (row,) = rows(connection)
    params = {"statistic": "user_artists", "user_id": rob.id, "from_ts": FROM, "to_ts": TO}
    assert (row["query"], row["params"], row["state"]) == ("stats.user.span", params, "done")

    plain = client.get(f"{URL}?{DAYS}&plain=true").get_json()["payload"]
    assert [item["listen_count"] for item in plain["artists"]] == [9]
    compared = client.get(f"{URL}?{DAYS}&compare=previous&measure=time").get_json()["payload"]
    assert compared["artists"][0]["new"] is True
    assert len(rows(connection)) == 1, "what is kept is answered"
    again = client.get(f"{URL}?{DAYS}&count=1", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_the_bell_and_the_row_are_one_request(
    client: FlaskClient, rob: Account, settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    client.get(f"{URL}?{DAYS}")
    broker = open_broker(settings)
    (delivery,) = broker.consume(SPAN_REQUEST, 5, 5)
    request = Request.decode(delivery.body)
    broker.ack([delivery])
    broker.close()
    (row,) = rows(connection)
    assert (str(request.request_id), request.query, request.params) == (row["id"], row["query"], row["params"])


def test_what_is_late_is_202_and_under_way_for_everybody(
    client: FlaskClient, rob: Account, connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    url = f"{URL}?{DAYS}&count=1"
    first, second = client.get(url), client.get(url)

    for answer in (first, second):
        assert (answer.status_code, answer.get_json()["code"]) == (202, 202)
        assert answer.headers["Location"] == url
        assert int(answer.headers["Retry-After"]) > 0
        assert answer.headers["Cache-Control"] == "no-store"
    assert len(rows(connection)) == 1
    answered(database_url, rob)
    assert client.get(first.headers["Location"]).status_code == 200
    assert len(rows(connection)) == 1


def test_while_every_place_is_taken_nobody_waits(
    app: Flask, rob: Account, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = app.extensions["listenlake"].span_places
    taken = 0
    while places.acquire(blocking=False):
        taken += 1
    assert taken >= 1
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 1e9)
    assert app.test_client().get(f"{URL}?{DAYS}").status_code == 202
    assert len(rows(connection)) == 1


def test_a_kept_span_is_answered_for_a_day_while_nothing_lands(
    client: FlaskClient, rob: Account, connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    land(connection, 1)
    client.get(f"{URL}?{DAYS}")
    answered(database_url, rob)
    age(connection, 86000)
    assert client.get(f"{URL}?{DAYS}").status_code == 200
    assert len(rows(connection)) == 1

    age(connection, 1000)
    assert client.get(f"{URL}?{DAYS}").status_code == 202
    assert len(rows(connection)) == 2


def test_after_a_landing_it_is_made_anew_and_the_kept_one_answered_meanwhile(
    client: FlaskClient, rob: Account, connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    land(connection, 1)
    client.get(f"{URL}?{DAYS}")
    answered(database_url, rob)
    land(connection, 2)
    assert client.get(f"{URL}?{DAYS}").get_json()["payload"]["data_version"] == 1
    assert len(rows(connection)) == 1, "for a minute it is new enough"

    age(connection, 61)
    assert client.get(f"{URL}?{DAYS}").get_json()["payload"]["data_version"] == 1
    assert [row["state"] for row in rows(connection)] == ["done", "queued"]
    answered(database_url, rob, {1: [(11, 7)]}, data_version=2, now=1.7e9 + 1)
    newer = client.get(f"{URL}?{DAYS}").get_json()["payload"]
    assert ([item["listen_count"] for item in newer["artists"]], newer["data_version"]) == ([7], 2)


@pytest.mark.parametrize(
    ("listened_at", "position", "anew"),
    [
        (1500, 1, False),  # not later than T, so it is counted
        (1501, 1, True),  # T was earlier, time has passed it
        (1501, 2, False),  # it has not landed
        (TO + 86400, 1, False),  # on no clock is it in these days
    ],
)
def test_a_kept_span_is_made_anew_when_time_has_passed_a_listen_that_it_left_out(
    client: FlaskClient,
    rob: Account,
    connection: Connection,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
    listened_at: int,
    position: int,
    anew: bool,
) -> None:
    """T of the stored run is 1500."""
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    land(connection, 1)
    client.get(f"{URL}?{DAYS}")
    answered(database_url, rob)
    age(connection, 61)
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO listen (user_id, listened_at, recording_msid, position, inserted_at, artist_name, track_name,"
            " additional_info) VALUES (%s, %s, gen_random_uuid(), %s, now(), 'Low', 'Two-Step', '{}')",
            (rob.id, listened_at, position),
        )
    assert client.get(f"{URL}?{DAYS}").status_code == 200, "the kept one, whether or not another is asked for"
    assert len(rows(connection)) == (2 if anew else 1)


def test_days_without_listens_are_204(client: FlaskClient, rob: Account, settings: Settings, database_url: str) -> None:
    with consumer(settings, lambda: answered(database_url, rob, {})):
        answer = client.get(f"{URL}?{DAYS}")
    assert (answer.status_code, answer.data) == (204, b"")


def test_an_empty_lake_is_204(client: FlaskClient, rob: Account, settings: Settings, database_url: str) -> None:
    def nothing() -> None:
        opened = connect(database_url)
        with transaction(opened) as cursor:
            cursor.execute("UPDATE request SET state = 'done', finished = clock_timestamp()")
        opened.close()

    with consumer(settings, nothing):
        assert client.get(f"{URL}?{DAYS}").status_code == 204
    assert client.get(f"{URL}?{DAYS}").status_code == 204


def test_what_failed_is_503_for_a_minute(
    client: FlaskClient, rob: Account, settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.2)
    client.get(f"{URL}?{DAYS}")
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET state = 'failed', error = 'no disk', finished = clock_timestamp()")
    answer = client.get(f"{URL}?{DAYS}")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "could not be computed" in answer.get_json()["error"]
    assert len(rows(connection)) == 1
    age(connection, 61)
    assert client.get(f"{URL}?{DAYS}").status_code == 202
    assert len(rows(connection)) == 2


def test_beginnings_have_a_quota_of_their_own(
    settings: Settings, rob: Account, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.0)
    client = timeless_app(settings).test_client()
    days = [f"from_ts={FROM}&to_ts={TO + 86400 * number}" for number in range(SPANS + 1)]
    codes = [client.get(f"{URL}?{query}", headers=rob.headers).status_code for query in days]
    assert codes == [202] * SPANS + [429]
    refused = client.get(f"{URL}?{days[-1]}", headers=rob.headers)
    assert (refused.headers["X-RateLimit-Limit"], refused.headers["X-RateLimit-Remaining"]) == (str(SPANS), "0")
    assert client.get(f"{URL}?{days[0]}", headers=rob.headers).status_code == 202, "under way: a read"
    assert client.get(f"{URL}?{days[-1]}").status_code == 202, "another client"
    assert client.get(f"{URL}?range=week", headers=rob.headers).status_code == 204
    assert len(rows(connection)) == SPANS + 1


def test_beyond_the_quota_the_kept_one_is_answered_though_something_landed_since(
    settings: Settings, rob: Account, connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("webapi.spans.WAIT_SECONDS", 0.0)
    client = timeless_app(settings).test_client()
    land(connection, 1)
    assert client.get(f"{URL}?{DAYS}", headers=rob.headers).status_code == 202
    answered(database_url, rob)
    land(connection, 2)
    age(connection, 61)
    for number in range(1, SPANS):
        client.get(f"{URL}?from_ts={FROM}&to_ts={TO + 86400 * number}", headers=rob.headers)
    asked = len(rows(connection))

    kept = client.get(f"{URL}?{DAYS}", headers=rob.headers)
    assert (kept.status_code, kept.headers["X-RateLimit-Remaining"]) == (200, "0")
    assert kept.get_json()["payload"]["data_version"] == 1
    assert len(rows(connection)) == asked, "and none is made anew"
    assert client.get(f"{URL}?from_ts={FROM}&to_ts={FROM + 86400}", headers=rob.headers).status_code == 429


def test_a_document_of_a_span_says_the_days_of_the_users_clock(
    client: FlaskClient, rob: Account, settings: Settings, database_url: str
) -> None:
    applied = orjson.dumps({"timezone": "Europe/Berlin", "artists": 0, "recordings": 0, "clients": 0}).decode()

    def answer() -> None:
        connection, pool = connect(database_url), Pool(database_url)
        first = FROM // 86400
        stored = [[rob.id, f"[[{first},2]]", applied], [-rob.id, f"[[{first},3]]", None]]
        part = Part("document", "user_listening_activity", "month", 2, None, *inline_digest(stored), stored)
        made = manifest(
            {}, from_ts=FROM, to_ts=TO, stats_range="month", statistic="user_listening_activity", rows=2, parts=[part]
        )
        save_run(pool, replace(made, span_of=rob.id))
        connection.close()
        pool.discard()

    url = f"/1/stats/user/Rob/listening-activity?{DAYS}"
    with consumer(settings, answer):
        payload = client.get(url).get_json()["payload"]
    assert (payload["from_ts"], payload["to_ts"]) == (FROM - 3600, TO - 3600)
    assert payload["settings_applied"]["timezone"] == "Europe/Berlin"
    buckets = payload["listening_activity"]
    assert len(buckets) == 29
    assert buckets[0] == {
        "from_ts": FROM - 3600, "to_ts": FROM + 86399 - 3600, "time_range": "01 February 2020", "listen_count": 2,
    }  # fmt: skip
    plain = client.get(f"{url}&plain=true").get_json()["payload"]
    assert (plain["from_ts"], plain["listening_activity"][0]["listen_count"]) == (FROM, 3)
