"""Threads publish together: each returns when its own message is durable; a broker that is away fails all in time."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conf.broker import INCOMING, BrokerUnavailableError, open_broker
from conf.settings import Settings
from jobs.listens.listen import Submission, new_message_id
from tests.webapi.conftest import listen
from webapi.submission.publisher import BATCH_BYTES, Publisher


def _submission(text: str = "x") -> Submission:
    return Submission(new_message_id(), 1, 1, (listen(1_600_000_000, text),))


def _queued(settings: Settings) -> list[Submission]:
    broker = open_broker(settings)
    found: list[Submission] = []
    while deliveries := broker.consume(INCOMING, 1000, 1):
        found += [Submission.decode(delivery.body) for delivery in deliveries]
        broker.ack(deliveries)
    broker.close()
    return found


@pytest.mark.servers
def test_each_of_many_threads_returns_when_its_own_message_is_in_the_queue(on_broker: Settings) -> None:
    _queued(on_broker)
    publisher = Publisher(on_broker)
    sent = [[_submission(f"{thread} {n}") for n in range(25)] for thread in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda some: list(map(publisher.publish, some)), sent))
    queued = _queued(on_broker)
    assert sorted(s.message_id for s in queued) == sorted(s.message_id for some in sent for s in some)
    places = {s.message_id: place for place, s in enumerate(queued)}
    assert all([places[s.message_id] for s in some] == sorted(places[s.message_id] for s in some) for some in sent)
    publisher.close()


def test_messages_beyond_the_bytes_of_a_batch_go_with_the_next(settings: Settings) -> None:
    publisher = Publisher(settings)
    big = [_submission("x" * (BATCH_BYTES // 2 + n)) for n in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(publisher.publish, big))
    assert len(_queued(settings)) == 4
    publisher.close()


def _timed(publish: Callable[[Submission], None]) -> tuple[float, str]:
    started = time.monotonic()
    try:
        publish(_submission())
    except BrokerUnavailableError as problem:
        return time.monotonic() - started, str(problem)
    return time.monotonic() - started, ""


def test_a_broker_that_is_away_fails_every_thread_that_waits_and_is_found_again(settings: Settings) -> None:
    away = replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none")
    publisher = Publisher(away)
    barrier = threading.Barrier(8)

    def together(_: int) -> tuple[float, str]:
        barrier.wait()
        return _timed(publisher.publish)

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(together, range(8)))
    assert all("cannot be reached" in said for _, said in answers)
    assert max(seconds for seconds, _ in answers) < 6
    publisher._settings = settings  # it comes back
    assert _timed(publisher.publish)[1] == ""
    assert len(_queued(settings)) == 1
    publisher.close()
