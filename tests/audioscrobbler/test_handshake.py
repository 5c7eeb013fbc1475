"""The handshake: who gets a session, who does not, and what ends one."""

import hashlib
import time
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.listens.users import create_token
from tests.audioscrobbler.conftest import services_of
from tests.audioscrobbler.player import Answer, entry, proof, query, said, shake, submit
from tests.webapi.conftest import Account, make_account, timeless_app
from webapi import create_app
from webapi.db.audioscrobbler import SESSIONS_PER_TOKEN, erase, find_session, forget_handshakes

OFF = "FAILED AudioScrobbler 1.2 is switched off on this server"


def ask(client: FlaskClient, account: Account, **changed: str | None) -> Answer:
    return said(client.get("/", query_string=query(account, **changed)))


def count(connection: Connection, table: str) -> int:
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - names of this file
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])


def test_ok_is_a_session_and_two_addresses_each_on_a_line(client: FlaskClient, rob: Account) -> None:
    answer = client.get("/", query_string=query(rob), headers={"Host": "music.example:8100"})
    status, (word, session, now_playing, submission) = said(answer)
    assert (status, word) == (200, "OK")
    assert len(bytes.fromhex(session)) == 16
    assert (now_playing, submission) == (
        "http://music.example:8100/np_1.2",
        "http://music.example:8100/protocol_1.2",
    )
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_session_is_kept_as_its_digest_only(client: FlaskClient, rob: Account, connection: Connection) -> None:
    session = shake(client, rob)
    with transaction(connection) as cursor:
        cursor.execute("SELECT sha256, client FROM audioscrobbler_session")
        [(digest, player)] = cursor.fetchall()
    assert (bytes(digest), player) == (hashlib.sha256(session.encode()).digest(), "tst 1.0")


def test_addresses_are_those_of_public_url_where_it_is_set(settings: Settings, rob: Account) -> None:
    public = replace(settings, public_url="https://listens.example/sub/")
    _, lines = ask(create_app(public).test_client(), rob)
    assert lines[2:] == ["https://listens.example/sub/np_1.2", "https://listens.example/sub/protocol_1.2"]


@pytest.mark.parametrize("name", ["Rob", "ROB", "rob"])
@pytest.mark.parametrize("version", ["1.2", "1.2.1"])
def test_the_name_is_found_in_any_case_and_both_versions_are_spoken(
    client: FlaskClient, rob: Account, name: str, version: str
) -> None:
    shake(client, rob, u=name, p=version)


def test_the_digest_is_taken_in_any_case(client: FlaskClient, rob: Account) -> None:
    right = query(rob)
    assert said(client.get("/", query_string={**right, "a": right["a"].upper()}))[0] == 200
    assert said(client.get("/", query_string=right)) == (401, ["BADTIME"])


