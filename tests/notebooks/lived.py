"""A lake with a past: generated listens of some users as one data version, then one user's changes as another."""

import copy
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from pyspark.sql import SparkSession

from conf.postgres import Connection, connect
from conf.settings import Settings
from dumps.generator import make_sample
from jobs.land import Lander
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
from jobs.lock import LakeLock
from tests.jobs.moments import ts
from tests.landing.listens import delete, submit

SEED = 5
UNTIL = ts("2025-06-18T12:00:00")
LATER = 60
"""Listens that the first user hears an hour after the others."""
CALL = 1000


@dataclass(frozen=True)
class Lived:
    """The lake, and what was submitted and not deleted, in API form by user id, before the change and after it."""

    settings: Settings
    before: dict[int, list[dict[str, Any]]]
    now: dict[int, list[dict[str, Any]]]
    changed: int
    """The user whose listens changed."""


def live(spark: SparkSession, settings: Settings, users: int, listens: int) -> Lived:
    """Write and land it."""
    sample = make_sample(SEED, users, listens, until=UNTIL).listens
    with _landing(spark, settings) as (connection, lander):
        before = {create_user(connection, name): _distinct(sent) for name, sent in sample.items()}
        changed = min(before)
        # T is at its place before the change already: no window moves with it.
        before[changed].append(_at(UNTIL, before[changed][0]))
        _submit(connection, before)
        assert lander.land() is not None
        later = [_at(UNTIL + 3600 + n, sent) for n, sent in enumerate(before[changed][:LATER])]
        gone = before[changed][0]
        submit(connection, changed, *later)
        delete(connection, changed, gone)
        assert lander.land() is not None
    return Lived(settings, before, before | {changed: [*before[changed][1:], *later]}, changed)


def land(spark: SparkSession, settings: Settings, listens: dict[str, list[dict[str, Any]]]) -> dict[int, list[Any]]:
    """Users of these names who sent these listens, landed; the listens by user id."""
    with _landing(spark, settings) as (connection, lander):
        sent = {create_user(connection, name): of_user for name, of_user in listens.items()}
        _submit(connection, sent)
        assert lander.land() is not None
    return sent


@contextmanager
def _landing(spark: SparkSession, settings: Settings) -> Iterator[tuple[Connection, Lander]]:
    lock = LakeLock(settings.database_url, settings.lake)
    assert lock.acquire()
    try:
        with closing(connect(settings.database_url)) as connection:
            yield connection, Lander(spark, replace(settings, landing_batch=1_000_000), lock)
    finally:
        lock.release()


def _submit(connection: Connection, listens: dict[int, list[dict[str, Any]]]) -> None:
    for user_id, sent in listens.items():
        for first in range(0, len(sent), CALL):
            submit(connection, user_id, *sent[first : first + CALL])


def _distinct(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what the generator sends twice."""
    found = {(listen["listened_at"], msid_of(listen["track_metadata"])): listen for listen in reversed(sent)}
    return list(reversed(found.values()))


def _at(listened_at: int, sent: dict[str, Any]) -> dict[str, Any]:
    return copy.deepcopy(sent) | {"listened_at": listened_at}
