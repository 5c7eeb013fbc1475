"""What plays now and what was played: fields, batches, and what becomes of bad ones."""

import json
import re
import time
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from conf.settings import Settings
from tests.audioscrobbler.player import Answer, entry, said, shake, submit
from tests.webapi.conftest import Account, Drain
from webapi import create_app
from webapi.audioscrobbler.answers import RefusedError
from webapi.audioscrobbler.entries import MAX_ENTRIES, read_entries, read_form, read_playing_now

INVALID = (400, ["FAILED Invalid data submitted!"])
MBID = "98255a8c-017a-4bc7-8dd6-1fa36124572b"


def stored(client: FlaskClient) -> list[dict[str, Any]]:
    listens: list[dict[str, Any]] = client.get("/1/user/Rob/listens?count=100").get_json()["payload"]["listens"]
    return listens


def set_aside(connection: Connection) -> list[tuple[int, str, Any]]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT item, reason, body FROM rejected_listen ORDER BY item")
        return [(item, reason, json.loads(bytes(body))) for item, reason, body in cursor.fetchall()]


def test_every_field_of_an_entry_is_in_the_stored_listen(client: FlaskClient, rob: Account, drain: Drain) -> None:
    session = shake(client, rob)
    given = entry(0, a="Bj\u00f6rk", t="J\u00f3ga", b="Homogenic", o="R", r="L", l="305", n="2", m=MBID.upper())
    assert submit(client, session, given) == (200, ["OK"])
    [submission] = drain()
    assert submission.user_id == rob.id
    [listen] = stored(client)
    track = listen["track_metadata"]
    assert listen["listened_at"] == 1700000000
    assert (track["artist_name"], track["track_name"], track["release_name"]) == (
        "Bj\u00f6rk",
        "J\u00f3ga",
        "Homogenic",
    )
    track["additional_info"].pop("recording_msid")
    assert track["additional_info"] == {
        "source": "R",
        "rating": "L",
        "track_number": "2",
        "track_length": "305",
        "duration": 305,
        "recording_mbid": MBID,
    }


def test_empty_and_impossible_extras_do_no_harm(client: FlaskClient, rob: Account, drain: Drain) -> None:
    session = shake(client, rob)
    for index, extras in enumerate([{"l": "", "b": "", "o": ""}, {"l": "0", "m": "x"}, {"l": "4:05"}, {"l": "9" * 30}]):
        assert submit(client, session, entry(index, **extras)) == (200, ["OK"])
    drain()
    infos = [listen["track_metadata"]["additional_info"] for listen in stored(client)][::-1]
    assert [{k: v for k, v in info.items() if k != "recording_msid"} for info in infos] == [
        {},
        {"source": "P", "track_length": "0"},
        {"source": "P", "track_length": "4:05"},
        {"source": "P", "track_length": "9" * 30},
    ]
    assert "release_name" not in stored(client)[-1]["track_metadata"]


