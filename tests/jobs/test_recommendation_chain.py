"""The chain of recommendations on a lake of nine users: dataframes, model, discovery, candidate sets, lists."""

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet
import pytest
from pyspark.sql import SparkSession

from conf.postgres import connect, transaction
from jobs.chain import model_store
from jobs.chain.kept import kept
from jobs.chain.recommending import FEW_BY_THESE_SAID, FEW_SAID, OWN_SAID
from jobs.job import InvalidRequestError
from jobs.listens.feedback import HATE, put_score
from jobs.recommend.candidate_sets import DAYS
from jobs.recommend.recommendations import ARTIST_TYPES, EXPLAINED
from jobs.served_run import ServedRun
from tests.databases import Databases
from tests.jobs.results import Results
from tests.jobs.small_world import (
    CRON,
    DAY,
    HOUR,
    JAZZ,
    JAZZERS,
    NEWCOMER,
    NOON,
    QUICK,
    RECOMMEND,
    ROCK,
    ROCKERS,
    STRANGER,
    TRAIN,
    World,
    counts,
    documents,
    listens,
    uuid_of,
    world,
)

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]
SERVED = ServedRun(UUID("01901234-0000-7000-8000-000000000000"), 1, NOON)


@pytest.fixture(scope="module")
def url(databases: Databases) -> Iterator[str]:
    name = databases.lend()
    yield databases.url(name)
    databases.give_back(name)


@pytest.fixture(scope="module")
def small(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, url: str) -> World:
    return world(spark, tmp_path_factory.mktemp("small"), url)


@pytest.fixture(scope="module")
def chain(small: World) -> Results:
    """The whole chain in one request."""
    return small.results(CRON)


def test_the_chain_makes_a_model_and_three_lists_of_every_user_in_one_run(chain: Results) -> None:
    switched = [(switch.statistic, switch.rows, switch.replace) for switch in chain.manifest.switches]

    assert switched == [
        ("recommendation_model", 1, "all"),
        *((f"recommendations_{one}", 9, "all") for one in ARTIST_TYPES),
    ]


def test_dataframes_count_what_was_heard(small: World, chain: Results) -> None:
    del chain
    [made] = kept(small.settings.lake, "dataframes")
    tables = {name: pyarrow.parquet.read_table(f"{made.url}/{name}") for name in ("users", "recordings", "playcounts")}
    users = dict(zip(*(tables["users"][name].to_pylist() for name in ("spark_user_id", "user_id")), strict=True))
    recordings = dict(
        zip(*(tables["recordings"][name].to_pylist() for name in ("recording_id", "recording")), strict=True)
    )
    found = {
        (users[row["spark_user_id"]], recordings[row["recording_id"]]): row["playcount"]
        for row in tables["playcounts"].to_pylist()
    }

    assert users == dict(enumerate((*ROCKERS, *JAZZERS, NEWCOMER), 1))
    assert list(recordings.values()) == sorted(uuid_of(track) for track in (*ROCK, *JAZZ))
    assert found == {(user, uuid): count for user in users.values() for uuid, count in counts(user).items()}
    assert {(row["playcount"], row["transformed_listencount"]) for row in tables["playcounts"].to_pylist()} == {
        (1, 20.0),
        (2, 32.0),
        (3, 33.0),
        (4, 34.0),
    }
    assert made.metadata["listens_count"] == len(listens())
    assert pyarrow.parquet.read_table(f"{made.url}/heard_below").num_rows == 0, "nobody has too few"


def test_a_list_has_what_is_new_to_the_user_and_of_her_taste(chain: Results) -> None:
    for user_id, doc in documents(chain, "recommendations_raw").items():
        assert not {item["id"] for item in doc["items"]} & set(counts(user_id))
        if user_id in ROCKERS:
            missing = {uuid_of(track) for track in ROCK} - set(counts(user_id))
            assert {item["id"] for item in doc["items"][: len(missing)]} == missing
        scores = [(item["score"], item["id"]) for item in doc["items"]]
        assert scores == sorted(scores, reverse=True)


def test_reasons_add_up_to_the_score_and_tell_how_often_they_were_heard(chain: Results) -> None:
    everybody = sum((counts(user) for user in (*ROCKERS, *JAZZERS, NEWCOMER)), start=counts(STRANGER))
    explained = 0
    for artist_type in ARTIST_TYPES:
        for user_id, doc in documents(chain, f"recommendations_{artist_type}").items():
            heard = everybody if doc["kind"] == "popularity" else counts(user_id)
            for item in doc["items"][:EXPLAINED]:
                assert math.isclose(sum(share for *_, share in item["reasons"]), item["score"], abs_tol=1e-6)
                for uuid, msid, listen_count, _ in item["reasons"]:
                    assert listen_count == heard[uuid]
                    assert msid == (uuid in {uuid_of(track) for track in range(1, 21, 2)})
                    assert doc["names"][uuid][0].startswith("Song ")
                    explained += 1
    assert explained > 20


