"""The law of continued runs: after any history, what is stored is what a run of everything stores, byte for byte."""

import gc
import random
from typing import Any
from uuid import UUID

import pytest
from py4j.java_gateway import JavaObject
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from jobs import computing, everybody, runner
from jobs.catalog import catalog
from jobs.engines.plays import Moment
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
from jobs.messages import Manifest, new_run_id
from jobs.ranges import STATS_RANGES
from jobs.served_run import ServedRun
from jobs.session import forget_frames
from jobs.touched import FEED_KEPT, Version, touched_users
from spark_reader.reader import save_run
from tests.landing.listens import NOON, delete, leave, listen, submit, wipe

pytestmark = pytest.mark.spark
DAY = 86400
TABLES = (
    "SELECT * FROM result_list ORDER BY statistic, stats_range, key",
    "SELECT * FROM result_document ORDER BY statistic, stats_range, key",
    "SELECT * FROM result_entity_document ORDER BY statistic, stats_range, entity",
)
MBIDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 6)]


class Site:
    """One lake and one store, and the runs over them."""

    def __init__(self, spark: SparkSession, settings: Settings, connection: Connection, pool: Pool) -> None:
        self.spark, self.settings, self.connection, self.pool = spark, settings, connection, pool
        self.base: ServedRun | None = None
        self.runs = 0

    def run(self, landing: Landing, at: int, base: ServedRun | None) -> Manifest:
        """All statistics, stored."""
        self.runs += 1
        jobs, params = catalog().check("stats.all", {"at": at})
        manifest = runner.run(
            self.spark,
            self.settings,
            runner.Ordered("stats.all", tuple(jobs), params),
            landing,
            run_id=new_run_id(1.7e9 + self.runs),
            request_id=None,
            base=base,
        )
        save_run(self.pool, manifest)
        self.base = ServedRun(manifest.run_id, manifest.data_version, manifest.newest_listen_ts)
        return manifest

    def stored(self) -> list[Any]:
        """Every row of results, with the text of what lists name."""
        with transaction(self.connection) as cursor:
            found = []
            for table in TABLES:
                cursor.execute(table)
                found.append(cursor.fetchall())
            cursor.execute(
                "SELECT DISTINCT id FROM result_list, unnest(ids || gone_ids) AS id EXCEPT SELECT id FROM result_entity"
            )
            assert cursor.fetchall() == [], "structs that lists name are missing"
            return found

    def check(self, landing: Landing, at: int) -> None:
        """A run of everything changes nothing."""
        before = self.stored()
        self.run(landing, at, None)
        after = self.stored()
        for old, new in zip(before, after, strict=True):
            extra = [row for row in old if row not in new][:2], [row for row in new if row not in old][:2]
            assert extra == ([], []), extra


@pytest.fixture
def site(spark: SparkSession, settings: Settings, connection: Connection, pool: Pool) -> Site:
    return Site(spark, settings, connection, pool)


def test_what_a_run_made_is_let_go_of_though_python_never_collects_by_itself(
    site: Site, connection: Connection, lander: Lander, alice: int
) -> None:
    submit(connection, alice, listen(0), listen(60))
    landing = lander.land()
    assert landing is not None
    jobs, params = catalog().check("stats.user.entity", {"entity": "artists", "at": NOON + 60})
    ordered, before = runner.Ordered("stats.user.entity", tuple(jobs), params), {id(one) for one in java_objects()}
    gc.disable()
    try:
        run_id = new_run_id(1.7e9)
        runner.run(site.spark, site.settings, ordered, landing, run_id=run_id, request_id=None)
        held = [id(one) for one in java_objects() if id(one) not in before]
        forget_frames()
        assert len([one for one in java_objects() if id(one) not in before]) < len(held) / 10
    finally:
        gc.enable()


def java_objects() -> list[JavaObject]:
    """What Python holds in the JVM."""
    return [one for one in gc.get_objects() if isinstance(one, JavaObject)]


