"""Any bytes and any JSON as a submission: taken or refused in one shape, and what was taken is accounted for."""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from tests.corpus.oracle import counts, drained, shape
from tests.corpus.seed import PATH
from tests.corpus.wire import Answer
from tests.live_server import Server
from tests.unit.test_validator_laws import JSON, LISTENS, TYPES, mostly
from tests.webapi.conftest import Account

pytestmark = pytest.mark.servers

CI, LONG = 400, 100_000
IN_ORDER = settings(
    max_examples=CI,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def submission(listen_type: Any, payload: Any) -> dict[str, Any]:
    return {"listen_type": listen_type, "payload": payload}


def spoiled(body: bytes, place: float, cut: int, put: bytes) -> bytes:
    """The body with some bytes replaced by others, somewhere."""
    at = int(place * len(body))
    return body[:at] + put + body[at + cut :]


PLAYING = LISTENS.map(lambda listen: {"track_metadata": listen["track_metadata"]})
SUBMISSIONS = (
    st.builds(submission, st.just("import"), st.lists(mostly(LISTENS), min_size=1, max_size=3))
    | st.builds(submission, st.just("single"), st.lists(LISTENS, min_size=1, max_size=1))
    | st.builds(submission, st.just("playing_now"), st.lists(PLAYING, min_size=1, max_size=1))
    | st.builds(submission, mostly(TYPES), mostly(st.lists(mostly(LISTENS), max_size=3)))
)
DOCUMENTS = st.one_of(JSON | st.floats(), SUBMISSIONS, SUBMISSIONS).map(lambda document: json.dumps(document).encode())
BODIES = st.one_of(
    DOCUMENTS,
    DOCUMENTS,
    st.builds(spoiled, DOCUMENTS, st.floats(0, 1), st.integers(0, 5), st.binary(max_size=5)),
    st.binary(max_size=40),
)


@dataclass
class Sender:
    """One connection for many submissions; counts what was taken and must be on the queue."""

    server: Server
    account: Account
    queued: int = 0
    refused: int = 0
    played: int = 0
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=10)

    def send(self, body: bytes) -> None:
        self.connection.request("POST", PATH, body, self.account.headers)
        answer = self.connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        heard = Answer(answer.status, headers, answer.read(), 0)
        if heard.status == 200:
            assert json.loads(heard.body) == {"status": "ok"}
            playing = json.loads(body)["listen_type"] == "playing_now"
            self.played, self.queued = self.played + playing, self.queued + (not playing)
            return
        assert (heard.status, shape(heard)) == (400, []), heard.body
        self.refused += 1


def examine(server: Server, store: Connection, account: Account, examples: int) -> None:
    """Send so many bodies; then the writer stores, dedupes or sets aside with a reason every listen that was taken."""
    before = counts(store)
    sender = Sender(server, account)

    @settings(IN_ORDER, max_examples=examples)
    @given(BODIES)
    def sent(body: bytes) -> None:
        sender.send(body)

    sent()
    assert min(sender.queued, sender.refused, sender.played) > 0
    queued = 0
    while submissions := drained(server, store):
        queued += len(submissions)
    assert queued == sender.queued
    after = counts(store)
    with transaction(store) as cursor:
        cursor.execute("SELECT sum(consumed), sum(inserted), sum(inserted + duplicate + rejected) FROM message_seen")
        consumed, inserted, accounted = cursor.fetchone() or (0, 0, 0)
        cursor.execute("SELECT count(*) FROM rejected_listen WHERE reason = ''")
        assert cursor.fetchone() == (0,)
    assert consumed == accounted
    assert inserted == after["listen"]
    written = {"message_seen", "listen", "listen_totals", "listen_ledger", "rejected_listen", "playing_now"}
    assert {name for name in after if after[name] != before[name]} <= written


def test_any_body_is_taken_or_refused_and_what_was_taken_is_accounted_for(
    standing_live: Server, store: Connection, corpus_rob: Account
) -> None:
    examine(standing_live, store, corpus_rob, CI)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_of_many_bodies_is_taken_or_refused_and_what_was_taken_is_accounted_for(
    standing_live: Server, store: Connection, corpus_rob: Account
) -> None:
    examine(standing_live, store, corpus_rob, LONG)
