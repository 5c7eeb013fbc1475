"""While T stands still: each kind of change reaches the users it is about and nobody else, and that is enough.

The generated histories move T between their runs, so that nearly everybody is touched by time: a feed that is not
followed would hardly be seen there.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from jobs import everybody
from jobs.engines.plays import Moment
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
from jobs.ranges import STATS_RANGES
from jobs.touched import Version, touched_users
from tests.landing.listens import NOON, delete, exclude, include, listen, submit, zone
from tests.landing.test_continued_runs import DAY, MBIDS, Site

pytestmark = pytest.mark.spark
T = NOON + 3600
SHARED = listen(-2 * DAY, "shared", "Zoë")
OWN = listen(-3 * DAY, "own", "Mùm")


class Users(NamedTuple):
    """Their ids, by what happens to them."""

    zone: int
    excluder: int
    first_sharer: int
    second_sharer: int
    mapper: int
    deleter: int
    late: int
    nobody: int


@pytest.fixture
def users(connection: Connection) -> Users:
    """Each with listens of her own; two of them heard the same track, and so did nobody else."""
    made = Users(*(create_user(connection, name) for name in Users._fields))
    for number, user in enumerate(made):
        submit(connection, user, *(listen(-number * 60 - day * DAY, "abc"[day % 3]) for day in (0, 1, 40, 400)), OWN)
    for user in (made.first_sharer, made.second_sharer):
        submit(connection, user, SHARED)
    return made


def map_for_everybody(connection: Connection, users: Users) -> None:
    del users
    msid = str(msid_of(SHARED["track_metadata"]))
    put_mapping(connection, MappingRow(None, msid, "automatic", MBIDS[0], None, (MBIDS[1], MBIDS[2])))


def map_own(connection: Connection, users: Users) -> None:
    msid = str(msid_of(OWN["track_metadata"]))
    put_mapping(connection, MappingRow(users.mapper, msid, "manual", MBIDS[3], None, (MBIDS[4],)))


Change = Callable[[Connection, Users], None]
Changes = dict[str, tuple[Change, tuple[str, ...]]]
CHANGES: Changes = {
    "a time zone": (lambda connection, users: zone(connection, users.zone, "Pacific/Kiritimati"), ("zone",)),
    "an exclusion": (lambda connection, users: exclude(connection, users.excluder, "artist", "Mùm"), ("excluder",)),
    "everybody's mapping": (map_for_everybody, ("first_sharer", "second_sharer")),
    "a user's mapping": (map_own, ("mapper",)),
    "a delete": (lambda connection, users: delete(connection, users.deleter, OWN), ("deleter",)),
    "a late listen": (lambda connection, users: submit(connection, users.late, listen(-800 * DAY, "late")), ("late",)),
}
BACK: Changes = {
    "UTC again": (lambda connection, users: zone(connection, users.zone, "UTC"), ("zone",)),
    "no exclusion": (lambda connection, users: include(connection, users.excluder, "artist", "Mùm"), ("excluder",)),
}


@pytest.mark.parametrize(
    "kept_from", [everybody.KEPT_FROM, pytest.param(1, marks=pytest.mark.slow)], ids=["counted anew", "from kept sums"]
)
def test_each_change_touches_whom_it_is_about_and_what_is_stored_is_what_a_run_of_everything_stores(
    spark: SparkSession,
    settings: Settings,
    connection: Connection,
    pool: Pool,
    lander: Lander,
    users: Users,
    monkeypatch: pytest.MonkeyPatch,
    kept_from: int,
) -> None:
    """`kept_from`: whether what everybody says together is counted anew or continued too."""
    monkeypatch.setattr(everybody, "KEPT_FROM", kept_from)
    monkeypatch.setattr(everybody, "MOST_TOUCHED", 1.0)
    site = Site(spark, settings, connection, pool)
    landing = lander.land()
    assert landing is not None
    assert site.run(landing, T, None).base_run_id is None
    landing = touched_by(CHANGES, site, lander, landing, users)
    continued = site.run(landing, T, site.base)
    assert continued.base_run_id is not None
    assert len(continued.touched) == len(users) - 1
    site.check(landing, T)
    assert plain_keys(connection) == {-users.zone, -users.excluder}
    landing = touched_by(BACK, site, lander, landing, users)
    assert site.run(landing, T, site.base).touched == sorted((users.zone, users.excluder))
    assert plain_keys(connection) == set(), "the one answer of who has no settings is also that without them"
    site.check(landing, T)


def plain_keys(connection: Connection) -> set[int]:
    """The keys of users' results that are stored without their settings too."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT key FROM result_list WHERE key < 0 UNION SELECT key FROM result_document WHERE key < 0")
        return {key for (key,) in cursor.fetchall()}


def touched_by(changes: Changes, site: Site, lander: Lander, landing: Landing, users: Users) -> Landing:
    """The landing of the last of these changes, of which each has touched whom it names."""
    tables = {*landing.versions, "mapping", "user_settings", "exclusions"}
    for what, (change, names) in changes.items():
        before = Version(landing, Moment(T, STATS_RANGES))
        change(site.connection, users)
        landed = lander.land()
        assert landed is not None
        landing = landed
        now = Version(landing, Moment(T, STATS_RANGES))
        found = touched_users(site.spark, site.settings.lake, before, now, tables=tables, clock=datetime.now(UTC))
        assert found == sorted(getattr(users, name) for name in names), what
    return landing
