from typing import Any

import pytest

from tests.oracle.lists import by_time, compared, shares
from tests.oracle.order import places
from tests.oracle.statistics import Oracle, page
from tests.oracle.worked import A, B, C, G, H, R, X, Y, many, track, ts, world
from tests.oracle.world import Credited, Exclusions, Listen, Mapped, Release, ReleaseGroup, Settings, World


def names(body: dict[str, Any] | None, statistic: str, *fields: str) -> list[tuple[Any, ...]]:
    return [] if body is None else [tuple(item[field] for field in fields) for item in body[statistic]]


def artists(found: Oracle, user_id: int, stats_range: str = "all_time", **how: bool) -> list[tuple[Any, ...]]:
    body = found.user(user_id, "artists", stats_range, **how)
    return names(body, "artists", "listen_count", "artist_name", "artist_mbid")


def test_midnight_belongs_to_one_week_only_and_nothing_after_t_counts() -> None:
    made = world(
        "2021-11-22T12:00:00",
        (1, "2021-11-14T23:59:59", track("before")),
        (1, "2021-11-15T00:00:00", track("first")),
        (1, "2021-11-21T23:59:59", track("last")),
        (1, "2021-11-22T00:00:00", track("after")),
        (1, "2021-11-22T12:00:00", track("newest")),
        (1, "2021-11-22T12:00:01", track("future")),
    )
    oracle = Oracle(made)

    assert artists(oracle, 1, "week") == [(1, "last", None), (1, "first", None)]
    assert artists(oracle, 1, "this_month") == [
        (1, name, None) for name in ("newest", "last", "first", "before", "after")
    ]
    assert artists(oracle, 1, "month") == []
    assert oracle.user(1, "artists", "month") is None
    assert len(artists(oracle, 1)) == 5


def test_leap_day_and_year_end() -> None:
    made = world(
        "2024-03-01T00:00:00",
        (1, "2024-02-29T23:59:59", track("leap")),
        (1, "2023-12-31T23:59:59", track("old year")),
        (1, "2024-01-01T00:00:00", track("new year")),
    )
    oracle = Oracle(made)

    assert artists(oracle, 1, "this_month") == [(1, "leap", None)]
    assert artists(oracle, 1, "year") == [(1, "old year", None)]
    assert artists(oracle, 1, "this_year") == [(1, "new year", None), (1, "leap", None)]


def test_spellings_of_one_artist_are_one_and_the_most_played_is_shown_in_each_range() -> None:
    played = [("LOW", "2021-01-05"), ("LOW", "2021-01-06"), ("Low", "2021-11-16"), ("low ", "2021-11-17")]
    oracle = Oracle(world("2021-11-22", *((1, day, track(name)) for name, day in played)))

    assert artists(oracle, 1) == [(4, "LOW", None)]
    assert artists(oracle, 1, "week") == [(2, "low ", None)]  # a tie: the greatest by bytes


def test_ties_go_by_the_struct_descending_with_null_last() -> None:
    oracle = Oracle(
        world(
            "2021-11-22",
            (1, "2021-11-01", track("Zoë")),
            (1, "2021-11-02", track("Zoe")),
            (1, "2021-11-03", track("zoe", title="Other", artist_mbids=(A,))),
            (1, "2021-11-04", track("🎵")),
            (1, "2021-11-05", track("\uffee")),
        )
    )

    assert artists(oracle, 1) == [
        (1, "🎵", None), (1, "\uffee", None), (1, "zoe", A), (1, "Zoë", None), (1, "Zoe", None),
    ]  # fmt: skip


def test_order_of_structs() -> None:
    given = [(1, None), (1, ""), (1, "a"), (1, "é"), (2, None), (1, [None]), (1, [])]

    assert sorted(given[:5], key=places) == [(1, None), (1, ""), (1, "a"), (1, "é"), (2, None)]
    assert places([["a"]]) < places([["a", None]]) < places([["a", "a"]])
    assert places([None]) < places([[]]) < places([[{"x": None}]]) < places([[{"x": 0}]])


def test_each_artist_of_a_credit_counts_once_and_has_the_name_of_the_metadata() -> None:
    made = world("2021-11-22", (1, "2021-11-01", track("Low & Co", artist_mbids=(A, B, A))), (1, "2021-11-02", track()))
    made.metadata.artists = {(A, "Low"): "USA", (A, "LOW"): "GBR"}
    oracle = Oracle(made)

    assert artists(oracle, 1) == [(1, "Low & Co", B), (1, "Low", A), (1, "Low", None)]
    assert oracle.user(1, "artist_map", "all_time") == {
        "artist_map": [
            {
                "country": "USA",
                "artist_count": 1,
                "listen_count": 1,
                "artists": [{"artist_mbid": A, "artist_name": "Low", "listen_count": 1}],
            }
        ],
        "range": "all_time",
        "stats_range": "all_time",
        "from_ts": 1009843200,
        "to_ts": ts("2021-11-22"),
    }


