from typing import Any
from uuid import uuid4

import pytest

from conf.broker import LONG_REQUEST, SPAN_REQUEST, SPARK_REQUEST, Broker
from conf.postgres import Connection, transaction
from jobs.catalog import InvalidRequestError, UnknownJobError, catalog
from jobs.messages import Request
from request_consumer import request_rows, requests
from request_consumer.freshness import results_wait
from request_consumer.request_rows import UnknownRequestError
from request_consumer.requests import RequestOpenError, RequestStateError

QUERY = "stats.user.entity"
ARTISTS = {"entity": "artists"}
NEW_YEAR_2022 = 1_640_995_200.0
"""2022-01-01T00:00:00Z"""


def bells(broker: Broker, queue: str = SPARK_REQUEST) -> list[Request]:
    deliveries = broker.consume(queue, 10, 0)
    broker.ack(deliveries)
    return [Request.decode(delivery.body) for delivery in deliveries]


def let_pass(connection: Connection, interval: str) -> None:
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET heartbeat = heartbeat - %s::interval", (interval,))


def test_a_request_is_a_row_and_then_a_bell(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)

    assert (row.state, row.attempts, row.params) == ("queued", 0, ARTISTS)
    assert bells(broker) == [Request(QUERY, ARTISTS, row.id)]


@pytest.mark.parametrize(
    "query", ["similarity.datasets", "cf.recommendations.recording.all", "year_in_music.top_stats", "popularity.all"]
)
def test_what_takes_long_is_rung_for_where_statistics_do_not_wait(
    connection: Connection, broker: Broker, query: str
) -> None:
    row = requests.enqueue(connection, broker, query, {})

    assert bells(broker) == []
    assert [(bell.query, bell.request_id) for bell in bells(broker, LONG_REQUEST)] == [(query, row.id)]


def test_every_request_there_is_has_one_queue_and_of_one_that_is_no_more_the_failure_is_met() -> None:
    queues = {query: requests.queue_of(query) for query in catalog().queries()}

    assert queues["stats.all"] == queues["import.dump.full"] == requests.queue_of("stats.retired") == SPARK_REQUEST
    assert [query for query, queue in queues.items() if queue == SPAN_REQUEST] == ["stats.user.span"]
    assert {query.split(".")[0] for query, queue in queues.items() if queue == SPARK_REQUEST} == {"stats", "import"}


def test_statistics_and_what_takes_long_wait_for_results_of_their_own_sort_alone(
    connection: Connection, broker: Broker
) -> None:
    asked = {QUERY: ARTISTS, "popularity.all": {}}
    for query, other in ((QUERY, "popularity.all"), ("popularity.all", QUERY)):
        row = requests.enqueue(connection, broker, query, asked[query])
        requests.claim(connection, row.id, "worker")
        requests.published(connection, row.id, "worker", uuid4(), 1)
        assert (results_wait(connection, query), results_wait(connection, other)) == (True, False)
        requests.finish(connection, row.id, "worker", "stored")
        assert not results_wait(connection, query)


def test_the_same_request_twice_is_one_row(connection: Connection, broker: Broker) -> None:
    first = requests.enqueue(connection, broker, QUERY, {"entity": "artists", "at": "2021-11-22"})
    second = requests.enqueue(connection, broker, QUERY, {"at": 1637539200, "entity": "artists"})

    assert first.id == second.id
    assert requests.claim(connection, first.id, "one") is not None
    assert requests.claim(connection, first.id, "two") is None


def test_a_request_made_while_the_same_one_runs_is_a_new_one(connection: Connection, broker: Broker) -> None:
    first = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, first.id, "worker")

    assert requests.enqueue(connection, broker, QUERY, ARTISTS).id != first.id


