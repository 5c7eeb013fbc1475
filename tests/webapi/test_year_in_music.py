"""The routes of the year in music, from stored sections: the contract's envelope, years, users, schemas."""

from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from conf.postgres import connect, transaction
from jobs.catalog import catalog
from jobs.listens.account_deletion import delete_account
from jobs.years import days_of
from tests.webapi.conftest import Account, make_account
from tests.webapi.stored_year import STORED, store_year, store_year_runs


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """Rob's 2021, on Berlin's clock; of 2019 a run in which he has nothing. A user similar to him is gone since."""
    connection = connect(standing_url)
    there, gone = make_account(connection, "Similar"), make_account(connection, "Gone")
    similar = [{"place": 1, "other": gone.id, "score": 0.5}, {"place": 2, "other": there.id, "score": 0.25}]
    store_year(connection, standing_rob.id, 2021, {**STORED, "similar_users": similar}, zone="Europe/Berlin")
    store_year_runs(connection, 2019)
    delete_account(connection, gone.id, 1_640_000_000_000_000)
    connection.close()
    return standing_rob


def data(client: FlaskClient, path: str) -> dict[str, Any]:
    answer = client.get(f"/1/stats/user/{path}")
    assert answer.status_code == 200, answer.data
    payload: dict[str, Any] = answer.get_json()["payload"]
    return payload


def test_all_sections_are_told_in_the_contracts_words(standing_client: FlaskClient, stored: Account) -> None:
    found = data(standing_client, "rob/year-in-music/2021")
    told = found["data"]

    assert (found["user_name"], found["year"]) == ("rob", 2021)
    assert told["total_listen_count"] == 4
    assert told["total_listening_time"] == 61.5
    assert told["day_of_week"] == "Friday"
    assert told["most_listened_year"] == {"1957": 2}
    assert told["top_artists"] == [{"artist_name": "Low", "artist_mbid": None, "artist_mbids": [], "listen_count": 4}]
    assert told["total_artists_count"] == 9
    assert told["top_genres"] == [{"genre": "slowcore", "genre_count": 3, "genre_count_percent": 37.5}]
    assert told["similar_users"] == {"Similar": 0.25}
    assert told["listens_per_day"][0]["from_ts"] == days_of(2021).from_ts - 3600
    assert told["artist_evolution_activity"][0]["time_unit"] == "January"
    assert told["total_new_artists_discovered"] == 1
    assert told["playlist-top-discoveries-for-year"]["title"] == "Top Discoveries of 2021 for rob"
    assert told["playlist-top-missed-recordings-for-year"]["track"][0]["album"] == "Trust"


def test_what_is_told_fits_what_is_documented(standing_client: FlaskClient, stored: Account) -> None:
    document = standing_client.get("/1/openapi.json").get_json()
    operation = document["paths"]["/1/stats/user/{user_name}/year-in-music/{year}"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    told = {"payload": data(standing_client, "rob/year-in-music/2021")}

    jsonschema_rs.validate(schema | {"components": document["components"]}, told)
    keys = {key for job in catalog().jobs.values() if job.of_year for key in job.output.schema}  # type: ignore[union-attr]
    assert set(told["payload"]["data"]) == keys


def test_another_run_of_the_same_data_version_tells_the_same(
    standing_client: FlaskClient, stored: Account, standing_url: str
) -> None:
    path = "/1/stats/user/rob/year-in-music/2021"
    first = standing_client.get(path)
    with closing(connect(standing_url)) as connection, transaction(connection) as cursor:
        cursor.execute(
            "UPDATE run SET run_id = gen_random_uuid(), last_updated = last_updated + interval '1 day'"
            " WHERE stats_range = '2021'"
        )
    again = standing_client.get(path)

    assert again.headers["ETag"] != first.headers["ETag"]
    assert again.data == first.data


@pytest.mark.parametrize("path", ["rob/year-in-music/2019", "rob/year-in-music/2020", "Similar/year-in-music/2021"])
def test_where_there_is_nothing_data_is_empty(standing_client: FlaskClient, stored: Account, path: str) -> None:
    assert data(standing_client, path)["data"] == {}


@pytest.mark.parametrize("path", ["rob/year-in-music", "rob/year-in-music/"])
def test_without_a_year_it_is_the_last_one_that_was_computed(
    standing_client: FlaskClient, stored: Account, path: str
) -> None:
    found = data(standing_client, path)

    assert (found["year"], found["data"]["total_listen_count"]) == (2021, 4)


@pytest.mark.parametrize("year", ["1999", "2001", str(datetime.now(UTC).year + 1), "abc", "20x1", "-1"])
@pytest.mark.parametrize("user", ["rob", "nobody"])
def test_a_year_that_there_is_not_is_judged_before_the_user(
    standing_client: FlaskClient, stored: Account, year: str, user: str
) -> None:
    answer = standing_client.get(f"/1/stats/user/{user}/year-in-music/{year}")

    assert answer.status_code == 404
    assert answer.get_json() == {"code": 404, "error": f"Cannot find Year in Music report for year: {year}"}


@pytest.mark.parametrize("path", ["nobody/year-in-music", "nobody/year-in-music/2021"])
def test_a_user_who_is_not_there_is_404(standing_client: FlaskClient, stored: Account, path: str) -> None:
    answer = standing_client.get(f"/1/stats/user/{path}")

    assert answer.status_code == 404
    assert answer.get_json()["error"] == "Cannot find user: nobody"


def test_an_unchanged_report_has_no_body(standing_client: FlaskClient, stored: Account) -> None:
    first = standing_client.get("/1/stats/user/rob/year-in-music/2021")
    again = standing_client.get(
        "/1/stats/user/rob/year-in-music/2021", headers={"If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.data) == (304, b"")
