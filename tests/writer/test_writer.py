"""The listen writer's loop on a real queue and a real database."""

import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from conf.broker import INCOMING, Broker, open_broker
from conf.postgres import Connection, connect, dsn, transaction
from conf.settings import Settings
from jobs.listens.listen import Submission
from jobs.listens.prune import prune_messages, prune_tombstones
from jobs.listens.write import delete_listen, write_submissions
from tests.writer.conftest import Submit
from tests.writer.listens import listen, stored, totals
from webapi.submission import writer
from webapi.submission.publisher import Publisher


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    opened = open_broker(settings)
    yield opened
    opened.close()


@pytest.fixture
def running(settings: Settings) -> Iterator[threading.Thread]:
    """The loop in a thread, ended after the test."""
    stop = threading.Event()
    thread = threading.Thread(target=writer.run, args=(settings, stop))
    thread.start()
    yield thread
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)


def status(settings: Settings) -> dict[str, object] | None:
    connection = connect(dsn(settings))
    with transaction(connection) as cursor:
        cursor.execute("SELECT detail FROM part_status WHERE part = 'listen_writer'")
        row = cursor.fetchone()
    connection.close()
    return row[0] if row else None


def test_what_was_published_is_readable_and_gone_from_the_queue(
    settings: Settings, connection: Connection, broker: Broker, submit: Submit, user: int, running: threading.Thread
) -> None:
    publisher = Publisher(settings)
    started = time.monotonic()
    for second in range(5):
        publisher.publish(submit(listen(second)))
    publisher.close()
    until(lambda: len(stored(connection)) == 5)
    assert time.monotonic() - started < 3
    until(lambda: broker.depth(INCOMING) == 0)
    assert totals(connection, user) == (5, 0, 4)


def test_poison_is_a_dead_letter_with_its_reason_and_its_neighbours_are_written(
    connection: Connection, broker: Broker, submit: Submit, running: threading.Thread
) -> None:
    unusable = submit(None, at=2**64 - 1)  # PostgreSQL has no such bigint
    broker.publish(INCOMING, [submit(listen(1)).encode(), b"not json", unusable.encode(), submit(listen(2)).encode()])
    until(lambda: len(stored(connection)) == 2 and broker.depth(INCOMING) == 0)
    reasons = sorted(letter.reason for letter in broker.dead_letters(INCOMING))
    assert len(reasons) == 2
    assert reasons[0].startswith("cannot be written: ")
    assert reasons[1].startswith("not JSON: ")


def test_a_writer_outlives_its_lost_connections(
    settings: Settings, connection: Connection, broker: Broker, submit: Submit, running: threading.Thread
) -> None:
    broker.publish(INCOMING, [submit(listen(1)).encode()])
    until(lambda: len(stored(connection)) == 1)
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    Publisher(settings).publish(submit(listen(2)))
    until(lambda: len(stored(connection)) == 2)


def test_a_message_written_but_not_acked_is_not_written_again(
    settings: Settings, connection: Connection, broker: Broker, submit: Submit
) -> None:
    message = submit(listen(1))
    write_submissions(connection, [message])
    broker.publish(INCOMING, [message.encode()])
    stop = threading.Event()
    thread = threading.Thread(target=writer.run, args=(settings, stop))
    thread.start()
    until(lambda: broker.depth(INCOMING) == 0)
    until(lambda: status(settings) is not None)
    stop.set()
    thread.join(10)
    assert len(stored(connection)) == 1
    assert status(settings) is None


def test_the_writer_says_what_it_did(
    settings: Settings, broker: Broker, submit: Submit, running: threading.Thread
) -> None:
    broker.publish(INCOMING, [submit(listen(1), listen(1), None).encode(), b"x"])

    def told() -> bool:
        said = status(settings) or {}
        return (said.get("written"), said.get("duplicates"), said.get("rejected"), said.get("poison")) == (1, 1, 1, 1)

    until(told)


def test_a_batch_is_limited_by_bytes(settings: Settings, broker: Broker, submit: Submit) -> None:
    large = listen(1, note="x" * 5_000_000)
    broker.publish(INCOMING, [submit(large).encode() for _ in range(5)])
    taking = writer.Writer(settings)
    stop = threading.Event()
    first = taking.take(broker, stop)
    broker.release(first)
    for _ in range(2):
        batch = taking.take(broker, stop)
        assert sum(len(delivery.body) for delivery in batch) < 2 * writer.BATCH_BYTES
        broker.release(batch)
    taking.close()


def _age(connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("UPDATE message_seen SET processed = processed - interval '8 days'")
        cursor.execute("UPDATE listen_delete SET created = created - interval '8 days'")


def test_old_message_ids_are_forgotten_and_young_ones_kept(connection: Connection, submit: Submit) -> None:
    write_submissions(connection, [submit(listen(1))])
    _age(connection)
    young: Submission = submit(listen(2))
    write_submissions(connection, [young])
    with transaction(connection) as cursor:
        assert prune_messages(cursor) == 1
        cursor.execute("SELECT message_id FROM message_seen")
        assert cursor.fetchall() == [(young.message_id,)]


def test_a_tombstone_is_kept_until_its_delete_is_in_the_lake(connection: Connection, submit: Submit, user: int) -> None:
    write_submissions(connection, [submit(listen(1))])
    with transaction(connection) as cursor:
        cursor.execute("SELECT recording_msid FROM listen")
        [(msid,)] = cursor.fetchall()
    delete_listen(connection, user, 1609459201, msid, 200)
    _age(connection)
    with transaction(connection) as cursor:
        assert prune_tombstones(cursor) == 0
        cursor.execute("SELECT position FROM listen_delete")
        [(position,)] = cursor.fetchall()
        cursor.execute("INSERT INTO landing VALUES (1, %s, now(), NULL, 'land', 0)", (position - 1,))
        assert prune_tombstones(cursor) == 0
        cursor.execute("INSERT INTO landing VALUES (2, %s, now(), NULL, 'land', 0)", (position,))
        assert prune_tombstones(cursor) == 1


def test_a_tombstone_is_kept_while_an_older_listen_is_set_aside(
    connection: Connection, submit: Submit, user: int
) -> None:
    write_submissions(connection, [submit(None, at=100)])
    write_submissions(connection, [submit(listen(1), at=100)])
    with transaction(connection) as cursor:
        cursor.execute("SELECT recording_msid FROM listen")
        [(msid,)] = cursor.fetchall()
    delete_listen(connection, user, 1609459201, msid, 200)
    _age(connection)
    with transaction(connection) as cursor:
        cursor.execute("INSERT INTO landing VALUES (1, 1000000, now(), NULL, 'land', 0)")
        assert prune_tombstones(cursor) == 0
        cursor.execute("DELETE FROM rejected_listen")
        assert prune_tombstones(cursor) == 1


def test_an_unexpected_error_ends_the_part_and_loses_nothing(
    settings: Settings, connection: Connection, broker: Broker, submit: Submit
) -> None:
    broker.publish(INCOMING, [submit(listen(1)).encode()])
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE message_seen RENAME TO elsewhere")
    with pytest.raises(psycopg2.ProgrammingError):
        writer.run(settings, threading.Event())
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO message_seen")
    until(lambda: len(_taken_again(broker)) == 1)


def _taken_again(broker: Broker) -> list[bytes]:
    return [delivery.body for delivery in broker.consume(INCOMING, 5, 1)]
