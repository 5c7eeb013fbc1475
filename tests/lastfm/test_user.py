"""user.getInfo and user.getRecentTracks."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, connect, transaction
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import find_user
from jobs.listens.write import write_submissions
from tests.lastfm.conftest import FORMATS, Player, session_of
from tests.webapi.conftest import Account, make_account

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
FIRST = 1_600_000_000


def written(connection: Connection, user_id: int, *listens: dict[str, Any]) -> None:
    write_submissions(connection, [Submission(new_message_id(), user_id, 1, listens)])


def a_listen(number: int, **info: Any) -> dict[str, Any]:
    track = {"artist_name": f"A{number % 2}", "track_name": f"t{number}", "additional_info": info}
    if number % 2:
        track["release_name"] = f"r{number}"
    return {"listened_at": FIRST + number, "track_metadata": track}


@pytest.fixture(scope="module")
def seven(standing_url: str, standing_rob: Account) -> Account:
    """Rob with listens at FIRST + 0 to 6, the first of them with an MBID."""
    connection = connect(standing_url)
    written(connection, standing_rob.id, a_listen(0, recording_mbid=MBID), *(a_listen(n) for n in range(1, 7)))
    connection.close()
    return standing_rob


@pytest.fixture
def reader(standing_client: FlaskClient, seven: Account) -> Player:
    return Player(standing_client)


def names(document: dict[str, Any]) -> list[str]:
    return [track["name"] for track in document["recenttracks"]["track"]]


@pytest.mark.parametrize("format", FORMATS)
def test_who_a_user_is(standing_client: FlaskClient, seven: Account, standing_url: str, format: str) -> None:
    connection = connect(standing_url)
    with transaction(connection) as cursor:
        found = find_user(cursor, "rob")
    connection.close()
    assert found is not None
    user = Player(standing_client, format=format).get("user.getInfo", user="ROB").document["user"]
    assert (user["name"], user["playcount"], user["realname"], user["country"]) == ("Rob", "7", "", "")
    assert user["url"].endswith("/user/Rob")
    registered = {"unixtime": str(int(found.created.timestamp())), "#text": f"{found.created:%Y-%m-%d %H:%M}"}
    assert user["registered"] == registered


def test_a_client_that_reads_all_that_lastfm_says_of_a_user_finds_it(reader: Player) -> None:
    """pyscrobble makes an object of these keys and fails where one is missing."""
    user = reader.get("user.getInfo", user="rob").document["user"]
    unknown = {"age": "0", "gender": "n", "subscriber": "0", "playlists": "0", "bootstrap": "0", "type": "user"}
    assert {name: user[name] for name in unknown} == unknown
    assert {"name", "url", "image", "country", "playcount", "registered"} <= user.keys()


def test_the_user_of_the_session_needs_no_name(player: Player, connection: Connection) -> None:
    assert player.get("user.getInfo").document["user"]["name"] == "Rob"
    make_account(connection, "Eve")
    assert player.get("user.getInfo", user="eve").document["user"]["name"] == "Eve"


def test_a_session_that_comes_along_must_be_one_of_the_key(player: Player) -> None:
    assert Player(player.client, player.session, "other").get("user.getInfo", user="Rob").code == 9
    assert Player(player.client, "bad").get("user.getRecentTracks", user="Rob").code == 9


@pytest.mark.parametrize("method", ["user.getInfo", "user.getRecentTracks"])
def test_an_unknown_user_is_code_7_and_none_at_all_code_6(reader: Player, method: str) -> None:
    assert reader.get(method, user="nobody").code == 7
    assert reader.get(method, user="x" * 3000).code == 7
    assert reader.get(method).code == 6


def test_a_track_of_json_as_players_know_it(reader: Player) -> None:
    recent = reader.get("user.getRecentTracks", user="rob").document["recenttracks"]
    counts = {"user": "Rob", "page": "1", "perPage": "50", "totalPages": "1", "total": "7"}
    assert recent["@attr"] == counts
    assert {name: recent[name] for name in counts} == counts
    images = [{"size": size, "#text": ""} for size in ("small", "medium", "large", "extralarge")]
    assert recent["track"][0] == {
        "artist": {"#text": "A0", "mbid": ""},
        "name": "t6",
        "streamable": "0",
        "mbid": "",
        "album": {"#text": "", "mbid": ""},
        "url": "",
        "image": images,
        "date": {"uts": str(FIRST + 6), "#text": "13 Sep 2020, 12:26"},
    }
    assert (recent["track"][-1]["mbid"], recent["track"][1]["album"]["#text"]) == (MBID, "r5")


def test_the_extended_form_says_what_is_loved(player: Player, connection: Connection, rob: Account) -> None:
    written(connection, rob.id, a_listen(1), a_listen(2))
    assert player.post("track.love", artist="a1", track="T1").code == 0
    tracks = player.get("user.getRecentTracks", user="rob", extended=1).document["recenttracks"]["track"]
    assert [(one["name"], one["loved"], one["artist"]["name"]) for one in tracks] == [
        ("t2", "0", "A0"),
        ("t1", "1", "A1"),
    ]


@pytest.mark.parametrize(
    ("given", "expected", "pages"),
    [
        ({"limit": 3}, ["t6", "t5", "t4"], "3"),
        ({"limit": 3, "page": 2}, ["t3", "t2", "t1"], "3"),
        ({"limit": 3, "page": 3}, ["t0"], "3"),
        ({"limit": 3, "page": 4}, [], "3"),
        ({"limit": 1, "page": 10**15}, [], "7"),
        ({"from": FIRST + 5}, ["t6", "t5"], "1"),
        ({"to": FIRST + 1}, ["t0"], "1"),
        ({"from": FIRST + 2, "to": FIRST + 5, "limit": 2}, ["t4", "t3"], "2"),
        ({"from": FIRST + 9}, [], "0"),
        ({"limit": 100_000}, ["t6", "t5", "t4", "t3", "t2", "t1", "t0"], "1"),
        ({"limit": "", "page": ""}, ["t6", "t5", "t4", "t3", "t2", "t1", "t0"], "1"),
    ],
)
def test_pages(reader: Player, given: dict[str, Any], expected: list[str], pages: str) -> None:
    document = reader.get("user.getRecentTracks", user="rob", **given).document
    assert (names(document), document["recenttracks"]["totalPages"]) == (expected, pages)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "abc"),
        ("limit", "1.5"),
        ("page", "0"),
        ("page", "9" * 40),
        ("from", "x"),
    ],
)
def test_numbers_that_are_none_are_refused_by_name(reader: Player, name: str, value: str) -> None:
    answer = reader.get("user.getRecentTracks", user="rob", **{name: value})
    assert answer.code == 6
    assert name in answer.message


@pytest.mark.parametrize("format", FORMATS)
def test_what_plays_now_is_before_the_first_page(
    client: FlaskClient, player: Player, connection: Connection, rob: Account, format: str
) -> None:
    written(connection, rob.id, a_listen(1), a_listen(2))
    assert player.post("track.updateNowPlaying", artist="Artist", track="Now").code == 0
    mine = Player(client, session_of(connection, rob.id), format=format)
    tracks = mine.get("user.getRecentTracks", limit=1).document["recenttracks"]["track"]
    assert [one["name"] for one in tracks] == ["Now", "t2"]
    assert tracks[0]["nowplaying"] == "true"
    assert "date" not in tracks[0]
    later = mine.get("user.getRecentTracks", limit=1, page=2).document["recenttracks"]
    assert (later["total"], told_names(later)) == ("2", ["t1"])


def told_names(recent: dict[str, Any]) -> list[str]:
    tracks = recent["track"] if isinstance(recent["track"], list) else [recent["track"]]
    return [one["name"] for one in tracks]


def test_json_has_a_list_of_one_and_of_none(player: Player, connection: Connection, rob: Account) -> None:
    assert player.get("user.getRecentTracks").document["recenttracks"]["track"] == []
    written(connection, rob.id, a_listen(1))
    assert len(player.get("user.getRecentTracks").document["recenttracks"]["track"]) == 1
