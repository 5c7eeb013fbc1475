"""auth.*: tokens, sessions, log-in without a browser, and who may sign what."""

import hashlib
import re
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.listens.users import create_token, drop_tokens, hash_password, keep_password, token_md5
from tests.lastfm.conftest import API_KEY, FORMATS, Answer, Player, read, rows, session_of, track
from tests.pages.conftest import Visitor
from tests.webapi.conftest import Account, make_account, timeless_app
from webapi import create_app
from webapi.db.lastfm import add_application, approve_request_token, forget_request_tokens
from webapi.lastfm.signature import signature_of

PASSWORD = "open sesame"


def approved(connection: Connection, token: str, user_id: int) -> None:
    with transaction(connection) as cursor:
        assert approve_request_token(cursor, token, API_KEY, user_id)


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()  # noqa: S324 - the protocol's


@pytest.mark.parametrize("format", FORMATS)
def test_the_way_of_a_program_to_its_session(
    client: FlaskClient, connection: Connection, rob: Account, format: str
) -> None:
    program = Player(client, format=format)
    token = program.get("auth.getToken").document["token"]
    assert re.fullmatch("[0-9a-f]{40}", token)
    early = program.get("auth.getSession", token=token)
    assert (early.code, early.message) == (14, "Unauthorized Token - This token has not been authorized")
    approved(connection, token, rob.id)
    session = program.get("auth.getSession", token=token).document["session"]
    assert re.fullmatch("[0-9a-f]{40}", session["key"])
    assert session == {"name": "Rob", "key": session["key"], "subscriber": "0"}
    again = program.get("auth.getSession", token=token)
    assert (again.code, again.message) == (4, "Invalid Token - Invalid authentication token supplied")
    info = program.get("auth.getSessionInfo", sk=session["key"], username="rob")
    assert info.document == {"application": {"session": {**session, "country": ""}}}