NOW = int(time.time())
BADTIME, BADAUTH = (401, ["BADTIME"]), (401, ["BADAUTH"])
REFUSED: dict[str, tuple[dict[str, str | None], Answer]] = {
    "E01 time 301 s ago": ({"t": str(NOW - 360)}, BADTIME),
    "E02 time far in the future": ({"t": str(NOW + 86400)}, BADTIME),
    "E03 time of the year 1970": ({"t": "0"}, BADTIME),
    "E04 time abc": ({"t": "abc"}, BADTIME),
    "E05 time missing": ({"t": None}, BADTIME),
    "E06 time negative": ({"t": "-1"}, BADTIME),
    "E07 time in Arabic digits": ({"t": "".join(chr(0x660 + int(d)) for d in str(NOW))}, BADTIME),
    "E08 time of 5000 digits": ({"t": "1" * 5000}, BADTIME),
    "E09 time with a fraction": ({"t": f"{NOW}.5"}, BADTIME),
    "E10 unknown user": ({"u": "nobody"}, BADAUTH),
    "E11 user missing": ({"u": None}, BADAUTH),
    "E12 user with NUL": ({"u": "Rob\0"}, BADAUTH),
    "E13 user of 5000 characters": ({"u": "x" * 5000}, BADAUTH),
    "E14 user is SQL": ({"u": "Rob' OR '1'='1"}, BADAUTH),
    "E15 digest missing": ({"a": None}, BADAUTH),
    "E16 digest empty": ({"a": ""}, BADAUTH),
    "E17 digest of another time": ({"a": proof("x", NOW)}, BADAUTH),
    "E18 digest not hex": ({"a": "z" * 32}, BADAUTH),
    "E19 digest not ASCII": ({"a": "\u00e9" * 32}, BADAUTH),
    "E20 digest of 5000 characters": ({"a": "0" * 5000}, BADAUTH),
    "E21 protocol 1.1": (
        {"p": "1.1"},
        (400, ["FAILED Protocol p='1.1' is not spoken here; expected 1.2 or 1.2.1"]),
    ),
    "E22 protocol missing": (
        {"p": None},
        (400, ["FAILED Protocol p='' is not spoken here; expected 1.2 or 1.2.1"]),
    ),
    "E23 protocol with a line break": (
        {"p": "1\nOK"},
        (400, ["FAILED Protocol p='1\\nOK' is not spoken here; expected 1.2 or 1.2.1"]),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_handshake_that_is_not_right_gets_its_word_and_no_session(
    standing_client: FlaskClient, standing_rob: Account, name: str
) -> None:
    changed, expected = REFUSED[name]
    assert ask(standing_client, standing_rob, **changed) == expected


@pytest.mark.parametrize("host", ["evil.example/x", "a b", "a\tb", "host:port", "[::1", 'a"b', "u@h", "x" * 300])
def test_a_host_that_is_no_host_never_comes_into_the_answer(
    standing_client: FlaskClient, standing_rob: Account, host: str
) -> None:
    answer = standing_client.get("/", query_string=query(standing_rob), headers={"Host": host})
    assert said(answer) == (400, ["FAILED The Host header is no host and port"])


@pytest.mark.parametrize("skew", [-290, 290])
def test_a_clock_that_is_wrong_by_less_than_five_minutes_is_taken(
    standing_client: FlaskClient, standing_rob: Account, skew: int
) -> None:
    shake(standing_client, standing_rob, t=str(int(time.time()) + skew))


def test_a_handshake_counts_once(client: FlaskClient, rob: Account, connection: Connection) -> None:
    stamp = str(int(time.time()))
    assert ask(client, rob, t=stamp)[0] == 200
    assert ask(client, rob, t=stamp) == BADTIME
    assert count(connection, "audioscrobbler_session") == 1
    assert ask(client, rob, t=str(int(stamp) - 1))[0] == 200


def test_a_handshake_is_remembered_while_its_time_would_be_taken(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    stamp = str(int(time.time()))
    assert ask(client, rob, t=stamp)[0] == 200
    with transaction(connection) as cursor:
        cursor.execute("UPDATE audioscrobbler_handshake SET seen = now() - interval '600 seconds'")
        forget_handshakes(cursor)
    assert ask(client, rob, t=stamp) == BADTIME
    with transaction(connection) as cursor:
        cursor.execute("UPDATE audioscrobbler_handshake SET seen = now() - interval '661 seconds'")
        forget_handshakes(cursor)
    assert count(connection, "audioscrobbler_handshake") == 0


def test_every_token_of_the_user_shakes_hands_and_nobody_elses(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    vault = services_of(client).vault
    with transaction(connection) as cursor:
        second = replace(rob, token=create_token(cursor, rob.id, "phone", vault))
    eve = make_account(connection, "Eve", vault)
    shake(client, rob)
    shake(client, second)
    assert ask(client, rob, a=proof(eve.token, NOW), t=str(NOW)) in (BADAUTH, BADTIME)
    stamp = str(int(time.time()))
    assert ask(client, rob, a=proof(eve.token, stamp), t=stamp) == BADAUTH


def test_a_revoked_token_takes_its_sessions_with_it_and_no_others(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        phone = replace(rob, token=create_token(cursor, rob.id, "phone", services_of(client).vault))
    lost, kept = shake(client, rob), shake(client, phone)
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM token WHERE label = 'test'")
    assert submit(client, lost, entry(0)) == (401, ["BADSESSION"])
    assert submit(client, kept, entry(0)) == (200, ["OK"])
    assert ask(client, rob) == BADAUTH


def test_a_token_made_before_shakes_hands_after_its_next_native_use(
    client: FlaskClient, connection: Connection
) -> None:
    old = make_account(connection, "Old", vault=None)
    assert ask(client, old) == BADAUTH
    assert client.get("/1/validate-token", headers=old.headers).get_json()["valid"]
    shake(client, old)


def test_switched_off_it_says_so_and_no_token_is_known_to_it(settings: Settings, connection: Connection) -> None:
    off = create_app(replace(settings, audioscrobbler="off")).test_client()
    rob = make_account(connection, "Rob", services_of(off).token_vault)
    assert off.get("/1/validate-token", headers=rob.headers).get_json()["valid"]
    assert ask(off, rob) == (400, [OFF])
    assert submit(off, "0" * 32, entry(0)) == (400, [OFF])
    assert said(off.post("/np_1.2", data={"s": "0" * 32, "a": "a", "t": "t", "b": ""})) == (400, [OFF])
    with transaction(connection) as cursor:
        cursor.execute("SELECT md5_encrypted FROM token")
        assert cursor.fetchall() == [(None,)]


def test_erasing_ends_sessions_and_forgets_every_md5(client: FlaskClient, rob: Account, connection: Connection) -> None:
    session = shake(client, rob)
    with transaction(connection) as cursor:
        erase(cursor)
    assert count(connection, "audioscrobbler_session") == count(connection, "audioscrobbler_handshake") == 0
    assert submit(client, session, entry(0)) == (401, ["BADSESSION"])
    assert ask(client, rob) == BADAUTH


def test_guesses_are_limited_per_address_and_per_user(settings: Settings, connection: Connection) -> None:
    few = replace(settings, rate_limit_per_address=3, rate_limit_per_token=5, rate_limit_window=3600)
    client = timeless_app(few).test_client()
    rob = make_account(connection, "Rob", services_of(client).vault)

    def guess(address: str) -> tuple[int, str]:
        answer = client.get("/", query_string=query(rob, a="0" * 32), environ_base={"REMOTE_ADDR": address})
        status, lines = said(answer)
        assert ("X-RateLimit-Reset-In" in answer.headers) == (status == 429)
        return status, lines[0].split(" ")[0]

    assert [guess("10.0.0.1") for _ in range(4)] == [(401, "BADAUTH")] * 3 + [(429, "FAILED")]
    assert [guess("10.0.0.2") for _ in range(3)] == [(401, "BADAUTH")] * 2 + [(429, "FAILED")]


def test_sessions_of_a_token_are_limited_and_the_one_unused_for_longest_goes(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    now = int(time.time())
    sessions = [shake(client, rob, t=str(now - i)) for i in range(SESSIONS_PER_TOKEN + 2)]
    assert count(connection, "audioscrobbler_session") == SESSIONS_PER_TOKEN
    with transaction(connection) as cursor:
        known = [find_session(cursor, hashlib.sha256(s.encode()).digest()) is not None for s in sessions]
    assert known == [False] * 2 + [True] * SESSIONS_PER_TOKEN


def test_the_use_of_a_session_is_noted_for_its_token_too(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    session = shake(client, rob)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE audioscrobbler_session SET last_used = now() - interval '1 hour'")
        cursor.execute("UPDATE token SET last_used = NULL")
    submit(client, session, entry(0))
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT now() - s.last_used < interval '1 minute', now() - t.last_used < interval '1 minute'"
            " FROM audioscrobbler_session s JOIN token t ON t.id = s.token_id"
        )
        assert cursor.fetchall() == [(True, True)]


@pytest.mark.parametrize("path", ["/?hs=false", "/?u=Rob&t=1&a=x", "/1?hs=true", "/1/validate-token?hs=true"])
def test_what_asks_for_no_handshake_is_not_answered_by_it(standing_client: FlaskClient, path: str) -> None:
    assert standing_client.get(path).mimetype != "text/plain"
