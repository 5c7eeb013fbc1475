"""Periodic playlists on a lake of nine users: who has none of her day gets what fits, with names."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.postgres import Pool, connect, transaction
from jobs.chain.dataframes import WHAT
from jobs.chain.kept import kept
from jobs.listens.playlists import playlists_for
from jobs.messages import Manifest
from spark_reader.reader import save_run
from tests.databases import Databases
from tests.jobs.results import Results
from tests.jobs.small_world import NEWCOMER, World, counts, documents, uuid_of, world

pytestmark = [pytest.mark.spark, pytest.mark.slow]
MONDAY = 1643589000
"""2022-01-31T00:30Z, seventy days after all listens: Monday has begun in London, and is half over in Auckland."""
HOUR = 3600
DATAFRAMES = "cf.recommendations.recording.create_dataframes"
LONDONER, AUCKLANDER, DUBLINER = 1, 2, 3
HAVE_LISTS = (LONDONER, AUCKLANDER, DUBLINER, NEWCOMER)
"""Of whom there is a list; of what the newcomer has heard nothing has an MBID."""
HEARD, NEVER = (4, 6, 8), (2, 12, 14)
"""Tracks of the lists: those that the Londoner heard seventy days ago and before, and those that she never did."""
HATED, EXCLUDED = 10, 16
_LISTED = (
    "INSERT INTO result_document (statistic, stats_range, key, doc) VALUES ('recommendations_raw', 'all_time', %s, %s)"
)
_HAS_HERS = (
    "INSERT INTO playlist (title, public, created_for_id, source_patch, made_for_day)"
    " SELECT 'hers', true, %s, slug, '2022-01-31' FROM unnest(ARRAY['weekly-jams', 'weekly-exploration']) AS slug"
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
        cursor.execute(_LISTED, (DUBLINER, listed(12, 14)))
        cursor.execute(_LISTED, (NEWCOMER, listed(12)))
        for number in HAVE_LISTS:
            cursor.execute(
                "INSERT INTO users (id, name, name_key, position) VALUES (%(id)s, %(name)s, %(name)s, %(id)s)",
                {"id": number, "name": f"user {number}"},
            )
        cursor.execute(_HAS_HERS, (AUCKLANDER,))
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


def test_whose_monday_has_begun_gets_both_weekly_playlists_unless_she_has_them(small: World) -> None:
    made = small.results("troi.playlists", at=MONDAY)
    jams, exploration = (documents(made, f"playlist_weekly_{one}") for one in ("jams", "exploration"))

    assert set(jams) == set(exploration) == {LONDONER, DUBLINER, NEWCOMER}
    assert tracks(jams[LONDONER]) == uuids(*HEARD)
    assert tracks(exploration[LONDONER]) == uuids(*NEVER)
    assert jams[LONDONER]["title"] == "Weekly Jams for user 1, week of 2022-01-31 Mon"
    assert (jams[LONDONER]["slug"], jams[LONDONER]["day"]) == ("weekly-jams", "2022-01-31")
    named = {one["recording_mbid"]: (one["track_name"], one["artist_name"]) for one in jams[LONDONER]["tracks"]}
    assert named == {uuid_of(track): (f"Song {track}", f"Artist {(track + 1) // 2}") for track in HEARD}
    again = small.results("troi.playlists", at=MONDAY, slug="weekly-jams")
    assert documents(again, "playlist_weekly_jams") == jams
    assert [switch.statistic for switch in again.manifest.switches] == ["playlist_weekly_jams"]


def test_weekly_jams_have_what_was_heard_two_months_ago_and_is_in_no_list(small: World) -> None:
    """As a list is made by default: all that the user heard in the last half year is left out of it."""
    made = small.results("troi.playlists", at=MONDAY)

    assert tracks(documents(made, "playlist_weekly_jams")[DUBLINER]) == uuids(2, 4, 6, HATED), "another hates the last"
    assert tracks(documents(made, "playlist_weekly_exploration")[DUBLINER]) == uuids(12, 14)


def test_a_playlist_for_everybody_is_of_the_day_it_is_there(small: World) -> None:
    made = documents(small.results("troi.daily_jams", at=MONDAY, create_all=True), "playlist_daily_jams")

    assert set(made) == {*HAVE_LISTS}
    assert tracks(made[LONDONER]) == uuids(*HEARD)
    assert tracks(made[AUCKLANDER]) == uuids(2, 8, HATED), "what she knows beside her list; only the other hates it"
    assert made[AUCKLANDER]["title"] == "Daily Jams for user 2, 2022-01-31 Mon"


def test_who_has_too_few_listens_for_the_dataframes_has_her_daily_playlist_of_what_she_knows(small: World) -> None:
    small.ask(DATAFRAMES, minimum_listens_threshold=counts(AUCKLANDER).total())
    made = documents(small.results("troi.daily_jams", at=MONDAY, create_all=True), "playlist_daily_jams")
    small.ask(DATAFRAMES)

    assert tracks(made[AUCKLANDER]) == uuids(2, 8, HATED), "as with a row in them, 8 and that one beside her list"


def test_before_her_monday_begins_the_week_is_the_one_before(small: World) -> None:
    made = documents(small.results("troi.playlists", at=MONDAY - HOUR, slug="weekly-jams"), "playlist_weekly_jams")

    assert {one["day"] for one in made.values()} == {"2022-01-24"}
    assert set(made) == {LONDONER, DUBLINER, NEWCOMER}


def test_who_was_missed_when_her_day_began_is_seen_to_later_and_once(small: World, url: str) -> None:
    """The newcomer too, for whom there is nothing: what it takes to find that out is not done twice."""
    missed = MONDAY + 7 * HOUR
    made = small.results("troi.daily_jams", at=missed)
    jams = documents(made, "playlist_daily_jams")
    assert {user: one["day"] for user, one in jams.items()} == dict.fromkeys(HAVE_LISTS, "2022-01-31")
    assert [user for user, one in jams.items() if not one["tracks"]] == [NEWCOMER]
    pool = Pool(url)
    save_run(pool, made.manifest)
    with pool.transaction() as cursor:
        assert [playlists_for(cursor, user, None, 0)[1] for user in (DUBLINER, NEWCOMER)] == [1, 0]
    pool.discard()
    dataframes = kept(small.settings.lake, WHAT)

    again = small.ask("troi.daily_jams", at=missed + HOUR)
    assert isinstance(again, Manifest)
    assert [switch.rows for switch in again.switches] == [0]
    assert Results(again).keys("playlist_daily_jams") == set()
    assert kept(small.settings.lake, WHAT) == dataframes

    following = documents(small.results("troi.daily_jams", at=missed + 5 * HOUR), "playlist_daily_jams")
    assert {user: one["day"] for user, one in following.items()} == {AUCKLANDER: "2022-02-01"}
