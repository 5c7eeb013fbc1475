"""Fresh releases of everybody and of every user are what the oracle counts, over all listens and over some days."""

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings as SystemSettings
from jobs.catalog import catalog
from jobs.lake import Landing
from jobs.messages import Manifest, new_run_id
from jobs.ranges import ALL_TIME
from jobs.releases.fresh import NAME, OF_DAY, OF_USER
from jobs.run_engine import EngineOrder, run_engines
from jobs.tables import METADATA_TABLES
from tests.jobs.results import Results
from tests.jobs.served import lake_settings
from tests.jobs.world_tables import tables_of, write_world
from tests.jobs.year_worlds import year_world
from tests.oracle.fresh import WINDOW, Coming, fresh, of_user
from tests.oracle.statistics import Oracle
from tests.oracle.worked import R, S, track
from tests.oracle.world import Credited, Exclusions, Listen, Settings, World, folded

pytestmark = pytest.mark.spark
DAY = 86_400
NOW = 1.7e9
"""2023-11-14T22:13:20: a year and more after the newest listen."""
EDGES = (0, 1, -1, WINDOW, -WINDOW, WINDOW + 1, -WINDOW - 1)
"""Days after today."""


@dataclass(frozen=True)
class Lake:
    """A world with releases to come, and a lake that holds it."""

    world: World
    releases: list[Coming]
    settings: SystemSettings
    landing: Landing


def some_world() -> World:
    """User 1 leaves out an artist whom she hears, user 2 one by name; the last but one has heard nothing.

    The last has heard an artist whom only MusicBrainz names, by a recording that was merged into the one it knows.
    """
    world = year_world(1)
    of_first = next(one for one in world.listens.values() if one.user_id == 1 and one.track.artist_mbids)
    of_second = next(one for one in world.listens.values() if one.user_id == 2 and one.track.artist_mbids)
    world.settings = {
        1: Settings(exclusions=Exclusions(artist_mbids=frozenset(of_first.track.artist_mbids[:1]))),
        2: Settings(exclusions=Exclusions(artist_names=frozenset({folded(of_second.track.artist_name)}))),
    }
    world.users[max(world.users) + 1] = "silent"
    world.users[max(world.users) + 1] = "bare"
    world.add(Listen(max(world.users), world.newest, track("Who", recording_mbid=R)))
    world.metadata.merged[R] = S
    world.metadata.credits[S] = (Credited("Who", "", of_first.track.artist_mbids[0]),)
    return world


