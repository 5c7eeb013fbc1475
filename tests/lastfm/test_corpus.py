"""Bad inputs of class E for the Last.fm API, numbered: each with its own code, and nothing written."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from conf.postgres import Connection, connect, transaction
from tests.lastfm.conftest import API_KEY, NOW, Player, indexed, read, rows, session_of, track
from tests.webapi.conftest import Account, make_account
from webapi.db.lastfm import add_application

REGISTERED = "registered-key"
NATIVE = 400
SCROBBLE = {"method": "track.scrobble", "api_key": API_KEY, **track()}
PLAYING = {"method": "track.updateNowPlaying", "api_key": API_KEY, "artist": "Artist", "track": "Song"}
INFO = {"method": "user.getInfo", "api_key": API_KEY, "user": "Rob"}
DTD = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><l>&x;</l>'


@dataclass(frozen=True)
class Case:
    """A request, and the code of the answer: below 100 the protocol's, else the status of a native one."""

    about: str
    code: int
    form: Any = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    method: str = "POST"
    session: bool = True
    content_type: str | None = None


def without(given: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name not in names}


CASES = [
    Case("1 no method", NATIVE, without(SCROBBLE, "method")),
    Case("2 empty method", NATIVE, {**SCROBBLE, "method": ""}),
    Case("3 nothing at all", NATIVE, session=False),
    Case("4 unknown method", 3, {**SCROBBLE, "method": "library.getArtists"}),
    Case("5 method with a blank", 3, {**SCROBBLE, "method": "track.scrobble "}),
    Case("6 scrobble by GET", 16, query=SCROBBLE, method="GET"),
    Case("7 now playing by GET", 16, query=PLAYING, method="GET"),
    Case("8 love by GET", 16, query={**PLAYING, "method": "track.love"}, method="GET"),
    Case("9 method in upper case, bad session", 9, {**SCROBBLE, "method": "TRACK.SCROBBLE", "sk": "bad"}),
    Case("10 method in lower case, bad session", 9, {**PLAYING, "method": "track.updatenowplaying", "sk": "bad"}),
    Case("11 no session", 6, SCROBBLE, session=False),
    Case("12 empty session", 6, {**SCROBBLE, "sk": ""}),
    Case("13 bad session", 9, {**SCROBBLE, "sk": "0" * 40}),
    Case("14 session of another key", 9, {**SCROBBLE, "api_key": "another"}),
    Case("15 session of 100 kB", 9, {**SCROBBLE, "sk": "x" * 100_000}),
    Case("16 the user's token as session", 9, {**SCROBBLE, "sk": "TOKEN"}),
    Case("17 no api_key", 6, without(SCROBBLE, "api_key")),
    Case("18 empty api_key", 10, {**SCROBBLE, "api_key": ""}),
    Case("19 api_key of 256 characters", 10, {**SCROBBLE, "api_key": "x" * 256}),
    Case("20 registered key, no signature", 13, {**SCROBBLE, "api_key": REGISTERED}),
    Case("21 registered key, bad signature", 13, {**SCROBBLE, "api_key": REGISTERED, "api_sig": "0" * 32}),
    Case("22 registered key, signature no ASCII", 13, {**SCROBBLE, "api_key": REGISTERED, "api_sig": "ü"}),
    Case("23 timestamp abc", 6, {**SCROBBLE, "timestamp": "abc"}),
    Case("24 no timestamp", 6, without(SCROBBLE, "timestamp")),
    Case("25 empty timestamp", 6, {**SCROBBLE, "timestamp": ""}),
    Case("26 timestamp to come", 6, {**SCROBBLE, "timestamp": NOW + 90_000}),
    Case("27 timestamp of 40 digits", 6, {**SCROBBLE, "timestamp": "9" * 40}),
    Case("28 timestamp of 5000 digits", 6, {**SCROBBLE, "timestamp": "9" * 5000}),
    Case("29 timestamp before Last.fm", 6, {**SCROBBLE, "timestamp": 0}),
    Case("30 timestamp with a fraction", 6, {**SCROBBLE, "timestamp": f"{NOW}.5"}),
    Case("31 index x", 6, {**SCROBBLE, "artist[x]": "a"}),
    Case("32 index empty", 6, {**SCROBBLE, "artist[]": "a"}),
    Case("33 index negative", 6, {**SCROBBLE, "artist[-1]": "a"}),
    Case("34 index of Arabic digits", 6, {**SCROBBLE, "artist[٣]": "a"}),
    Case("35 index open", 6, {**SCROBBLE, "artist[0": "a"}),
    Case("36 index 999999999 alone, artist only", 6, {**without(SCROBBLE, "artist"), "artist[999999999]": "a"}),
    Case("37 index of 5000 digits", 6, {**SCROBBLE, f"artist[{'9' * 5000}]": "a"}),
    Case("38 51 scrobbles", 6, {**without(SCROBBLE, *track()), **indexed(*(track(f"t{n}") for n in range(51)))}),
    Case("39 5000 parameters", 6, {**SCROBBLE, **{f"p{n}": "" for n in range(5000)}}),
    Case("40 no artist", 6, without(SCROBBLE, "artist")),
    Case("41 blank artist", 6, {**SCROBBLE, "artist": " "}),
    Case("42 blank track", 6, {**SCROBBLE, "track": "\t"}),
    Case("43 two tracks play", 6, {**PLAYING, "artist[0]": "a", "track[0]": "b"}),
    Case("44 artist of 20 kB", 6, {**SCROBBLE, "artist": "a" * 20_000}),
    Case("45 form of 3 MB", 413, {**SCROBBLE, "artist": "a" * 3_000_000}),
    Case("46 NUL in a value", NATIVE, {**SCROBBLE, "artist": "a\0b"}),
    Case("47 NUL in a name", NATIVE, {**SCROBBLE, "a\0": "b"}),
    Case("48 NUL in the method", NATIVE, {**SCROBBLE, "method": "track.scrobble\0"}),
    Case("49 not UTF-8", 6, b"method=track.scrobble&api_key=k&artist=%FF"),
    Case("50 a lone surrogate", 6, b"method=track.scrobble&api_key=k&artist=%ED%A0%80"),
    Case("51 XML with an entity", NATIVE, DTD, content_type="application/xml"),
    Case("52 JSON", NATIVE, b'{"method":"track.scrobble"}', content_type="application/json"),
    Case("53 multipart that ends early", NATIVE, b"--x\r\nContent-D", content_type="multipart/form-data; boundary=x"),
    Case("54 duration abc", 6, {**SCROBBLE, "duration": "abc"}),
    Case("55 duration too long", 6, {**SCROBBLE, "duration": "2073601"}),
    Case("56 bad item mid-batch, not to be ignored", 6, {
        **without(SCROBBLE, *track()), **indexed(track("a"), track("b", "abc"), track("c"))
    }),
    Case("57 unknown token", 4, {"method": "auth.getSession", "api_key": API_KEY, "token": "0" * 40}),
    Case("58 no token", 6, {"method": "auth.getSession", "api_key": API_KEY}),
    Case("59 unknown user", 7, {**INFO, "user": "nobody"}),
    Case("60 user with a quote", 7, {**INFO, "user": "'; DROP TABLE users; --"}),
    Case("61 path as a user", 7, {**INFO, "user": "../../etc/passwd"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def store(standing_url: str) -> Iterator[Connection]:
    opened = connect(standing_url)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def session(store: Connection, standing_client: FlaskClient, standing_rob: Account) -> str:
    vault = standing_client.application.extensions["listenlake"].vault
    with transaction(store) as cursor:
        add_application(cursor, REGISTERED, "Registered", vault.encrypt("secret"))
    return session_of(store, standing_rob.id)


def sent(client: FlaskClient, case: Case, session: str, token: str, **more: str) -> TestResponse:
    form: Any = case.form
    if isinstance(form, dict):
        own = {"sk": session} if case.session and case.method == "POST" else {}
        form = {**own, **{name: token if value == "TOKEN" else str(value) for name, value in form.items()}}
    query = {**({"sk": session} if case.method == "GET" else {}), **case.query, **more}
    options: dict[str, Any] = {"content_type": case.content_type} if case.content_type else {}
    return client.open("/2.0/", method=case.method, query_string=query, data=form or None, **options)


def is_empty(store: Connection) -> bool:
    counted = "SELECT (SELECT count(*) FROM queue_message) + (SELECT count(*) FROM playing_now)"
    return rows(store, f"{counted} + (SELECT count(*) FROM recording_feedback)") == [(0,)]  # noqa: S608 - two constants


@pytest.mark.parametrize("case", CASES, ids=[case.about for case in CASES])
@pytest.mark.parametrize("format", ["xml", "json"])
def test_a_bad_call_has_its_code_and_writes_nothing(
    standing_client: FlaskClient, standing_rob: Account, store: Connection, session: str, case: Case, format: str
) -> None:
    response = sent(standing_client, case, session, standing_rob.token, format=format)
    if case.code >= 100:
        assert response.status_code == case.code
        assert response.get_json()["code"] == case.code
        assert sorted(response.get_json()) == ["code", "error"]
    else:
        answer = read(response)
        # What cannot be read does not say in which form it wants its answer.
        assert response.mimetype == f"application/{format}" or case.about.split()[0] in ("39", "49", "50")
        assert answer.code == case.code, answer.document
        assert answer.message
    assert is_empty(store)


@pytest.mark.parametrize("format", ["", "xml", "../", "JSON ", "html", "xml\njson"])
def test_any_other_format_is_xml(standing_player: Player, format: str) -> None:
    response = standing_player.client.get("/2.0", query_string={**INFO, "format": format})
    assert response.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert read(response).code == 0


def test_the_first_of_a_parameter_given_twice_counts(standing_player: Player) -> None:
    response = standing_player.client.post(
        "/2.0?user=Rob", data="user=nobody&method=user.getInfo&method=x&api_key=k", content_type="text/plain"
    )
    assert read(response).code == 0


def test_a_form_may_come_in_parts_and_without_saying_that_it_is_one(standing_player: Player) -> None:
    client = standing_player.client
    assert read(client.post("/2.0", data=INFO, content_type="multipart/form-data")).code == 0
    assert read(client.post("/2.0/", data="method=user.getinfo&api_key=k&user=rob", content_type="")).code == 0


def test_other_methods_of_http_are_not_allowed(standing_player: Player) -> None:
    for method in ("PUT", "DELETE", "TRACE"):
        response = standing_player.client.open("/2.0", method=method)
        assert (response.status_code, response.get_json()["code"]) == (405, 405)


def test_another_users_session_acts_for_that_user_only(
    store: Connection, session: str, standing_client: FlaskClient
) -> None:
    eve = make_account(store, "Eve")
    theirs = Player(standing_client, session_of(store, eve.id))
    assert theirs.get("auth.getSessionInfo", username="Rob").code == 9
    assert theirs.get("user.getInfo").document["user"]["name"] == "Eve"


NAMES = st.sampled_from(
    ["method", "api_key", "sk", "artist", "track", "timestamp", "artist[0]", "limit", "format", "x"]
)
VALUES = st.one_of(
    st.sampled_from(
        ["track.scrobble", "track.love", "auth.getSession", "auth.getMobileSession", "user.getInfo", "json"]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)


@hypothesis_settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(form=st.dictionaries(NAMES, VALUES), query=st.dictionaries(NAMES, VALUES), raw=st.binary(max_size=40))
def test_whatever_is_sent_is_answered_in_order_and_writes_nothing(
    standing_client: FlaskClient, store: Connection, form: dict[str, str], query: dict[str, str], raw: bytes
) -> None:
    for data in (form, raw):
        response = standing_client.post("/2.0", query_string=query, data=data)
        if response.status_code == 200:
            read(response)
        else:
            assert response.status_code in (400, 429)
            assert response.get_json()["code"] == response.status_code
    assert is_empty(store)