@pytest.mark.slow
def test_a_continued_run_computes_only_who_was_touched_by_changes_or_by_time(
    site: Site, connection: Connection, lander: Lander, alice: int, bob: int
) -> None:
    submit(connection, alice, listen(0), listen(60))
    submit(connection, bob, listen(-800 * DAY))
    first = lander.land()
    assert first is not None
    assert site.run(first, NOON + 60, None).base_run_id is None
    submit(connection, bob, listen(-801 * DAY))
    second = lander.land()
    assert second is not None
    assert site.run(second, NOON + 60, site.base).touched == [bob]
    then, now = Version(first, Moment(NOON + 60, STATS_RANGES)), Version(second, Moment(NOON + 60, STATS_RANGES))
    old = second.landed_at + FEED_KEPT
    found = touched_users(site.spark, site.settings.lake, then, now, tables=(), clock=old)
    assert found is None, "the feed may be vacuumed"
    assert site.run(second, NOON + 40 * DAY, site.base).touched == [alice]
    site.check(second, NOON + 40 * DAY)


def test_when_most_users_are_touched_everything_is_computed_anew(
    site: Site, connection: Connection, lander: Lander, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(computing, "CONTINUED_BELOW", 1)
    users = [create_user(connection, f"user {number}") for number in range(3)]
    for user in users:
        submit(connection, user, listen(-DAY))
    first = lander.land()
    assert first is not None
    site.run(first, NOON, None)
    for days, touched, is_continued in ((2, users[:1], True), (3, users[:2], False)):
        for user in touched:
            submit(connection, user, listen(-days * DAY))
        landing = lander.land()
        assert landing is not None
        assert (site.run(landing, NOON, site.base).base_run_id is not None) == is_continued
        site.check(landing, NOON)


@pytest.mark.slow
@pytest.mark.parametrize("kept_from", [1, everybody.KEPT_FROM])
@pytest.mark.parametrize("seed", range(1, 12))
def test_after_any_history_a_continued_run_is_a_run_of_everything(
    site: Site, connection: Connection, lander: Lander, monkeypatch: pytest.MonkeyPatch, seed: int, kept_from: int
) -> None:
    """With `kept_from` 1 what everybody says together is continued as well; else it is counted anew each time."""
    monkeypatch.setattr(everybody, "KEPT_FROM", kept_from)
    monkeypatch.setattr(everybody, "MOST_TOUCHED", 1.0)
    chance = random.Random(seed)  # noqa: S311 - reproducible
    users = [create_user(connection, f"user {number}") for number in range(6)]
    now, landing = NOON, None
    for _ in range(3):
        for _ in range(chance.randrange(2, 9)):
            _change(connection, chance, users, now)
        now += chance.choice((60, 3600, DAY, 20 * DAY, 200 * DAY))
        landing = lander.land() or landing
        if landing is not None:
            site.run(landing, now, site.base)
    assert landing is not None
    site.check(landing, now)


def _change(connection: Connection, chance: random.Random, users: list[int], now: int) -> None:
    user = chance.choice(users)
    artist = chance.choice(("Low", "LOW", "Zoë", "Mùm"))
    item = listen(now - NOON - chance.choice((0, 60, DAY, 9 * DAY, 400 * DAY)), chance.choice("ab"), artist)
    msid = str(msid_of(item["track_metadata"]))
    step = chance.randrange(12)
    if step < 6:
        submit(connection, user, item)
    elif step == 6:
        delete(connection, user, item)
    elif step == 7:
        wipe(connection, user)
    elif step == 8 and len(users) > 2:
        leave(connection, user)
        users.remove(user)
    elif step == 9:
        delete_mapping(connection, None, UUID(msid), "automatic")
    else:
        owner = chance.choice((None, user))
        source = "automatic" if owner is None else "manual"
        artists = tuple(chance.sample(MBIDS, chance.randrange(3)))
        put_mapping(connection, MappingRow(owner, msid, source, chance.choice(MBIDS), None, artists))