def coming(world: World, now: float) -> list[Coming]:
    """Of artists who were heard, alone or together, and of one whom nobody has heard; names that some exclude.

    Some come out about now, some about the newest listen.
    """
    chance = random.Random(3)  # noqa: S311 - test data
    artists = sorted({mbid for listen in world.listens.values() for mbid in listen.track.artist_mbids})
    names = sorted({listen.track.artist_name for listen in world.listens.values()})
    days = [datetime.fromtimestamp(moment, UTC).date() for moment in (now, world.newest)]
    made = [
        Coming(
            str(UUID(int=1000 + n, version=4)),
            f"Album {n}",
            chance.choice(names),
            tuple(chance.choices([*artists, str(UUID(int=7, version=4))], k=chance.choice((1, 1, 2, 3)))),
            _day(days[n % 2], EDGES[n // 2] if n < 2 * len(EDGES) else chance.randint(-120, 120)),
            str(UUID(int=9000 + n, version=4)),
            chance.choice((None, "Album")),
            chance.choice((None, "Live")),
            chance.choice((None, (), ("rock", '"pop"'))),
            chance.choice((None, 0, 2**40)),
        )
        for n in range(120)
    ]
    named = next(one for one in world.listens.values() if one.user_id == 2 and one.track.artist_mbids).track
    unwanted = replace(
        made[0],
        release_mbid=str(UUID(int=1, version=4)),
        artist_credit_name=named.artist_name,
        artist_mbids=tuple(named.artist_mbids),
    )
    return [*made, unwanted, replace(unwanted, release_mbid=str(UUID(int=2, version=4)), release_date="2022-06-31")]


def _day(today: date, after: int) -> str:
    return (today + timedelta(days=after)).isoformat()


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    world, folder = some_world(), tmp_path_factory.mktemp("fresh") / "lake"
    releases = coming(world, NOW)
    rows = [
        {**vars(one), "artist_mbids": list(one.artist_mbids), "artist_credit_key": folded(one.artist_credit_name)}
        for one in releases
    ]
    # The first names artists whom users leave out, the others those of a recording where a listen does not.
    unread = {*METADATA_TABLES} - {"artist_country_code", "recording_artist", "recording_length"}
    heard = {name: theirs for name, theirs in tables_of(world).items() if name not in unread}
    landing = write_world(spark, str(folder), world, {**heard, "releases": rows})
    return Lake(world, releases, lake_settings(folder), landing)


@pytest.fixture(scope="module")
def ask(spark: SparkSession, lake: Lake) -> Callable[..., Results]:
    def asked(landing: Landing = lake.landing, **params: Any) -> Results:
        made = run_engines(
            spark, lake.settings, EngineOrder(NAME, catalog().steps(NAME, params)), landing,
            run_id=new_run_id(NOW), request_id=None, now=NOW,
        )  # fmt: skip
        assert isinstance(made, Manifest)
        return Results(made)

    return asked


def users(found: Results) -> dict[int, list[tuple[int, str]]]:
    return {
        key: [(one["confidence"], one["release_mbid"]) for one in orjson.loads(doc)]
        for key, (doc, _) in found.documents(OF_USER, ALL_TIME).items()
    }


def expected(
    lake: Lake, now: float = NOW, days: int | None = None, threshold: int = 0
) -> dict[int, list[tuple[int, str]]]:
    world = lake.world
    if days is not None:
        first = world.newest - days * DAY
        kept = {key: listen for key, listen in world.listens.items() if listen.listened_at >= first}
        world = replace(world, listens=kept)
    oracle = Oracle(world)
    found = {user_id: of_user(oracle, user_id, lake.releases, now, threshold) for user_id in world.users}
    return {user_id: releases for user_id, releases in found.items() if releases}


@pytest.fixture(scope="module")
def whole(ask: Callable[..., Results]) -> Results:
    """Of all listens, both results."""
    return ask()


def test_every_user_has_what_comes_out_of_artists_she_has_heard(lake: Lake, whole: Results) -> None:
    there = expected(lake)
    assert users(whole) == there
    assert 3 < len(there) < len(lake.world.users)
    assert max(lake.world.users) in there, "by a recording alone"
    ignoring = Oracle(replace(lake.world, settings={}))
    for user_id in lake.world.settings:
        assert there.get(user_id) != of_user(ignoring, user_id, lake.releases, NOW), "exclusions matter"


def test_today_is_the_day_of_the_run_and_not_of_the_newest_listen_unless_a_time_is_told(
    lake: Lake, whole: Results, ask: Callable[..., Results]
) -> None:
    newest = lake.world.newest
    assert NOW - newest > 2 * WINDOW * DAY
    about_newest = users(ask(whose="users", at=newest))
    assert about_newest == expected(lake, newest)
    assert about_newest != users(whole)


def test_everybody_has_by_day_whatever_comes_out_on_a_day_that_there_is(lake: Lake, whole: Results) -> None:
    by_day: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for one in sorted(lake.releases, key=lambda one: one.release_mbid):
        if one.day is None:
            continue
        shown = {**vars(one), "artist_mbids": list(one.artist_mbids), "release_tags": list(one.release_tags or ())}
        by_day[(one.day - date(1970, 1, 1)).days].append(shown)

    assert {key: orjson.loads(doc) for key, (doc, _) in whole.documents(OF_DAY, ALL_TIME).items()} == by_day
    assert sum(map(len, by_day.values())) == len(lake.releases) - 1
    assert 0 < len(fresh(NOW, lake.releases)) < len(lake.releases)


def test_days_and_threshold_bound_what_counts_and_one_of_the_results_can_be_asked_for_alone(
    lake: Lake, ask: Callable[..., Results]
) -> None:
    found = ask(whose="users", days=300, threshold=5)

    assert [switch.statistic for switch in found.manifest.switches] == [OF_USER]
    assert users(found) == expected(lake, days=300, threshold=5)
    assert users(found) != expected(lake, threshold=5)


@pytest.mark.slow
def test_a_lake_without_the_table_has_nothing(lake: Lake, ask: Callable[..., Results]) -> None:
    versions = {name: version for name, version in lake.landing.versions.items() if name != "releases"}
    found = ask(replace(lake.landing, versions=versions))

    assert [(switch.statistic, switch.rows) for switch in found.manifest.switches] == [(OF_DAY, 0), (OF_USER, 0)]
