"""Whatever bytes come on `spark_request`: a row, queued or failed with its reason, or a refusal; nothing else."""

import contextlib

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection
from jobs.messages import DecodeError, Request
from request_consumer import request_rows, requests

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["stats.user.entity", "stats.nothing", "__import__", "x' OR 1=1--", ""]) | st.text(max_size=20)
PARAMS = st.dictionaries(st.sampled_from(["entity", "stats_range", "at", "database"]) | st.text(max_size=8), JSON)
REQUESTS = st.fixed_dictionaries({}, optional={"query": NAMES | JSON, "params": PARAMS | JSON, "request_id": JSON})


@given(document=JSON | REQUESTS)
@example(document={"query": "stats.user.entity", "params": {"entity": "artists", "x": "\0"}})
@example(document={"query": "q" * 100_000, "params": {"p" * 100_000: "é" * 100_000}})
@example(document={"query": "stats.user.entity", "params": {"entity": "artists", "at": 10**18}})
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message_becomes_a_row_or_is_refused(connection: Connection, document: object) -> None:
    with contextlib.suppress(DecodeError):
        request = Request.decode(orjson.dumps(document))
        row = requests.adopt(connection, request)
        assert row.state == "queued" or row.error
        assert request_rows.find(connection, row.id) == row
