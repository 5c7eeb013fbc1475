"""track.scrobble and track.updateNowPlaying: what is taken, ignored, refused, and how it is answered."""

import random
import time
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from conf.postgres import Connection
from conf.settings import Settings
from tests.lastfm.conftest import (
    API_KEY,
    FORMATS,
    NOW,
    Player,
    indexed,
    parsed,
    read,
    rows,
    session_of,
    told_alike,
    track,
)
from tests.webapi.conftest import Account, Drain, make_account
from webapi import create_app
from webapi.lastfm.render import holdable

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


def as_answered(name: str, timestamp: int, **more: Any) -> dict[str, Any]:
    return {
        "track": {"#text": name, "corrected": "0"},
        "artist": {"#text": "Artist", "corrected": "0"},
        "album": {"#text": "", "corrected": "0"},
        "albumArtist": {"#text": "Artist", "corrected": "0"},
        "timestamp": str(timestamp),
        "ignoredMessage": {"code": "0"},
        **more,
    }


def test_one_scrobble_is_an_object_and_goes_to_the_queue(player: Player, drain: Drain, rob: Account) -> None:
    given = track(
        album="Album",
        albumArtist="Others",
        duration="200",
        trackNumber="3",
        context="c",
        streamId="s",
        mbid=MBID.upper(),
        choosenByUser="0",
    )
    answer = player.post("track.scrobble", **given)
    album = {"#text": "Album", "corrected": "0"}
    other = {"#text": "Others", "corrected": "0"}
    scrobble = as_answered("Song", NOW - 1000, album=album, albumArtist=other)
    assert answer.document == {"scrobbles": {"accepted": "1", "ignored": "0", "scrobble": scrobble}}
    (submission,) = drain()
    assert submission.user_id == rob.id
    assert submission.listens == (
        {
            "listened_at": NOW - 1000,
            "track_metadata": {
                "artist_name": "Artist",
                "track_name": "Song",
                "release_name": "Album",
                "additional_info": {
                    "submission_client": "ListenBrainz lastfm API",
                    "tracknumber": 3,
                    "duration": 200,
                    "context": "c",
                    "stream_id": "s",
                    "release_artist_name": "Others",
                    "track_mbid": MBID,
                    "choosen_by_user": 0,
                },
            },
        },
    )


def test_a_scrobble_is_read_back_from_the_native_api(player: Player, drain: Drain) -> None:
    assert player.post("track.scrobble", **track()).code == 0
    drain()
    payload = player.client.get("/1/user/rob/listens").get_json()["payload"]
    (listen,) = payload["listens"]
    assert (listen["listened_at"], listen["track_metadata"]["track_name"]) == (NOW - 1000, "Song")
    assert listen["track_metadata"]["additional_info"]["choosen_by_user"] == 1


@pytest.mark.parametrize("format", FORMATS)
def test_indices_in_the_order_of_a_hash_table_with_gaps_are_answered_in_their_order(
    player: Player, drain: Drain, format: str
) -> None:
    # As a Java client sends what it keeps in a HashMap.
    parameters = {
        "timestamp[7]": NOW - 700,
        "track[40]": "forty",
        "artist[0]": "Artist",
        "sk": player.session,
        "track[7]": "seven",
        "artist[40]": "Artist",
        "method": "track.scrobble",
        "timestamp[0]": NOW - 900,
        "artist[7]": "Artist",
        "api_key": API_KEY,
        "timestamp[40]": NOW - 400,
        "track[0]": "zero",
        "format": format,
    }
    answer = read(player.client.post("/2.0", data=parameters))
    expected = [as_answered("zero", NOW - 900), as_answered("seven", NOW - 700), as_answered("forty", NOW - 400)]
    assert told_alike(answer.document["scrobbles"]) == told_alike(
        {"accepted": "3", "ignored": "0", "scrobble": expected}
    )
    (submission,) = drain()
    assert [listen["track_metadata"]["track_name"] for listen in submission.listens] == ["zero", "seven", "forty"]


