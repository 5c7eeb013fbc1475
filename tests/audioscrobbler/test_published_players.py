"""Requests of players from Debian as they came over the wire, but for the session and the proof of the token."""

import time
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from tests.audioscrobbler.player import proof, said
from tests.webapi.conftest import Account, Drain

FORM = "application/x-www-form-urlencoded"
PLAYERS = {
    "mpdscribble 0.24": ("p=1.2&c=mdc&v=0.24", ""),
    "mpdcron 0.3": ("p=1.2&c=mcn&v=0.3", "&"),
}
"""What each says of itself at the handshake, and what its forms begin with."""
PLAYING = "&a=Bj%C3%B6rk%20%26%20%C3%9C&t=mpd%20two%20%2B%20100%25&b=Homogenic&l=36&n=2&m={mbid}"
PLAYED = (
    "&a[0]=Bj%C3%B6rk%20%26%20%C3%9C&t[0]=mpd%20one%20%2B%20100%25&l[0]=36&i[0]=1700000000&o[0]=P&r[0]=&b[0]=Homogenic"
    "&n[0]=1&m[0]={mbid}"
)
MBID = "e225fb84-dc9a-419e-adcd-9890f59ec432"


@pytest.mark.parametrize("player", PLAYERS)
def test_a_player_from_debian_is_understood(client: FlaskClient, rob: Account, drain: Drain, player: str) -> None:
    itself, start = PLAYERS[player]
    stamp = int(time.time())
    name = urlencode({"u": rob.name})
    shaken = said(client.get(f"/?hs=true&{itself}&{name}&t={stamp}&a={proof(rob.token, stamp)}"))
    assert (shaken[0], shaken[1][0]) == (200, "OK")
    session = f"{start}s={shaken[1][1]}"
    playing = client.post("/np_1.2", data=session + PLAYING.format(mbid=MBID), content_type=FORM)
    assert said(playing) == (200, ["OK"])
    played = client.post("/protocol_1.2", data=session + PLAYED.format(mbid=MBID), content_type=FORM)
    assert said(played) == (200, ["OK"])
    (now,) = client.get("/1/user/Rob/playing-now").get_json()["payload"]["listens"]
    assert now["track_metadata"]["track_name"] == "mpd two + 100%"
    drain()
    (listen,) = client.get("/1/user/Rob/listens").get_json()["payload"]["listens"]
    track = listen["track_metadata"]
    assert (listen["listened_at"], track["artist_name"], track["track_name"], track["release_name"]) == (
        1700000000,
        "Björk & Ü",
        "mpd one + 100%",
        "Homogenic",
    )
    assert (track["additional_info"]["duration"], track["additional_info"]["recording_mbid"]) == (36, MBID)
