"""What is recommended, from stored documents: the documented payload, reasons, and what a user does not want."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import delete_account
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.feedback import HATE, LOVE, put_score
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.recommendation_feedback import rate, take_rating_back
from tests.webapi.conftest import Account, make_account
from tests.webapi.stored_documents import MODEL, T, item, recommendations, store_entity_documents, store_user_documents
from tests.webapi.test_feedback import heard, track

A, B, C, D = (UUID(int=n) for n in (0xA, 0xB, 0xC, 0xD))
ROB = "/1/cf/recommendation/user/rob/recording"
RAW = "recommendations_raw"
NAMES = {A: ("Papercuts", "Broadcast"), B: ("French Disko", "Stereolab"), C: ("Atlas", "Battles feat. Björk & Air")}
ITEMS = [
    item(A, 0.75, (B, False, 4, 0.5), (D, True, 1, 0.25), latest=1_690_000_000),
    item(B, 0.5, (B, False, 4, 0.5)),
    item(D, 0.25, msid=True),
]


def store(
    connection: Connection, *accounts: Account, items: Sequence[Any] = ITEMS, statistic: str = RAW, **more: bool
) -> None:
    """A list of each, by a run that knows of every change so far."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT last_value FROM change_position")
        [(position,)] = cursor.fetchall()
    made = recommendations(items, NAMES, position=position)
    store_user_documents(connection, statistic, {account.id: made for account in accounts}, **more)


def payload(client: FlaskClient, query: str = "", path: str = ROB) -> dict[str, Any]:
    answer = client.get(path + query)
    assert answer.status_code == 200, answer.text
    api = client.get("/1/openapi.json").get_json()
    operation = api["paths"]["/1/cf/recommendation/user/{user_name}/recording"]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, answer.get_json())
    found: dict[str, Any] = answer.get_json()["payload"]
    return found


def shown(client: FlaskClient, query: str = "") -> list[UUID]:
    return [UUID(one["recording_mbid"] or one["recording_msid"]) for one in payload(client, query)["mbids"]]


def test_recommendations_have_the_documented_form(client: FlaskClient, rob: Account, connection: Connection) -> None:
    store(connection, rob)
    made = payload(client, path="/1/cf/recommendation/user/ROB/recording")
    assert made.pop("last_updated") > T
    assert made == {
        "type": "raw",
        "entity": "recording",
        "mbids": [
            {
                "recording_mbid": str(A),
                "recording_msid": None,
                "score": 0.75,
                "latest_listened_at": "2023-07-22T04:26:40.000Z",
            },
            {"recording_mbid": str(B), "recording_msid": None, "score": 0.5, "latest_listened_at": None},
            {"recording_mbid": None, "recording_msid": str(D), "score": 0.25, "latest_listened_at": None},
        ],
        "user_name": "ROB",
        "count": 3,
        "total_mbid_count": 3,
        "offset": 0,
        "model_id": str(MODEL),
        "model_url": f"http://127.0.0.1:8100/1/cf/models/{MODEL}",
        "kind": "ease",
        "fallback": None,
        "data_version": 7,
        "newest_listen_ts": T,
    }


