"""The routes of the entity statistics from stored results: payloads, what is unknown, odd queries, who is gone."""

from typing import Any
from uuid import uuid4

import jsonschema_rs
import orjson
import pytest
from flask.testing import FlaskClient
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, connect, transaction
from jobs.listens.account_deletion import delete_account
from jobs.listens.users import create_user
from tests.webapi.conftest import Account

MBID, OTHER = "bf9e91ea-8029-4a04-a26a-224e00a83266", "65a6c2a5-2d8a-4c60-b5d6-0b1f7d4f2a51"
FACTS = {
    "range": "all_time",
    "from_ts": 100,
    "to_ts": 200,
    "last_updated": 300,
    "data_version": 7,
    "newest_listen_ts": 200,
}
LONG = 2300
"""Items of the longest list."""
LISTS = {"recordings": "track_name", "releases": "release_name", "release_groups": "release_group_name"}
"""Entities, and the name of their items."""
CREDIT = [{"artist_credit_name": "Björk", "join_phrase": "", "artist_mbid": MBID}]
MAP = [
    {
        "country": "ISL",
        "artist_count": 1,
        "listen_count": 9,
        "artists": [{"artist_mbid": MBID, "artist_name": "Björk", "listen_count": 9}],
    }
]
ALBUM = {"name": "Post", "listen_count": 9, "release_group_mbid": None}
ACTIVITY = [{"name": "Björk", "artist_name": "Björk", "artist_mbid": MBID, "listen_count": 9, "albums": [ALBUM]}]
GROUP = {
    "release_group_mbid": MBID,
    "release_group_name": "Post",
    "artist_name": "Björk",
    "artist_mbids": [MBID],
    "caa_id": None,
    "caa_release_mbid": None,
}
TOTALS = {"total_listen_count": 21, "total_user_count": 3}


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """A run of everything over all time, and of nothing in the last week. 999 is no user."""
    connection = connect(standing_url)
    with transaction(connection) as cursor:
        for number, (entity, name) in enumerate(LISTS.items()):
            _store_list(cursor, standing_rob.id, entity, name, 10 * LONG * number)
        for statistic, doc in (("artist_map", MAP), ("artist_activity", ACTIVITY)):
            for whose, key in (("user", standing_rob.id), ("sitewide", 0)):
                _run(cursor, f"{whose}_{statistic}")
                cursor.execute(
                    "INSERT INTO result_document (statistic, stats_range, key, doc) VALUES (%s, 'all_time', %s, %s)",
                    (f"{whose}_{statistic}", key, orjson.dumps(doc).decode()),
                )
        listeners = {"listeners": [[999, 12], [standing_rob.id, 9]], **TOTALS}
        for statistic, named in (
            ("artist_listeners", {"artist_mbid": MBID, "artist_name": "Björk"}),
            ("release_group_listeners", GROUP),
        ):
            _run(cursor, statistic)
            cursor.execute(
                "INSERT INTO result_entity_document VALUES (%s, 'all_time', %s, %s)",
                (statistic, MBID, orjson.dumps({**named, **listeners}).decode()),
            )
    connection.close()
    return standing_rob


def _store_list(cursor: Cursor, user_id: int, entity: str, name: str, first: int) -> None:
    """LONG items of a user, the first of which is known whole, the others by name only; two of everybody."""
    nothing = dict.fromkeys(("artist_mbids", "artists", "caa_id", "caa_release_mbid", f"{entity[:-1]}_mbid"))
    if entity == "recordings":
        nothing |= dict.fromkeys(("release_name", "release_mbid"))
    known = {"artists": CREDIT, "artist_mbids": [MBID], "caa_id": 2**40, "caa_release_mbid": OTHER}
    for number in range(LONG):
        struct = nothing | {name: f"Nº {number}", "artist_name": "Björk"} | (known if number == 0 else {})
        cursor.execute(
            "INSERT INTO result_entity (id, doc) VALUES (%s, %s)", (first + number, orjson.dumps(struct).decode())
        )
    for whose, key, size in (("user", user_id, LONG), ("sitewide", 0, 2)):
        _run(cursor, f"{whose}_{entity}")
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts) VALUES (%s, 'all_time', %s, %s, %s)",
            (f"{whose}_{entity}", key, list(range(first, first + size)), list(range(size, 0, -1))),
        )


