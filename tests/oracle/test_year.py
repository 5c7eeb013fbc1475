"""The oracle of the year in music on worlds small enough to be worked out by hand."""

from typing import Any

from tests.oracle.statistics import Oracle
from tests.oracle.worked import (
    MERGED_DISCOVERED,
    MERGED_MISSED,
    A,
    B,
    C,
    G,
    H,
    R,
    S,
    X,
    many,
    merged_world,
    track,
    world,
)
from tests.oracle.world import Credited, Exclusions, Listen, Release, ReleaseGroup, Settings, Track, World
from tests.oracle.year import DISCOVERIES, MISSES, Year

LIES = track(recording_mbid=R, artist_mbids=(A,))
WORDS = track(title="Words", recording_mbid=S, artist_mbids=(B,))


def report(made: World, user_id: int = 1, year: int = 2021) -> dict[str, Any]:
    return Year(Oracle(made), year).report(user_id)


def test_a_year_is_one_of_the_users_clock() -> None:
    made = world(
        "2022-06-01",
        (1, "2020-12-31T22:59:59", track()),
        (1, "2020-12-31T23:00:00", track()),
        (1, "2021-12-31T22:59:59", track()),
        (1, "2021-12-31T23:00:00", track()),
    )
    assert report(made)["total_listen_count"] == 2
    made.settings[1] = Settings("Europe/Berlin")
    found = report(made)
    busy = {day["time_range"]: day["listen_count"] for day in found["listens_per_day"] if day["listen_count"]}

    assert busy == {"01 January 2021": 1, "31 December 2021": 1}
    assert len(found["listens_per_day"]) == 365
    assert found["too_few_listens"]
    assert report(made, year=2019) == {}


def test_of_equal_weekdays_the_first_of_the_week() -> None:
    made = world("2022-06-01", (1, "2021-08-08T10:00:00", track()), (1, "2021-08-09T10:00:00", track()))

    assert report(made)["day_of_week"] == "Monday"


def test_time_and_first_release_year_of_what_is_known() -> None:
    made = world("2022-06-01", (1, "2021-05-01", track(recording_mbid=R, release_mbid=X)), (1, "2021-05-02", track()))
    made.metadata.lengths[R] = 61_500
    made.metadata.releases[X] = Release(G)
    made.metadata.release_groups[G] = ReleaseGroup(first_release_date_year=1957)
    found = report(made)

    assert found["total_listening_time"] == 241.5
    assert found["most_listened_year"] == {"1957": 1}


def test_genres_count_listens_once_for_each_genre_whoever_has_it() -> None:
    made = world("2022-06-01")
    made.add(*many(1, "2021-05-01", LIES, 3), *many(1, "2021-06-01", WORDS, 1))
    made.metadata.genres = {(R, "rock"), (S, "pop")}
    made.metadata.release_group_genres = {(R, "rock"), (R, "slow")}
    made.metadata.artist_genres = {(S, "slow")}

    assert report(made)["top_genres"] == [
        {"genre": "slow", "genre_count": 4, "genre_count_percent": 50.0},
        {"genre": "rock", "genre_count": 3, "genre_count_percent": 37.5},
        {"genre": "pop", "genre_count": 1, "genre_count_percent": 12.5},
    ]


def test_new_releases_are_five_of_each_artist_albums_first_and_unknown_types_last() -> None:
    made = world("2022-06-01", (1, "2021-05-01", LIES))
    kinds = (None, "Broadcast", "Single", "EP", "Other", "Album")
    for number, kind in enumerate(kinds):
        group = ReleaseGroup(f"{kind}", "Low", (A,), first_release_date_year=2021, primary_type=kind)
        made.metadata.release_groups[f"0000000{number}-0000-4000-8000-000000000000"] = group
    made.metadata.release_groups[H] = ReleaseGroup("Old", "Low", (A,), first_release_date_year=2020)

    titles = [one["title"] for one in report(made)["new_releases_of_top_artists"]]
    assert titles == ["Album", "EP", "Single", "Other", "Broadcast"]