def test_each_set_of_artists_is_served_and_raw_when_none_is_named(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    for statistic, one in ((RAW, A), ("recommendations_top", B), ("recommendations_similar", C)):
        store(connection, rob, items=[item(one, 1.0)], statistic=statistic)
    for query, kind, one in (
        ("", "raw", A), ("?artist_type=", "raw", A), ("?artist_type=raw", "raw", A), ("?artist_type=top", "top", B),
        ("?artist_type=similar", "similar", C),
    ):  # fmt: skip
        assert (payload(client, query)["type"], shown(client, query)) == (kind, [one]), query


def test_explained_recommendations_say_what_their_score_is_made_of(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    first, second, third = payload(client, "?explain=True")["mbids"]
    assert first["reasons"] == [
        {
            "recording_mbid": str(B),
            "recording_msid": None,
            "recording_name": "French Disko",
            "artist_credit_name": "Stereolab",
            "listen_count": 4,
            "share": 0.5,
        },
        {
            "recording_mbid": None,
            "recording_msid": str(D),
            "recording_name": None,
            "artist_credit_name": None,
            "listen_count": 1,
            "share": 0.25,
        },
    ]
    assert (first["recording_name"], first["artist_credit_name"]) == NAMES[A]
    for one in (first, second):
        assert abs(sum(reason["share"] for reason in one["reasons"]) - one["score"]) < 1e-6
    assert (third["recording_name"], third["reasons"]) == (None, None), "beyond those that are stored with it"
    assert "reasons" not in payload(client)["mbids"][0]


def test_what_many_recordings_say_together_is_a_reason_without_an_id(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    one = item(A, 0.5, (B, False, 4, 0.75))
    one["reasons"].append([None, False, 60, -0.25])
    store(connection, rob, items=[one])
    [shown_one] = payload(client, "?explain=true")["mbids"]
    assert shown_one["reasons"][1] == {
        "recording_mbid": None,
        "recording_msid": None,
        "recording_name": None,
        "artist_credit_name": None,
        "listen_count": 60,
        "share": -0.25,
    }


def test_pages_are_of_what_is_left(client: FlaskClient, rob: Account, connection: Connection) -> None:
    all_ids = [UUID(int=1000 + n) for n in range(1000)]
    store(connection, rob, items=[item(one, 1000.0 - n) for n, one in enumerate(all_ids)])
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, None, all_ids[0], HATE)
    left = all_ids[1:]
    assert shown(client) == left[:25]
    assert shown(client, "?count=3&offset=2") == left[2:5]
    assert shown(client, "?count=5000") == left
    assert shown(client, "?offset=999") == []
    page = payload(client, "?count=3&offset=998")
    assert (page["count"], page["offset"], page["total_mbid_count"]) == (1, 998, 999)


def test_nothing_stored_is_204_and_an_empty_set_says_why(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    assert (client.get(ROB).status_code, client.get(ROB).data) == (204, b"")
    store_user_documents(connection, RAW, {rob.id: recommendations([], fallback="Nobody has listened to anything.")})
    made = payload(client)
    assert (made["mbids"], made["total_mbid_count"], made["fallback"]) == ([], 0, "Nobody has listened to anything.")
    assert client.get(f"{ROB}?artist_type=top").status_code == 204


def test_a_list_of_which_nothing_is_wanted_is_204_whatever_was_said_of_it(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    for fallback in (None, "This is what most listeners hear."):
        store_user_documents(connection, RAW, {rob.id: recommendations([item(A, 1.0)], NAMES, fallback)})
        assert shown(client) == [A]
        with transaction(connection) as cursor:
            put_score(cursor, rob.id, None, A, HATE)
        assert (client.get(ROB).status_code, client.get(ROB).data) == (204, b"")
        with transaction(connection) as cursor:
            put_score(cursor, rob.id, None, A, None)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("nobody/recording", 404, "Cannot find user: nobody"),
        ("nobody/recording?artist_type=x", 404, "Cannot find user: nobody"),
        ("rob/recording?artist_type=x&count=-1", 400, "Invalid artist type: x"),
        ("rob/recording?artist_type=Raw", 400, "Invalid artist type: Raw"),
        ("rob/recording?count=-1", 400, "'count' should be a non-negative integer"),
        ("rob/recording?offset=x", 400, "'offset' should be a non-negative integer"),
        ("rob/recording?explain=1", 400, "Invalid explain argument: 1. Must be 'true' or 'false'"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_the_contracts_order(
    standing_client: FlaskClient, standing_rob: Account, path: str, status: int, said: str
) -> None:
    answer = standing_client.get(f"/1/cf/recommendation/user/{path}")
    assert (answer.status_code, answer.get_json()["error"]) == (status, said)


def test_a_hated_recording_goes_at_once_and_comes_back_with_the_word_taken_back(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    before = client.get(ROB)
    unchanged = {"If-None-Match": before.headers["ETag"]}
    assert client.get(ROB, headers=unchanged).status_code == 304
    for said, left in ((HATE, [B, D]), (LOVE, [A, B, D]), (HATE, [B, D]), (None, [A, B, D])):
        with transaction(connection) as cursor:
            put_score(cursor, rob.id, None, A, said)
        assert shown(client) == left
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, D, None, HATE)
    assert shown(client) == [A, B], "also by its MSID, as it is recommended"
    assert client.get(ROB, headers=unchanged).status_code == 200


@pytest.mark.parametrize(
    ("rating", "goes"),
    [("hate", True), ("bad_recommendation", True), ("dislike", False), ("like", False), ("love", False)],
)
def test_what_is_rated_hate_or_bad_goes_at_once(
    client: FlaskClient, rob: Account, connection: Connection, rating: str, goes: bool
) -> None:
    store(connection, rob)
    assert shown(client) == [A, B, D]
    with transaction(connection) as cursor:
        rate(cursor, rob.id, B, False, rating)
        rate(cursor, rob.id, D, True, rating)
    assert shown(client) == ([A] if goes else [A, B, D])
    with transaction(connection) as cursor:
        take_rating_back(cursor, rob.id, B, False)
    assert shown(client) == ([A, B] if goes else [A, B, D])


def test_a_recording_hated_by_msid_goes_also_where_it_is_recommended_by_mbid(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    submitted, mapped = heard(
        connection, rob.id, track(T, "One", additional_info={"recording_mbid": str(A)}), track(T + 1, "Two")
    )
    put_mapping(connection, MappingRow(rob.id, str(mapped), "manual", recording_mbid=str(B)))
    store(connection, rob)
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, submitted, None, HATE)
        add_exclusion(cursor, rob.id, exclusion_of("recording", str(mapped)))
    assert shown(client) == [D]


def test_a_recording_hated_by_an_msid_that_nobody_heard_goes_by_its_mapping(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    unheard = UUID(int=77)
    put_mapping(connection, MappingRow(None, str(unheard), "automatic", recording_mbid=str(B)))
    store(connection, rob)
    with transaction(connection) as cursor:
        rate(cursor, rob.id, unheard, True, "bad_recommendation")
    assert shown(client) == [A, D]


def test_what_the_mapping_says_since_of_an_msid_that_was_hated_counts_at_once(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    unheard = UUID(int=77)
    store(connection, rob)
    with transaction(connection) as cursor:
        rate(cursor, rob.id, unheard, True, "hate")
    before = client.get(ROB)
    assert shown(client) == [A, B, D]
    put_mapping(connection, MappingRow(None, str(unheard), "automatic", recording_mbid=str(B)))
    assert shown(client) == [A, D]
    assert client.get(ROB, headers={"If-None-Match": before.headers["ETag"]}).status_code == 200
    assert delete_mapping(connection, None, unheard, "automatic")
    assert shown(client) == [A, B, D]


def test_another_users_word_changes_nothing(client: FlaskClient, rob: Account, connection: Connection) -> None:
    zoe = make_account(connection, "Zoe")
    store(connection, rob)
    with transaction(connection) as cursor:
        put_score(cursor, zoe.id, None, A, HATE)
        rate(cursor, zoe.id, B, False, "hate")
        add_exclusion(cursor, zoe.id, exclusion_of("artist", "Stereolab"))
    assert shown(client) == [A, B, D]


def test_an_excluded_artist_goes_at_once_also_from_what_has_no_name_here(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob, items=[item(A, 3.0), item(B, 2.0), item(D, 1.0, msid=True)])
    stereolab = exclusion_of("artist", " STEREOLAB")
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, stereolab)
    assert shown(client) == [A], "whose D is cannot be told before the next run"
    store(connection, rob, items=[item(A, 3.0), item(B, 2.0), item(D, 1.0, msid=True)])
    assert shown(client) == [A, D], "this run knew of it"
    with transaction(connection) as cursor:
        remove_exclusion(cursor, rob.id, stereolab)
    assert shown(client) == [A, B, D]


def test_a_run_of_another_user_does_not_make_an_exclusion_known_to_a_list_that_it_leaves_as_it_was(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe = make_account(connection, "Zoe")
    store(connection, rob, zoe)
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, exclusion_of("artist", "Stereolab"))
    assert shown(client) == [A], "whose D is cannot be told"
    version = payload(client)["data_version"]

    store(connection, zoe, others_stay=True)

    assert shown(client) == [A], "the list is still the one that does not know of it"
    assert payload(client)["data_version"] == version


def test_a_list_stored_before_lists_said_what_they_were_made_from_knows_of_no_exclusion(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, exclusion_of("artist", "Stereolab"))
    made = recommendations(ITEMS, NAMES)
    del made["made_from"]
    store_user_documents(connection, RAW, {rob.id: made})
    assert shown(client) == [A]
    assert payload(client)["newest_listen_ts"] == T


def test_a_credit_of_several_artists_goes_with_one_of_them_until_the_run_knows(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    listeners = {"artist_mbid": str(D), "artist_name": "BJÖRK", "listeners": [], "total_listen_count": 1}
    store_entity_documents(connection, "artist_listeners", {D: listeners})
    store(connection, rob, items=[item(A, 3.0), item(C, 2.0)])
    assert shown(client) == [A, C]
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, exclusion_of("artist", str(D)))
    assert shown(client) == [A], "the excluded MBID is known by the name that its listeners' statistic has"


def test_an_excluded_recording_goes_at_once(client: FlaskClient, rob: Account, connection: Connection) -> None:
    store(connection, rob)
    with transaction(connection) as cursor:
        for one in (A, D):
            add_exclusion(cursor, rob.id, exclusion_of("recording", str(one).upper()))
    assert shown(client) == [B]


def test_another_run_is_another_answer_and_a_deleted_user_has_none(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob)
    etag = client.get(ROB).headers["ETag"]
    store(connection, rob, items=[item(C, 1.0)])
    assert client.get(ROB, headers={"If-None-Match": etag}).status_code == 200
    assert shown(client) == [C]
    delete_account(connection, rob.id, 1)
    assert client.get(ROB).status_code == 404


def test_a_model_card_is_served_as_it_is_stored(client: FlaskClient, connection: Connection) -> None:
    card = {"model_id": str(MODEL), "kind": "ease", "parameters": {"regularization": 50.0}, "metrics": {"ndcg": 0.1}}
    store_entity_documents(connection, "recommendation_model", {MODEL: card})
    answer = client.get(f"/1/cf/models/{str(MODEL).upper()}")
    assert (answer.status_code, answer.get_json()) == (200, card)
    again = client.get(f"/1/cf/models/{MODEL}", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_an_unknown_model_is_404_and_what_is_no_id_400(standing_client: FlaskClient) -> None:
    unknown = standing_client.get(f"/1/cf/models/{A}")
    assert (unknown.status_code, unknown.get_json()["error"]) == (404, f"Cannot find model: {A}")
    odd = standing_client.get("/1/cf/models/x")
    assert (odd.status_code, odd.get_json()["error"]) == (400, "x model id format invalid.")