def test_neither_tokens_nor_session_keys_are_in_the_database(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    token = Player(client).get("auth.getToken").document["token"]
    approved(connection, token, rob.id)
    key = Player(client).get("auth.getSession", token=token).document["session"]["key"]
    stored = str(rows(connection, "SELECT t::text FROM lastfm_token t UNION SELECT s::text FROM lastfm_session s"))
    assert token not in stored
    assert key not in stored
    assert hashlib.sha256(key.encode()).hexdigest() in stored


def test_a_token_is_good_for_sixty_minutes(client: FlaskClient, connection: Connection, rob: Account) -> None:
    program = Player(client)
    token = program.get("auth.getToken").document["token"]
    approved(connection, token, rob.id)
    rows(connection, "UPDATE lastfm_token SET created = now() - interval '61 minutes' RETURNING 1")
    late = program.get("auth.getSession", token=token)
    assert (late.code, late.message) == (15, "This token has expired")
    rows(connection, "UPDATE lastfm_token SET created = now() - interval '2 days' RETURNING 1")
    with transaction(connection) as cursor:
        forget_request_tokens(cursor)
    assert program.get("auth.getSession", token=token).code == 4


def test_one_key_has_many_users_at_once(client: FlaskClient, connection: Connection, rob: Account) -> None:
    eve = make_account(connection, "Eve")
    program = Player(client)
    first, second = (program.get("auth.getToken").document["token"] for _ in range(2))
    approved(connection, first, rob.id)
    approved(connection, second, eve.id)
    names = [program.get("auth.getSession", token=token).document["session"]["name"] for token in (first, second)]
    assert names == ["Rob", "Eve"]


def test_a_token_of_another_key_is_none(client: FlaskClient, connection: Connection, rob: Account) -> None:
    token = Player(client).get("auth.getToken").document["token"]
    approved(connection, token, rob.id)
    assert Player(client, api_key="other").get("auth.getSession", token=token).code == 4


def test_session_info_is_for_the_user_it_is_of(player: Player, connection: Connection) -> None:
    make_account(connection, "Eve")
    assert player.get("auth.getSessionInfo", username="Eve").code == 9
    assert player.get("auth.getSessionInfo").code == 6


@pytest.fixture
def with_password(connection: Connection, rob: Account) -> Account:
    with transaction(connection) as cursor:
        keep_password(cursor, rob.id, hash_password(PASSWORD))
    return rob


def test_log_in_with_the_password_or_any_token(
    client: FlaskClient, connection: Connection, with_password: Account
) -> None:
    with transaction(connection) as cursor:
        other = create_token(cursor, with_password.id, "car", None)
    for secret in (PASSWORD, with_password.token, other):
        session = Player(client).post("auth.getMobileSession", username="ROB", password=secret).document["session"]
        assert session["name"] == "Rob"
        assert Player(client, session["key"]).post("track.scrobble", **track()).code == 0


def test_a_token_that_is_revoked_takes_its_sessions_with_it(
    client: FlaskClient, connection: Connection, with_password: Account
) -> None:
    vault = client.application.extensions["listenlake"].vault
    with transaction(connection) as cursor:
        leaked = create_token(cursor, with_password.id, "leaked", vault)
    proof = md5("rob" + token_md5(leaked))
    sessions = [
        Player(client).post("auth.getMobileSession", username="rob", **secret).document["session"]["key"]
        for secret in ({"password": leaked}, {"authToken": proof}, {"password": PASSWORD})
    ]
    with transaction(connection) as cursor:
        drop_tokens(cursor, with_password.id, "leaked")
    assert [Player(client, session).get("user.getInfo").code for session in sessions] == [9, 9, 0]


def test_a_password_that_is_changed_takes_the_sessions_made_with_it(
    client: FlaskClient, connection: Connection, with_password: Account
) -> None:
    sessions = [
        Player(client).post("auth.getMobileSession", username="rob", password=secret).document["session"]["key"]
        for secret in (with_password.token, PASSWORD)
    ]
    used, waiting = (Player(client).get("auth.getToken").document["token"] for _ in range(2))
    for token in (used, waiting):
        approved(connection, token, with_password.id)
    sessions.append(Player(client).get("auth.getSession", token=used).document["session"]["key"])
    browser = Visitor(client.application.test_client())
    browser.log_in(password=PASSWORD)

    changed = browser.post("/profile/password", "/profile", current=PASSWORD, new="another word")

    assert changed.status_code == 303
    assert [Player(client, session).get("user.getInfo").code for session in sessions] == [0, 9, 9]
    assert Player(client).get("auth.getSession", token=waiting).code == 4, "what was approved before is not either"


def test_log_in_with_the_older_proof_of_a_token(
    settings: Settings, client: FlaskClient, connection: Connection, rob: Account
) -> None:
    vault = client.application.extensions["listenlake"].vault
    with transaction(connection) as cursor:
        token = create_token(cursor, rob.id, "old player", vault)
    for typed, hashed in (("Rob", "Rob"), ("Rob", "rob"), ("rob", "rob")):
        proof = md5(hashed + token_md5(token))
        program = Player(client)
        for call in (program.post, program.get):
            answer = call("auth.getMobileSession", username=typed, authToken=proof)
            assert answer.document["session"]["name"] == "Rob"
    for user, proof in (("Rob", md5("Rob" + token_md5("x"))), ("nobody", md5("nobody" + token_md5(token)))):
        assert Player(client).post("auth.getMobileSession", username=user, authToken=proof).code == 4


def test_wrong_log_ins_are_all_alike(client: FlaskClient, connection: Connection, with_password: Account) -> None:
    eve = make_account(connection, "Eve")
    wrong = [("Rob", "guess"), ("nobody", PASSWORD), ("Rob", eve.token), ("x" * 5000, PASSWORD)]
    answers = [Player(client).post("auth.getMobileSession", username=user, password=guess) for user, guess in wrong]
    assert {(answer.code, answer.message) for answer in answers} == {
        (4, "Invalid Token - Invalid authentication token supplied")
    }
    assert rows(connection, "SELECT count(*) FROM lastfm_session") == [(0,)]


def test_a_password_needs_post_and_a_log_in_something_to_prove_it(client: FlaskClient, connection: Connection) -> None:
    assert Player(client).get("auth.getMobileSession", username="Rob", password="x").code == 16
    assert Player(client).post("auth.getMobileSession", username="Rob").code == 6
    assert Player(client).post("auth.getMobileSession", password="x").code == 6


def test_guessing_is_stopped(settings: Settings) -> None:
    # A window that does not end in between.
    client = create_app(replace(settings, rate_limit_window=3600)).test_client()
    guess = {"method": "auth.getMobileSession", "api_key": API_KEY, "username": "Rob", "format": "json"}
    answers = [client.post("/2.0", data={**guess, "authToken": str(n)}) for n in range(40)]
    last = answers[-1]
    assert last.status_code == 429
    assert last.get_json()["code"] == 429
    assert answers[0].get_json()["error"] == 4


def test_beyond_the_rate_limit_the_answer_is_a_native_429(settings: Settings) -> None:
    few = create_app(replace(settings, rate_limit_window=3600, rate_limit_per_address=2)).test_client()
    answers = [few.post("/2.0/", data={"method": "auth.getToken", "api_key": "k"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].get_json()["code"] == 429
    assert answers[0].headers["X-RateLimit-Remaining"] == "1"
    assert answers[0].headers["Cache-Control"] == "private, no-store"


def test_sessions_that_nobody_uses_make_room(connection: Connection, rob: Account) -> None:
    first = session_of(connection, rob.id)
    rows(connection, "UPDATE lastfm_session SET last_used = now() - interval '1 day' RETURNING 1")
    for _ in range(100):
        session_of(connection, rob.id)
    other = session_of(connection, rob.id, "other key")
    kept = {bytes(digest) for (digest,) in rows(connection, "SELECT sha256 FROM lastfm_session")}
    assert len(kept) == 101
    assert hashlib.sha256(first.encode()).digest() not in kept
    assert hashlib.sha256(other.encode()).digest() in kept


# Signatures.

SECRET = "fedcba9876543210"


@pytest.fixture
def registered(client: FlaskClient, connection: Connection) -> None:
    vault = client.application.extensions["listenlake"].vault
    with transaction(connection) as cursor:
        add_application(cursor, API_KEY, "Player", vault.encrypt(SECRET))


def test_the_signature_worked_out_by_hand() -> None:
    # As in Last.fm's documents: md5 of "api_keyxxxmethodauth.getSessiontokenyyy" and "mysecret".
    parameters = [
        ("token", "yyy"),
        ("format", "json"),
        ("api_key", "xxx"),
        ("method", "auth.getSession"),
        ("callback", "c"),
    ]
    assert signature_of(parameters, "mysecret") == md5("api_keyxxxmethodauth.getSessiontokenyyymysecret")
    assert signature_of([("b", "ö")], "é") == hashlib.md5("böé".encode()).hexdigest()  # noqa: S324


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("format", FORMATS)
def test_a_registered_key_must_sign(client: FlaskClient, connection: Connection, rob: Account, format: str) -> None:
    session = session_of(connection, rob.id)
    good = Player(client, session, secret=SECRET, format=format)
    assert good.post("track.scrobble", **track("Größe & mehr")).code == 0
    assert good.get("auth.getToken").code == 0
    for bad in (Player(client, session, format=format), Player(client, session, secret="guess", format=format)):
        refused = bad.post("track.scrobble", **track())
        assert (refused.code, refused.message) == (13, "Invalid method signature supplied")
        assert bad.get("auth.getToken").code == 13
        assert bad.get("user.getInfo").code == 13
    assert rows(connection, "SELECT count(*) FROM queue_message") == [(1,)]


@pytest.mark.usefixtures("registered", "rob")
def test_what_anybody_may_read_needs_no_signature(client: FlaskClient) -> None:
    assert Player(client).get("user.getInfo", user="Rob").code == 0
    assert Player(client).get("user.getInfo", user="Rob", api_sig="bad").code == 13


def test_an_unregistered_key_signs_as_it_likes(client: FlaskClient, connection: Connection, rob: Account) -> None:
    for signature in ("", "bad", "0" * 32):
        player = Player(client, session_of(connection, rob.id))
        assert player.post("track.scrobble", **track(), api_sig=signature).code == 0


@pytest.mark.usefixtures("registered")
def test_upper_case_and_a_parameter_in_the_address_count_too(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    sent = Player(client, session_of(connection, rob.id), secret=SECRET).parameters("track.scrobble", track())
    sent["api_sig"] = sent["api_sig"].upper()
    artist = sent.pop("artist")
    assert "error" not in client.post("/2.0/", query_string={"artist": artist}, data=sent).get_json()


def test_a_user_is_limited_whatever_address_her_calls_come_from(settings: Settings, connection: Connection) -> None:
    strict = replace(settings, rate_limit_per_token=3, rate_limit_per_address=100, rate_limit_window=3600)
    client = timeless_app(strict).test_client()
    rob, kate = (make_account(connection, name) for name in ("Rob", "Kate"))

    def called(session: str, number: int, method: str = "user.getInfo") -> Answer:
        given = Player(client, session).parameters(method, track())
        return read(client.post("/2.0/", data=given, environ_base={"REMOTE_ADDR": f"10.0.0.{number}"}))

    own = [session_of(connection, rob.id) for _ in range(2)]
    answers = [called(own[number % 2], number) for number in range(4)]
    assert [answer.code for answer in answers] == [0, 0, 0, 29]
    assert answers[-1].message.startswith("Rate limit exceeded")
    assert answers[-1].response.headers["X-RateLimit-Limit"] == "3"
    assert answers[-1].response.headers["X-RateLimit-Remaining"] == "0"
    assert called(own[0], 9, "track.scrobble").code == 29
    assert rows(connection, "SELECT FROM queue_message") == []
    assert called(session_of(connection, kate.id), 0).code == 0
