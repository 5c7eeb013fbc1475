"""What only RabbitMQ does: queues deleted under way, alarms, a node that is killed, stopped or frozen."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pika
import pytest

from conf.broker import Broker, BrokerUnavailableError
from conf.broker.rabbitmq import RabbitMQBroker
from tests.broker.lane import Lane, delete_queue
from tests.rabbitmq import RabbitMQNode

QUEUE = "test_node"


def seconds_until_unavailable(action: Callable[[], object]) -> float:
    started = time.monotonic()
    with pytest.raises(BrokerUnavailableError):
        action()
    return time.monotonic() - started


def assert_refused_soon(*brokers: Broker) -> None:
    """Each of them, at the same time, within 10 seconds."""

    def refused(broker: Broker) -> float:
        return seconds_until_unavailable(lambda: broker.publish(QUEUE, [b"x"]))

    with ThreadPoolExecutor() as threads:
        assert max(threads.map(refused, brokers)) < 10


def broker_of(node: RabbitMQNode) -> RabbitMQBroker:
    return RabbitMQBroker(node.url, max_deliveries=5)


def drain(node: RabbitMQNode) -> list[bytes]:
    broker = broker_of(node)
    bodies = []
    while (got := broker.consume(QUEUE, 100, 0.5)) or broker.depth(QUEUE):
        bodies += [delivery.body for delivery in got]
        broker.ack(got)
    broker.close()
    return bodies


def test_a_queue_deleted_under_way_is_declared_again_by_the_next_publish(rabbitmq_lane: Lane) -> None:
    broker = rabbitmq_lane.broker()
    broker.publish(rabbitmq_lane.queue, [b"a"])
    delete_queue(rabbitmq_lane.direct, rabbitmq_lane.queue)
    broker.publish(rabbitmq_lane.queue, [b"b"])
    assert rabbitmq_lane.drain() == [b"b"]


def test_a_queue_deleted_under_a_consumer_is_declared_again_by_it(rabbitmq_lane: Lane) -> None:
    consumer = rabbitmq_lane.broker()
    assert consumer.consume(rabbitmq_lane.queue, 10, 0.1) == []
    delete_queue(rabbitmq_lane.direct, rabbitmq_lane.queue)
    assert consumer.consume(rabbitmq_lane.queue, 10, 0.5) == []
    rabbitmq_lane.broker().publish(rabbitmq_lane.queue, [b"a"])
    [got] = consumer.consume(rabbitmq_lane.queue, 10, 5)
    assert got.body == b"a"


def test_dead_letters_whose_queue_was_deleted_are_kept_from_then_on(rabbitmq_lane: Lane) -> None:
    broker = rabbitmq_lane.broker()
    broker.publish(rabbitmq_lane.queue, [b"a"])
    [got] = broker.consume(rabbitmq_lane.queue, 1, 5)
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_lane.direct))
    connection.channel().queue_delete(f"{rabbitmq_lane.queue}.dead_letter")
    connection.close()
    broker.reject(got, "bad")
    assert [letter.reason for letter in broker.dead_letters(rabbitmq_lane.queue)] == ["bad"]


def test_a_password_is_in_no_error() -> None:
    broker = RabbitMQBroker("amqp://user:secret-word@127.0.0.1:1/", max_deliveries=5)
    with pytest.raises(BrokerUnavailableError) as caught:
        broker.publish(QUEUE, [b"a"])
    assert "secret-word" not in str(caught.value)


def test_a_wrong_password_is_unavailable_and_says_so(amqp_url: str) -> None:
    parameters = pika.URLParameters(amqp_url)
    url = f"amqp://guest:wrong@{parameters.host}:{parameters.port}/"
    with pytest.raises(BrokerUnavailableError, match=r"(?i)auth|refused|login"):
        RabbitMQBroker(url, max_deliveries=5).publish(QUEUE, [b"a"])


@pytest.mark.skipif("TEST_AMQP_URL" in os.environ, reason="the server is not ours to break")
class TestOwnNode:
    """One node, broken in turn; every test heals it."""

    def test_what_was_confirmed_survives_a_killed_node(self, rabbitmq_node: RabbitMQNode) -> None:
        broker = broker_of(rabbitmq_node)
        bodies = [str(n).encode() for n in range(300)]
        broker.publish(QUEUE, bodies)
        rabbitmq_node.kill()
        assert seconds_until_unavailable(lambda: broker.publish(QUEUE, [b"lost"])) < 5
        rabbitmq_node.start()
        broker.publish(QUEUE, [b"after"])
        assert sorted(drain(rabbitmq_node)) == sorted([*bodies, b"after"])

    def test_a_restart_mid_batch_makes_tags_stale_and_the_batch_comes_again(self, rabbitmq_node: RabbitMQNode) -> None:
        broker = broker_of(rabbitmq_node)
        broker.publish(QUEUE, [b"a"])
        held = broker.consume(QUEUE, 1, 5)
        rabbitmq_node.stop()
        rabbitmq_node.start()
        broker.ack(held)
        [again] = broker.consume(QUEUE, 1, 10)
        assert (again.body, again.deliveries > 1) == (b"a", True)
        broker.ack(held)
        broker.ack([again])
        broker.close()
        assert drain(rabbitmq_node) == []

    def test_a_disk_alarm_refuses_within_10_seconds_and_reading_goes_on(self, rabbitmq_node: RabbitMQNode) -> None:
        broker = broker_of(rabbitmq_node)
        broker.publish(QUEUE, [b"before"])
        rabbitmq_node.set_alarm(True)
        try:
            assert_refused_soon(broker, broker_of(rabbitmq_node))
            assert b"before" in drain(rabbitmq_node)
        finally:
            rabbitmq_node.set_alarm(False)
        broker.publish(QUEUE, [b"after"])
        assert b"after" in drain(rabbitmq_node)

    def test_a_frozen_node_refuses_within_10_seconds(self, rabbitmq_node: RabbitMQNode) -> None:
        broker = broker_of(rabbitmq_node)
        broker.publish(QUEUE, [b"before"])
        rabbitmq_node.pause()
        try:
            assert_refused_soon(broker, broker_of(rabbitmq_node))
        finally:
            rabbitmq_node.resume()
        broker.publish(QUEUE, [b"after"])
        assert {b"before", b"after"} <= set(drain(rabbitmq_node))


def test_less_asked_for_later_leaves_nothing_behind_in_the_hand_of_the_link(rabbitmq_lane: Lane) -> None:
    broker = rabbitmq_lane.broker()
    bodies = [str(n).encode() for n in range(12)]
    broker.publish(rabbitmq_lane.queue, bodies[:2])
    broker.ack(broker.consume(rabbitmq_lane.queue, 10, 5))
    broker.publish(rabbitmq_lane.queue, bodies[2:])
    got: list[bytes] = []
    while len(got) < 10 and (some := broker.consume(rabbitmq_lane.queue, 1, 10)):
        got += [delivery.body for delivery in some]
    assert got == bodies[2:]
    assert broker.consume(rabbitmq_lane.queue, 1, 0.5) == []
