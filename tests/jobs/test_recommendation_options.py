"""Options of the chain's commands, each against a count in plain Python of what it promises."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pyspark.sql import SparkSession

from jobs.chain.candidate_sets import CandidateSets
from jobs.chain.dataframes import Dataframes
from jobs.chain.kept import kept
from jobs.job import InvalidRequestError
from jobs.recommend.recommendations import ARTIST_TYPES
from tests.databases import Databases
from tests.jobs.small_world import (
    DAY,
    HOUR,
    JAZZERS,
    NEWCOMER,
    NOON,
    QUICK,
    RECOMMEND,
    ROCKERS,
    TRAIN,
    World,
    counts,
    documents,
    listens,
    uuid_of,
    world,
)

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]
DATAFRAMES = "cf.recommendations.recording.create_dataframes"
SETS = "cf.recommendations.recording.candidate_sets"
NEWEST = NOON - HOUR
LISTENERS = (*ROCKERS, *JAZZERS, NEWCOMER)
LISTENS = {1: 19, 2: 16, 3: 17, 4: 18, 5: 17, 6: 18, 7: 17, 8: 2}
"""By user."""
Plays = dict[tuple[int, str], int]
Weights = dict[int, dict[str, float]]


@pytest.fixture(scope="module")
def small(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[World]:
    name = databases.lend()
    yield world(spark, tmp_path_factory.mktemp("options"), databases.url(name))
    databases.give_back(name)


def newest_dataframes(small: World) -> tuple[Plays, dict[str, Any]]:
    """By (user, recording) its plays, and what the metadata say."""
    one = kept(small.settings.lake, "dataframes")[0]
    found = Dataframes(one).interactions()
    entries = found.matrix.tocoo()
    pairs = zip(found.user_ids[entries.row].tolist(), found.items[entries.col].tolist(), strict=True)
    plays = {(user, uuid.decode()): int(n) for (user, uuid), n in zip(pairs, entries.data.tolist(), strict=True)}
    assert sorted(found.items.tolist()) == sorted({uuid.encode() for _, uuid in plays}), "nothing that nobody heard"
    return plays, dict(one.metadata)


@pytest.mark.parametrize(
    ("threshold", "chosen"),
    [(1, set(LISTENERS)), (2, {1, 2, 3, 4, 5, 6, 7}), (16, {1, 3, 4, 5, 6, 7}), (17, {1, 4, 6}), (18, {1})],
)
def test_dataframes_are_of_users_with_more_listens_than_the_threshold(
    small: World, threshold: int, chosen: set[int]
) -> None:
    assert {user: counts(user).total() for user in LISTENERS} == LISTENS

    small.ask(DATAFRAMES, minimum_listens_threshold=threshold)

    plays, metadata = newest_dataframes(small)
    assert plays == {(user, uuid): n for user in chosen for uuid, n in counts(user).items()}
    assert metadata["users_count"] == len(chosen)
    assert metadata["listens_count"] == sum(LISTENS[user] for user in chosen)


@pytest.mark.parametrize("days", [1, 5, 14])
def test_dataframes_are_of_so_many_days_up_to_the_newest_listen(small: World, days: int) -> None:
    small.ask(DATAFRAMES, train_model_window=days)

    plays, metadata = newest_dataframes(small)
    since = NEWEST - days * DAY
    assert plays == Counter((user, uuid_of(track)) for user, at, track in listens() if at >= since)
    assert metadata["from_ts"] == since
    if days == 1:
        assert plays == {(NEWCOMER, uuid_of(1)): 1, (NEWCOMER, uuid_of(11)): 1}


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"minimum_listens_threshold": 19}, "nobody has more than 19 listens in the 180 days up to 2021-11-22"),
        (
            {"minimum_listens_threshold": 2, "train_model_window": 1},
            "nobody has more than 2 listens in the 1 days up to 2021-11-22",
        ),
    ],
)
def test_where_nobody_has_more_listens_the_error_says_so_and_dataframes_stay(
    small: World, params: dict[str, Any], said: str
) -> None:
    small.ask(DATAFRAMES, minimum_listens_threshold=17)
    before = kept(small.settings.lake, "dataframes")

    with pytest.raises(InvalidRequestError, match=f"empty window: {said}"):
        small.ask(DATAFRAMES, **params)

    assert kept(small.settings.lake, "dataframes") == before


def most_heard(user_id: int, days: int) -> list[str]:
    """Artists she heard in these days, else in all; the most played first, of equals the greater name."""
    own = [(at, f"artist {(track + 1) // 2}") for user, at, track in listens() if user == user_id]
    late = Counter(artist for at, artist in own if at >= NEWEST - days * DAY)
    plays = late or Counter(artist for _, artist in own)
    return sorted(plays, key=lambda artist: (plays[artist], artist), reverse=True)


@pytest.mark.parametrize(("days", "top"), [(2, 20), (2, 1), (14, 3)])
def test_top_artists_are_the_most_heard_of_so_many_days_and_no_more_than_asked_for(
    small: World, days: int, top: int
) -> None:
    # In two days only these hear anything: the newcomer both of hers, others the first track.
    assert {user: most_heard(user, 2) for user in (2, 3, NEWCOMER)} == {
        2: ["artist 1"],
        3: ["artist 1"],
        NEWCOMER: ["artist 6", "artist 1"],
    }
    small.ask(DATAFRAMES)

    small.ask(SETS, days=days, top=top)

    found = CandidateSets(kept(small.settings.lake, "candidate_sets")[0]).artists("top")
    assert found == {user: most_heard(user, days)[:top] for user in LISTENERS}


def test_each_list_has_at_most_as_many_as_its_own_limit_says_and_they_are_the_first_ones(small: World) -> None:
    small.ask(DATAFRAMES)
    small.ask(SETS)
    small.ask(TRAIN, **QUICK)
    limits = {"top": 1, "similar": 2, "raw": 3}
    asked: dict[str, Any] = {f"recommendation_{name}_limit": limit for name, limit in limits.items()}

    whole = small.results(RECOMMEND)
    limited = small.results(RECOMMEND, **asked)

    for artist_type in ARTIST_TYPES:
        everything, first = (documents(made, f"recommendations_{artist_type}") for made in (whole, limited))
        limit = limits[artist_type]
        assert {user: _ids(doc) for user, doc in first.items()} == {
            user: _ids(doc)[:limit] for user, doc in everything.items()
        }
        assert max(len(doc["items"]) for doc in everything.values()) > limit


def by_cosine(user_id: int, weights: Weights) -> dict[str, float]:
    """What is new to her: its cosines with what she hears, times the weights of that."""
    every = {uuid for own in weights.values() for uuid in own}
    lengths = {uuid: math.sqrt(sum(own.get(uuid, 0) ** 2 for own in weights.values())) for uuid in every}

    def cosine(one: str, other: str) -> float:
        product = sum(own.get(one, 0) * own.get(other, 0) for own in weights.values())
        return product / (lengths[one] * lengths[other])

    heard = weights[user_id]
    scores = {new: sum(weight * cosine(new, own) for own, weight in heard.items()) for new in every - heard.keys()}
    return {uuid: score for uuid, score in scores.items() if score > 0}


def test_a_model_of_transformed_play_counts_is_fitted_measured_and_asked_with_these(small: World) -> None:
    small.ask(DATAFRAMES)
    made = small.results(TRAIN, **QUICK, use_transformed_listencounts=True)
    card = made.document("recommendation_model", str(made.manifest.run_id))
    lists = documents(small.results(RECOMMEND, artist_type="raw"), "recommendations_raw")

    # The best baseline is served here: neighbours by cosine of ln(1 + n), where n is 20 for one play, else 30 more.
    assert (card["use_transformed_listencounts"], card["kind"]) == (True, "item_item")
    assert card["parameters"] == {"similarity": "cosine", "weighting": "log", "neighbours": 50}
    plain, transformed = (
        {user: {uuid: math.log1p(told(n)) for uuid, n in counts(user).items()} for user in LISTENERS}
        for told in (float, lambda n: 20 if n == 1 else 30 + n)
    )
    for user in (*ROCKERS, *JAZZERS):
        found = {item["id"]: item["score"] for item in lists[user]["items"]}
        assert found == pytest.approx(by_cosine(user, transformed))
        assert found != pytest.approx(by_cosine(user, plain))
        for item in lists[user]["items"]:
            assert all(listen_count == counts(user)[uuid] for uuid, _, listen_count, _ in item["reasons"])
    # Nobody has 50 listens, though everybody's transformed ones are many more.
    measured = card["tasks"]["all"]["models"][0]["buckets"]
    assert [(one["listens"], one["users"]) for one in measured] == [("0 to 49", card["tasks"]["all"]["users"])]


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        (
            {"ranks": [2], "iterations": [2], "lambdas": [0.5, 5.0], "alphas": [2.0, 3.0]},
            [(2, 2, 0.5, 2.0), (2, 2, 0.5, 3.0), (2, 2, 5.0, 2.0), (2, 2, 5.0, 3.0)],
        ),
        ({"lambdas": [0.5]}, [(64, 15, 0.5, 1.0)]),
        ({"alphas": [2.0], "ranks": [3]}, [(3, 15, 10.0, 2.0)]),
    ],
)
def test_of_als_every_combination_of_what_is_named_is_tried_and_what_is_not_named_is_as_documented(
    small: World, params: dict[str, Any], expected: list[tuple[int, int, float, float]]
) -> None:
    small.ask(DATAFRAMES)

    made = small.results(TRAIN, **params)

    card = made.document("recommendation_model", str(made.manifest.run_id))
    names = ("factors", "iterations", "regularization", "alpha")
    tried = [one["parameters"] for one in card["validation"] if one["kind"] == "als"]
    assert [tuple(parameters[name] for name in names) for parameters in tried] == expected
    [tested] = [one["parameters"] for one in card["tasks"]["new"]["models"] if one["kind"] == "als"]
    assert tested in tried


def _ids(doc: Any) -> list[str]:
    return [item["id"] for item in doc["items"]]