def _run(cursor: Cursor, statistic: str) -> None:
    for name in ("all_time", "week"):
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " last_updated, row_count) VALUES (%s, %s, %s, 7, 100, 200, 200, to_timestamp(300), 1)",
            (statistic, name, uuid4()),
        )


@pytest.fixture(scope="module")
def document(standing_client: FlaskClient) -> dict[str, Any]:
    """The API's own."""
    found: dict[str, Any] = standing_client.get("/1/openapi.json").get_json()
    return found


def asked(client: FlaskClient, document: dict[str, Any], path: str, **parts: str) -> dict[str, Any]:
    """The payload of an answer that is as the document says. `path`: as there, with a query."""
    answer = client.get(path.format(**parts))
    assert answer.status_code == 200, answer.get_data(as_text=True)
    operation = document["paths"][path.partition("?")[0]]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": document["components"]}, answer.get_json())
    payload: dict[str, Any] = answer.get_json()["payload"]
    return payload


@pytest.mark.parametrize("entity", LISTS)
def test_what_is_not_known_is_null_and_lists_never_are(
    standing_client: FlaskClient, stored: Account, document: dict[str, Any], entity: str
) -> None:
    path = f"/1/stats/user/{{user_name}}/{entity.replace('_', '-')}?count=2"
    payload = asked(standing_client, document, path, user_name="Rob")
    beside = {"release_name": None, "release_mbid": None} if entity == "recordings" else {}
    unknown: dict[str, Any] = {"artists": [], "artist_mbids": [], "caa_id": None, "caa_release_mbid": None}
    known = {"artists": CREDIT, "artist_mbids": [MBID], "caa_id": 2**40, "caa_release_mbid": OTHER}
    named = {"artist_name": "Björk", f"{entity[:-1]}_mbid": None, **beside}

    assert payload == {
        entity: [
            {LISTS[entity]: "Nº 0", "listen_count": LONG, **named, **known},
            {LISTS[entity]: "Nº 1", "listen_count": LONG - 1, **named, **unknown},
        ],
        "count": 2,
        "offset": 0,
        f"total_{entity[:-1]}_count": LONG,
        "user_id": "Rob",
        **FACTS,
    }


@pytest.mark.parametrize("entity", LISTS)
def test_pages_go_on_beyond_a_thousand(
    standing_client: FlaskClient, stored: Account, document: dict[str, Any], entity: str
) -> None:
    path = f"/1/stats/user/{{user_name}}/{entity.replace('_', '-')}?count=1000&offset="
    pages = [
        asked(standing_client, document, f"{path}{offset}", user_name="rob")[entity] for offset in range(0, 4000, 1000)
    ]

    assert [len(page) for page in pages] == [1000, 1000, 300, 0]
    assert [item[LISTS[entity]] for page in pages for item in page] == [f"Nº {number}" for number in range(LONG)]


@pytest.mark.parametrize("entity", LISTS)
def test_everybodys_list_names_nobody(
    standing_client: FlaskClient, stored: Account, document: dict[str, Any], entity: str
) -> None:
    payload = asked(standing_client, document, f"/1/stats/sitewide/{entity.replace('_', '-')}")

    assert [item["listen_count"] for item in payload[entity]] == [2, 1]
    assert (payload[f"total_{entity[:-1]}_count"], "user_id" in payload) == (2, False)


@pytest.mark.parametrize("flag", ["", "?force_recalculate=true", "?force_recalculate=false", "?force_recalculate="])
def test_the_artist_map_says_its_range_twice_and_is_never_recalculated_on_demand(
    standing_client: FlaskClient, stored: Account, document: dict[str, Any], flag: str
) -> None:
    shown = {"artist_map": MAP, "stats_range": "all_time", **FACTS}

    assert asked(standing_client, document, f"/1/stats/user/{{user_name}}/artist-map{flag}", user_name="Rob") == {
        **shown,
        "user_id": "Rob",
    }
    assert asked(standing_client, document, f"/1/stats/sitewide/artist-map{flag}") == shown


@pytest.mark.parametrize("path", ["user/rob", "sitewide"])
@pytest.mark.parametrize("value", ["1", "True", "yes", "\0"])
def test_force_recalculate_is_true_or_false(
    standing_client: FlaskClient, stored: Account, path: str, value: str
) -> None:
    url = f"/1/stats/{path}/artist-map"
    answer = standing_client.get(url, query_string={"force_recalculate": value})
    ranged = standing_client.get(url, query_string={"force_recalculate": value, "range": "x"})

    assert (answer.status_code, answer.get_json()["error"]) == (400, f"Invalid value of force_recalculate: {value}")
    assert ranged.get_json()["error"] == "Invalid range: x"