def test_new_releases_are_of_the_recordings_artists_where_a_listen_names_none() -> None:
    made = world("2022-06-01", (1, "2021-05-01", track(recording_mbid=R)))
    made.metadata.merged = {R: S}
    made.metadata.credits = {S: (Credited("Low", " & ", A), Credited("Who", "", B))}
    for mbid, artist in ((G, A), (H, B)):
        made.metadata.release_groups[mbid] = ReleaseGroup(mbid, "", (artist,), first_release_date_year=2021)

    assert {one["title"] for one in report(made)["new_releases_of_top_artists"]} == {G, H}
    made.settings[1] = Settings(exclusions=Exclusions(artist_mbids=frozenset({A})))
    assert [one["title"] for one in report(made)["new_releases_of_top_artists"]] == [H]


def test_an_artist_heard_before_is_not_new() -> None:
    made = world("2022-06-01", (1, "2020-05-01", LIES), (1, "2021-05-01", LIES), (1, "2021-05-02", WORDS))

    assert report(made)["total_new_artists_discovered"] == 1
    assert report(made, year=2020)["total_new_artists_discovered"] == 1


def test_an_artist_is_known_by_mbid_in_any_credit_or_by_a_name_that_had_none() -> None:
    queen, bowie = track("Queen", artist_mbids=(A,)), track("Queen & David Bowie", artist_mbids=(A, B))
    made = world("2022-06-01", (1, "2020-05-01", queen), (1, "2021-05-01", bowie))
    assert report(made)["total_new_artists_discovered"] == 1

    unnamed = track("Queen")
    made = world("2022-06-01", (1, "2020-05-01", unnamed), (1, "2021-05-01", queen), (1, "2021-05-02", unnamed))
    assert report(made)["total_new_artists_discovered"] == 0
    assert report(made, year=2020)["total_new_artists_discovered"] == 1

    namesake = track("Queen", artist_mbids=(C,))
    made = world("2022-06-01", (1, "2020-05-01", queen), (1, "2021-05-01", namesake), (1, "2021-05-02", unnamed))
    assert report(made)["total_new_artists_discovered"] == 1


def test_discoveries_are_heard_more_than_three_times_and_never_before() -> None:
    made = world("2022-06-01", (1, "2020-12-31", WORDS))
    made.add(*many(1, "2021-05-01", LIES, 4), *many(1, "2021-06-01", WORDS, 9))

    assert [one["recording_mbid"] for one in report(made)[DISCOVERIES]] == [R]


def test_of_an_artist_a_playlist_has_the_two_most_heard() -> None:
    made = world("2022-06-01")
    for number in range(3):
        made.add(*many(1, f"2021-0{number + 1}-01", _song(number), 4 + number))

    assert {one["title"] for one in report(made)[DISCOVERIES]} == {"Song 1", "Song 2"}


def test_missed_is_what_similar_users_heard_and_she_never_did() -> None:
    made = world("2022-06-01")
    for user_id in (1, 2):
        made.add(*many(user_id, "2021-05-01", LIES, 51))
    made.add(*many(2, "2021-07-01", WORDS, 2))
    found = report(made)

    assert list(found["similar_users"]) == ["user 2"]
    assert round(found["similar_users"]["user 2"], 6) == round(51 / (51**2 + 4) ** 0.5, 6)
    assert [one["recording_mbid"] for one in found[MISSES]] == [S]
    made.settings[1] = Settings(exclusions=Exclusions(artist_mbids=frozenset({B})))
    assert MISSES not in report(made)
    del made.settings[1]
    made.add(Listen(1, made.newest - 86400 * 900, WORDS))
    assert MISSES not in report(made), "she heard it the year before"


def test_a_merged_recording_is_the_one_it_was_merged_into() -> None:
    made = merged_world()
    told = {user_id: report(made, user_id) for user_id in made.users}

    assert {user_id: playlist(one, DISCOVERIES) for user_id, one in told.items()} == MERGED_DISCOVERED
    assert {user_id: playlist(one, MISSES) for user_id, one in told.items() if MISSES in one} == MERGED_MISSED
    assert told[1]["similar_users"]["user 2"] == 1.0


def test_with_fifty_listens_nobody_is_compared() -> None:
    made = world("2022-06-01")
    for user_id in (1, 2):
        made.add(*many(user_id, "2021-05-01", LIES, 50))

    assert "similar_users" not in report(made)


def playlist(told: dict[str, Any], key: str) -> set[str]:
    """MBIDs of its recordings."""
    return {one["recording_mbid"] for one in told[key]}


def _song(number: int) -> Track:
    return track(
        title=f"Song {number}", recording_mbid=f"0000000{number}-0000-4000-8000-000000000001", artist_mbids=(A,)
    )
