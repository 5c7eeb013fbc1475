"""Statistics over any whole days: asked of the request consumer, waited for a moment, answered from what it has stored.

Nothing is computed here. What is kept of a span is answered for a day while nothing of it can have changed, and for a
minute whatever has; then it is asked for again, and if the new one is late, or beyond the client's quota, the kept one
is answered, which says its age and data version. Where nothing is kept, an answer that is late is 202: ask again at
Location after Retry-After seconds. A request of the same span that is under way is everybody's.
"""

import logging
import time
from urllib.parse import quote

from flask import Response, request

from conf.broker import SPAN_REQUEST, BrokerUnavailableError, open_broker
from conf.settings import Settings
from jobs.messages import Request
from jobs.spans import InvalidSpanError, Span, span_of
from webapi.costs import count_span
from webapi.db.spans import SpanState, ask_for_span, span_state
from webapi.errors import ApiError, BadRequestError, UnavailableError, reply
from webapi.parameters import whole
from webapi.services import Services

WAIT_SECONDS = 5.0
LOOK_SECONDS = 0.1
BELIEVED_SECONDS = 60.0
"""Whatever lands, so long what was computed is answered, and what has failed is not tried again."""
RETRY_SECONDS = 2
NAMES = ("from_ts", "to_ts")

log = logging.getLogger(__name__)


def asks_for_span() -> bool:
    """Whether this request is about days of its own, not about a range."""
    return any(request.args.get(name) for name in NAMES)


def asked_span() -> Span:
    """The days that this request is about. Raises BadRequestError."""
    if request.args.get("range"):
        raise BadRequestError("range together with from_ts and to_ts: expected the one or the others")
    bounds = {name: request.args.get(name) for name in NAMES}
    for name, text in bounds.items():
        if not text:
            other = NAMES[1 - NAMES.index(name)]
            raise BadRequestError(f"{other} without {name}: expected both, midnights UTC in epoch seconds")
    values = [whole(text or "") for text in bounds.values()]
    for (name, text), value in zip(bounds.items(), values, strict=True):
        if value is None:
            raise BadRequestError(f"{name}={text}: expected epoch seconds")
    try:
        return span_of(values[0] or 0, values[1] or 0, time.time())
    except InvalidSpanError as problem:
        raise BadRequestError(str(problem)) from None


def await_span(here: Services, user_id: int, statistic: str, span: Span) -> SpanState | Response:
    """How it stands once it is to be had; else the 202.

    Raises ApiError 429 beyond the quota of spans where nothing is kept, UnavailableError where it has just failed.
    """
    state = _state(here, user_id, statistic, span)
    if not _is_settled(state) and not state.open:
        try:
            count_span(here.limiter)
        except ApiError:
            if state.run_id is None:
                raise
            return state
        _ask(here, user_id, statistic, span)
        state = _state(here, user_id, statistic, span)
    if not _is_settled(state) and here.span_places.acquire(blocking=False):
        try:
            state = _waited(here, user_id, statistic, span)
        finally:
            here.span_places.release()
    if state.run_id is not None or _is_empty(state):
        return state
    if _has_failed(state):
        log.warning("span of %s of user %s: %s", statistic, user_id, state.error)
        raise UnavailableError("This statistic could not be computed. Please try again in a minute.")
    return _later()


def _ask(here: Services, user_id: int, statistic: str, span: Span) -> None:
    with here.pool.transaction() as cursor:
        made = ask_for_span(cursor, user_id, statistic, span)
    if made is not None:
        _ring(here.settings, made)


def _waited(here: Services, user_id: int, statistic: str, span: Span) -> SpanState:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        time.sleep(LOOK_SECONDS)
        state = _state(here, user_id, statistic, span)
        if _is_settled(state) or time.monotonic() > deadline:
            return state


def _state(here: Services, user_id: int, statistic: str, span: Span) -> SpanState:
    with here.pool.statement() as cursor:
        return span_state(cursor, user_id, statistic, span)


def _is_settled(state: SpanState) -> bool:
    """Whether waiting changes nothing."""
    fresh = state.run_id is not None and (state.current or state.age < BELIEVED_SECONDS)
    return fresh or _has_failed(state) or _is_empty(state)


def _has_failed(state: SpanState) -> bool:
    return state.error is not None and state.ended is not None and state.ended < BELIEVED_SECONDS


def _is_empty(state: SpanState) -> bool:
    """A request that ended well and left nothing: of a lake without listens."""
    ended = state.ended is not None and state.ended < BELIEVED_SECONDS and not state.open
    return ended and state.error is None and state.run_id is None


def _ring(settings: Settings, made: Request) -> None:
    """Tell the consumer. Without a broker the row stands, and the consumer's sweep finds it."""
    try:
        broker = open_broker(settings)
        try:
            broker.publish(SPAN_REQUEST, [made.encode()])
        finally:
            broker.close()
    except BrokerUnavailableError as problem:
        log.warning("a span waits for the sweep of the request consumer: %s", problem)


def _later() -> Response:
    """202: it is being computed."""
    answer = reply({"code": 202, "status": "This statistic is being computed. Please ask again."}, 202)
    answer.headers["Retry-After"] = str(RETRY_SECONDS)
    answer.headers["Location"] = f"{quote(request.path)}?{request.query_string.decode('latin-1')}"
    answer.headers["Cache-Control"] = "no-store"
    return answer
