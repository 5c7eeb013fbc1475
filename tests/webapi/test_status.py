"""Health and status: what is asked, what is missing, and how that is said."""

import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from conf import part_status
from conf.postgres import Connection, transaction
from conf.settings import Settings
from dumps.published import Dump
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.write import write_submissions
from tests.faults.parts import until
from tests.webapi.conftest import Account, listen, submission
from webapi import create_app
from webapi.errors import NotFoundError
from webapi.health import EXPECTED_PARTS
from webapi.views.status import chosen_dump

NOWHERE = "postgresql:///nowhere?host=/nonexistent"


def test_a_live_process_says_so(client: FlaskClient) -> None:
    assert client.get("/health/live").get_json() == {"status": "ok"}


def test_a_ready_system_without_parts_is_ready_with_alarms(client: FlaskClient) -> None:
    answer = client.get("/health/ready")
    document = answer.get_json()
    assert (answer.status_code, document["ready"], document["reasons"]) == (200, True, [])
    assert document["alarms"] == [f"{part}: not running" for part in EXPECTED_PARTS]
    assert document["incoming"] == 0
    assert document["landing"] == {"id": None, "age": None, "waiting": 0, "waiting_age": 0}


def test_parts_their_alarms_and_the_landing_are_shown(client: FlaskClient, connection: Connection) -> None:
    with transaction(connection) as cursor:
        for part in EXPECTED_PARTS:
            part_status.report(cursor, part, {"alarm": "a row failed"} if part == "request_consumer" else {})
        cursor.execute("UPDATE part_status SET updated = now() - interval '1 hour' WHERE part = 'spark_reader'")
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " VALUES (3, 0, now() - interval '1 minute', 1, 'land', 1)"
        )
    document = client.get("/health/ready").get_json()
    silent, failed = document["alarms"]
    assert re.fullmatch(r"spark_reader: silent for 36[0-5]\d s", silent)
    assert failed == "request_consumer: a row failed"
    assert document["landing"]["id"] == 3
    assert 60 <= document["landing"]["age"] < 120
    assert sorted(row["part"] for row in document["parts"]) == sorted(EXPECTED_PARTS)


def test_what_waits_for_the_lake_is_counted_and_positions_of_duplicates_are_not(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    def told(waiting: int) -> None:
        """Within the second for which an answer is kept."""
        until(lambda: client.get("/health/ready").get_json()["landing"]["waiting"] == waiting, 5, f"{waiting} wait")

    told(1)  # rob himself
    twice = (listen(1_600_000_000), listen(1_600_000_001))
    for _ in range(2):
        write_submissions(connection, [Submission(new_message_id(), rob.id, 1, twice)])
    told(3)
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " SELECT 1, max(position), now(), 1, 'land', 2 FROM listen"
        )
    write_submissions(connection, [Submission(new_message_id(), rob.id, 1, twice)])
    told(0)


def test_without_postgresql_it_is_live_but_not_ready_and_everything_is_503(settings: Settings) -> None:
    client = create_app(replace(settings, database_url=NOWHERE)).test_client()
    assert client.get("/health/live").status_code == 200
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert [reason.partition(":")[0] for reason in answer.get_json()["reasons"]] == ["postgres", "broker"]
    for answer in (
        client.get("/1/user/rob/listens"),
        client.post("/1/submit-listens", headers={"Authorization": "T x"}),
    ):
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "5"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.get_json() == {
            "code": 503,
            "error": "The listen database is momentarily offline. Please wait a few minutes and try again.",
        }
    assert client.get("/1/user/rob/listen-count").get_json()["error"] == "Cannot fetch user listen count right now."


def test_without_the_broker_submissions_are_503_and_reads_are_served(settings: Settings, rob: Account) -> None:
    client = create_app(replace(settings, broker_url="amqp://guest:guest@127.0.0.1:1/")).test_client()
    answer = client.post("/1/submit-listens", json=submission(listen()), headers=rob.headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.get_json()["error"] == "Cannot submit listens to queue, please try again later."
    assert client.get("/1/user/rob/listens").status_code == 200
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert ready.get_json()["reasons"][0].startswith("broker: ")
    assert client.get("/1/status/service-status").get_json()["incoming_listen_count"] is None


def test_an_older_schema_is_not_ready(client: FlaskClient, connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM _yoyo_migration WHERE migration_id LIKE '0002%'")
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.get_json()["reasons"][0].startswith("schema: the database lacks 0002")


def test_service_status_names_every_statistic_and_range_of_the_catalog(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    client.post("/1/submit-listens", json=submission(listen()), headers=rob.headers)
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " last_updated, row_count) VALUES ('user_artists', 'week', gen_random_uuid(), 7, 1, 2, 2,"
            " now() - interval '90 seconds', 0)"
        )
    document = client.get("/1/status/service-status").get_json()
    ages = {row["name"]: row["age"] for row in document["stats"]}
    assert ages["artists_week"] == 90
    assert ages["artists_all_time"] is None
    assert len([name for name in ages if name.startswith("artists_")]) == 9
    assert (document["stats_age"], document["sitewide_stats_age"], document["dump_age"]) == (90, None, None)
    assert document["incoming_listen_count"] == 1
    assert type(document["time"]) is int


@pytest.mark.parametrize(
    ("query", "code", "text"),
    [
        ("", 404, "No dump entry exists."),
        ("?id=", 404, "No dump entry exists."),
        ("?id=1", 404, "No dump exists with ID: 1"),
        ("?id=-3", 404, "No dump exists with ID: -3"),
        ("?id=" + "9" * 40, 404, "No dump exists with ID: " + "9" * 40),
        ("?id=abc", 400, "The `id` parameter needs to be an integer."),
        ("?id=1.5", 400, "The `id` parameter needs to be an integer."),
        ("?id=" + "9" * 5000, 400, "The `id` parameter needs to be an integer."),
        ("?id=%00", 400, "The `id` parameter needs to be an integer."),
    ],
)
def test_while_there_is_no_dump_that_is_said(standing_client: FlaskClient, query: str, code: int, text: str) -> None:
    answer = standing_client.get(f"/1/status/get-dump-info{query}")
    assert (answer.status_code, answer.get_json()) == (code, {"code": code, "error": text})


def test_a_dump_is_chosen_by_its_number_or_is_the_newest() -> None:
    first, second = Dump(1, "20250101-000000", "full"), Dump(2, "20250102-000000", "incremental")
    assert chosen_dump((first, second), None) == second
    assert chosen_dump((first, second), "1") == first
    with pytest.raises(NotFoundError, match="No dump exists with ID: 3"):
        chosen_dump((first, second), "3")
