"""Similar users, recordings and artists from stored documents, under /1 and in the form of the labs host."""

from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.account_deletion import delete_account
from tests.webapi.conftest import Account, make_account, timeless_app
from tests.webapi.stored_documents import store_entity_documents, store_user_documents

A, B, C, D = (UUID(int=n) for n in (0xA, 0xB, 0xC, 0xD))
ALGORITHM = "session_based_days_7500_session_300_contribution_5_threshold_10_limit_100_skip_30"


def neighbour(one: UUID, score: int, msid: bool = False) -> dict[str, Any]:
    named = {"recording_name": f"Track {score}", "artist_credit_name": "Broadcast"}
    return {"id": str(one), "msid": msid, **named, "score": score}


RECORDINGS = {
    A: {"algorithm": ALGORITHM, "msid": False, "items": [neighbour(B, 30), neighbour(C, 20, msid=True)]},
    C: {"algorithm": ALGORITHM, "msid": True, "items": [neighbour(A, 20)]},
}
ARTISTS = {
    A: {
        "algorithm": ALGORITHM,
        "items": [
            {"artist_mbid": str(B), "artist_name": "Stereolab", "score": 40},
            {"artist_mbid": str(C), "artist_name": "Pram", "score": 11},
        ],
    }
}


def store(connection: Connection) -> None:
    store_entity_documents(connection, "similar_recordings", RECORDINGS)
    store_entity_documents(connection, "similar_artists", ARTISTS)


def documented(client: FlaskClient, path: str, url: str) -> Any:
    """The answer at an address, which is as the document says of this path."""
    answer = client.get(url)
    assert answer.status_code == 200, answer.text
    api = client.get("/1/openapi.json").get_json()
    schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, answer.get_json())
    return answer.get_json()


