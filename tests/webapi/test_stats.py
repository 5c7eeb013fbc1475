"""GET /1/stats/user/U/artists from a stored run: envelope, pages, 204, and every odd query."""

from typing import Any
from uuid import uuid4

import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, connect, transaction
from tests.webapi.conftest import Account

MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
ARTISTS = [("Björk", MBID, 9), ("Sigur Rós", None, 5), ("múm", None, 5), ("GusGus", None, 1)]
URL = "/1/stats/user/rob/artists"


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """A run of two ranges; Rob has artists in all_time only."""
    connection = connect(standing_url)
    with transaction(connection) as cursor:
        for name, rows in (("all_time", 1), ("week", 0)):
            cursor.execute(
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " newest_landed_ts, last_updated, row_count)"
                " VALUES ('user_artists', %s, %s, 7, 100, 200, 200, 150, to_timestamp(300), %s)",
                (name, uuid4(), rows),
            )
        for place, (artist, mbid, _) in enumerate(ARTISTS):
            document = orjson.dumps({"artist_name": artist, "artist_mbid": mbid}).decode()
            cursor.execute("INSERT INTO result_entity (id, doc) VALUES (%s, %s)", (place - 2, document))
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts)"
            " VALUES ('user_artists', 'all_time', %s, %s, %s)",
            (standing_rob.id, [-2, -1, 0, 1], [count for _, _, count in ARTISTS]),
        )
    connection.close()
    return standing_rob


def names(standing_client: FlaskClient, query: str) -> list[str]:
    answer = standing_client.get(URL + query)
    assert answer.status_code == 200
    return [artist["artist_name"] for artist in answer.get_json()["payload"]["artists"]]


def test_the_envelope_is_the_documented_one(standing_client: FlaskClient, stored: Account) -> None:
    assert standing_client.get("/1/stats/user/ROB/artists?count=2").get_json() == {
        "payload": {
            "artists": [
                {"artist_name": "Björk", "artist_mbid": MBID, "artist_mbids": [MBID], "listen_count": 9},
                {"artist_name": "Sigur Rós", "artist_mbid": None, "artist_mbids": [], "listen_count": 5},
            ],
            "count": 2,
            "offset": 0,
            "total_artist_count": 4,
            "range": "all_time",
            "from_ts": 100,
            "to_ts": 200,
            "last_updated": 300,
            "data_version": 7,
            "newest_listen_ts": 150,
            "user_id": "ROB",
        }
    }


def test_pages_are_slices_of_the_stored_order(standing_client: FlaskClient, stored: Account) -> None:
    whole = [artist for artist, _, _ in ARTISTS]
    assert names(standing_client, "") == names(standing_client, "?count=1000000") == whole
    assert names(standing_client, "?count=2&offset=1") == whole[1:3]
    assert (
        names(standing_client, "?count=0")
        == names(standing_client, "?offset=4")
        == names(standing_client, f"?offset={2**63 - 1}")
        == []
    )
    assert names(standing_client, "?count=&offset=&unknown=1") == whole


@pytest.mark.parametrize("name", ["week", "this_year"])
def test_what_was_not_computed_is_204_with_an_empty_body(
    standing_client: FlaskClient, stored: Account, name: str
) -> None:
    answer = standing_client.get(f"{URL}?range={name}")
    assert (answer.status_code, answer.data) == (204, b"")
    assert answer.headers["X-RateLimit-Remaining"].isdigit()


@pytest.mark.parametrize("name", ["Week", "../x", "week'--", "", "\0", "weekly", "all_time "])
def test_an_unknown_range_is_refused(standing_client: FlaskClient, stored: Account, name: str) -> None:
    answer = standing_client.get(URL, query_string={"range": name})
    assert (answer.status_code, answer.get_json()["error"]) == (400, f"Invalid range: {name}")


@pytest.mark.parametrize("key", ["count", "offset"])
@pytest.mark.parametrize("value", ["-1", "abc", "1e3", "1.5", "9" * 5000, "\0", "٣", str(2**63), str(2**64)])
def test_count_and_offset_are_non_negative_integers(
    standing_client: FlaskClient, stored: Account, key: str, value: Any
) -> None:
    answer = standing_client.get(URL, query_string={key: value})
    expected = {"code": 400, "error": f"'{key}' should be a non-negative integer"}
    assert (answer.status_code, answer.get_json()) == (400, expected)


def test_the_user_is_judged_before_the_range_and_the_range_before_the_page(
    standing_client: FlaskClient, stored: Account
) -> None:
    answer = standing_client.get("/1/stats/user/nobody/artists?range=x&count=x")
    assert (answer.status_code, answer.get_json()["error"]) == (404, "Cannot find user: nobody")
    assert standing_client.get(f"{URL}?range=x&count=x").get_json()["error"] == "Invalid range: x"


def test_all_that_is_gone_since_the_period_before_can_be_paged(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " last_updated, row_count) VALUES ('user_artists', 'week', %s, 7, 100, 200, 200, to_timestamp(300), 1)",
            (uuid4(),),
        )
        cursor.execute(
            "INSERT INTO result_entity SELECT n, json_build_object('artist_name', 'Artist ' || n, 'artist_mbid', null)"
            " FROM generate_series(1, 251) AS n"
        )
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts, previous_ranks, previous_counts,"
            " gone_ids, gone_counts, seconds, by_time) SELECT 'user_artists', 'week', %s, '{251}', '{1}', '{0}', '{0}',"
            " array_agg(n ORDER BY n), array_agg(300 - n ORDER BY n), '{9}', '{1}' FROM generate_series(1, 250) AS n",
            (rob.id,),
        )

    def gone(query: str = "") -> tuple[int, list[int]]:
        answer = client.get(f"/1/stats/user/rob/artists?range=week&compare=previous{query}")
        payload = answer.get_json()["payload"]
        return payload["total_gone_count"], [item["previous_listen_count"] for item in payload["gone"]]

    counts = [300 - n for n in range(1, 251)]
    assert gone() == gone("&gone_offset=0&offset=5&count=0") == (250, counts[:100])
    assert gone("&gone_offset=100") == (250, counts[100:200])
    assert gone("&gone_offset=200") == (250, counts[200:])
    assert gone("&gone_offset=250") == gone(f"&gone_offset={2**63 - 1}") == (250, [])
    assert client.get("/1/stats/user/rob/artists?range=week&gone_offset=-1").status_code == 400
