"""The path of a listen, from a client to the answer of a statistic and back out again, every part a real process."""

from datetime import UTC, datetime
from typing import Any

import pytest
import requests as http

from conf import postgres
from jobs.ranges import STATS_RANGES
from tests.e2e.conftest import Whole
from tests.e2e.people import Person, compute, listens_in_lake, until_landed
from tests.faults.parts import until

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

A, B, D = (f"{letter * 8}-0000-4000-8000-000000000000" for letter in "abd")
TRIO = "Low & Dirty Three"
READABLE_SECONDS = 5.0
"""A second or two is the promise; the rest is for a machine that does something else."""


def ts(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def listen(when: str, artist: str, *mbids: str) -> dict[str, Any]:
    info = {"artist_mbids": list(mbids), "submission_client": "e2e"}
    track = {"artist_name": artist, "track_name": "Song", "additional_info": info}
    return {"listened_at": ts(when), "track_metadata": track}


# The newest listen, T, is on Wednesday 24 November 2021: every range has its edges played.
ROB = [
    listen("2002-10-01T00:00:00", "Low"),
    listen("2020-01-01T00:00:00", "Low"),
    listen("2020-12-31T23:59:59", "LOW"),
    listen("2021-01-01T00:00:00", "Björk", B),
    listen("2021-06-30T23:59:59", "Björk", B),
    listen("2021-07-01T00:00:00", TRIO, A, D, A),
    listen("2021-09-30T23:59:59", "björk", B),
    listen("2021-10-01T00:00:00", "Low"),
    listen("2021-10-31T23:59:59", "Low"),
    listen("2021-11-01T00:00:00", "Björk", B),
    listen("2021-11-15T00:00:00", "Low"),
    listen("2021-11-21T23:59:59", "LOW"),
    listen("2021-11-22T00:00:00", TRIO, A, D),
    listen("2021-11-24T12:00:00", "Björk", B),
]
ROB_TOP = {
    "this_week": [(1, TRIO, D), (1, TRIO, A), (1, "Björk", B)],
    "this_month": [(2, "Low", None), (2, "Björk", B), (1, TRIO, D), (1, TRIO, A)],
    "this_year": [(5, "Björk", B), (4, "Low", None), (2, TRIO, D), (2, TRIO, A)],
    "week": [(2, "Low", None)],
    "month": [(2, "Low", None)],
    "quarter": [(1, "björk", B), (1, TRIO, D), (1, TRIO, A)],
    "half_yearly": [(2, "Björk", B)],
    "year": [(2, "Low", None)],
    "all_time": [(7, "Low", None), (5, "Björk", B), (2, TRIO, D), (2, TRIO, A)],
}
ZOE = listen("2021-11-20T10:00:00", "Low")
ZOE_RANGES = ("this_month", "this_year", "week", "all_time")
ZOE_TOP = {name: [(1, "Low", None)] if name in ZOE_RANGES else [] for name in STATS_RANGES}

# Then Rob deletes Low of 15 November, and Nina of the 16th comes late.
DELETED = ts("2021-11-15T00:00:00")
LATE = listen("2021-11-16T20:00:00", "Nina")
ROB_TOP_LATER = {
    **ROB_TOP,
    "this_month": [(2, "Björk", B), (1, "Nina", None), (1, TRIO, D), (1, TRIO, A), (1, "LOW", None)],
    "this_year": [(5, "Björk", B), (3, "Low", None), (2, TRIO, D), (2, TRIO, A), (1, "Nina", None)],
    "week": [(1, "Nina", None), (1, "LOW", None)],
    "all_time": [(6, "Low", None), (5, "Björk", B), (2, TRIO, D), (2, TRIO, A), (1, "Nina", None)],
}


def test_a_listen_travels_the_whole_path(whole: Whole, connection: postgres.Connection) -> None:
    rob, zoe = (Person.register(connection, whole.url, name) for name in ("rob", "zoë w."))

    rob.submit(*ROB)
    zoe.submit(ZOE, kind="single")
    zoe.submit({"track_metadata": ZOE["track_metadata"]}, kind="playing_now")
    until(lambda: (rob.listen_count(), zoe.listen_count()) == (14, 1), READABLE_SECONDS, "listens are readable")
    assert [found["listened_at"] for found in rob.listens()] == sorted((x["listened_at"] for x in ROB), reverse=True)
    assert zoe.get("playing-now")["listens"][0]["track_metadata"]["artist_name"] == "Low"
    assert rob.top_artists("all_time") is None
    rob.submit(*ROB)  # again: nothing comes of it

    until_landed(whole.settings, whole.system, connection)
    assert listens_in_lake(whole.settings) == 15
    first = compute(whole.settings, connection)
    assert {name: list(rob.all_top_artists(name)) for name in STATS_RANGES} == ROB_TOP
    assert {name: list(zoe.all_top_artists(name)) for name in STATS_RANGES} == ZOE_TOP
    check_pages(rob)
    check_times(rob)
    check_days(rob)

    zoe.delete(ts("2021-11-20T10:00:00"))
    rob.delete(DELETED)
    rob.submit(LATE, kind="single")
    until(lambda: (rob.listen_count(), zoe.listen_count()) == (14, 0), READABLE_SECONDS, "the changes are readable")
    until_landed(whole.settings, whole.system, connection)
    assert listens_in_lake(whole.settings) == 14
    second = compute(whole.settings, connection)
    assert {name: list(rob.all_top_artists(name)) for name in STATS_RANGES} == ROB_TOP_LATER
    assert {name: zoe.top_artists(name) for name in STATS_RANGES} == dict.fromkeys(STATS_RANGES)
    assert (second.data_version or 0) > (first.data_version or 0)
    if whole.cluster is not None:
        state = whole.cluster.state() or {}
        assert (state["aliveworkers"], state["coresused"], len(state["activeapps"])) == (2, 2, 1)


def check_pages(rob: Person) -> None:
    middle = rob.top_artists("all_time", offset=1, count=2)
    assert middle is not None
    assert [artist["listen_count"] for artist in middle["artists"]] == [5, 2]
    assert [artist["artist_mbids"] for artist in middle["artists"]] == [[B], [D]]
    assert (middle["count"], middle["offset"], middle["total_artist_count"]) == (2, 1, 4)
    beyond = rob.top_artists("all_time", offset=4)
    assert beyond is not None
    assert (beyond["artists"], beyond["count"], beyond["total_artist_count"]) == ([], 0, 4)
    assert list(rob.all_top_artists("all_time", per_page=1)) == ROB_TOP["all_time"]


def check_days(rob: Person) -> None:
    """Any days are computed when they are asked for, and of a week that is what the range says."""
    days: dict[str, str | int] = {"from_ts": ts("2021-11-15"), "to_ts": ts("2021-11-22"), "compare": "previous"}
    url = f"{rob.url}/1/stats/user/{rob.name}/artists"
    answer = http.get(url, params=days, timeout=30)
    if answer.status_code == 202:
        assert int(answer.headers["Retry-After"]) > 0
        later = f"{rob.url}{answer.headers['Location']}"
        until(lambda: http.get(later, timeout=30).status_code == 200, 60, "the days are computed")
        answer = http.get(later, timeout=30)
    assert answer.status_code == 200, answer.text
    found = answer.json()["payload"]
    week = http.get(url, params={"range": "week", "compare": "previous"}, timeout=30).json()["payload"]
    same = ("artists", "gone", "total_artist_count", "from_ts", "to_ts")
    assert {name: found[name] for name in same} == {name: week[name] for name in same}
    assert found["range"] == "custom"


def check_times(rob: Person) -> None:
    """Calendar ranges end with their calendar, all_time with the newest listen."""
    expected = {
        "this_week": ("2021-11-22T00:00:00", "2021-11-29T00:00:00"),
        "week": ("2021-11-15T00:00:00", "2021-11-22T00:00:00"),
        "half_yearly": ("2021-01-01T00:00:00", "2021-07-01T00:00:00"),
        "all_time": ("2002-01-01T00:00:00", "2021-11-24T12:00:00"),
    }
    for name, (first, last) in expected.items():
        payload = rob.top_artists(name, count=1)
        assert payload is not None
        assert (payload["from_ts"], payload["to_ts"], payload["range"]) == (ts(first), ts(last), name)