def test_fifty_listens_are_one_message_and_the_same_again_are_none(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    session, batch = shake(client, rob), [entry(index) for index in range(MAX_ENTRIES)]
    assert submit(client, session, *batch[::-1]) == (200, ["OK"])
    [submission] = drain()
    assert [listen["listened_at"] for listen in submission.listens] == list(range(1700000000, 1700000050))
    assert submit(client, session, *batch) == (200, ["OK"])
    drain()
    assert len(stored(client)) == MAX_ENTRIES


def test_a_bad_item_costs_only_itself_and_is_kept_with_its_reason(
    client: FlaskClient, rob: Account, drain: Drain, connection: Connection
) -> None:
    future = str(int(time.time()) + 86400)
    batch = (
        entry(0),
        entry(1, i="abc"),
        entry(2, t="  "),
        entry(3, a=None),
        entry(4, i=future),
        entry(5, i=None),
        entry(6, b=None),
        entry(9),
    )
    assert submit(client, shake(client, rob), *batch) == (200, ["OK"])
    drain()
    assert [listen["track_metadata"]["track_name"] for listen in stored(client)] == ["Song 9", "Song 0"]
    kept = set_aside(connection)
    assert [(item, reason) for item, reason, _ in kept] == [
        (1, "JSON document must contain an int value for listened_at."),
        (2, "field track_metadata.track_name is empty."),
        (3, "JSON document does not contain required field track_metadata.artist_name."),
        (4, "Value for key listened_at is too high."),
        (5, "JSON document must contain the key listened_at at the top level."),
        (6, "The album b is missing; it may be empty."),
    ]
    assert (kept[0][2]["listened_at"], kept[0][2]["track_metadata"]["track_name"]) == ("abc", "Song 1")


BAD_BATCHES: dict[str, tuple[dict[str, str], Answer]] = {
    "E30 no entry": ({}, INVALID),
    "E31 artist missing": (entry(0, a=None), INVALID),
    "E32 track missing": (entry(0, t=None), INVALID),
    "E33 album missing": (entry(0, b=None), INVALID),
    "E34 time missing": (entry(0, i=None), INVALID),
    "E35 time abc": (entry(0, i="abc"), INVALID),
    "E36 time before 2002": (entry(0, i="1"), INVALID),
    "E37 time tomorrow": (entry(0, i=str(int(time.time()) + 86400)), INVALID),
    "E38 time of 5000 digits": (entry(0, i="1" * 5000), INVALID),
    "E39 time NaN": (entry(0, i="nan"), INVALID),
    "E40 track blank": (entry(0, t=" \t"), INVALID),
    "E41 NUL in the track": (entry(0, t="a\0b"), INVALID),
    "E42 NUL in the rating": (entry(0, r="\0"), INVALID),
    "E43 index is a word": ({"a[x]": "a", "t[x]": "t", "i[x]": "1700000000", "b[x]": ""}, INVALID),
    "E44 fields without index": ({"a": "a", "t": "t", "i": "1700000000", "b": ""}, INVALID),
    "E45 51 entries": (
        {name: value for index in range(51) for name, value in entry(index).items()},
        (400, ["FAILED Invalid data submitted!: 51 listens, expected at most 50"]),
    ),
    "E46 1001 fields": (
        {f"x{index}": "" for index in range(1001)},
        (400, ["FAILED Invalid data submitted!: expected at most 1000 fields"]),
    ),
    "E47 a listen of 11 kB": (
        entry(0, t="x" * 11_000),
        (400, ["FAILED Invalid data submitted!: a listen may not be larger than 10240 bytes"]),
    ),
}


@pytest.fixture(scope="module")
def standing_session(standing_client: FlaskClient, standing_rob: Account) -> str:
    return shake(standing_client, standing_rob)


@pytest.mark.parametrize("name", BAD_BATCHES)
def test_a_batch_without_one_good_listen_has_failed_and_nothing_is_queued(
    standing_client: FlaskClient, standing_session: str, name: str
) -> None:
    form, expected = BAD_BATCHES[name]
    assert submit(standing_client, standing_session, form) == expected


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"a[0]=%FF&t[0]=x&i[0]=1700000000&b[0]=", "FAILED Invalid data submitted!: expected a form in UTF-8"),
        (b"a[0]=\xff", "FAILED Invalid data submitted!: expected a form in UTF-8"),
        (b"\0" * 100, "BADSESSION"),
        (b'{"s": 1}', "BADSESSION"),
        (b"", "BADSESSION"),
    ],
)
@pytest.mark.parametrize("path", ["/np_1.2", "/protocol_1.2"])
def test_a_body_that_is_no_form_is_refused_in_plain_text(
    standing_client: FlaskClient, path: str, body: bytes, words: str
) -> None:
    status, lines = said(standing_client.post(path, data=body))
    assert (status, lines) == (401 if words == "BADSESSION" else 400, [words])


@pytest.mark.parametrize("session", ["", "0" * 32, "x", "\0", "\u00e9" * 32, "0" * 100_000])
@pytest.mark.parametrize("path", ["/np_1.2", "/protocol_1.2"])
def test_an_unknown_session_is_badsession(standing_client: FlaskClient, path: str, session: str) -> None:
    form = {"s": session, "a": "a", "t": "t", "b": "", **entry(0)}
    assert said(standing_client.post(path, data=form)) == (401, ["BADSESSION"])