def test_who_is_new_gets_what_most_hear_and_is_told_so(chain: Results) -> None:
    lists = documents(chain, "recommendations_raw")

    for user_id in (NEWCOMER, STRANGER):
        assert lists[user_id]["kind"] == "popularity"
        assert "most listeners" in lists[user_id]["fallback"]
        assert lists[user_id]["items"]
    assert all(lists[user_id]["fallback"] is None for user_id in ROCKERS)


def test_lists_by_artist_have_recordings_of_these_artists_only(chain: Results) -> None:
    top, similar = (documents(chain, f"recommendations_{one}") for one in ("top", "similar"))
    weeks = {user_id: _of_the_week(user_id) for user_id in ROCKERS}

    assert weeks == {1: {2, 3, 4}, 2: {1, 2}, 3: {1, 2, 3}, 4: {2, 3}}
    assert {user_id: (_ids(top[user_id]), top[user_id]["fallback"]) for user_id in (1, 2)} == {
        1: ([uuid_of(3)], None),
        2: ([uuid_of(4)], None),
    }
    for user_id in (3, 4):
        own = {uuid_of(track) for track in ROCK if (track + 1) // 2 in weeks[user_id]} & set(counts(user_id))
        assert top[user_id]["fallback"] == OWN_SAID
        assert set(_ids(top[user_id])) == own, "nothing by these artists is new to her"
    for user_id in ROCKERS:
        others = {uuid_of(track) for track in (*ROCK, *JAZZ) if (track + 1) // 2 not in weeks[user_id]}
        missing = others & {uuid_of(track) for track in ROCK} - set(counts(user_id))
        assert missing <= set(_ids(similar[user_id])) <= others - set(counts(user_id))


def test_who_is_new_gets_what_most_hear_in_lists_by_artist_too(chain: Results) -> None:
    raw, top, similar = (documents(chain, f"recommendations_{one}") for one in ("raw", "top", "similar"))

    assert (set(_ids(top[NEWCOMER])), top[NEWCOMER]["fallback"]) == ({uuid_of(2), uuid_of(12)}, FEW_BY_THESE_SAID)
    for lists in (top, similar):
        assert (lists[STRANGER]["kind"], lists[STRANGER]["fallback"]) == ("popularity", FEW_SAID)
        assert _ids(lists[STRANGER]) == _ids(raw[STRANGER]), "she has no artists at all"


def test_the_card_is_stored_as_a_document_and_beside_the_model(small: World, chain: Results) -> None:
    [(model_id, card)] = model_store.cards(kept(small.settings.lake, "models"))
    folder = Path(small.settings.lake) / "recommend" / "models" / model_id

    assert chain.document("recommendation_model", model_id) == card
    assert card["data_version"] == 1
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [
        "card.json", "card.md", "metadata.json", "model.npz",
    ]  # fmt: skip
    assert (folder / "card.md").read_text().startswith(f"# Model {model_id}")
    assert documents(chain, "recommendations_raw")[1]["model_id"] == model_id


def test_the_same_data_version_and_seed_give_the_same_bytes(small: World, chain: Results) -> None:
    del chain
    small.ask(TRAIN, **QUICK)
    first = documents(small.results(RECOMMEND, artist_type="raw"), "recommendations_raw")

    small.ask(TRAIN, **QUICK)

    second = documents(small.results(RECOMMEND, artist_type="raw"), "recommendations_raw")
    newer, older = (Path(one.url) / "model.npz" for one in kept(small.settings.lake, "models")[:2])
    assert newer.read_bytes() == older.read_bytes()
    assert _without_model(second) == _without_model(first)


def test_one_user_alone_can_be_asked_for_and_the_others_keep_theirs(small: World, chain: Results) -> None:
    del chain
    one = small.results(RECOMMEND, SERVED, artist_type="raw", users=["USER 2"], recommendation_raw_limit=1)

    assert (one.manifest.touched, one.manifest.switches[0].replace) == ([2], "touched")
    assert set(documents(one, "recommendations_raw")) == {2}
    doc = documents(one, "recommendations_raw")[2]
    assert len(doc["items"]) == 1
    assert doc["made_from"]["data_version"] == one.manifest.data_version, "others may be of an older one"


@pytest.mark.slow
def test_at_most_the_share_asked_for_was_heard(small: World, chain: Results) -> None:
    del chain
    half = documents(small.results(RECOMMEND, artist_type="raw", max_heard_share=0.5), "recommendations_raw")

    for user_id in ROCKERS:
        heard = [item for item in half[user_id]["items"] if item["id"] in counts(user_id)]
        assert 0 < len(heard) <= len(half[user_id]["items"]) / 2


def test_what_is_hated_makes_room_for_others_in_the_next_run_and_is_no_reason(
    small: World, chain: Results, url: str
) -> None:
    del chain
    user_id, most_heard = 3, counts(3).most_common(1)[0][0]

    def listed() -> Any:
        asked = {"artist_type": "raw", "users": [f"user {user_id}"], "recommendation_raw_limit": 1}
        return documents(small.results(RECOMMEND, SERVED, **asked), "recommendations_raw")[user_id]

    before = listed()
    [first] = _ids(before)
    assert most_heard in str(before["items"][0]["reasons"])
    with closing(connect(url)) as connection, transaction(connection) as cursor:
        cursor.execute("INSERT INTO users (id, name, name_key, position) VALUES (3, 'user 3', 'user 3', 1)")
        for recording in (first, most_heard):
            put_score(cursor, user_id, None, UUID(recording), HATE)
    after = listed()
    with closing(connect(url)) as connection, transaction(connection) as cursor:
        cursor.execute("DELETE FROM recording_feedback")

    [second] = _ids(after)
    assert second != first
    assert after["items"][0]["reasons"]
    assert most_heard not in str(after)


@pytest.mark.parametrize(
    ("query", "params", "reason"),
    [
        (RECOMMEND, {"users": ["nobody"]}, "unknown user 'nobody'"),
        ("cf.recommendations.recording.candidate_sets", {"users": ["nobody"]}, "unknown user 'nobody'"),
        ("cf.recommendations.recording.create_dataframes", {"at": "2005-01-01"}, "empty window"),
        ("cf.recommendations.recording.train_model", {"ranks": [0]}, "ranks=0"),
        ("cf.recommendations.recording.train_model", {"alphas": [-1.0]}, "alphas=-1.0"),
        ("cf.recommendations.recording.train_model", {"lambdas": [float("nan")]}, "lambdas=nan"),
        (RECOMMEND, {"recommendation_raw_limit": 1001}, "recommendation_raw_limit=1001"),
        ("similarity.similar_users", {"max_num_users": 0}, "max_num_users=0"),
    ],
)
def test_what_cannot_be_done_is_named_and_leaves_everything_as_it_was(
    small: World, chain: Results, query: str, params: dict[str, Any], reason: str
) -> None:
    del chain
    before = {what: [one.id for one in kept(small.settings.lake, what)] for what in ("dataframes", "models")}

    with pytest.raises(InvalidRequestError, match=reason):
        small.ask(query, **params)

    assert {what: [one.id for one in kept(small.settings.lake, what)] for what in before} == before


def test_similar_users_are_those_of_a_count_in_plain_python(small: World) -> None:
    small.ask("cf.recommendations.recording.create_dataframes", job_type="similar_users")
    found = documents(small.results("similarity.similar_users", max_num_users=3), "similar_users")

    listeners = (*ROCKERS, *JAZZERS, NEWCOMER)
    expected = {}
    for one in listeners:
        own = counts(one)
        scores = []
        for other in listeners:
            theirs = counts(other)
            dot = sum(own[uuid] * theirs[uuid] for uuid in own)
            squares = sum(n * n for n in own.values()) * sum(n * n for n in theirs.values())
            if dot and other != one:
                scores.append([other, dot / math.sqrt(squares)])
        expected[one] = sorted(scores, key=lambda pair: (-pair[1], -pair[0]))[:3]
    assert found == expected


@pytest.mark.slow
def test_only_the_last_three_models_are_kept_and_their_cards_served(small: World, chain: Results) -> None:
    del chain
    small.ask(TRAIN, **QUICK)
    trained = [small.results(TRAIN, **QUICK, seed=seed) for seed in (1, 2)]

    last = {str(one.id) for one in kept(small.settings.lake, "models")[:3]}
    assert len(last) == 3
    assert trained[-1].keys("recommendation_model") == last
    card = trained[-1].document("recommendation_model", str(trained[-1].manifest.run_id))
    tried = [one for one in card.get("validation", []) if one["kind"] == "als"]
    assert [(one["parameters"]["factors"], one["parameters"]["iterations"]) for one in tried] in ([], [(2, 2)])


def _ids(doc: Any) -> list[str]:
    return [item["id"] for item in doc["items"]]


def _of_the_week(user_id: int) -> set[int]:
    """Numbers of the artists whom she heard in the days before the newest listen of all."""
    return {(track + 1) // 2 for user, at, track in listens() if user == user_id and at >= NOON - HOUR - DAYS * DAY}


def _without_model(lists: dict[int, Any]) -> dict[int, Any]:
    return {
        user_id: {name: value for name, value in doc.items() if name != "model_id"} for user_id, doc in lists.items()
    }