@pytest.mark.parametrize(
    ("query", "params", "error"),
    [("stats.nothing", {}, UnknownJobError), (QUERY, {"entity": "pizza"}, InvalidRequestError)],
)
def test_a_request_nothing_can_run_is_refused_before_it_is_written(
    connection: Connection, broker: Broker, query: str, params: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        requests.enqueue(connection, broker, query, params)

    assert request_rows.list_requests(connection) == []


def test_a_year_to_come_is_refused_whoever_asks(connection: Connection, broker: Broker) -> None:
    with pytest.raises(InvalidRequestError, match=r"year=9998: expected 2002 to 20\d\d"):
        requests.enqueue(connection, broker, "year_in_music", {"year": 9998})
    assert request_rows.list_requests(connection) == []

    foreign = requests.adopt(connection, Request("year_in_music.day_of_week", {"year": 9998}))
    assert foreign.state == "failed"
    assert "year=9998" in (foreign.error or "")
    assert requests.enqueue(connection, broker, "year_in_music", {"year": 2021}).params == {"year": 2021}


def test_a_request_that_leaves_out_its_year_is_that_of_the_year_it_is_asked_for_in(
    connection: Connection, broker: Broker
) -> None:
    left_out = requests.enqueue(connection, broker, "year_in_music", {}, NEW_YEAR_2022 - 1)

    assert left_out.params == {"year": 2021}
    assert requests.enqueue(connection, broker, "year_in_music", {"year": 2021}).id == left_out.id
    requests.claim(connection, left_out.id, "worker")
    with pytest.raises(RequestOpenError):
        requests.enqueue_alone(connection, broker, "year_in_music", {"year": 2021})
    assert requests.enqueue_alone(connection, broker, "year_in_music", {}, NEW_YEAR_2022).params == {"year": 2022}


def test_requests_that_differ_in_what_is_ignored_are_the_same(connection: Connection, broker: Broker) -> None:
    asked = {"year": 2021, "export_to_spotify": True}
    first = requests.enqueue(connection, broker, "year_in_music", asked)

    assert first.params == asked, "what was said stays to be seen"
    assert requests.enqueue(connection, broker, "year_in_music", {"year": 2021}).id == first.id
    requests.claim(connection, first.id, "worker")
    for others in ({}, {"export_to_spotify": False}, {"import_pg_tables": True}):
        with pytest.raises(RequestOpenError, match=str(first.id)):
            requests.enqueue_alone(connection, broker, "year_in_music", {"year": 2021, **others})
    assert requests.enqueue_alone(connection, broker, "year_in_music", {"year": 2020}).state == "queued"


def test_a_foreign_message_gets_a_row(connection: Connection) -> None:
    row = requests.adopt(connection, Request(QUERY, {"entity": "artists", "stats_range": "week", "database": None}))

    assert (row.state, row.params) == ("queued", {"entity": "artists", "stats_range": "week"})


@pytest.mark.parametrize("params", [{"entity": "pizza"}, {"a\0b": "\0"}, {"x": {"y": [1]}}])
def test_a_foreign_message_nothing_can_run_is_a_failed_row_with_the_reason(
    connection: Connection, params: dict[str, Any]
) -> None:
    row = requests.adopt(connection, Request(QUERY, params))

    assert row.state == "failed"
    assert row.error


def test_a_message_with_a_row_finds_it(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)

    assert requests.adopt(connection, bells(broker)[0]).id == row.id


def test_a_failed_attempt_is_tried_again_and_after_the_last_it_has_failed(
    connection: Connection, broker: Broker
) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)

    for attempt, state in ((1, "queued"), (2, "queued"), (3, "failed")):
        assert requests.claim(connection, row.id, "worker") is not None
        row = requests.fail(connection, row.id, "worker", "no memory", 3)
        assert (row.attempts, row.state, row.error) == (attempt, state, "no memory")
    assert row.finished is not None


def test_a_failed_request_can_be_retried_and_counts_anew(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, row.id, "worker")
    requests.fail(connection, row.id, "worker", "no memory", 1)
    bells(broker)

    retried = requests.retry(connection, broker, row.id)

    assert (retried.state, retried.attempts) == ("queued", 0)
    assert [bell.request_id for bell in bells(broker)] == [row.id]


def test_only_an_ended_request_can_be_retried(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)

    with pytest.raises(RequestStateError, match="queued"):
        requests.retry(connection, broker, row.id)
    with pytest.raises(UnknownRequestError):
        requests.retry(connection, broker, uuid4())