def test_the_mapping_of_a_user_is_hers_alone() -> None:
    what = track()
    made = world("2021-11-22", (1, "2021-11-01", what), (2, "2021-11-01", what))
    made.say(Mapped(1, what.msid, "manual", artist_mbids=(A,)))
    oracle = Oracle(made)

    assert (artists(oracle, 1), artists(oracle, 2)) == ([(1, "Low", A)], [(1, "Low", None)])


def test_recordings_show_names_that_were_played_together() -> None:
    made = world(
        "2021-11-22",
        (1, "2021-11-01", track("LOW", "lies", "Things")),
        (1, "2021-11-02", track("LOW", "lies", "Things")),
        (1, "2021-11-03", track("Low", "Lies", "things")),
        (1, "2021-11-04", track("Low", "Lies", "THINGS")),
        (1, "2021-11-05", track("Low", "lies", "THINGS")),
    )
    [item] = (Oracle(made).user(1, "recordings", "all_time") or {})["recordings"]

    assert item == {
        "track_name": "lies", "recording_mbid": None, "artist_name": "LOW", "artist_mbids": [],
        "release_name": "Things", "release_mbid": None, "artists": [], "caa_id": None, "caa_release_mbid": None,
        "listen_count": 5,
    }  # fmt: skip


def test_recordings_of_other_mbids_or_releases_are_others() -> None:
    plays = [
        track(recording_mbid=R, artist_mbids=(A, B)),
        track(recording_mbid=R, artist_mbids=(B, A)),
        track(recording_mbid=R, release="X", release_mbid=X),
        track(release="X"),
        track(release=" "),
        track(),
    ]
    made = world("2021-11-22", *((1, f"2021-11-0{day}", what) for day, what in enumerate(plays, 1)))
    made.metadata.credits[R] = (Credited("Low", "", A),)
    made.metadata.releases[X] = Release(caa_id=7, caa_release_mbid=Y)
    found = names(
        Oracle(made).user(1, "recordings", "all_time"), "recordings",
        "listen_count", "recording_mbid", "artist_mbids", "release_name", "release_mbid", "artists", "caa_id",
    )  # fmt: skip
    low = [{"artist_credit_name": "Low", "join_phrase": "", "artist_mbid": A}]

    assert found == [
        (2, None, [], None, None, [], None),
        (1, R, [B, A], None, None, low, None),
        (1, R, [A, B], None, None, low, None),
        (1, R, [], "X", X, low, 7),
        (1, None, [], "X", None, [], None),
    ]


def test_releases_take_the_names_of_the_metadata_and_those_without_a_name_are_none() -> None:
    plays = [
        track(release="mine", release_mbid=X, artist_mbids=(B,)),
        track(release_mbid=Y),
        track(),
        track(release=""),
    ]
    made = world("2021-11-22", *((1, f"2021-11-0{day}", what) for day, what in enumerate(plays, 1)))
    made.metadata.releases[X] = Release(G, "Things We Lost", None, (A,), None, 3, X)
    fields = ("release_name", "release_mbid", "artist_name", "artist_mbids", "caa_id")
    assert names(Oracle(made).user(1, "releases", "all_time"), "releases", *fields) == [
        ("Things We Lost", X, "Low", [A], 3)
    ]

    fields = ("release_group_name", "release_group_mbid", "artist_name", "artist_mbids", "caa_id")
    found = names(Oracle(made).user(1, "release_groups", "all_time"), "release_groups", *fields)
    assert found == [("mine", G, "Low", [B], None)]  # the group is known, but nothing of it

    made.metadata.release_groups[G] = ReleaseGroup("Things", "LOW", None, None, 9)
    found = names(Oracle(made).user(1, "release_groups", "all_time"), "release_groups", *fields)
    assert found == [("Things", G, "LOW", [B], 9)]


def test_sitewide_one_user_adds_at_most_500_to_a_group_however_it_is_spelled() -> None:
    made = world("2021-11-22", (2, "2021-11-01", track("low")), (3, "2021-11-01", track("Other")))
    made.add(*many(1, "2021-10-01", track("LOW"), 400), *many(1, "2021-10-02", track("Low"), 300))
    body = Oracle(made).sitewide("artists", "all_time")

    assert names(body, "artists", "listen_count", "artist_name") == [(501, "LOW"), (1, "Other")]
    assert body is not None and body["total_artist_count"] == 2
    assert artists(Oracle(made), 1) == [(700, "LOW", None)]


def test_sitewide_counts_everybody_plainly() -> None:
    made = world("2021-11-22", (1, "2021-11-01", track()), (1, "2021-11-14T23:30:00", track("Other")))
    made.settings[1] = Settings("Europe/Berlin", Exclusions(artist_names=frozenset({"low"})))
    oracle = Oracle(made)

    assert artists(oracle, 1) == [(1, "Other", None)]
    assert artists(oracle, 1, "week") == [(1, "Other", None)]  # half past midnight on Monday in Berlin
    assert artists(oracle, 1, plain=True) == [(1, "Other", None), (1, "Low", None)]
    assert artists(oracle, 1, "week", plain=True) == []
    assert oracle.sitewide("artists", "week") is None
    assert len((oracle.sitewide("artists", "all_time") or {})["artists"]) == 2


