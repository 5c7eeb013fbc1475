"""A manifest with one odd value is stored or refused with a reason, and never anything else."""

import contextlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection, Pool, transaction
from jobs.messages import DecodeError, Manifest
from spark_reader.parts import PoisonManifestError
from spark_reader.reader import save_run
from spark_reader.store import BadRowsError
from tests.reader.results import manifest

pytestmark = pytest.mark.usefixtures("users")
ODD: list[object] = [
    None,
    -1,
    0,
    2**31,
    2**63,
    2**64 - 1,
    1.5,
    True,
    "",
    "x",
    "\0",
    "week'--",
    [],
    [[]],
    [None],
    {},
    {"a": 1},
    "é" * 5000,
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where every value of a JSON document is."""
    if path:
        yield path
    if isinstance(value, dict):
        for key in value:
            yield from paths(value[key], (*path, key))
    elif isinstance(value, list):
        for index in range(len(value)):
            yield from paths(value[index], (*path, index))


def replaced(value: Any, path: tuple[Any, ...], odd: object) -> Any:
    """A copy with one value replaced."""
    copy: Any = orjson.loads(orjson.dumps(value))
    place = copy
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = odd
    return copy


WHOLE = orjson.loads(manifest({1: [(11, 5), (12, 3)], 2: [(-9, 1)]}, request_id=uuid4(), touched=(3,)).encode())


@given(path=st.sampled_from(list(paths(WHOLE))), odd=st.sampled_from(ODD))
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_one_odd_value_is_stored_or_refused_with_a_reason(
    connection: Connection, pool: Pool, path: tuple[Any, ...], odd: object
) -> None:
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM run")
    body = orjson.dumps(replaced(WHOLE, path, odd))
    with contextlib.suppress(DecodeError, PoisonManifestError, BadRowsError):
        save_run(pool, Manifest.decode(body))