def test_a_retry_beside_the_same_queued_request_is_refused(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.cancel(connection, row.id)
    requests.enqueue(connection, broker, QUERY, ARTISTS)

    with pytest.raises(RequestStateError, match="already queued"):
        requests.retry(connection, broker, row.id)


def test_a_cancelled_request_is_never_claimed_and_a_running_one_learns_of_it(
    connection: Connection, broker: Broker
) -> None:
    queued = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.cancel(connection, queued.id)
    assert requests.claim(connection, queued.id, "worker") is None

    running = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, running.id, "worker")
    assert requests.heartbeat(connection, running.id, "worker", "reading")
    requests.cancel(connection, running.id)
    assert not requests.heartbeat(connection, running.id, "worker", "reading")
    with pytest.raises(RequestStateError, match="cancelled"):
        requests.cancel(connection, running.id)


def test_a_lost_bell_rings_again(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    bells(broker)

    assert requests.sweep(connection, broker, 3) == 0
    let_pass(connection, "31 seconds")
    assert requests.sweep(connection, broker, 3) == 1
    assert [bell.request_id for bell in bells(broker)] == [row.id]
    assert requests.sweep(connection, broker, 3) == 0


def test_what_a_dead_worker_held_is_given_back_and_rung_for_at_once(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, row.id, "worker")
    bells(broker)
    let_pass(connection, "31 seconds")

    requests.sweep(connection, broker, 3)

    found = request_rows.find(connection, row.id)
    assert found is not None
    assert (found.state, found.error) == ("queued", "the request consumer died at work")
    assert len(bells(broker)) == 1


def test_a_request_that_kills_every_worker_fails_in_the_end(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    for _ in range(3):
        requests.claim(connection, row.id, "worker")
        let_pass(connection, "31 seconds")
        requests.sweep(connection, broker, 3)

    assert [(r.state, r.attempts) for r in request_rows.list_requests(connection, "failed")] == [("failed", 3)]


def test_published_results_get_ten_minutes_to_be_read(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, row.id, "worker")
    run_id = uuid4()
    requests.published(connection, row.id, "worker", run_id, 7)
    assert request_rows.open_runs(connection) == {run_id}

    let_pass(connection, "9 minutes")
    assert requests.sweep(connection, broker, 3) == 0
    let_pass(connection, "2 minutes")
    assert requests.sweep(connection, broker, 3) >= 1

    found = request_rows.find(connection, row.id)
    assert found is not None
    assert found.state == "queued"
    assert "spark_reader" in str(found.error)


def test_a_dead_workers_request_gives_way_to_the_same_one_queued(connection: Connection, broker: Broker) -> None:
    old = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, old.id, "worker")
    new = requests.enqueue(connection, broker, QUERY, ARTISTS)
    let_pass(connection, "31 seconds")

    requests.sweep(connection, broker, 3)

    states = {row.id: row.state for row in request_rows.list_requests(connection)}
    assert states == {old.id: "cancelled", new.id: "queued"}


def test_a_worker_changes_nothing_of_a_request_that_was_given_to_another(
    connection: Connection, broker: Broker
) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    requests.claim(connection, row.id, "paused")
    let_pass(connection, "31 seconds")
    requests.sweep(connection, broker, 3)
    held = requests.claim(connection, row.id, "other")

    requests.fail(connection, row.id, "paused", "no memory", 1)
    requests.finish(connection, row.id, "paused", "nothing has landed yet")
    requests.published(connection, row.id, "paused", uuid4(), 7)
    requests.release(connection, row.id, "paused")

    assert request_rows.find(connection, row.id) == held
    assert not requests.heartbeat(connection, row.id, "paused", "reading")


def test_waiting_tells_every_change_and_ends_with_the_outcome(connection: Connection, broker: Broker) -> None:
    row = requests.enqueue(connection, broker, QUERY, ARTISTS)
    seen = []
    for found in request_rows.wait(connection, row.id, poll_seconds=0.01):
        seen.append((found.state, found.progress))
        if found.state == "queued":
            requests.claim(connection, row.id, "worker")
        elif found.progress == "started":
            requests.finish(connection, row.id, "worker", "nothing has landed yet")

    assert seen == [("queued", None), ("running", "started"), ("done", "nothing has landed yet")]
