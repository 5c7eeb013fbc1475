from typing import Any

from tests.oracle.statistics import Oracle
from tests.oracle.worked import A, B, C, G, H, R, S, X, Y, many, track, ts, world
from tests.oracle.world import Credited, Release, ReleaseGroup, Settings


def counts(body: dict[str, Any] | None) -> dict[str, int]:
    return {bar["time_range"]: bar["listen_count"] for bar in (body or {})["listening_activity"]}


def test_listening_activity_is_zero_filled_and_ends_before_the_day_of_t() -> None:
    made = world(
        "2021-11-24T12:00:00",
        (1, "2021-11-15T00:00:00", track()),
        (1, "2021-11-23T23:59:59", track()),
        (1, "2021-11-24T00:00:00", track()),
        (2, "2021-11-24T00:00:00", track()),
        (2, "2020-05-01T00:00:00", track()),
    )
    body = Oracle(made).user(1, "listening_activity", "this_week")

    assert body is not None
    assert (body["from_ts"], body["to_ts"]) == (ts("2021-11-15"), ts("2021-11-24"))
    found = counts(body)
    assert len(found) == 9
    assert {label: count for label, count in found.items() if count} == {
        "Monday 15 November 2021": 1,
        "Tuesday 23 November 2021": 1,
    }
    assert body["listening_activity"][0]["to_ts"] == ts("2021-11-15T23:59:59")
    assert Oracle(made).user(2, "listening_activity", "this_week") is None
    assert Oracle(made).user(2, "artists", "this_week") is not None
    assert counts(Oracle(made).user(2, "listening_activity", "all_time")) == {"2020": 1, "2021": 1}
    assert counts(Oracle(made).sitewide("listening_activity", "all_time")) == {"2020": 1, "2021": 4}


def test_an_hour_shown_twice_counts_in_the_bucket_it_shows() -> None:
    made = world(
        "2021-11-02T00:00:00",
        (1, "2021-10-31T00:30:00", track()),  # 02:30 summer time in Berlin
        (1, "2021-10-31T01:30:00", track()),  # 02:30 again
        (1, "2021-10-30T21:59:59", track()),  # 23:59:59
        (1, "2021-10-30T22:00:00", track()),  # midnight
    )
    made.settings[1] = Settings("Europe/Berlin")
    found = counts(Oracle(made).user(1, "listening_activity", "month"))
    hours = (Oracle(made).user(1, "daily_activity", "month") or {})["daily_activity"]

    assert (found["30 October 2021"], found["31 October 2021"]) == (1, 3)
    assert hours["Sunday"][2] == {"hour": 2, "listen_count": 2}
    assert hours["Saturday"][23] == {"hour": 23, "listen_count": 1}
    assert sum(cell["listen_count"] for day in hours.values() for cell in day) == 4
    assert list(hours) == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    assert all(len(day) == 24 for day in hours.values())


def test_genres_keep_the_ten_most_heard_of_each_hour() -> None:
    made = world("2021-11-22", (1, "2021-11-01T10:00:00", track(recording_mbid=R)))
    made.add(*many(1, "2021-11-02T10:59:58", track(title="S", recording_mbid=S), 3))
    made.metadata.genres = {(R, f"style {number:02}") for number in range(12)} | {(S, "rock")}
    found = (Oracle(made).user(1, "genre_activity", "all_time") or {})["genre_activity"]

    at_ten = [(cell["genre"], cell["listen_count"]) for cell in found if cell["hour"] == 10]
    assert at_ten == [("rock", 2), *((f"style {number:02}", 1) for number in range(3, 12))]
    assert found[1] == {"genre": "rock", "hour": 11, "listen_count": 1}
    assert Oracle(made).user(2, "genre_activity", "all_time") is None


def test_eras_are_years_of_release_groups_from_1800_on() -> None:
    made = world(
        "2021-11-22",
        *((1, f"2021-11-0{day}", track(title=str(day), release_mbid=mbid)) for day, mbid in enumerate((X, X, Y), 1)),
    )
    made.metadata.releases = {X: Release(G), Y: Release(H)}
    made.metadata.release_groups = {G: ReleaseGroup(first_release_date_year=1800), H: ReleaseGroup()}
    era = {"year": 1800, "listen_count": 2}

    assert (Oracle(made).user(1, "era_activity", "all_time") or {})["era_activity"] == [era]
    assert (Oracle(made).sitewide("era_activity", "all_time") or {})["era_activity"] == [era]
    made.metadata.release_groups[G] = ReleaseGroup(first_release_date_year=1799)
    assert Oracle(made).user(1, "era_activity", "all_time") is None


def test_evolution_by_credited_name_descending_days_as_numbers() -> None:
    made = world(
        "2021-11-22",
        (1, "2021-11-02", track(recording_mbid=R)),
        (1, "2021-11-02T10:00:00", track(recording_mbid=R)),
        (1, "2021-11-10", track(title="S", recording_mbid=S)),
        (1, "2021-11-10T10:00:00", track("unknown")),
    )
    made.metadata.credits = {
        R: (Credited("Low", " & ", A), Credited("Low", "", A), Credited("Bob", "", B)),
        S: (Credited("LOW", "", A),),
    }
    body = Oracle(made).user(1, "artist_evolution_activity", "this_month")
    found = [tuple(cell.values()) for cell in (body or {})["artist_evolution_activity"]]
    assert found == [("10", A, "LOW", 1), ("2", B, "Bob", 2), ("2", A, "Low", 2)]

    for stats_range, units in {"all_time": {"2021"}, "this_year": {"November"}}.items():
        body = Oracle(made).user(1, "artist_evolution_activity", stats_range)
        assert {cell["time_unit"] for cell in (body or {})["artist_evolution_activity"]} == units
    made.newest = ts("2021-11-08")
    body = Oracle(made).user(1, "artist_evolution_activity", "this_week")
    assert {cell["time_unit"] for cell in (body or {})["artist_evolution_activity"]} == {"Tuesday"}


