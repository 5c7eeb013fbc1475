"""Time zone and exclusions over HTTP: only one's own, the same twice is no error, what is wrong is named."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from jobs.listens.exclusions import MOST_EXCLUSIONS
from tests.webapi.conftest import Account, make_account

MSID = "0b1a2c3d-0000-4000-8000-00000000000a"
ZONE = "/1/settings/timezone"
PATH = "/1/user/Rob/exclusions"
OK = (200, {"status": "ok"})
ABBA = {"kind": "artist", "value": "ABBA"}


def ask(client: FlaskClient, method: str, path: str, account: Account | None, body: Any = None) -> tuple[int, Any]:
    headers = account.headers if account else {}
    if isinstance(body, bytes):
        answer = client.open(path, method=method, data=body, headers=headers)
    else:
        answer = client.open(path, method=method, json=body, headers=headers)
    return answer.status_code, answer.get_json()


def listed(client: FlaskClient, account: Account, query: str = "") -> list[tuple[str, str]]:
    status, document = ask(client, "GET", PATH + query, account)
    assert status == 200
    return [(one["kind"], one["value"]) for one in document["exclusions"]]


def test_the_time_zone_is_utc_until_another_is_chosen(client: FlaskClient, rob: Account) -> None:
    assert ask(client, "GET", ZONE, rob) == (200, {"zonename": "UTC"})
    for zone in ("Asia/Kathmandu", "America/Argentina/Buenos_Aires", "UTC"):
        assert ask(client, "POST", ZONE, rob, {"zonename": zone}) == OK
        assert ask(client, "GET", f"{ZONE}/", rob) == (200, {"zonename": zone})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            {"zonename": "Mars/Olympus"},
            "zonename: Mars/Olympus: no time zone of that name; expected a name of the IANA",
        ),
        ({"zonename": "europe/berlin"}, "zonename: europe/berlin: no time zone of that name"),
        ({"zonename": ""}, "zonename: : no time zone of that name"),
        ({"zonename": "../../etc/passwd"}, "no time zone of that name"),
        ({"zonename": "x" * 5000}, f"zonename: {'x' * 100}: no time zone"),
        ({"zonename": None}, "zonename: expected a name"),
        ({"zonename": 7}, "zonename: expected a name"),
        ({"zonename": ["UTC"]}, "zonename: expected a name"),
        ({}, "zonename: expected a name"),
        ([], "Top level of JSON document should be a json object"),
        (b"{", "Cannot parse JSON document"),
        (b"", "Cannot parse JSON document"),
    ],
)
def test_what_is_no_time_zone_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, body: Any, said: str
) -> None:
    status, document = ask(standing_client, "POST", ZONE, standing_rob, body)
    assert (status, document["code"], {*document}) == (400, 400, {"code", "error"})
    assert said in document["error"]


def test_an_exclusion_comes_and_goes_and_the_same_again_is_no_error(client: FlaskClient, rob: Account) -> None:
    bodies = [
        ABBA,
        {"kind": "artist", "value": MSID.upper()},
        {"kind": "recording", "value": MSID},
        {"kind": "client", "value": "  Web Scrobbler "},
    ]
    for body in bodies:
        assert ask(client, "POST", PATH, rob, body) == OK
    assert ask(client, "POST", PATH, rob, {"kind": "artist", "value": " abba"}) == OK
    status, document = ask(client, "GET", "/1/user/ROB/exclusions", rob)
    assert (status, document["count"], document["total_count"], document["offset"]) == (200, 4, 4, 0)
    assert document["user_id"] == "ROB"
    assert all({*one} == {"kind", "value", "created", "applied"} for one in document["exclusions"])
    assert all(one["created"] > 1.7e9 for one in document["exclusions"])
    expected = [
        ("client", "Web Scrobbler"), ("recording", MSID), ("artist", MSID.upper()), ("artist", "ABBA"),
    ]  # fmt: skip
    assert listed(client, rob) == expected
    assert listed(client, rob, "?count=2&offset=1") == expected[1:3]
    assert listed(client, rob, "?offset=9") == []

    for _ in range(2):
        assert ask(client, "DELETE", PATH, rob, {"kind": "artist", "value": "Abba"}) == OK
        assert ask(client, "DELETE", f"{PATH}/", rob, bodies[1]) == OK
    assert listed(client, rob) == expected[:2]


def test_which_exclusions_are_in_what_is_served_is_told(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    def applied() -> dict[str, bool]:
        _, document = ask(client, "GET", PATH, rob)
        return {one["value"]: one["applied"] for one in document["exclusions"]}

    ask(client, "POST", PATH, rob, ABBA)
    assert applied() == {"ABBA": False}, "nothing is computed yet"
    with transaction(connection) as cursor:
        for statistic, back in (("user_artists", 0), ("sitewide_artists", 1)):
            cursor.execute(
                "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                " last_updated, row_count, position)"
                " SELECT %s, 'week', gen_random_uuid(), 1, 1, 2, 2, now(), 1, max(position) - %s FROM exclusion",
                (statistic, back),
            )
    ask(client, "POST", PATH, rob, {"kind": "client", "value": "mpv"})

    assert applied() == {"ABBA": True, "mpv": False}


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"kind": "album", "value": "x"}, "kind: expected one of artist, recording, client."),
        ({"value": "x"}, "kind: expected one of"),
        ({"kind": "artist"}, "value: expected text."),
        ({"kind": "artist", "value": {"a": 1}}, "value: expected text."),
        ({"kind": "artist", "value": " \u200b"}, "value: expected at least one visible character"),
        ({"kind": "client", "value": "a\0"}, "value holds the character U+0000"),
        ({"kind": "client", "value": "x" * 1001}, "value is longer than 1000 bytes"),
        ({"kind": "recording", "value": "Waterloo"}, "value: Waterloo is neither an MBID nor an MSID of a recording."),
        (b'{"kind": "artist", "value": "\\ud800"}', "Cannot parse JSON document"),
        (b'"artist"', "Top level of JSON document should be a json object"),
    ],
)
def test_what_names_nothing_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, method: str, body: Any, said: str
) -> None:
    status, document = ask(standing_client, method, PATH, standing_rob, body)
    assert (status, document["code"], {*document}) == (400, 400, {"code", "error"})
    assert said in document["error"]


def test_nobody_sees_or_changes_what_another_user_has_set(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe = make_account(connection, "Zoe")
    ask(client, "POST", PATH, rob, ABBA)
    for method, path, body in (
        ("GET", ZONE, None), ("POST", ZONE, {"zonename": "UTC"}), ("GET", PATH, None), ("POST", PATH, ABBA),
        ("DELETE", PATH, ABBA),
    ):  # fmt: skip
        assert ask(client, method, path, None, body)[0] == 401
        assert ask(client, method, path, Account(0, "", "wrong"), body)[0] == 401
        if path == PATH:
            said = {"code": 403, "error": "Exclusions are seen and changed only with a token of their user."}
            assert ask(client, method, path, zoe, body) == (403, said)
            unknown = (404, {"code": 404, "error": "Cannot find user: nobody"})
            assert ask(client, method, "/1/user/nobody/exclusions", zoe, body) == unknown
    assert listed(client, rob) == [("artist", "ABBA")]
    assert ask(client, "GET", "/1/user/zoe/exclusions", zoe)[1]["total_count"] == 0


def test_there_is_an_end_to_exclusions(client: FlaskClient, rob: Account, connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO exclusion (user_id, kind, value, value_key, created, position)"
            " SELECT %s, 'artist', 'A' || n, 'a' || n, now(), 1000 + n FROM generate_series(1, %s) AS n",
            (rob.id, MOST_EXCLUSIONS),
        )
    status, document = ask(client, "POST", PATH, rob, ABBA)
    assert (status, document["error"]) == (400, "there are 1000 exclusions already, the most: remove one first.")
    assert ask(client, "POST", PATH, rob, {"kind": "artist", "value": "a7"}) == OK, "it is there"
    assert len(listed(client, rob, "?count=1000")) == 1000
    assert ask(client, "DELETE", PATH, rob, {"kind": "artist", "value": "a7"}) == OK
    assert ask(client, "POST", PATH, rob, ABBA) == OK


def test_the_methods_are_told(standing_client: FlaskClient) -> None:
    answer = standing_client.options(PATH)
    allowed = {*answer.headers["Access-Control-Allow-Methods"].split(", ")}
    assert allowed >= {"GET", "POST", "DELETE"}
    assert standing_client.put(PATH).status_code == 405
