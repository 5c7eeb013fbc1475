"""How popular things are, from stored documents."""

from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection
from tests.webapi.conftest import Account
from tests.webapi.stored_documents import store_entity_documents

A, B, C, D = (UUID(int=n) for n in (0xA, 0xB, 0xC, 0xD))
KINDS = [
    ("recording", "recording"), ("artist", "artist"), ("release", "release"), ("release-group", "release_group")
]  # fmt: skip


def as_documented(client: FlaskClient, path: str, method: str, found: Any) -> Any:
    """The answer, which is as the document says of this path."""
    api = client.get("/1/openapi.json").get_json()
    schema = api["paths"][path][method]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, found)
    return found


@pytest.mark.parametrize(("path", "kind"), KINDS)
def test_counts_come_in_the_order_of_the_request_null_where_nothing_is_known(
    client: FlaskClient, connection: Connection, path: str, kind: str
) -> None:
    asked = {f"{kind}_mbids": [str(B), str(D).upper(), str(A), str(B)]}
    nothing = client.post(f"/1/popularity/{path}", json=asked).get_json()
    assert [one["total_listen_count"] for one in nothing] == [None] * 4
    store_entity_documents(connection, f"popularity_{kind}", {A: [12, 3], B: [7, 7], C: [1, 1]})
    answer = client.post(f"/1/popularity/{path}/", json=asked)
    assert as_documented(client, f"/1/popularity/{path}", "post", answer.get_json()) == [
        {f"{kind}_mbid": str(B), "total_listen_count": 7, "total_user_count": 7},
        {f"{kind}_mbid": str(D), "total_listen_count": None, "total_user_count": None},
        {f"{kind}_mbid": str(A), "total_listen_count": 12, "total_user_count": 3},
        {f"{kind}_mbid": str(B), "total_listen_count": 7, "total_user_count": 7},
    ]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({}, "recording_mbids should be a list of 1 to 1000 MBIDs"),
        ({"recording_mbids": []}, "recording_mbids should be a list"),
        ({"recording_mbids": str(A)}, "recording_mbids should be a list"),
        ({"recording_mbids": [str(A)] * 1001}, "recording_mbids should be a list"),
        ({"recording_mbids": [str(A), "x"]}, "recording_mbids format invalid"),
        ({"recording_mbids": [None]}, "recording_mbids format invalid"),
        ({"artist_mbids": [str(A)]}, "recording_mbids should be a list"),
        ([], "Top level of JSON document should be a json object"),
    ],
)
def test_what_is_no_list_of_mbids_is_400(client: FlaskClient, sent: Any, said: str) -> None:
    answer = client.post("/1/popularity/recording", json=sent)
    assert answer.status_code == 400
    assert said in answer.get_json()["error"]


def item(one: UUID, listens: int, *, msid: bool = False, name: str | None = "Kid A") -> dict[str, Any]:
    named = {"name": name, "artist_name": "Radiohead"}
    return {"id": str(one), "msid": msid, **named, "listen_count": listens, "user_count": 2}


@pytest.mark.parametrize("kind", ["recording", "release", "release_group"])
def test_an_artists_own_are_told_to_whoever_has_a_token_most_heard_first(
    client: FlaskClient, connection: Connection, rob: Account, kind: str
) -> None:
    store_entity_documents(
        connection, f"popularity_top_{kind}", {A: [item(B, 12), item(C, 5, msid=kind == "recording", name=None)]}
    )
    path = f"/1/popularity/top-{kind.replace('_', '-')}s-for-artist"
    assert client.get(f"{path}/{A}").status_code == 401
    answer = client.get(f"{path}/{str(A).upper()}", headers=rob.headers)
    found = as_documented(client, f"{path}/{{mbid}}", "get", answer.get_json())
    ids: list[dict[str, str | None]] = [{f"{kind}_mbid": str(B)}, {f"{kind}_mbid": str(C)}]
    if kind == "recording":
        ids = [
            {"recording_mbid": str(B), "recording_msid": None},
            {"recording_mbid": None, "recording_msid": str(C)},
        ]
    assert found == [
        {
            **ids[0],
            f"{kind}_name": "Kid A",
            "artist_name": "Radiohead",
            "total_listen_count": 12,
            "total_user_count": 2,
        },
        {
            **ids[1],
            f"{kind}_name": None,
            "artist_name": "Radiohead",
            "total_listen_count": 5,
            "total_user_count": 2,
        },
    ]
    assert client.get(f"{path}/{B}", headers=rob.headers).get_json() == []
    answer = client.get(f"{path}/x", headers=rob.headers)
    assert (answer.status_code, answer.get_json()["error"]) == (400, "artist_mbid: 'x' is not a valid uuid")