def test_fifty_in_any_order_are_one_message(player: Player, drain: Drain) -> None:
    given = list(indexed(*(track(f"t{n}", NOW - 5000 + n) for n in range(50))).items())
    random.Random(7).shuffle(given)  # noqa: S311
    answer = player.post("track.scrobble", **dict(given))
    assert answer.document["scrobbles"]["accepted"] == "50"
    assert [one["track"]["#text"] for one in answer.document["scrobbles"]["scrobble"]] == [f"t{n}" for n in range(50)]
    (submission,) = drain()
    assert len(submission.listens) == 50


@pytest.mark.parametrize("format", FORMATS)
def test_bad_items_mid_batch_are_ignored_with_their_code_and_the_others_taken(
    client: FlaskClient, player: Player, drain: Drain, format: str
) -> None:
    batch = [
        track("good"),
        track("no artist", artist=" "),
        track("\u200b"),
        track("too old", 1000),
        track("too new", NOW + 90_000),
        track(" padded "),
    ]
    answer = Player(client, player.session, format=format).scrobble(*batch)
    scrobbles = answer.document["scrobbles"]
    assert (scrobbles["accepted"], scrobbles["ignored"]) == ("2", "4")
    assert [one["ignoredMessage"]["code"] for one in scrobbles["scrobble"]] == ["0", "1", "2", "3", "4", "0"]
    assert "too high" in scrobbles["scrobble"][4]["ignoredMessage"]["#text"]
    assert scrobbles["scrobble"][5]["track"] == {"#text": "padded", "corrected": "1"}
    (submission,) = drain()
    assert [listen["track_metadata"]["track_name"] for listen in submission.listens] == ["good", "padded"]


def test_other_faults_of_an_item_refuse_the_call_and_name_it(player: Player, drain: Drain) -> None:
    answer = player.scrobble(track("a"), track("b", duration="abc"))
    assert (answer.code, answer.message) == (
        6,
        "Value for duration is invalid, should be a positive integer. (scrobble [1])",
    )
    answer = player.scrobble(track("a"), {"artist": "Artist", "timestamp": NOW})
    assert (answer.code, answer.message) == (
        6,
        "Invalid parameters - Your request is missing a required parameter: track[1]",
    )
    assert drain() == []


def test_where_nothing_is_left_to_take_the_call_fails_with_the_native_text(player: Player, drain: Drain) -> None:
    answer = player.post("track.scrobble", **track(timestamp=NOW + 90_000))
    assert (answer.code, answer.message) == (6, "Value for key listened_at is too high.")
    assert drain() == []


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"mbid": "no uuid"}, {}),
        ({"mbid": ""}, {}),
        ({"duration": "0"}, {}),
        ({"duration": ""}, {}),
        ({"album": ""}, {}),
        ({"duration": "123.9"}, {"duration": 123}),
        ({"trackNumber": "A1"}, {"tracknumber": "A1"}),
        ({"streamID": "pylast's"}, {"stream_id": "pylast's"}),
        ({"chosenByUser": "0"}, {"choosen_by_user": 0}),
    ],
)
def test_what_players_send_for_not_known_costs_no_listen(
    player: Player, drain: Drain, given: dict[str, str], kept: dict[str, object]
) -> None:
    assert player.post("track.scrobble", **track(**given)).code == 0
    (submission,) = drain()
    expected = {"submission_client": "ListenBrainz lastfm API", "choosen_by_user": 1, **kept}
    assert submission.listens[0]["track_metadata"]["additional_info"] == expected


def test_a_context_of_the_whole_batch_is_no_scrobble(player: Player, drain: Drain) -> None:
    answer = player.post("track.scrobble", context="c", **indexed(track()))
    assert answer.document["scrobbles"]["accepted"] == "1"
    assert len(drain()[0].listens) == 1


def test_the_session_id_of_audioscrobbler_is_a_session_key(
    player: Player, connection: Connection, rob: Account, drain: Drain
) -> None:
    (token_id,) = rows(connection, "SELECT id FROM token")[0]
    rows(
        connection,
        "INSERT INTO audioscrobbler_session (sha256, user_id, token_id, client)"
        " VALUES (sha256('abc'), %s, %s, 'x') RETURNING 1",
        rob.id,
        token_id,
    )
    assert Player(player.client, "abc").post("track.scrobble", **track()).code == 0
    assert len(drain()) == 1


def test_a_session_is_its_own_keys_alone(player: Player) -> None:
    assert Player(player.client, player.session, "another key").post("track.scrobble", **track()).code == 9


