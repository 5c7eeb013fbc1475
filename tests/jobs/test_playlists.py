"""Periodic playlists on a lake of nine users: whose day begins gets what fits of her list, with names."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.postgres import connect, transaction
from jobs.messages import Manifest
from tests.databases import Databases
from tests.jobs.results import Results
from tests.jobs.small_world import World, documents, uuid_of, world

pytestmark = [pytest.mark.spark, pytest.mark.slow]
MONDAY = 1643589000
"""2022-01-31T00:30Z, seventy days after all listens: Monday has begun in London, and is half over in Auckland."""
LONDONER, AUCKLANDER = 1, 2
HEARD, NEVER = (4, 6, 8), (2, 12, 14)
"""Tracks of the lists: those that the Londoner heard seventy days ago and before, and those that she never did."""
HATED, EXCLUDED = 10, 16
_LISTED = (
    "INSERT INTO result_document (statistic, stats_range, key, doc) VALUES ('recommendations_raw', 'all_time', %s, %s)"
)


def listed(*tracks: int) -> str:
    """A stored list of these: best first; one of it has no MBID, one nobody hears any more."""
    ids = [(uuid_of(track), False) for track in tracks]
    ids += [(uuid_of(5), True), ("00000000-0000-4000-8000-00000000dead", False)]
    items = [{"id": uuid, "msid": msid, "score": float(-n)} for n, (uuid, msid) in enumerate(ids)]
    return orjson.dumps({"items": items, "names": {}}).decode()


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    name = databases.lend()
    with closing(connect(databases.url(name))) as connection, transaction(connection) as cursor:
        cursor.execute(_LISTED, (LONDONER, listed(*HEARD, *NEVER, HATED, EXCLUDED)))
        cursor.execute(_LISTED, (AUCKLANDER, listed(4, 12, 2)))
        cursor.execute("INSERT INTO users (id, name, name_key, position) VALUES (1, 'user 1', 'user 1', 1)")
        cursor.execute(
            "INSERT INTO recording_feedback (user_id, recording_mbid, score) VALUES (1, %s, -1)", (uuid_of(HATED),)
        )
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture(scope="module")
def small(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, url: str) -> World:
    beside: dict[str, list[dict[str, Any]]] = {
        "user_settings": [{"user_id": AUCKLANDER, "zone": "Pacific/Auckland", "position": 1}],
        "exclusions": [
            {
                "user_id": LONDONER,
                "kind": "recording",
                "value": uuid_of(EXCLUDED),
                "value_key": uuid_of(EXCLUDED),
                "position": 2,
            }
        ],
    }
    return world(spark, tmp_path_factory.mktemp("small"), url, beside=beside)


def tracks(document: dict[str, Any]) -> set[str]:
    return {one["recording_mbid"] for one in document["tracks"]}


def uuids(*numbers: int) -> set[str]:
    return {uuid_of(number) for number in numbers}


def test_whose_monday_has_just_begun_gets_both_weekly_playlists(small: World) -> None:
    made = small.results("troi.playlists", at=MONDAY)
    jams, exploration = (documents(made, f"playlist_weekly_{one}") for one in ("jams", "exploration"))

    assert set(jams) == set(exploration) == {LONDONER}
    assert tracks(jams[LONDONER]) == uuids(*HEARD)
    assert tracks(exploration[LONDONER]) == uuids(*NEVER)
    assert jams[LONDONER]["title"] == "Weekly Jams for user 1, week of 2022-01-31 Mon"
    assert (jams[LONDONER]["slug"], jams[LONDONER]["day"]) == ("weekly-jams", "2022-01-31")
    named = {one["recording_mbid"]: (one["track_name"], one["artist_name"]) for one in jams[LONDONER]["tracks"]}
    assert named == {uuid_of(track): (f"Song {track}", f"Artist {(track + 1) // 2}") for track in HEARD}
    again = small.results("troi.playlists", at=MONDAY, slug="weekly-jams")
    assert documents(again, "playlist_weekly_jams") == jams
    assert [switch.statistic for switch in again.manifest.switches] == ["playlist_weekly_jams"]


def test_a_playlist_for_everybody_is_of_the_day_it_is_there(small: World) -> None:
    made = documents(small.results("troi.daily_jams", at=MONDAY, create_all=True), "playlist_daily_jams")

    assert set(made) == {LONDONER, AUCKLANDER}, "of whom there is a list"
    assert tracks(made[LONDONER]) == uuids(*HEARD)
    assert tracks(made[AUCKLANDER]) == uuids(2, 8, HATED), "what she knows beside her list; only the other hates it"
    assert made[AUCKLANDER]["title"] == "Daily Jams for user 2, 2022-01-31 Mon"


def test_where_no_day_begins_nothing_is_made(small: World) -> None:
    made = small.ask("troi.daily_jams", at=MONDAY + 3600)

    assert isinstance(made, Manifest)
    assert [switch.rows for switch in made.switches] == [0]
    assert Results(made).keys("playlist_daily_jams") == set()
