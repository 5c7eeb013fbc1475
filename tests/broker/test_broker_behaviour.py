"""What every broker promises, proved on a real PostgreSQL and a real RabbitMQ."""

import subprocess
import sys
import threading
import time

import pytest

from conf.broker import Broker, BrokerUnavailableError, DeadLetter, Delivery
from conf.settings import PROJECT
from tests.broker.lane import Lane

CONSUMER = """
import sys, time
from conf.broker.{module} import {kind}
broker = {kind}({url!r}, max_deliveries=5)
got = broker.consume({queue!r}, 1, 10)
print(got[0].body.decode(), got[0].deliveries, flush=True)
time.sleep(60)
"""


def consume_all(broker: Broker, queue: str, count: int) -> list[Delivery]:
    """That many deliveries, unacked, however the broker cuts them into batches."""
    got: list[Delivery] = []
    deadline = time.monotonic() + 30
    while len(got) < count and time.monotonic() < deadline:
        got += broker.consume(queue, count - len(got), 0.5)
    return got


def eventually(expected: object, value: object) -> None:
    """AMQP settles without an answer: what it says of a queue follows a moment later."""
    assert callable(value)
    deadline = time.monotonic() + 20
    while value() != expected and time.monotonic() < deadline:
        time.sleep(0.05)
    assert value() == expected


def kill_a_consumer(lane: Lane) -> str:
    """A process takes one message and is killed with it in hand; what it had seen."""
    code = CONSUMER.format(
        module=lane.kind.__module__.rpartition(".")[2], kind=lane.kind.__name__, url=lane.direct, queue=lane.queue
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=PROJECT) as process:
        assert process.stdout is not None
        seen = process.stdout.readline().strip()
        process.kill()
    return seen


def test_messages_come_in_the_order_they_were_published(lane: Lane) -> None:
    broker = lane.broker()
    bodies = [str(n).encode() for n in range(1040)]
    broker.publish(lane.queue, bodies[:1000])
    for body in bodies[1000:]:
        broker.publish(lane.queue, [body])
    assert lane.drain() == bodies


def test_a_batch_is_no_bigger_than_asked_for(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a", b"b", b"c", b"d"])
    first = broker.consume(lane.queue, 3, 10)
    second = broker.consume(lane.queue, 3, 10)
    assert 1 <= len(first) <= 3
    assert 1 <= len(second) <= 3


def test_publishing_nothing_publishes_nothing(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [])
    assert broker.depth(lane.queue) == 0
    assert broker.consume(lane.queue, 10, 0) == []


@pytest.mark.parametrize("body", [b"", b"\0", b"\xff\xfe\x00\x80", b"not json {", bytes(range(256)) * 3])
def test_a_body_is_any_bytes(lane: Lane, body: bytes) -> None:
    lane.broker().publish(lane.queue, [body])
    assert lane.drain() == [body]


def test_a_body_of_10_mb_goes_through(lane: Lane) -> None:
    body = bytes(range(256)) * 40_000
    lane.broker().publish(lane.queue, [body, b"small"])
    assert lane.drain() == [body, b"small"]


def test_a_waiting_consumer_gets_a_message_at_once(lane: Lane) -> None:
    consumer, publisher = lane.broker(), lane.broker()
    publisher.depth(lane.queue)
    consumer.depth(lane.queue)
    got: list[float] = []

    def wait() -> None:
        consumer.ack(consumer.consume(lane.queue, 10, 10))
        got.append(time.monotonic())

    took: list[float] = []
    while not took or (took[-1] >= 0.4 and len(took) < 5):  # other work on the machine passes, a poll never would
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.2)
        published = time.monotonic()
        publisher.publish(lane.queue, [b"x"])
        thread.join(30)
        took.append(got[-1] - published)
    assert took[-1] < 0.4, took


def test_an_empty_queue_is_waited_for_no_longer_than_asked(lane: Lane) -> None:
    broker = lane.broker()
    broker.depth(lane.queue)
    started = time.monotonic()
    assert broker.consume(lane.queue, 10, 0.5) == []
    assert 0.4 < time.monotonic() - started < 5