def test_evolution_without_any_credits_takes_what_listens_name() -> None:
    made = world("2021-11-22", (1, "2021-11-02", track(artist_mbids=(A, B))), (1, "2021-11-02T10:00:00", track("Bob")))
    body = Oracle(made).user(1, "artist_evolution_activity", "all_time")
    found = [tuple(cell.values()) for cell in (body or {})["artist_evolution_activity"]]

    assert found == [("2021", B, "Low", 1), ("2021", A, "Low", 1), ("2021", None, "Bob", 1)]


def test_evolution_keeps_twenty_artists() -> None:
    made = world("2021-11-22", (1, "2021-11-02", track(recording_mbid=R)), (1, "2021-11-03", track(recording_mbid=S)))
    made.metadata.credits = {
        R: tuple(Credited(f"artist {number:02}", "", A) for number in range(22)),
        S: (Credited("artist 00", "", A),),
    }
    body = Oracle(made).user(1, "artist_evolution_activity", "all_time")
    found = [cell["artist_name"] for cell in (body or {})["artist_evolution_activity"]]

    assert found == [*(f"artist {number:02}" for number in range(21, 2, -1)), "artist 00"]


def test_the_map_puts_countries_with_more_artists_first() -> None:
    made = world(
        "2021-11-22",
        (1, "2021-11-01", track("a", artist_mbids=(A, B))),
        *((1, f"2021-11-0{day}", track("c", artist_mbids=(C,))) for day in (2, 3, 4)),
        (1, "2021-11-05", track("nobody")),
    )
    made.metadata.artists = {(A, "Ay"): "GBR", (B, "Be"): "GBR", (C, "Ce"): "USA"}
    found = (Oracle(made).sitewide("artist_map", "all_time") or {})["artist_map"]

    assert [(land["country"], land["artist_count"], land["listen_count"]) for land in found] == [
        ("GBR", 2, 2),
        ("USA", 1, 3),
    ]
    assert [artist["artist_name"] for artist in found[0]["artists"]] == ["Be", "Ay"]


def test_artist_activity_counts_a_group_for_each_of_its_artists() -> None:
    made = world(
        "2021-11-22",
        (1, "2021-11-01", track("x", "1", "mine", release_mbid=X)),
        (1, "2021-11-02", track("x", "1", "mine", release_mbid=X)),
        (1, "2021-11-03", track("LOW", "2", "Solo", artist_mbids=(A,))),
        (1, "2021-11-04", track("Nobody", "3", "Things")),
        (1, "2021-11-05", track("nobody", "4", "Other")),
        (1, "2021-11-06", track("no release")),
    )
    made.metadata.releases[X] = Release(G)
    made.metadata.release_groups[G] = ReleaseGroup(
        "Together", "Low & Bob", (A, B), (Credited("Low", " & ", A), Credited("Bob", "", B))
    )
    found = (Oracle(made).user(1, "artist_activity", "all_time") or {})["artist_activity"]

    assert [(artist["name"], artist["artist_mbid"], artist["listen_count"]) for artist in found] == [
        ("Low", A, 3),
        ("nobody", None, 2),
        ("Bob", B, 2),
    ]
    assert [tuple(album.values()) for album in found[0]["albums"]] == [("Together", 2, G), ("Solo", 1, None)]
    assert [album["name"] for album in found[1]["albums"]] == ["Things", "Other"]
    assert Oracle(made).sitewide("artist_activity", "all_time") == Oracle(made).user(1, "artist_activity", "all_time")


def test_listeners_are_the_ten_who_listen_most_of_all_who_listen() -> None:
    users = range(1, 13)
    what = track(artist_mbids=(A, B, A), release_mbid=X)
    made = world(
        "2021-11-22", *((user_id, "2021-11-01", what) for user_id in users), (3, "2021-11-02", what), users=users
    )
    made.settings[3] = Settings("Asia/Kathmandu")
    made.metadata.artists = {(A, "Low"): None}
    made.metadata.releases = {X: Release(G), Y: Release(H)}
    made.metadata.release_groups = {G: ReleaseGroup("Things", "Low", (A,), None, 5, X)}
    run = {"range": "all_time", "from_ts": 1009843200, "to_ts": ts("2021-11-22")}
    listeners = {
        "listeners": [
            {"user_name": f"user {user_id}", "listen_count": 2 if user_id == 3 else 1}
            for user_id in (3, 12, 11, 10, 9, 8, 7, 6, 5, 4)
        ],
        "total_listen_count": 13,
        "total_user_count": 12,
    }

    assert Oracle(made).listeners("artists", "all_time") == {
        A: {"artist_mbid": A, "artist_name": "Low", **listeners, **run}
    }
    assert Oracle(made).listeners("release_groups", "all_time") == {
        G: {
            "release_group_mbid": G, "release_group_name": "Things", "artist_name": "Low", "artist_mbids": [A],
            "caa_id": 5, "caa_release_mbid": X, **listeners, **run,
        }
    }  # fmt: skip
    assert Oracle(made).listeners("artists", "week") == {}
