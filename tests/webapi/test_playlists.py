"""Playlists over HTTP: made, read by who may read them, and listed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.jspf import PLAYLIST_EXTENSION, TRACK_EXTENSION
from jobs.listens.prune import prune_playlists
from tests.webapi.conftest import Account, Drain, listen, make_account, submission
from webapi import create_app

M, N = (UUID(f"d23f4719-9212-49f0-ad08-ddbfbfc50d6{digit}") for digit in "fe")
CREATE = "/1/playlist/create"
URI = "https://musicbrainz.org/recording/{}".format
Sent = dict[str, Any]


def jspf(title: object = "Rain", public: object = True, tracks: object = (), **extension: Any) -> Sent:
    said = {"public": public, **extension}
    return {"playlist": {"title": title, "extension": {PLAYLIST_EXTENSION: said}, "track": tracks}}


def track(mbid: UUID) -> Sent:
    return {"identifier": URI(mbid)}


def post(client: FlaskClient, account: Account, body: Any) -> tuple[int, Any]:
    answer = client.post(CREATE, data=orjson.dumps(body), headers=account.headers)
    return answer.status_code, answer.get_json()


def made(client: FlaskClient, account: Account, body: Any) -> str:
    status, document = post(client, account, body)
    assert status == 200, document
    assert document["status"] == "ok"
    return str(document["playlist_mbid"])


def read(client: FlaskClient, mbid: str, account: Account | None = None, query: str = "") -> Sent:
    answer = client.get(f"/1/playlist/{mbid}{query}", headers=account.headers if account else {})
    assert answer.status_code == 200, answer.text
    document: Sent = answer.get_json()
    as_documented(client, "/1/playlist/{playlist_mbid}", document)
    playlist: Sent = document["playlist"]
    return playlist


def listed(client: FlaskClient, path: str, account: Account | None = None) -> tuple[list[str], int]:
    """(titles, playlist_count)."""
    answer = client.get(path, headers=account.headers if account else {})
    assert answer.status_code == 200, answer.text
    document = answer.get_json()
    as_documented(client, "/1/user/{user_name}/playlists", document)
    assert all(one["playlist"]["track"] == [] for one in document["playlists"])
    return [one["playlist"]["title"] for one in document["playlists"]], document["playlist_count"]


def as_documented(client: FlaskClient, path: str, document: Any) -> None:
    api = client.get("/1/openapi.json").get_json()
    schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, document)


def said(playlist: Mapping[str, Any]) -> Sent:
    extension: Sent = playlist["extension"][PLAYLIST_EXTENSION]
    return extension


@pytest.fixture
def bot(connection: Connection) -> Account:
    return make_account(connection, "Troi-Bot")


@pytest.fixture
def bots_client(settings: Settings) -> FlaskClient:
    return create_app(replace(settings, playlist_bots="other, troi-bot")).test_client()


def test_a_playlist_is_made_and_read_with_its_tracks_in_order(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    make_account(connection, "zoe")
    make_account(connection, "Ann")
    tracks = [track(N), {"identifier": ["https://example.org", URI(M)], "title": "x"}, track(N)]
    body = jspf(tracks=tracks, collaborators=["ZOE", "Ann", "zoe", "rob"], created_for=None, additional_metadata=None)
    body["playlist"] |= {"annotation": "<p onclick=x>wet</p>", "creator": "zoe", "date": "1999"}

    mbid = made(client, rob, body)

    playlist = read(client, mbid)
    assert (playlist["title"], playlist["creator"], playlist["annotation"]) == ("Rain", "Rob", "<p>wet</p>")
    assert playlist["identifier"] == f"https://listenbrainz.org/playlist/{mbid}"
    assert said(playlist) == {
        "public": True,
        "creator": "Rob",
        "last_modified_at": playlist["date"],
        "collaborators": ["Ann", "zoe"],
    }
    assert [one["identifier"] for one in playlist["track"]] == [[URI(one)] for one in (N, M, N)]
    assert {one["extension"][TRACK_EXTENSION]["added_by"] for one in playlist["track"]} == {"Rob"}


def test_an_empty_playlist_has_no_more_keys_than_it_must(client: FlaskClient, rob: Account) -> None:
    body = jspf()
    del body["playlist"]["track"]
    playlist = read(client, made(client, rob, body), query="?fetch_metadata=false")
    assert sorted(playlist) == ["creator", "date", "extension", "identifier", "title", "track"]
    assert sorted(said(playlist)) == ["creator", "last_modified_at", "public"]


def test_tracks_have_the_names_under_which_the_creator_heard_them(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    artist = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
    client.post(
        "/1/submit-listens",
        json=submission(listen(recording_mbid=str(M), artist_mbids=[artist])),
        headers=rob.headers,
    )
    drain()
    mbid = made(client, rob, jspf(tracks=[track(M), track(N)]))
    heard, unheard = read(client, mbid)["track"]
    assert (heard["title"], heard["creator"]) == ("Song", "Artist")
    assert heard["extension"][TRACK_EXTENSION]["artist_identifiers"] == [f"https://musicbrainz.org/artist/{artist}"]
    assert (unheard["title"], "creator" in unheard) == ("", False)
    bare = read(client, mbid, query="?fetch_metadata=FALSE")["track"]
    assert [sorted(one) for one in bare] == [["extension", "identifier"]] * 2
    assert client.get(f"/1/playlist/{mbid}?fetch_metadata=no").status_code == 400


@pytest.mark.parametrize("whose", ["user", "sitewide"])
def test_tracks_that_the_creator_did_not_hear_lately_have_the_names_of_stored_lists(
    client: FlaskClient, rob: Account, connection: Connection, whose: str
) -> None:
    struct = {
        "track_name": "Rain", "recording_mbid": str(N), "artist_name": "Low", "artist_mbids": [str(M)],
        "release_name": "Hey", "release_mbid": None, "artists": None, "caa_id": None, "caa_release_mbid": None,
    }  # fmt: skip
    with transaction(connection) as cursor:
        cursor.execute("INSERT INTO result_entity (id, doc) VALUES (5, %s)", (orjson.dumps(struct).decode(),))
        cursor.execute(
            "INSERT INTO result_list (statistic, stats_range, key, ids, counts)"
            " VALUES (%s, 'all_time', %s, '{5}', '{3}')",
            (f"{whose}_recordings", rob.id if whose == "user" else 0),
        )
    mbid = made(client, rob, jspf(tracks=[track(M), track(N)]))
    unheard, listed = read(client, mbid)["track"]

    assert (unheard["title"], "creator" in unheard) == ("", False)
    assert (listed["title"], listed["creator"], listed["album"]) == ("Rain", "Low", "Hey")
    assert listed["extension"][TRACK_EXTENSION]["artist_identifiers"] == [f"https://musicbrainz.org/artist/{M}"]


def test_a_private_playlist_is_there_for_its_creator_and_collaborators_alone(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe, eve = make_account(connection, "Zoe"), make_account(connection, "Eve")
    mbid = made(client, rob, jspf("Secret", public=False, collaborators=["Zoe"]))
    made(client, rob, jspf("Open"))

    assert [read(client, mbid, one)["title"] for one in (rob, zoe)] == ["Secret"] * 2
    for headers in ({}, eve.headers):
        answer = client.get(f"/1/playlist/{mbid}", headers=headers)
        assert (answer.status_code, answer.get_json()["error"]) == (404, f"Cannot find playlist: {mbid}")
    assert listed(client, "/1/user/rob/playlists", rob) == (["Open", "Secret"], 2)
    for reader in (None, zoe, eve):
        assert listed(client, "/1/user/rob/playlists", reader) == (["Open"], 1)


def test_a_wrong_token_is_refused_where_none_is_needed(standing_client: FlaskClient, standing_rob: Account) -> None:
    wrong = {"Authorization": "Token 0"}
    for path in (f"/1/playlist/{M}", "/1/user/rob/playlists"):
        assert standing_client.get(path, headers=wrong).status_code == 401
    assert standing_client.post(CREATE, json=jspf()).status_code == 401


def test_lists_have_no_limit_and_zero_is_all_of_them(client: FlaskClient, rob: Account) -> None:
    titles = [str(n) for n in range(27)]
    for title in titles:
        made(client, rob, jspf(title))
    path = "/1/user/ROB/playlists"
    assert listed(client, path) == (titles[:1:-1], 27)
    assert listed(client, f"{path}?count=0") == (titles[::-1], 27)
    assert listed(client, f"{path}?count=3000&offset=25") == (["1", "0"], 27)
    assert client.get(f"{path}?count=3000").get_json()["count"] == 3000


def test_a_bot_makes_playlists_for_others_and_the_newest_of_a_kind_stays(
    bots_client: FlaskClient, bot: Account, rob: Account, connection: Connection
) -> None:
    kind = {"algorithm_metadata": {"source_patch": "weekly-jams"}}
    first = made(bots_client, bot, jspf("first", created_for="rob", additional_metadata=kind))
    made(bots_client, bot, jspf("other", created_for="rob", additional_metadata={"x": "\0"}))
    body = jspf("second", additional_metadata=kind)
    body["playlist"] |= {"created_for": "ROB", "annotation": "<h1>Hello</h1>"}
    second = read(bots_client, made(bots_client, bot, body))
    made(bots_client, bot, jspf("hidden", public=False, created_for="rob"))

    assert (said(second)["created_for"], said(second)["additional_metadata"]) == ("Rob", kind)
    assert second["annotation"] == "<h1>Hello</h1>", "what an approved bot writes is left as it is"
    assert bots_client.get(f"/1/playlist/{first}").status_code == 404
    assert listed(bots_client, "/1/user/rob/playlists/createdfor", rob) == (["second", "other"], 2)
    assert listed(bots_client, "/1/user/rob/playlists", rob) == ([], 0)


def test_nobody_but_an_approved_bot_makes_playlists_for_others(
    client: FlaskClient, bots_client: FlaskClient, bot: Account, rob: Account
) -> None:
    for asked, account in ((client, bot), (bots_client, rob)):
        status, document = post(asked, account, jspf(created_for="rob"))
        assert (status, document["code"]) == (403, 403)
    kind = {"algorithm_metadata": {"source_patch": "weekly-jams"}}
    playlist = read(client, made(client, rob, jspf(additional_metadata=kind)))
    assert "additional_metadata" not in said(playlist)


def test_what_has_expired_is_not_there_and_goes(client: FlaskClient, rob: Account, connection: Connection) -> None:
    mbid, kept = made(client, rob, jspf("old")), made(client, rob, jspf("kept"))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE playlist SET expires = now() - interval '1 second' WHERE mbid = %s", (mbid,))
        cursor.execute("UPDATE playlist SET expires = now() + interval '1 hour' WHERE mbid = %s", (kept,))
    assert client.get(f"/1/playlist/{mbid}", headers=rob.headers).status_code == 404
    assert listed(client, "/1/user/rob/playlists", rob) == (["kept"], 1)
    with transaction(connection) as cursor:
        assert prune_playlists(cursor) == 1
        cursor.execute("SELECT title FROM playlist")
        assert cursor.fetchall() == [("kept",)]


NO_RECORDING = "JSPF playlist track 0 must contain a identifier field having a fully qualified URI to a recording_mbid."


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "JSPF playlist requires 'playlist' element."),
        ({"playlist": []}, "JSPF playlist must be a json object."),
        ({"playlist": {}}, "JSPF playlist must contain a title element with the title of the playlist."),
        (jspf(""), "JSPF playlist must contain a title element with the title of the playlist."),
        (jspf(5), "JSPF playlist must contain a title element with the title of the playlist."),
        (jspf("a\0b"), "JSPF playlist title contains a unicode null"),
        (
            {"playlist": {"title": "x"}},
            "JSPF playlist.extension.https://musicbrainz.org/doc/jspf#playlist.public field must be given.",
        ),
        (jspf(public="true"), "public field must contain a boolean."),
        (jspf(collaborators="zoe"), "collaborators must be a list of names."),
        (jspf(collaborators=[5]), "collaborators must be a list of names."),
        (jspf(collaborators=[""]), "collaborators must be a list of names."),
        (jspf(collaborators=["nobody"]), "Collaborator nobody doesn't exist"),
        (jspf(collaborators=["no\0body"]), "doesn't exist"),
        (jspf(created_for=5), "created_for must be the name of a user."),
        (jspf(tracks={}), "JSPF playlist.track must be a list of tracks."),
        (jspf(tracks=[5]), NO_RECORDING),
        (jspf(tracks=[{}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": None}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": []}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": "javascript:alert(1)"}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": "file:///etc/passwd"}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": f"https://example.org/recording/{M}"}]), NO_RECORDING),
        (jspf(tracks=[{"identifier": URI("x")}]), NO_RECORDING),
        ({"playlist": {**jspf()["playlist"], "annotation": 5}}, "JSPF playlist.annotation must be a string."),
        ({"playlist": {"title": "x", "extension": []}}, "JSPF extension must be a json object."),
        ([], "Top level of JSON document should be a json object"),
    ],
)
def test_what_is_no_playlist_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, body: Any, error: str
) -> None:
    status, document = post(standing_client, standing_rob, body)
    assert (status, document["code"]) == (400, 400)
    assert error in document["error"]
    assert listed(standing_client, "/1/user/rob/playlists", standing_rob) == ([], 0)


@pytest.mark.parametrize(
    ("path", "status", "error"),
    [
        ("/1/playlist/x", 400, "Provided playlist ID is invalid."),
        (f"/1/playlist/{M}", 404, f"Cannot find playlist: {M}"),
        ("/1/user/nobody/playlists", 404, "Cannot find user: nobody"),
        ("/1/user/nobody/playlists/createdfor", 404, "Cannot find user: nobody"),
        ("/1/user/rob/playlists?count=-1", 400, "'count' should be a non-negative integer"),
        ("/1/user/rob/playlists/createdfor?offset=x", 400, "'offset' should be a non-negative integer"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, path: str, status: int, error: str
) -> None:
    answer = standing_client.get(path)
    assert (answer.status_code, answer.get_json()["error"]) == (status, error)


def test_an_unknown_user_is_no_one_to_make_a_playlist_for(bots_client: FlaskClient, bot: Account) -> None:
    status, document = post(bots_client, bot, jspf(created_for="nobody"))
    assert (status, document["error"]) == (400, "User nobody doesn't exist")