def test_an_acked_message_never_comes_again(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a", b"b"])
    broker.ack(consume_all(broker, lane.queue, 2))
    broker.close()
    assert lane.drain() == []


def test_a_message_of_a_killed_consumer_comes_again_at_once(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a"])
    assert kill_a_consumer(lane) == "a 1"
    [again] = broker.consume(lane.queue, 1, 10)
    assert (again.body, again.deliveries) == (b"a", 2)


def test_a_closed_consumer_gives_back_what_it_held(lane: Lane) -> None:
    one, other = lane.broker(), lane.broker()
    one.publish(lane.queue, [b"a", b"b"])
    consume_all(one, lane.queue, 2)
    one.close()
    assert sorted(d.body for d in consume_all(other, lane.queue, 2)) == [b"a", b"b"]


def test_a_released_message_comes_to_somebody_else(lane: Lane) -> None:
    one, other = lane.broker(), lane.broker()
    one.publish(lane.queue, [b"a"])
    one.release(one.consume(lane.queue, 1, 5))
    [again] = other.consume(lane.queue, 1, 5)
    assert (again.body, again.deliveries) == (b"a", 2)


def test_what_one_consumer_holds_the_other_does_not_get(lane: Lane) -> None:
    one, other = lane.broker(), lane.broker()
    one.publish(lane.queue, [b"a", b"b", b"c"])
    held = consume_all(one, lane.queue, 2)
    got = other.consume(lane.queue, 10, 10)
    assert [d.body for d in held] == [b"a", b"b"]
    assert [d.body for d in got] == [b"c"]
    assert other.consume(lane.queue, 10, 1.5) == []


def test_two_consumers_share_a_queue_without_overlap(lane: Lane) -> None:
    bodies = {str(n).encode() for n in range(600)}
    lane.broker().publish(lane.queue, sorted(bodies))
    taken: list[list[bytes]] = [[], []]

    def work(mine: list[bytes]) -> None:
        broker = lane.broker()
        while got := broker.consume(lane.queue, 7, 1):
            mine += [d.body for d in got]
            broker.ack(got)

    threads = [threading.Thread(target=work, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken[0] + taken[1]) == sorted(bodies)


def test_depth_counts_what_waits_and_what_is_in_hand(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a", b"b", b"c"])
    held = consume_all(broker, lane.queue, 2)
    eventually(3, lambda: broker.depth(lane.queue))
    broker.ack(held)
    eventually(1, lambda: broker.depth(lane.queue))


def test_a_message_never_done_is_a_dead_letter_after_its_last_delivery(lane: Lane) -> None:
    broker = lane.broker(max_deliveries=3)
    broker.publish(lane.queue, [b"poison"])
    seen: list[int] = []
    while len(seen) < 9 and not broker.dead_letters(lane.queue):
        got = broker.consume(lane.queue, 10, 0.7)
        seen += [delivery.deliveries for delivery in got]
        broker.release(got)
    assert seen == [1, 2, 3]
    [letter] = broker.dead_letters(lane.queue)
    assert (letter.queue, letter.body, letter.deliveries) == (lane.queue, b"poison", 3)
    assert "3 times" in letter.reason
    assert broker.depth(lane.queue) == 0


def test_a_message_that_kills_its_consumer_takes_nothing_else_down(lane: Lane) -> None:
    lane.broker().publish(lane.queue, [b"a", b"poison", b"b", b"c"])
    done: list[bytes] = []
    for _ in range(30):
        broker = lane.broker(max_deliveries=3)
        if broker.dead_letters(lane.queue) and len(done) == 3:
            break
        while got := broker.consume(lane.queue, 10, 0.5):
            if any(d.body == b"poison" for d in got):
                lane.proxy.cut()
                break
            done += [d.body for d in got]
            broker.ack(got)
            broker.depth(lane.queue)  # answered, so the acks have arrived and no later cut loses them
        broker.close()
    assert sorted(done) == [b"a", b"b", b"c"]
    assert [letter.body for letter in lane.broker().dead_letters(lane.queue)] == [b"poison"]


@pytest.mark.parametrize("reason", ["not JSON: line 1", "zero \0 byte", "lone \ud800 surrogate", "x" * 100_000, "é 🎵"])
def test_a_rejected_message_keeps_its_reason(lane: Lane, reason: str) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"\xffbad", b"good"])
    got = consume_all(broker, lane.queue, 2)
    broker.reject(got[0], reason)
    broker.ack(got[1:])
    [letter] = broker.dead_letters(lane.queue)
    assert (letter.body, letter.deliveries) == (b"\xffbad", 1)
    assert letter.reason[:4] == reason[:4]
    assert letter.created is not None
    eventually(0, lambda: broker.depth(lane.queue))


def dead(broker: Broker, queue: str, bodies: list[bytes]) -> list[DeadLetter]:
    broker.publish(queue, bodies)
    for delivery in consume_all(broker, queue, len(bodies)):
        broker.reject(delivery, f"reason of {delivery.body.decode()}")
    return broker.dead_letters(queue)


def test_looking_at_dead_letters_does_not_take_them(lane: Lane) -> None:
    broker = lane.broker()
    letters = dead(broker, lane.queue, [b"a", b"b", b"c"])
    assert [letter.reason for letter in letters] == ["reason of a", "reason of b", "reason of c"]
    for _ in range(25):
        assert broker.dead_letters(lane.queue) == letters
    assert broker.dead_letters(lane.queue, limit=2) == letters[:2]
    assert lane.broker().dead_letters(lane.queue) == letters


def test_a_retried_dead_letter_starts_over(lane: Lane) -> None:
    broker = lane.broker()
    letters = dead(broker, lane.queue, [b"a", b"b", b"c"])
    assert broker.retry_dead_letters(lane.queue, [letters[1].id, "no-such-id"]) == 1
    [again] = broker.consume(lane.queue, 10, 5)
    assert (again.body, again.deliveries) == (b"b", 1)
    assert [letter.body for letter in broker.dead_letters(lane.queue)] == [b"a", b"c"]
    assert broker.retry_dead_letters(lane.queue) == 2
    assert broker.retry_dead_letters(lane.queue) == 0
    assert [d.body for d in consume_all(broker, lane.queue, 2)] == [b"a", b"c"]


def test_unwanted_dead_letters_are_forgotten_and_the_others_stay(lane: Lane) -> None:
    broker = lane.broker()
    bodies = [b"%d" % n for n in range(25)]
    letters = dead(broker, lane.queue, bodies)
    assert broker.drop_dead_letters(lane.queue, lambda body: int(body) % 2 == 0) == 13
    assert broker.drop_dead_letters(lane.queue, lambda body: int(body) % 2 == 0) == 0
    assert lane.broker().dead_letters(lane.queue) == letters[1::2]
    assert broker.depth(lane.queue) == 0


def test_an_idle_connection_that_was_cut_does_not_fail_the_next_publish(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a"])
    lane.proxy.cut()
    time.sleep(0.2)
    broker.publish(lane.queue, [b"b"])
    assert lane.drain() == [b"a", b"b"]


def test_what_was_held_on_a_lost_connection_comes_again_and_its_ack_is_ignored(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a"])
    held = broker.consume(lane.queue, 1, 5)
    lane.proxy.cut()
    time.sleep(0.2)
    with pytest.raises(BrokerUnavailableError):
        broker.keep_alive()
    [again] = broker.consume(lane.queue, 1, 5)
    assert (again.body, again.deliveries) == (b"a", 2)
    broker.ack(held)
    broker.release(held)
    broker.reject(held[0], "stale")
    broker.ack([again])
    broker.close()
    assert lane.drain() == []
    assert lane.broker().dead_letters(lane.queue) == []


def test_a_server_that_is_gone_is_unavailable_soon_and_used_again_once_back(lane: Lane) -> None:
    broker = lane.broker()
    broker.publish(lane.queue, [b"a"])
    lane.proxy.close()
    started = time.monotonic()
    with pytest.raises(BrokerUnavailableError):
        broker.publish(lane.queue, [b"lost"])
    with pytest.raises(BrokerUnavailableError):
        lane.broker().consume(lane.queue, 1, 1)
    assert time.monotonic() - started < 10


def test_a_frozen_server_is_unavailable_within_10_seconds(lane: Lane) -> None:
    publisher, consumer = lane.broker(), lane.broker()
    publisher.publish(lane.queue, [b"a"])
    held = consumer.consume(lane.queue, 1, 5)
    lane.proxy.stall()
    refused: list[float] = []

    def publish(broker: Broker, body: bytes) -> None:
        started = time.monotonic()
        with pytest.raises(BrokerUnavailableError):
            broker.publish(lane.queue, [body])
        refused.append(time.monotonic() - started)

    attempts = ((publisher, b"x" * 1_000_000), (lane.broker(), b"y"))
    threads = [threading.Thread(target=publish, args=attempt) for attempt in attempts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 2
    assert max(refused) < 10
    lane.proxy.resume()
    lane.proxy.cut()
    publisher.publish(lane.queue, [b"z"])
    consumer.ack(held)
    assert {b"a", b"z"} <= set(lane.drain())
