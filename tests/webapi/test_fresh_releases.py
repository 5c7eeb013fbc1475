"""The routes of fresh releases, from stored documents: windows, orders, what is refused, what is not there."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from conf.postgres import connect
from jobs.releases.fresh import OF_DAY, OF_USER
from tests.webapi.conftest import Account, make_account
from tests.webapi.stored_documents import store_day_documents, store_user_documents

TODAY = datetime.now(UTC).date()
EXPLORE = "/1/explore/fresh-releases"
CONFIDENCE = {2: 9, 0: 7, -20: 3, -3: 1}
"""Of the release of so many days after today."""
AFTER = (-40, -30, -20, -3, 0, 2, 31, 50)


def day(after: int) -> date:
    return TODAY + timedelta(days=after)


def mbid(after: int) -> str:
    return str(UUID(int=1000 + after, version=4))


def item(after: int) -> dict[str, Any]:
    """What comes out so many days after today; names go the other way."""
    return {
        "release_mbid": mbid(after), "release_name": f"Album {100 - after}", "artist_credit_name": f"x{500 - after}",
        "artist_mbids": [mbid(7)], "release_date": day(after).isoformat(), "release_group_mbid": mbid(8),
        "release_group_primary_type": "Album", "release_group_secondary_type": None, "release_tags": [],
        "listen_count": None, "caa_id": None, "caa_release_mbid": None,
    }  # fmt: skip


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """A release on each of some days; Rob has heard the artists of four of them, and of one that is gone."""
    connection = connect(standing_url)
    days = {(day(after) - date(1970, 1, 1)).days: [item(after)] for after in AFTER}
    days[(TODAY - date(1970, 1, 1)).days].append({**item(0), "release_mbid": mbid(500), "artist_credit_name": "A"})
    store_day_documents(connection, OF_DAY, days)
    heard = [*CONFIDENCE.items(), (99, 5)]
    store_user_documents(
        connection, OF_USER, {standing_rob.id: [{"confidence": n, "release_mbid": mbid(after)} for after, n in heard]}
    )
    make_account(connection, "new")
    connection.close()
    return standing_rob


def explored(client: FlaskClient, query: str = "") -> list[str]:
    answer = client.get(f"{EXPLORE}{query}")
    assert answer.status_code == 200, answer.data
    return [one["release_mbid"] for one in answer.get_json()]


def of_user(client: FlaskClient, query: str = "", name: str = "rob") -> list[int]:
    """Confidences."""
    answer = client.get(f"/1/user/{name}/fresh_releases{query}")
    assert answer.status_code == 200, answer.data
    assert answer.get_json()["payload"]["user_id"] == name
    return [one["confidence"] for one in answer.get_json()["payload"]["releases"]]


def test_it_is_a_bare_list_by_date_and_artist(standing_client: FlaskClient, stored: Account) -> None:
    assert explored(standing_client) == [mbid(-3), mbid(500), mbid(0), mbid(2)]
    assert standing_client.get(f"{EXPLORE}/").get_json()[0] == item(-3)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?days=1", [500, 0]),
        ("?days=3", [-3, 500, 0, 2]),
        ("?days=30", [-30, -20, -3, 500, 0, 2]),
        (f"?days=10&release_date={day(40)}", [31, 50]),
        (f"?release_date={day(400)}", []),
        ("?release_date=0001-01-01", []),
        ("?release_date=9999-12-31", []),
        ("?release_date=&days=", [-3, 500, 0, 2]),
    ],
)
def test_days_count_before_and_after_a_date(
    standing_client: FlaskClient, stored: Account, query: str, expected: list[int]
) -> None:
    assert explored(standing_client, query) == [mbid(after) for after in expected]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        *((f"{EXPLORE}?days={days}", "days must be between 1 and 30.") for days in ("0", "31", "-1", "x", "1.5")),
        *((f"{EXPLORE}?release_date={text}", f"Cannot parse date {text}: expected YYYY-MM-DD.")
          for text in ("today", "2022-02-30", "20220201", "2022-W01-1")),
        *((f"/1/user/rob/fresh_releases?days={days}", "days must be between 1 and 90.") for days in ("0", "91")),
        ("/1/user/rob/fresh_releases?sort=x", "Invalid sort: x; known are release_date, artist_credit_name, "
                                              "release_name, confidence"),
        ("/1/user/rob/fresh_releases?past=2", "Invalid past argument: 2."),
        ("/1/user/rob/fresh_releases?future=yes", "Invalid future argument: yes."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_400_by_name(standing_client: FlaskClient, stored: Account, path: str, error: str) -> None:
    answer = standing_client.get(path)

    assert (answer.status_code, answer.get_json()) == (400, {"code": 400, "error": error})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [1, 7, 9]),
        ("?days=90", [3, 1, 7, 9]),
        ("?days=90&sort=confidence", [9, 7, 3, 1]),
        ("?days=90&sort=artist_credit_name", [9, 7, 1, 3]),
        ("?days=90&sort=release_name", [7, 1, 3, 9]),
        ("?days=90&past=false", [9]),
        ("?days=90&future=FALSE", [3, 1, 7]),
        ("?past=false&future=false", []),
    ],
)
def test_a_users_releases_are_those_of_her_window_in_the_order_asked_for(
    standing_client: FlaskClient, stored: Account, query: str, expected: list[int]
) -> None:
    assert of_user(standing_client, query) == expected


def test_who_has_heard_nobody_has_none_and_a_stranger_is_404(standing_client: FlaskClient, stored: Account) -> None:
    assert of_user(standing_client, name="new") == []
    answer = standing_client.get("/1/user/nobody/fresh_releases")
    assert (answer.status_code, answer.get_json()["error"]) == (404, "User nobody not found")


def test_before_anything_was_computed_there_is_nothing(client: FlaskClient, rob: Account) -> None:
    assert explored(client) == []
    assert of_user(client) == []


@pytest.mark.parametrize("path", [EXPLORE, "/1/user/{user_name}/fresh_releases"])
def test_what_is_told_fits_what_is_documented(standing_client: FlaskClient, stored: Account, path: str) -> None:
    document = standing_client.get("/1/openapi.json").get_json()
    schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    told = standing_client.get(path.replace("{user_name}", "rob")).get_json()

    jsonschema_rs.validate(schema | {"components": document["components"]}, told)


@pytest.mark.parametrize("path", [EXPLORE, "/1/user/rob/fresh_releases"])
def test_an_unchanged_answer_has_no_body(standing_client: FlaskClient, stored: Account, path: str) -> None:
    first = standing_client.get(path)
    again = standing_client.get(path, headers={"If-None-Match": first.headers["ETag"]})

    assert (again.status_code, again.data) == (304, b"")
