"""track.love and track.unlove: which recording is meant."""

from typing import Any
from uuid import UUID

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.feedback import HATE, LOOK_BACK, LOVE, put_score
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import AUTOMATIC, MappingRow, put_mapping
from jobs.listens.msid import recording_msid
from jobs.listens.write import write_submissions
from tests.lastfm.conftest import FORMATS, Player, rows
from tests.webapi.conftest import Account

NAMES_ALONE = recording_msid("Björk", "Jóga", None, None, None)
ON_ALBUM = recording_msid("Björk", "Jóga", "Homogenic", None, None)
ON_SINGLE = recording_msid("Björk", "Jóga", "Jóga", None, None)


MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"


def heard(
    connection: Connection, user_id: int, listened_at: int, release: str, artist: str = "Björk", **info: Any
) -> None:
    track = {"artist_name": artist, "track_name": "Jóga", "release_name": release, "additional_info": info}
    listen = {"listened_at": listened_at, "track_metadata": track}
    write_submissions(connection, [Submission(new_message_id(), user_id, 1, (listen,))])


def scores(connection: Connection) -> list[tuple[Any, ...]]:
    return rows(connection, "SELECT user_id, recording_msid, score FROM recording_feedback ORDER BY id")


@pytest.mark.parametrize("format", FORMATS)
def test_the_newest_listen_of_that_name_is_meant_whatever_the_case(
    player: Player, connection: Connection, rob: Account, format: str
) -> None:
    heard(connection, rob.id, 1_600_000_000, "Homogenic")
    heard(connection, rob.id, 1_600_000_900, "Jóga")
    heard(connection, rob.id, 1_600_001_000, "Elsewhere", artist="Another")
    sender = Player(player.client, player.session, format=format)
    assert sender.post("track.love", artist="BJÖRK", track="jóga").document == {}
    assert scores(connection) == [(rob.id, ON_SINGLE, 1)]
    assert sender.post("track.love", artist="BJÖRK", track="jóga").document == {}
    assert sender.post("track.unlove", artist="björk", track="JÓGA").document == {}
    assert scores(connection) == []


def test_a_track_never_heard_is_known_by_its_names(player: Player, connection: Connection, rob: Account) -> None:
    assert player.post("track.love", artist=" Björk ", track="Jóga").code == 0
    assert scores(connection) == [(rob.id, NAMES_ALONE, 1)]


def test_a_track_heard_for_the_first_time_is_what_its_listen_will_be(
    player: Player, connection: Connection, rob: Account
) -> None:
    player.post("track.updateNowPlaying", artist="Björk", track="Jóga", album="Homogenic")
    player.post("track.love", artist="björk", track="jóga")
    assert scores(connection) == [(rob.id, ON_ALBUM, 1)]


def test_unlove_takes_every_listens_love_and_no_hate(player: Player, connection: Connection, rob: Account) -> None:
    heard(connection, rob.id, 1_600_000_000, "Homogenic")
    heard(connection, rob.id, 1_600_000_900, "Jóga")
    with transaction(connection) as cursor:
        for msid, score in ((ON_ALBUM, LOVE), (NAMES_ALONE, LOVE), (ON_SINGLE, HATE), (UUID(int=1), LOVE)):
            put_score(cursor, rob.id, msid, None, score)
    assert player.post("track.unlove", artist="Björk", track="Jóga").code == 0
    assert scores(connection) == [(rob.id, ON_SINGLE, -1), (rob.id, UUID(int=1), 1)]


def test_love_is_newer_than_hate(player: Player, connection: Connection, rob: Account) -> None:
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, NAMES_ALONE, None, HATE)
    player.post("track.love", artist="Björk", track="Jóga")
    assert scores(connection) == [(rob.id, NAMES_ALONE, 1)]


def said_by_mbid(player: Player, rob: Account, score: int) -> None:
    sent = player.client.post(
        "/1/feedback/recording-feedback", json={"recording_mbid": MBID, "score": score}, headers=rob.headers
    )
    assert sent.status_code == 200, sent.text


