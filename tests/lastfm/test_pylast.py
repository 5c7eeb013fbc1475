"""pylast, as it is on PyPI, against the real server behind TLS."""

from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pylast
import pytest

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.listens.users import create_token
from tests.lastfm.conftest import API_KEY, NOW, rows
from tests.lastfm.tls import secured
from tests.live_server import Server
from tests.pages.conftest import Visitor, a_user
from tests.webapi.conftest import Drain
from webapi import create_app
from webapi.db.lastfm import add_application
from webapi.services import EXTENSION

pytestmark = pytest.mark.servers
SECRET = "shared secret"


@pytest.fixture
def host(live: Server, tmp_path: Path) -> Iterator[str]:
    with secured(live.port, tmp_path) as secure:
        pylast.SSL_CONTEXT.load_verify_locations(secure.certificate)
        yield f"127.0.0.1:{secure.port}"


def network_at(host: str, **given: str) -> Any:
    """What the README tells users of pylast to write."""
    known = {"session_key": "", "username": "", "password_hash": "", "api_key": API_KEY, "api_secret": SECRET, **given}
    return pylast._Network(
        name="Listenlake",
        homepage=f"https://{host}",
        ws_server=(host, "/2.0/"),
        domain_names={},
        urls={},
        **known,
    )


@pytest.fixture
def rob(connection: Connection) -> int:
    return a_user(connection, "Rob")


def a_token(connection: Connection, settings: Settings, user_id: int) -> str:
    vault = create_app(settings).extensions[EXTENSION].vault
    with transaction(connection) as cursor:
        return create_token(cursor, user_id, "pylast", vault)


def test_a_program_is_approved_in_the_browser_and_submits(
    host: str, settings: Settings, connection: Connection, rob: int, drain: Drain
) -> None:
    vault = create_app(settings).extensions[EXTENSION].vault
    with transaction(connection) as cursor:
        add_application(cursor, API_KEY, "My program", vault.encrypt(SECRET))
    network = network_at(host)
    keys = pylast.SessionKeyGenerator(network)
    url = keys.get_web_auth_url()
    with pytest.raises(pylast.WSError) as early:
        keys.get_web_auth_session_key(url)
    assert early.value.status == "14"
    _approve(settings, url)
    network.session_key, network.username = keys.get_web_auth_session_key_username(url)
    assert network.username == "Rob"

    network.update_now_playing("Björk", "Jóga", album="Homogenic", duration=305, track_number=2)
    assert str(network.get_user("rob").get_now_playing()) == "Björk - Jóga"
    network.scrobble("Björk", "Jóga", NOW - 500, album="Homogenic", duration=305, track_number=2, chosen_by_user=True)
    (submission,) = drain()
    (listen,) = submission.listens
    assert listen["track_metadata"]["release_name"] == "Homogenic"
    me = network.get_authenticated_user()
    assert (me.get_playcount(), me.get_name(properly_capitalized=True), me.get_country()) == (1, "Rob", None)
    assert abs(me.get_unixtime_registered() - NOW) < 3600
    (played,) = me.get_recent_tracks()
    assert (str(played.track), played.album, int(played.timestamp)) == ("Björk - Jóga", "Homogenic", NOW - 500)

    track = network.get_track("björk", "JÓGA")
    track.love()
    assert rows(connection, "SELECT user_id, score FROM recording_feedback") == [(rob, 1)]
    track.unlove()
    assert rows(connection, "SELECT count(*) FROM recording_feedback") == [(0,)]

    network.api_secret = "wrong"
    with pytest.raises(pylast.WSError) as unsigned:
        network.scrobble("a", "b", NOW - 100)
    assert unsigned.value.status == "13"


def _approve(settings: Settings, url: str) -> None:
    visitor = Visitor(create_app(settings).test_client())
    visitor.log_in("rob")
    link = "/api/auth/?" + unescape(url.partition("?")[2])
    token = link.rpartition("token=")[2]
    assert "My program" in visitor.get(link).text
    assert visitor.post("/api/auth", link, api_key=API_KEY, token=token).status_code == 200


def test_a_token_is_the_password_and_long_batches_and_histories_are_parted(
    host: str, settings: Settings, connection: Connection, rob: int, drain: Drain
) -> None:
    token = a_token(connection, settings, rob)
    network = network_at(host, username="Rob", password_hash=pylast.md5(token))
    assert network.session_key
    names = [f"<b>&{n}]]>\x01" for n in range(70)]
    network.scrobble_many([{"artist": "A", "title": name, "timestamp": NOW - 900 + n} for n, name in enumerate(names)])
    assert [len(submission.listens) for submission in drain()] == [50, 20]
    recent = network.get_user("Rob").get_recent_tracks(limit=None)
    titles = [played.track.title for played in recent]
    assert titles == [name.replace("\x01", "\ufffd") for name in reversed(names)]


def test_errors_are_those_pylast_knows(host: str, rob: int) -> None:
    network = network_at(host, session_key="0" * 40)
    with pytest.raises(pylast.WSError) as refused:
        network.scrobble("a", "b", NOW)
    assert (refused.value.status, str(refused.value)) == ("9", "Invalid session key - Please re-authenticate")
    network.session_key = ""
    with pytest.raises(pylast.WSError) as unknown:
        network.get_user("nobody").get_playcount()
    assert unknown.value.status == "7"
    with pytest.raises(pylast.WSError) as unserved:
        network.get_top_artists()
    assert unserved.value.status == "3"
    assert network.get_user("ROB").get_playcount() == 0