def test_similar_users_are_named_most_similar_first_and_who_is_gone_is_left_out_at_once(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe, kim = make_account(connection, "Zoe"), make_account(connection, "Kim")
    assert documented(client, "/1/user/{user_name}/similar-users", "/1/user/rob/similar-users") == {"payload": []}
    store_user_documents(connection, "similar_users", {rob.id: [[kim.id, 0.5], [zoe.id, 0.19]]})
    both = [{"user_name": "Kim", "similarity": 0.5}, {"user_name": "Zoe", "similarity": 0.19}]
    assert documented(client, "/1/user/{user_name}/similar-users", "/1/user/ROB/similar-users") == {"payload": both}
    etag = client.get("/1/user/rob/similar-users").headers["ETag"]
    assert client.get("/1/user/rob/similar-users", headers={"If-None-Match": etag}).status_code == 304
    assert client.get("/1/user/zoe/similar-users").get_json() == {"payload": []}
    delete_account(connection, kim.id, 1)
    answer = client.get("/1/user/rob/similar-users", headers={"If-None-Match": etag})
    assert (answer.status_code, answer.get_json()) == (200, {"payload": both[1:]})
    assert client.get("/1/user/rob/similar-to/kim").status_code == 404


def test_a_merged_recording_has_the_neighbours_of_the_one_it_was_merged_into(
    client: FlaskClient, connection: Connection
) -> None:
    merged = {D: {"algorithm": ALGORITHM, "merged_into": str(A)}}
    store_entity_documents(connection, "similar_recordings", RECORDINGS | merged)
    path = "/1/similarity/recordings/{recording_id}"
    now, then = (documented(client, path, f"/1/similarity/recordings/{one}")["payload"] for one in (A, D))
    assert then == now | {"recording_mbid": str(D)}, "under the id that was asked for"
    rows = client.get(f"/similar-recordings/json?recording_mbids={D}").get_json()
    assert [(row["recording_mbid"] or row["recording_msid"], row["reference_mbid"]) for row in rows] == [
        (str(B), str(D)), (str(C), str(D)),
    ]  # fmt: skip


def test_how_similar_another_user_is(client: FlaskClient, rob: Account, connection: Connection) -> None:
    zoe = make_account(connection, "Zoe")
    store_user_documents(connection, "similar_users", {rob.id: [[zoe.id, 0.19]]})
    path = "/1/user/{user_name}/similar-to/{other_user_name}"
    assert documented(client, path, "/1/user/rob/similar-to/zoe") == {
        "payload": {"user_name": "zoe", "similarity": 0.19}
    }
    no_other = {"code": 404, "error": "Similar-to user not found"}
    for other in ("rob", "nobody", "x" * 2000, "%00"):
        answer = client.get(f"/1/user/rob/similar-to/{other}")
        assert (answer.status_code, answer.get_json()) == (404, no_other), other
    assert client.get("/1/user/zoe/similar-to/rob").get_json() == no_other, "zoe has no similar users"
    for address in ("similar-users", "similar-to/rob"):
        answer = client.get(f"/1/user/nobody/{address}")
        assert (answer.status_code, answer.get_json()["error"]) == (404, "User nobody not found")


def test_similar_recordings_are_served_by_mbid_or_msid_in_pages(client: FlaskClient, connection: Connection) -> None:
    store(connection)
    path = "/1/similarity/recordings/{recording_id}"
    made = documented(client, path, f"/1/similarity/recordings/{str(A).upper()}")["payload"]
    assert made.pop("last_updated") > 1.7e9
    assert made == {
        "recording_mbid": str(A),
        "recording_msid": None,
        "algorithm": ALGORITHM,
        "similar_recordings": [
            {
                "recording_mbid": str(B),
                "recording_msid": None,
                "recording_name": "Track 30",
                "artist_credit_name": "Broadcast",
                "score": 30,
            },
            {
                "recording_mbid": None,
                "recording_msid": str(C),
                "recording_name": "Track 20",
                "artist_credit_name": "Broadcast",
                "score": 20,
            },
        ],
        "count": 2,
        "offset": 0,
        "total_count": 2,
        "data_version": 7,
    }
    of_msid = documented(client, path, f"/1/similarity/recordings/{C}")["payload"]
    assert (of_msid["recording_mbid"], of_msid["recording_msid"]) == (None, str(C))
    page = documented(client, path, f"/1/similarity/recordings/{A}?count=5&offset=1")["payload"]
    assert ([one["score"] for one in page["similar_recordings"]], page["count"], page["total_count"]) == ([20], 1, 2)


def test_similar_artists_are_served_in_pages(client: FlaskClient, connection: Connection) -> None:
    store(connection)
    made = documented(client, "/1/similarity/artists/{mbid}", f"/1/similarity/artists/{A}?count=1")["payload"]
    assert made["similar_artists"] == ARTISTS[A]["items"][:1]
    assert (made["artist_mbid"], made["count"], made["total_count"]) == (str(A), 1, 2)


@pytest.mark.parametrize("kind", ["recordings", "artists"])
def test_what_has_no_neighbours_is_204_and_what_is_no_id_400(
    client: FlaskClient, connection: Connection, kind: str
) -> None:
    assert client.get(f"/1/similarity/{kind}/{A}").status_code == 204
    store(connection)
    answer = client.get(f"/1/similarity/{kind}/{D}")
    assert (answer.status_code, answer.data) == (204, b"")
    for odd, said in (("x", "x mbid format invalid."), (f"{A}0", f"{A}0 mbid format invalid.")):
        answer = client.get(f"/1/similarity/{kind}/{odd}")
        assert (answer.status_code, answer.get_json()["error"]) == (400, said)
    assert client.get(f"/1/similarity/{kind}/{A}?count=x").status_code == 400
    etag = client.get(f"/1/similarity/{kind}/{A}").headers["ETag"]
    assert client.get(f"/1/similarity/{kind}/{A}", headers={"If-None-Match": etag}).status_code == 304


def recording_rows(*references: UUID) -> list[dict[str, Any]]:
    return [
        {
            "recording_mbid": None if one["msid"] else one["id"],
            "recording_msid": one["id"] if one["msid"] else None,
            "recording_name": one["recording_name"],
            "artist_credit_name": one["artist_credit_name"],
            "score": one["score"],
            "reference_mbid": str(reference),
        }
        for reference in references
        for one in RECORDINGS[reference]["items"]  # type: ignore[attr-defined]
    ]


def test_recordings_of_the_labs_form_are_rows_of_each_reference_in_turn(
    client: FlaskClient, connection: Connection
) -> None:
    store(connection)
    url = "/similar-recordings/json"
    rows = recording_rows(C, A)
    assert documented(client, url, f"{url}?recording_mbids={C},{D}, {A}&algorithm=whatever") == rows
    for inputs in (
        [{"recording_mbids": [str(C), str(A)], "algorithm": ALGORITHM}],
        [{"recording_mbids": f"{C},{A},{C}"}],
        [{"recording_mbids": [str(C)]}, {"recording_mbids": str(A)}],
    ):
        answer = client.post(url, json=inputs)
        assert (answer.status_code, answer.get_json()) == (200, rows), inputs
    assert client.get(f"{url}?recording_mbids={D}").get_json() == []


def test_the_labs_form_has_the_rows_of_the_algorithm_that_is_named_where_they_are_kept_beside_what_is_served(
    client: FlaskClient, connection: Connection
) -> None:
    store(connection)
    other = ALGORITHM.replace("threshold_10", "threshold_0")
    beside = {C: {"algorithm": other, "msid": True, "items": [neighbour(D, 7)]}}
    store_entity_documents(connection, "similar_recordings_dev", beside)
    url = "/similar-recordings/json"

    def scores(*inputs: dict[str, Any]) -> list[int]:
        return [row["score"] for row in client.post(url, json=list(inputs)).get_json()]

    for algorithm, found in ((other, [7]), (ALGORITHM, [20, 30, 20]), ("whatever", [20, 30, 20]), (None, [20, 30, 20])):
        named = {} if algorithm is None else {"algorithm": algorithm}
        ids = f"{C},{A}"
        assert [row["score"] for row in client.get(url, query_string={"recording_mbids": ids, **named}).get_json()] == (
            found
        ), algorithm
        assert scores({"recording_mbids": ids, **named}) == found, algorithm
    each = ({"recording_mbids": str(C), "algorithm": one} for one in (ALGORITHM, other, 5))
    assert scores(*each) == [20, 7, 20]
    assert client.get(f"/1/similarity/recordings/{C}").get_json()["payload"]["algorithm"] == ALGORITHM


def test_artists_of_the_labs_form_are_rows_with_null_for_what_is_not_known(
    client: FlaskClient, connection: Connection
) -> None:
    store(connection)
    url = "/similar-artists/json"
    unknown = {"comment": None, "type": None, "gender": None}
    rows = [
        {"artist_mbid": str(B), "name": "Stereolab", **unknown, "score": 40, "reference_mbid": str(A)},
        {"artist_mbid": str(C), "name": "Pram", **unknown, "score": 11, "reference_mbid": str(A)},
    ]
    assert documented(client, url, f"{url}?artist_mbids={A}") == rows
    assert client.post(url, json=[{"artist_mbids": [str(A)]}]).get_json() == rows


@pytest.mark.parametrize("name", ["recording_mbids", "artist_mbids"])
def test_what_the_labs_form_cannot_take_is_refused_by_name(standing_client: FlaskClient, name: str) -> None:
    url = f"/similar-{name.split('_', maxsplit=1)[0]}s/json"
    many = [str(UUID(int=n)) for n in range(101)]
    bodies: list[tuple[Any, str]] = [
        ({}, "expected a list of objects"), ([], "expected a list of objects"), ([5], "expected a list of objects"),
        ([{}], f"{name}: expected a list of UUIDs"), ([{name: 5}], f"{name}: expected a list of UUIDs"),
        ([{name: [5]}], f"{name}: expected a list of UUIDs"), ([{name: []}], f"{name}: expected at least one"),
        ([{name: ["x"]}], f"{name}: x is no UUID"), ([{name: many}], f"{name}: at most 100"), (b"{", "Cannot parse"),
    ]  # fmt: skip
    for body, said in bodies:
        answer = standing_client.post(url, data=body if isinstance(body, bytes) else orjson.dumps(body))
        assert (answer.status_code, answer.get_json()["code"]) == (400, 400), body
        assert said in answer.get_json()["error"]
    for query in ("", f"?{name}=", f"?{name}=x", f"?{name}={A},", f"?{name}=%00"):
        answer = standing_client.get(url + query, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.mimetype, "UUID" in answer.text) == (400, "application/json", True), query


def test_the_labs_form_has_the_apis_limits_and_is_open_to_scripts_of_any_site(
    settings: Settings, connection: Connection
) -> None:
    client = timeless_app(settings).test_client()
    url = f"/similar-artists/json?artist_mbids={A}"
    answer = client.get(url)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {*answer.headers["Access-Control-Allow-Methods"].split(", ")} == {"GET", "HEAD", "OPTIONS", "POST"}
    assert "Content-Security-Policy" not in answer.headers
    assert client.options(url).status_code == 200
    left = int(answer.headers["X-RateLimit-Remaining"])
    assert [client.get(url).status_code for _ in range(left + 1)] == [200] * left + [429]