def score_by_mbid(player: Player) -> int:
    asked = f"/1/feedback/user/Rob/get-feedback-for-recordings?recording_mbids={MBID}"
    answer = player.client.get(asked).json
    assert answer is not None
    return int(answer["feedback"][0]["score"])


def loved_in_page(player: Player) -> list[str]:
    tracks = player.get("user.getRecentTracks", user="rob", extended=1).document["recenttracks"]["track"]
    return [track["loved"] for track in tracks]


@pytest.mark.parametrize("known", ["submitted", "mapped", "playing"])
def test_love_by_name_and_by_mbid_are_one_love(
    player: Player, connection: Connection, rob: Account, known: str
) -> None:
    if known == "submitted":
        heard(connection, rob.id, 1_600_000_000, "Homogenic", recording_mbid=MBID)
    else:
        put_mapping(connection, MappingRow(None, str(ON_ALBUM), AUTOMATIC, MBID))
    if known == "mapped":
        heard(connection, rob.id, 1_600_000_000, "Homogenic")
    if known == "playing":
        player.post("track.updateNowPlaying", artist="Björk", track="Jóga", album="Homogenic")

    player.post("track.love", artist="björk", track="jóga")
    assert (score_by_mbid(player), loved_in_page(player)) == (1, ["1"])
    player.post("track.unlove", artist="björk", track="jóga")
    assert (score_by_mbid(player), loved_in_page(player)) == (0, ["0"])
    said_by_mbid(player, rob, 1)
    assert loved_in_page(player) == ["1"]
    player.post("track.unlove", artist="Björk", track="Jóga")
    assert (score_by_mbid(player), loved_in_page(player), scores(connection)) == (0, ["0"], [])
    said_by_mbid(player, rob, -1)
    assert loved_in_page(player) == ["0"]
    player.post("track.unlove", artist="Björk", track="Jóga")
    assert score_by_mbid(player) == -1, "a hate is no love"
    player.post("track.love", artist="Björk", track="Jóga")
    assert scores(connection) == [(rob.id, ON_ALBUM, 1)]
    assert (score_by_mbid(player), loved_in_page(player)) == (1, ["1"])


def test_unlove_takes_the_love_of_an_mbid_that_only_an_older_listen_has(
    player: Player, connection: Connection, rob: Account
) -> None:
    heard(connection, rob.id, 1_600_000_000, "Homogenic", recording_mbid=MBID)
    heard(connection, rob.id, 1_600_000_900, "Homogenic")
    said_by_mbid(player, rob, 1)
    assert loved_in_page(player) == ["0", "1"]
    player.post("track.unlove", artist="Björk", track="Jóga")
    assert loved_in_page(player) == ["0", "0"]


@pytest.mark.parametrize(
    "given", [{"artist": "a"}, {"track": "t"}, {"artist": " ", "track": "t"}, {"artist": "a" * 10_001, "track": "t"}]
)
@pytest.mark.parametrize("method", ["track.love", "track.unlove"])
def test_names_that_cannot_be_are_refused(standing_player: Player, method: str, given: dict[str, str]) -> None:
    assert standing_player.post(method, **given).code == 6


def test_a_track_last_heard_long_ago_is_found_by_an_index(player: Player, connection: Connection, rob: Account) -> None:
    heard(connection, rob.id, 1_500_000_000, "Homogenic")
    many = range(LOOK_BACK + 2000)
    listens = [
        {"listened_at": 1_600_000_000 + n, "track_metadata": {"artist_name": "A", "track_name": f"t{n}"}} for n in many
    ]
    write_submissions(connection, [Submission(new_message_id(), rob.id, 1, tuple(listens))])
    with transaction(connection) as cursor:
        cursor.execute("ANALYZE listen")
    plan = rows(
        connection,
        'EXPLAIN SELECT FROM listen WHERE user_id = %s AND hashtext(lower(track_name COLLATE "C")) = %s',
        rob.id,
        1,
    )
    assert "listen_track_name" in str(plan)
    player.post("track.love", artist="BJ\u00d6RK", track="J\u00f3GA")
    assert scores(connection) == [(rob.id, ON_ALBUM, 1)]
    player.post("track.unlove", artist="Björk", track="jóga")
    assert scores(connection) == []