def test_a_broker_that_is_down_is_code_16(settings: Settings, connection: Connection, rob: Account) -> None:
    nowhere = create_app(replace(settings, broker_url="amqp://guest:guest@127.0.0.1:1/%2F")).test_client()
    answer = Player(nowhere, session_of(connection, rob.id)).post("track.scrobble", **track())
    assert (answer.code, answer.message) == (16, "The service is temporarily unavailable, please try again.")


def test_a_store_that_is_down_is_code_16(settings: Settings) -> None:
    nowhere = create_app(replace(settings, database_url="postgresql://nobody@127.0.0.1:1/none")).test_client()
    for format in FORMATS:
        assert Player(nowhere, "0" * 40, format=format).post("track.scrobble", **track()).code == 16


@pytest.mark.parametrize("format", FORMATS)
def test_what_plays_now_is_seen_at_once_and_is_no_listen(
    client: FlaskClient, player: Player, drain: Drain, format: str
) -> None:
    answer = Player(client, player.session, format=format).post(
        "track.updateNowPlaying", artist="Artist", track="Song", duration="77"
    )
    received = answer.document["nowplaying"]["timestamp"]
    received = received if isinstance(received, str) else received[0]
    assert NOW <= int(received) <= time.time()
    assert told_alike(answer.document) == told_alike({"nowplaying": as_answered("Song", int(received))})
    (listen,) = client.get("/1/user/Rob/playing-now").get_json()["payload"]["listens"]
    assert listen["track_metadata"]["additional_info"]["duration"] == 77
    assert drain() == []


def test_lastfm_java_reads_when_it_was_received(client: FlaskClient, player: Player) -> None:
    """The body is lastfm-java 0.1.2's own, but for the session: it takes the timestamp of the answer for a number."""
    body = (
        f"method=track.updateNowPlaying&sk={player.session}&api_sig=0391b131255569c6faf201841ab5e0a9"
        f"&track=java+now&artist=Bj%C3%B6rk+%26+%C3%9C&api_key={API_KEY}"
    )
    answer = client.post("/2.0/", data=body, content_type="application/x-www-form-urlencoded")
    playing = parsed(answer.data).find("nowplaying")
    assert playing is not None
    assert playing.findtext("track") == "java now"
    assert playing.findtext("artist") == "Björk & Ü"
    assert NOW <= int(playing.findtext("timestamp") or "") <= time.time()


def test_it_plays_as_long_as_the_native_api_says(player: Player, connection: Connection) -> None:
    for duration, seconds in (("77", 77), ("", 600)):
        player.post("track.updateNowPlaying", artist="Artist", track=f"Song {duration}", duration=duration)
        assert rows(connection, "SELECT extract(epoch FROM expires - started)::int FROM playing_now") == [(seconds,)]


def test_only_one_track_plays_at_a_time(player: Player, connection: Connection) -> None:
    two = indexed(track("a"), track("b"))
    assert player.post("track.updateNowPlaying", **two).code == 6
    assert rows(connection, "SELECT count(*) FROM playing_now") == [(0,)]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)


@hypothesis_settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(artist=TEXT, name=TEXT, album=TEXT)
def test_whatever_the_names_both_forms_are_well_formed_and_agree(
    standing_player: Player, artist: str, name: str, album: str
) -> None:
    def of(format: str) -> Any:
        sender = Player(standing_player.client, standing_player.session, format=format)
        asked = int(time.time())
        told = told_alike(sender.post("track.updateNowPlaying", artist=artist, track=name, album=album).document)
        if "nowplaying" in told:  # two calls may fall into two seconds: each is held to the time of its own
            assert asked <= int(told["nowplaying"].pop("timestamp")) <= time.time()
        return told

    assert held(of("json")) == of("xml")


def held(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: held(one) for key, one in value.items()}
    return holdable(value) if isinstance(value, str) else value


def test_two_users_of_one_program_are_kept_apart(player: Player, connection: Connection, drain: Drain) -> None:
    eve = make_account(connection, "Eve")
    assert Player(player.client, session_of(connection, eve.id)).post("track.scrobble", **track()).code == 0
    assert [submission.user_id for submission in drain()] == [eve.id]