def test_the_form_is_read_whatever_the_content_type_and_however_brackets_are_written(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    session = shake(client, rob)
    for index, name in enumerate(["a[0]=X&t[0]=Y&i[0]={}&b[0]=", "a%5B0%5D=X&t%5b0%5d=Y&i%5B0%5D={}&b%5B0%5D="]):
        body = f"s={session}&{name.format(1700000000 + index)}".encode()
        assert said(client.post("/protocol_1.2", data=body, content_type="text/plain")) == (200, ["OK"])
    drain()
    assert len(stored(client)) == 2


def test_while_the_broker_is_down_it_is_503_and_the_player_keeps_its_listens(
    settings: Settings, client: FlaskClient, rob: Account
) -> None:
    session = shake(client, rob)
    down = create_app(replace(settings, broker_url="amqp://guest:guest@127.0.0.1:1/%2F")).test_client()
    form = {"s": session, **entry(0)}
    answer = down.post("/protocol_1.2", data=form)
    assert said(answer) == (503, ["FAILED The server cannot take this now, please try again later."])
    assert answer.headers["Retry-After"] == "5"


def test_without_postgresql_it_is_503_in_plain_text(tmp_path: Any, settings: Settings) -> None:
    gone = replace(settings, database_url=f"postgresql://x@/x?host={tmp_path}", data_dir=tmp_path)
    client = create_app(gone).test_client()
    expected = (503, ["FAILED The server cannot take this now, please try again later."])
    asked = {"hs": "true", "p": "1.2", "u": "Rob", "t": str(int(time.time())), "a": "0"}
    assert said(client.get("/", query_string=asked)) == expected
    assert said(client.post("/np_1.2", data={"s": "0" * 32})) == expected


def test_what_plays_now_is_shown_as_long_as_it_lasts(
    client: FlaskClient, rob: Account, connection: Connection, drain: Drain
) -> None:
    session = shake(client, rob)
    form = {"s": session, "a": "Artist", "t": "Song", "b": "", "l": "240", "n": "", "m": ""}
    assert said(client.post("/np_1.2", data=form)) == (200, ["OK"])
    payload = client.get("/1/user/Rob/playing-now").get_json()["payload"]
    [playing] = payload["listens"]
    assert playing["track_metadata"] == {
        "artist_name": "Artist",
        "track_name": "Song",
        "additional_info": {"track_length": "240", "duration": 240},
    }
    with transaction(connection) as cursor:
        cursor.execute("SELECT expires - started = interval '240 seconds' FROM playing_now")
        assert cursor.fetchall() == [(True,)]
    assert drain() == []


@pytest.mark.parametrize("changed", [{"a": None}, {"t": None}, {"b": None}, {"a": " "}, {"t": "\0"}])
def test_now_playing_without_artist_track_or_album_has_failed(
    standing_client: FlaskClient, standing_session: str, changed: dict[str, str | None]
) -> None:
    form = {"s": standing_session, "a": "Artist", "t": "Song", "b": "", **changed}
    sent = {name: value for name, value in form.items() if value is not None}
    assert said(standing_client.post("/np_1.2", data=sent)) == INVALID


INDEXED = re.compile(r"[atiorlbnm]\[([0-9]{1,4})\]", re.ASCII)
FORMS = st.dictionaries(
    st.one_of(
        st.text(max_size=5),
        st.builds("{}[{}]".format, st.sampled_from("atiorlbnm"), st.integers(0, 60)),
        st.sampled_from("satblnm"),
    ),
    st.one_of(st.text(max_size=20), st.integers(1033430400, 1700000000).map(str), st.just("x")),
    max_size=40,
)


@given(FORMS)
def test_no_entry_of_any_form_is_lost(form: dict[str, str]) -> None:
    indices = {int(match[1]) for name in form if (match := INDEXED.fullmatch(name))}
    try:
        entries = read_entries(form, 1700000000)
    except RefusedError as refused:
        assert refused.line.startswith("FAILED ")
        assert not 0 < len(indices) <= MAX_ENTRIES
        return
    assert len(entries.listens) == len(indices)
    assert 0 <= entries.accepted <= len(indices)


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    try:
        form = read_form(body)
        read_playing_now(form, 1700000000)
    except RefusedError as refused:
        assert refused.line.startswith("FAILED ")


def test_a_form_beyond_two_megabytes_is_refused_unread(client: FlaskClient, rob: Account) -> None:
    session = shake(client, rob)
    for path in ("/np_1.2", "/protocol_1.2"):
        answer = said(client.post(path, data={"s": session, "a[0]": "x" * 2_000_000}))
        assert answer == (413, ["FAILED The form is too large. It cannot exceed 2000000 bytes"])


def test_the_address_is_counted_before_the_form_is_read(settings: Settings, connection: Connection) -> None:
    client = create_app(replace(settings, rate_limit_per_address=2, rate_limit_window=3600)).test_client()
    answers = [said(client.post("/protocol_1.2", data=b"\xff")) for _ in range(3)]
    assert [status for status, _ in answers] == [400, 400, 429]
    assert answers[-1][1][0].startswith("FAILED You have exceeded your rate limit")
