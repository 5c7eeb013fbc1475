"""Whatever happens to the connections: a message published and not acked is never lost, nor in two hands at once."""

import contextlib
import time
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.broker import Broker, BrokerUnavailableError, Delivery
from tests.broker.lane import Lane, delete_queue

WHO = st.integers(0, 1)
STEP = st.one_of(
    st.tuples(st.just("publish"), WHO, st.integers(1, 4)),
    st.tuples(st.just("consume"), WHO, st.integers(1, 4)),
    st.tuples(st.just("ack"), WHO, st.integers(0, 3)),
    st.tuples(st.just("release"), WHO, st.integers(0, 3)),
    st.tuples(st.just("cut"), WHO, st.just(0)),
    st.tuples(st.just("close"), WHO, st.just(0)),
)


@dataclass
class Model:
    """What two users of one queue were promised."""

    lane: Lane
    queue: str
    brokers: list[Broker]
    published: set[bytes] = field(default_factory=set)
    acked: set[bytes] = field(default_factory=set)
    hands: tuple[list[Delivery], list[Delivery]] = field(default_factory=lambda: ([], []))
    number: int = 0

    def step(self, action: str, who: int, count: int) -> None:
        broker, hand = self.brokers[who], self.hands[who]
        if action == "cut":
            self.lane.proxy.cut()
            time.sleep(0.02)
            self.forget(0, 1)
        elif action == "close":
            broker.close()
            self.forget(who)
        elif action == "publish":
            bodies = [str(self.number + n).encode() for n in range(count)]
            self.number += count
            broker.publish(self.queue, bodies)
            self.published |= set(bodies)
        elif action == "consume":
            self.receive(hand, broker.consume(self.queue, count, 0.02))
        else:
            self.settle(action, broker, hand, count)

    def settle(self, action: str, broker: Broker, hand: list[Delivery], count: int) -> None:
        chosen = hand[:count]
        del hand[:count]
        if action == "ack":
            self.acked |= {d.body for d in chosen}
            broker.ack(chosen)
        else:
            broker.release(chosen)

    def receive(self, hand: list[Delivery], got: list[Delivery]) -> None:
        held = {d.body for one in self.hands for d in one}
        bodies = [d.body for d in got]
        assert len(set(bodies)) == len(bodies)
        assert not held & set(bodies), "a message in two hands"
        hand += got

    def forget(self, *who: int) -> None:
        for one in who:
            self.hands[one].clear()


@given(steps=st.lists(STEP, min_size=3, max_size=20))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_interleaving_loses_a_message(lane: Lane, steps: list[tuple[str, int, int]]) -> None:
    model = Model(lane, lane.fresh_queue(), [lane.broker(max_deliveries=900) for _ in range(2)])
    try:
        for step in steps:
            with contextlib.suppress(BrokerUnavailableError):
                model.step(*step)
        for broker in model.brokers:
            broker.close()
        left = set(lane.drain(model.queue))
        assert model.published <= left | model.acked
    finally:
        if lane.on_rabbitmq:
            delete_queue(lane.direct, model.queue)
