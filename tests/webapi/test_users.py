"""Finding users by a name like theirs, and noting how far their imports are."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from jobs.listens.msid import fold
from jobs.listens.users import create_user
from tests.webapi.conftest import Account, make_account
from webapi.db.latest_import import SERVICES
from webapi.db.user_search import CANDIDATES, search_users, trigrams


def found(client: FlaskClient, term: str) -> list[str]:
    document = client.get("/1/search/users/", query_string={"search_term": term}).get_json()
    return [user["user_name"] for user in document["users"]]


def test_trigrams_have_two_blanks_before_and_one_after() -> None:
    assert trigrams("rob") == ["  r", " ro", "rob", "ob "]
    assert trigrams("aaaa") == ["  a", " aa", "aaa", "aa "]


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_the_database_makes_the_same_trigrams(connection: Connection, text: str) -> None:
    with transaction(connection) as cursor:
        cursor.execute("SELECT name_trigrams(%s)", (text,))
        row = cursor.fetchone()
    assert row is not None
    assert sorted(row[0]) == sorted(trigrams(text))


def test_users_are_found_by_similarity_by_hand(client: FlaskClient, connection: Connection) -> None:
    for name in ("Rob", "robert", "bob", "rosanna", "alice", "Rob Zombie of the long name"):
        create_user(connection, name)
    # Shared of all trigrams: rob 4/4, robert 3/8, the long name 4/28 (it begins with rob); bob 1/7 and rosanna 2/10 are
    # too little.
    assert found(client, "ROB") == ["Rob", "robert", "Rob Zombie of the long name"]
    assert found(client, "alise") == ["alice"]
    assert found(client, "ro") == ["Rob", "robert", "rosanna", "Rob Zombie of the long name"]


@pytest.mark.parametrize(
    "term", ["", "   ", "\u200b", "\0", "a\0b", "nobody like this", "%", "_", "' OR 1=1 --", "x" * 7000]
)
def test_nothing_is_found_for_nothing_or_what_is_like_nobody(client: FlaskClient, rob: Account, term: str) -> None:
    assert found(client, term) == []


def test_what_is_unchanged_is_not_sent_again(client: FlaskClient, connection: Connection, rob: Account) -> None:
    def status(path: str, etag: str = "") -> tuple[int, str]:
        answer = client.get(path, headers={"If-None-Match": etag})
        return answer.status_code, answer.headers["ETag"]

    search, noted = "/1/search/users/?search_term=rob", "/1/latest-import?user_name=rob"
    etags = {path: status(path)[1] for path in (search, noted)}
    assert [status(path, etag)[0] for path, etag in etags.items()] == [304, 304]
    make_account(connection, "Robert")
    client.post("/1/latest-import", json={"ts": 7}, headers=rob.headers)
    assert [status(path, etag)[0] for path, etag in etags.items()] == [200, 200]
    assert found(client, "rob") == ["Rob", "Robert"]


def test_linked_services_are_none_and_told_to_their_user_only(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    kate = make_account(connection, "Kate")
    own = client.get("/1/user/rob/services", headers=rob.headers)
    assert (own.status_code, own.json) == (200, {"user_name": "rob", "services": []})
    assert client.get("/1/user/rob/services", headers=kate.headers).status_code == 403
    assert client.get("/1/user/rob/services").status_code == 401
    assert client.get("/1/user/rob/services", headers={"Authorization": "Token wrong"}).status_code == 401
    assert client.get("/1/user/nobody/services", headers=rob.headers).status_code == 404


def test_without_a_term_the_list_is_empty(standing_client: FlaskClient) -> None:
    assert standing_client.get("/1/search/users").get_json() == {"users": []}


def test_ten_are_given_at_most_and_a_rare_name_is_found_among_very_many_alike(
    client: FlaskClient, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO users (name, name_key, position) SELECT 'listener' || n, 'listener' || n, 1000 + n"
            " FROM generate_series(1000, 1000 + %s) AS n",
            (3 * CANDIDATES,),
        )
    assert len(found(client, "listener")) == 10
    assert found(client, "listener1599")[0] == "listener1599"
    assert found(client, "lisener1599")[0] == "listener1599"
    with transaction(connection) as cursor:
        assert search_users(cursor, "listener1234", 1) == ["listener1234"]


@given(st.text(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_any_term_is_searched_for(standing_client: FlaskClient, standing_rob: Account, term: str) -> None:
    names = found(standing_client, term.encode("utf-8", "replace").decode())
    assert names == (["Rob"] if fold(term) and "rob".startswith(fold(term)) else names)


def imported(client: FlaskClient, **asked: str) -> tuple[int, Any]:
    answer = client.get("/1/latest-import", query_string=asked)
    return answer.status_code, answer.get_json()


def note(client: FlaskClient, account: Account, body: Any) -> tuple[int, Any]:
    answer = client.post("/1/latest-import", json=body, headers=account.headers)
    return answer.status_code, answer.get_json()


def test_nothing_noted_is_zero_and_the_name_is_the_users_own(client: FlaskClient, rob: Account) -> None:
    nothing = {"musicbrainz_id": "Rob", "latest_import": 0, "status": None, "error": None}
    assert imported(client, user_name="rOB") == (200, nothing)


def test_a_noted_second_only_grows_and_services_are_apart(client: FlaskClient, rob: Account) -> None:
    for ts, service, expected in ((5, "lastfm", 5), (3, "lastfm", 5), (7, "lastfm", 7), (2, "spotify", 2)):
        assert note(client, rob, {"ts": ts, "service": service}) == (200, {"status": "ok"})
        assert imported(client, user_name="Rob", service=service)[1]["latest_import"] == expected
    assert imported(client, user_name="Rob")[1]["latest_import"] == 7


def test_ts_and_service_have_defaults_and_the_type_of_the_body_does_not_matter(
    client: FlaskClient, rob: Account
) -> None:
    assert note(client, rob, {})[0] == 200
    answer = client.post("/1/latest-import", data=b'{"ts": 9}', headers=rob.headers)
    assert answer.status_code == 200
    assert imported(client, user_name="Rob", service="lastfm")[1]["latest_import"] == 9


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_of_the_contract_is_known(
    standing_client: FlaskClient, standing_rob: Account, service: str
) -> None:
    assert imported(standing_client, user_name="Rob", service=service)[0] == 200


def test_an_unknown_user_or_service_is_404_in_the_contracts_words(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    gone = (404, {"code": 404, "error": "Cannot find user: nobody"})
    assert imported(standing_client, user_name="nobody") == gone
    assert imported(standing_client)[0] == 404
    unknown = (404, {"code": 404, "error": "Service does not exist: x"})
    assert imported(standing_client, user_name="Rob", service="x") == unknown
    assert note(standing_client, standing_rob, {"ts": 1, "service": "x"}) == unknown
    odd: Any
    for odd in (None, 5, [], {}, ""):
        assert note(standing_client, standing_rob, {"ts": 1, "service": odd})[0] == 404


@pytest.mark.parametrize("ts", [None, "", "abc", -1, 1.5, 1e12, 2**63, "1" * 40, True, [], {}, "nan"])
def test_a_second_that_is_none_is_invalid_data(standing_client: FlaskClient, standing_rob: Account, ts: Any) -> None:
    assert note(standing_client, standing_rob, {"ts": ts}) == (400, {"code": 400, "error": "Invalid data sent"})


def test_only_the_owner_of_a_token_notes(standing_client: FlaskClient) -> None:
    assert standing_client.post("/1/latest-import", json={"ts": 1}).status_code == 401