@pytest.mark.parametrize(
    "exclusions",
    [
        Exclusions(artist_mbids=frozenset({B})),
        Exclusions(artist_names=frozenset({"low"})),
        Exclusions(recording_mbids=frozenset({R})),
        Exclusions(recording_msids=frozenset({track("LOW").msid})),
        Exclusions(clients=frozenset({"navidrome"})),
    ],
)
def test_exclusions_leave_the_whole_listen_out(exclusions: Exclusions) -> None:
    made = world("2021-11-22", (1, "2021-11-01", track("Other")))
    made.add(Listen(1, ts("2021-11-02"), track("LOW", recording_mbid=R, artist_mbids=(A, B)), "Navidrome"))
    assert len(artists(Oracle(made), 1)) == 3
    made.settings[1] = Settings(exclusions=exclusions)

    assert artists(Oracle(made), 1) == [(1, "Other", None)]
    activity = Oracle(made).user(1, "listening_activity", "all_time")
    assert names(activity, "listening_activity", "time_range", "listen_count") == [("2021", 1)]


@pytest.mark.parametrize("name", ["sigur rós", "victory rose"])
def test_an_artist_is_left_out_by_any_name_of_its_own_in_whatever_credit(name: str) -> None:
    made = world("2021-11-22", (1, "2021-11-01", track("Other", artist_mbids=(R,))))
    made.add(Listen(1, ts("2021-11-02"), track("Sigur Ros", artist_mbids=(A,))))
    made.add(Listen(1, ts("2021-11-03"), track("Low feat. Sigur Ros", artist_mbids=(B, A))))
    made.metadata.artists |= {(A, "Sigur Rós"): None, (A, "Victory Rose"): None, (R, "Other"): None}
    made.settings[1] = Settings(exclusions=Exclusions(artist_names=frozenset({name})))

    assert artists(Oracle(made), 1) == [(1, "Other", R)]
    assert len(artists(Oracle(made), 1, plain=True)) == 3


def test_listening_time_by_source() -> None:
    made: World = world("2021-11-22")
    lengths = [(1000, 5000), (0, 5000), (None, 5000), (None, None)]
    for day, (played, duration) in enumerate(lengths, 1):
        made.add(Listen(1, ts(f"2021-11-0{day}"), track("Low", recording_mbid=R), None, played, duration))
    made.add(*many(1, "2021-11-09", track("Mogwai"), 2))
    made.metadata.lengths[R] = 700
    rows = Oracle(made).user_rows(1, "artists", "all_time")

    assert [(row.struct["artist_name"], *row.time.values()) for row in rows] == [
        ("Low", 1000, 5000, 700, 0),
        ("Mogwai", 0, 0, 0, 360000),
    ]
    assert [row.struct["artist_name"] for row in by_time(rows)] == ["Mogwai", "Low"]
    found = shares(rows) or {}
    assert found["default_ms"] == 360000 / 366700
    assert sum(found.values()) == pytest.approx(1)


def test_beside_the_period_before() -> None:
    played = [("up", "2021-11-16"), ("up", "2021-11-17"), ("new", "2021-11-18"), ("Stays", "2021-11-19")]
    before = [("gone", "2021-11-08"), ("stays", "2021-11-09"), ("stays", "2021-11-10"), ("UP", "2021-11-11")]
    oracle = Oracle(world("2021-11-22", *((1, day, track(name)) for name, day in played + before)))
    current = oracle.user_rows(1, "artists", "week")
    found = compared(current, oracle.user_rows(1, "artists", "week", previous=True))

    assert [(row.key[0], row.rank, row.listen_count, row.previous_rank, row.previous_count) for row in found] == [
        ("up", 1, 2, 3, 1), ("new", 2, 1, None, 0), ("stays", 3, 1, 1, 2), ("gone", None, 0, 2, 1),
    ]  # fmt: skip


def test_pages() -> None:
    oracle = Oracle(world("2021-11-22", *((1, f"2021-11-{day:02}", track(f"artist {day:02}")) for day in range(1, 8))))
    body = page(oracle.user(1, "artists", "all_time") or {}, "artists", 2, 3)

    assert names(body, "artists", "artist_name") == [("artist 04",), ("artist 03",)]
    assert (body["count"], body["offset"], body["total_artist_count"]) == (2, 3, 7)
    assert body["artists"][0]["artist_mbids"] == []


def test_users_who_are_gone_count_nowhere() -> None:
    made = world("2021-11-22", (9, "2021-11-01", track(artist_mbids=(C,))))
    made.metadata.artists[C, "Low"] = None
    made.metadata.release_groups[H] = ReleaseGroup("H")

    assert Oracle(made).sitewide("artists", "all_time") is None
    assert Oracle(made).listeners("artists", "all_time") == {}