def test_artist_activity_is_what_is_stored(
    standing_client: FlaskClient, stored: Account, document: dict[str, Any]
) -> None:
    path = "/1/stats/user/{user_name}/artist-activity"

    assert asked(standing_client, document, path, user_name="Rob") == {
        "artist_activity": ACTIVITY,
        "user_id": "Rob",
        **FACTS,
    }
    assert asked(standing_client, document, "/1/stats/sitewide/artist-activity")["artist_activity"] == ACTIVITY


@pytest.mark.parametrize(
    ("entity", "named"),
    [("artist", {"artist_mbid": MBID, "artist_name": "Björk"}), ("release-group", GROUP)],
)
@pytest.mark.parametrize("mbid", [MBID, MBID.upper()])
def test_listeners_are_named_and_who_is_gone_is_left_out(
    standing_client: FlaskClient,
    stored: Account,
    document: dict[str, Any],
    entity: str,
    named: dict[str, Any],
    mbid: str,
) -> None:
    payload = asked(standing_client, document, f"/1/stats/{entity}/{{mbid}}/listeners", mbid=mbid)

    assert payload == {"listeners": [{"user_name": "Rob", "listen_count": 9}], **named, **TOTALS, **FACTS}


@pytest.mark.parametrize("entity", ["artist", "release-group"])
@pytest.mark.parametrize("mbid", ["x", "bf9e91ea-8029-4a04-a26a-224e00a8326", f"{MBID}0", "%00", "999"])
def test_what_is_no_mbid_is_refused(standing_client: FlaskClient, stored: Account, entity: str, mbid: str) -> None:
    answer = standing_client.get(f"/1/stats/{entity}/{mbid}/listeners")
    shown = "\0" if mbid == "%00" else mbid

    assert (answer.status_code, answer.get_json()["error"]) == (400, f"{shown} mbid format invalid.")


@pytest.mark.parametrize(
    "path",
    [
        f"artist/{OTHER}/listeners",
        f"release-group/{OTHER}/listeners",
        f"artist/{MBID}/listeners?range=week",
        f"artist/{MBID}/listeners?range=month",
        "user/rob/artist-map?range=week",
        "user/rob/artist-activity?range=year",
        "sitewide/artist-map?range=week",
        "sitewide/artist-activity?range=quarter",
        "user/rob/recordings?range=week",
        "sitewide/releases?range=half_yearly",
        "user/rob/release-groups?range=this_month",
    ],
)
def test_what_is_unknown_or_was_not_played_is_204(standing_client: FlaskClient, stored: Account, path: str) -> None:
    answer = standing_client.get(f"/1/stats/{path}")

    assert (answer.status_code, answer.data) == (204, b"")


def test_the_range_of_listeners_is_judged(standing_client: FlaskClient, stored: Account) -> None:
    answer = standing_client.get(f"/1/stats/artist/{MBID}/listeners?range=weekly")

    assert (answer.status_code, answer.get_json()["error"]) == (400, "Invalid range: weekly")


def test_a_deleted_listener_is_left_out_at_once_though_the_answer_was_kept(
    client: FlaskClient, connection: Connection
) -> None:
    stays, goes = create_user(connection, "stays"), create_user(connection, "goes")
    doc = {"artist_mbid": MBID, "artist_name": "Björk", "listeners": [[goes, 12], [stays, 9]], **TOTALS}
    with transaction(connection) as cursor:
        _run(cursor, "artist_listeners")
        cursor.execute(
            "INSERT INTO result_entity_document VALUES ('artist_listeners', 'all_time', %s, %s)",
            (MBID, orjson.dumps(doc).decode()),
        )
    url = f"/1/stats/artist/{MBID}/listeners"
    before = client.get(url)
    delete_account(connection, goes, 1)
    after = client.get(url, headers={"If-None-Match": before.headers["ETag"]})

    assert [who["user_name"] for who in before.get_json()["payload"]["listeners"]] == ["goes", "stays"]
    assert client.get(url, headers={"If-None-Match": after.headers["ETag"]}).status_code == 304
    assert after.status_code == 200
    assert [who["user_name"] for who in after.get_json()["payload"]["listeners"]] == ["stays"]
