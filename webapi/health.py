"""Whether this worker can serve: PostgreSQL answers, the schema is this code's, the broker takes messages.

Not being ready has reasons (503). Alarms are what an operator must see although requests can be served.
"""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

from conf.broker import INCOMING, BrokerUnavailableError, open_broker
from conf.postgres import SchemaError, StoreUnavailableError, check_schema, dsn
from conf.settings import Settings
from webapi.db.deadline import waited_in_vain
from webapi.db.status import LandingState, PartRow, landing_state, parts
from webapi.freshness import freshness, late_in_words
from webapi.services import Services

SILENT_SECONDS = 30
"""A part reports about every 2 s; silent for this long, it hangs or is gone."""
LANDING_LATE_SECONDS = 300
"""A listen that waits longer for the lake is an alarm."""
EXPECTED_PARTS = ("listen_writer", "request_consumer", "spark_reader", "history_importer")


@dataclass
class Readiness:
    """The answer of /health/ready."""

    reasons: list[str] = field(default_factory=list)
    """Why not ready; empty: ready."""
    alarms: list[str] = field(default_factory=list)
    incoming: int | None = None
    """Messages in the queue `incoming`; None when the broker does not say."""
    landing: LandingState | None = None
    parts: list[PartRow] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """As answered."""
        return {"ready": not self.reasons, **asdict(self), "time": int(time.time())}


def readiness(services: Services) -> Readiness:
    """Ask everything that is needed; never raises for what is down."""
    state = Readiness()
    _ask_store(services, state)
    _ask_broker(services.settings, state)
    return state


def incoming_depth(settings: Settings) -> int:
    """Messages waiting in the queue `incoming`. Raises BrokerUnavailableError."""
    try:
        broker = open_broker(settings)
    except StoreUnavailableError as problem:
        raise BrokerUnavailableError(str(problem)) from None
    try:
        broker.publish(INCOMING, [])
        return broker.depth(INCOMING)
    finally:
        broker.close()


def _ask_store(services: Services, state: Readiness) -> None:
    try:
        check_schema(dsn(services.settings))
        with services.pool.transaction() as cursor:
            state.parts, state.landing = parts(cursor), landing_state(cursor)
            late = late_in_words(freshness(cursor))
    except StoreUnavailableError as problem:
        state.reasons.append(f"postgres: {problem}")
        return
    except SchemaError as problem:
        state.reasons.append(f"schema: {problem}")
        return
    state.alarms += [*_alarms(state.parts, state.landing), *([f"statistics: {late}"] if late else [])]


def _ask_broker(settings: Settings, state: Readiness) -> None:
    if waited_in_vain() and not settings.broker_url.startswith("amqp"):
        state.reasons.append("broker: its tables are in PostgreSQL")
        return
    try:
        state.incoming = incoming_depth(settings)
    except BrokerUnavailableError as problem:
        state.reasons.append(f"broker: {problem}")


def _alarms(reported: list[PartRow], landing: LandingState) -> list[str]:
    alarms = []
    for part in EXPECTED_PARTS:
        ages = [row.age for row in reported if row.part == part]
        if not ages:
            alarms.append(f"{part}: not running")
        elif min(ages) > SILENT_SECONDS:
            alarms.append(f"{part}: silent for {min(ages)} s")
    for row in reported:
        if row.age <= SILENT_SECONDS:
            alarms += [f"{row.part}: {alarm}" for alarm in _own_alarms(row.detail)]
    if landing.waiting_age > LANDING_LATE_SECONDS:
        alarms.append(f"landing: a listen has waited {landing.waiting_age} s for the lake")
    return alarms


def _own_alarms(detail: dict[str, Any]) -> list[str]:
    """What a part says of itself: a text under `alarm`, or a list of them under `alarms`."""
    said = [detail.get("alarm"), *(detail.get("alarms") or ())]
    return [str(alarm) for alarm in said if alarm]
