"""The routes of the statistics of the clock, from stored documents: zeros and labels, zones, 204, schemas."""

from typing import Any
from uuid import uuid4

import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import connect, transaction
from jobs.ranges import STATS_RANGES, period
from tests.webapi.conftest import Account

T = 1_628_511_763
"""2021-08-09T12:22:43, a Monday."""
MONDAY, LAST_MONDAY = 18_834, 18_841
"""26 July and 2 August, days since 1970."""
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
STORED: dict[str, Any] = {
    "listening_activity": [[MONDAY, 3], [LAST_MONDAY + 6, 1]],
    "era_activity": [[1994, 2]],
    "artist_evolution_activity": [{"artist_mbid": MBID, "artist_name": "Low", "units": [[0, 2], [6, 1]]}],
    "daily_activity": [[0, 1], [167, 2]],
    "genre_activity": [{"genre": "rock", "hours": [[0, 2], [23, 1]]}],
}
OWN = ("daily_activity", "genre_activity")
"""Those that are not sitewide."""


def path(statistic: str, whose: str) -> str:
    return f"/1/stats/{whose}/{statistic.replace('_', '-')}"


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """A run of a week, for Rob on Berlin's clock, plainly, and for everybody; of the other ranges without rows."""
    connection = connect(standing_url)
    applied = orjson.dumps({"timezone": "Europe/Berlin", "artists": 1, "recordings": 0, "clients": 2}).decode()
    rows = [("user", standing_rob.id, applied), ("user", -standing_rob.id, None), ("sitewide", 0, None)]
    with transaction(connection) as cursor:
        for name, doc in STORED.items():
            for whose in ("user",) if name in OWN else ("user", "sitewide"):
                for stats_range in STATS_RANGES:
                    bounds = period(stats_range, T)
                    cursor.execute(
                        "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts,"
                        " newest_listen_ts, last_updated, row_count)"
                        " VALUES (%s, %s, %s, 7, %s, %s, %s, to_timestamp(300), 1)",
                        (f"{whose}_{name}", stats_range, uuid4(), bounds.from_ts, bounds.to_ts, T),
                    )
            for whose, key, settings in rows:
                if whose == "user" or name not in OWN:
                    cursor.execute(
                        "INSERT INTO result_document (statistic, stats_range, key, doc, applied)"
                        " VALUES (%s, 'this_week', %s, %s, %s)",
                        (f"{whose}_{name}", key, orjson.dumps(doc).decode(), settings),
                    )
    connection.close()
    return standing_rob


def payload(client: FlaskClient, statistic: str, whose: str = "user/rob", query: str = "") -> dict[str, Any]:
    answer = client.get(f"{path(statistic, whose)}?range=this_week{query}")
    assert answer.status_code == 200, answer.data
    found: dict[str, Any] = answer.get_json()["payload"]
    return found


def test_listening_activity_of_everybody(standing_client: FlaskClient, stored: Account) -> None:
    found = payload(standing_client, "listening_activity", "sitewide")
    buckets = found.pop("listening_activity")

    assert found == {
        "range": "this_week",
        "from_ts": MONDAY * 86400,
        "to_ts": (LAST_MONDAY + 7) * 86400,
        "last_updated": 300,
        "data_version": 7,
        "newest_listen_ts": T,
    }
    assert buckets[0] == {
        "from_ts": MONDAY * 86400,
        "to_ts": (MONDAY + 1) * 86400 - 1,
        "time_range": "Monday 26 July 2021",
        "listen_count": 3,
    }
    assert buckets[7]["time_range"] == "Monday 02 August 2021"
    assert [bucket["listen_count"] for bucket in buckets] == [3, *[0] * 12, 1]


def test_listening_activity_on_the_users_clock_and_plainly(standing_client: FlaskClient, stored: Account) -> None:
    own = payload(standing_client, "listening_activity")
    assert own["settings_applied"] == {
        "timezone": "Europe/Berlin",
        "excluded": {"artists": 1, "recordings": 0, "clients": 2},
    }
    assert (own["from_ts"], own["to_ts"]) == (MONDAY * 86400 - 7200, (LAST_MONDAY + 7) * 86400 - 7200)
    assert own["listening_activity"][0]["from_ts"] == own["from_ts"]

    plain = payload(standing_client, "listening_activity", query="&plain=true")
    assert (
        plain["listening_activity"] == payload(standing_client, "listening_activity", "sitewide")["listening_activity"]
    )
    assert (plain["user_id"], plain["from_ts"]) == ("rob", MONDAY * 86400)


def test_daily_activity_has_all_hours(standing_client: FlaskClient, stored: Account) -> None:
    days = payload(standing_client, "daily_activity")["daily_activity"]
    assert {day: len(hours) for day, hours in days.items()} == dict.fromkeys(
        ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), 24
    )
    assert days["Monday"][0] == {"hour": 0, "listen_count": 1}
    assert days["Sunday"][23] == {"hour": 23, "listen_count": 2}


def test_genres_eras_and_evolution(standing_client: FlaskClient, stored: Account) -> None:
    assert payload(standing_client, "genre_activity")["genre_activity"] == [
        {"genre": "rock", "hour": 0, "listen_count": 2},
        {"genre": "rock", "hour": 23, "listen_count": 1},
    ]
    for whose in ("user/rob", "sitewide"):
        assert payload(standing_client, "era_activity", whose)["era_activity"] == [{"year": 1994, "listen_count": 2}]
        assert payload(standing_client, "artist_evolution_activity", whose)["artist_evolution_activity"] == [
            {"time_unit": "Sunday", "artist_mbid": MBID, "artist_name": "Low", "listen_count": 1},
            {"time_unit": "Monday", "artist_mbid": MBID, "artist_name": "Low", "listen_count": 2},
        ]


@pytest.mark.parametrize("statistic", STORED)
def test_errors_in_the_contracts_order(standing_client: FlaskClient, stored: Account, statistic: str) -> None:
    unknown = standing_client.get(f"{path(statistic, 'user/nobody')}?range=x")
    assert (unknown.status_code, unknown.get_json()["error"]) == (404, "Cannot find user: nobody")
    for whose in ("user/rob",) if statistic in OWN else ("user/rob", "sitewide"):
        wrong = standing_client.get(f"{path(statistic, whose)}?range=x")
        assert (wrong.status_code, wrong.get_json()["error"]) == (400, "Invalid range: x")
        missing = standing_client.get(f"{path(statistic, whose)}?range=quarter")
        assert (missing.status_code, missing.data) == (204, b"")


@pytest.mark.parametrize("statistic", OWN)
def test_some_are_not_told_of_everybody(standing_client: FlaskClient, stored: Account, statistic: str) -> None:
    assert standing_client.get(path(statistic, "sitewide")).status_code == 404
