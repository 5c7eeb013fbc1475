"""Love and hate over HTTP: said by the owner of a token, read by everybody, brought in from files."""

import gzip
import io
import time
import zipfile
from typing import Any
from uuid import UUID

import jsonschema_rs
import orjson
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from jobs.listens.feedback import scores_of
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.msid import msid_of, recording_msid
from jobs.listens.write import write_submissions
from tests.webapi.conftest import Account, make_account

A, B = UUID("0b1a2c3d-0000-4000-8000-00000000000a"), UUID("0b1a2c3d-0000-4000-8000-00000000000b")
M, N = UUID("bf9e91ea-8029-4a04-a26a-224e00a83266"), UUID("65a6c2a5-2d8a-4c60-b5d6-0b1f7d4f2a51")
SAY = "/1/feedback/recording-feedback"
OF_ROB = "/1/feedback/user/rob/get-feedback"
ON = "/1/feedback/user/rob/get-feedback-for-recordings"
OK = (200, {"status": "ok"})


def say(client: FlaskClient, account: Account, score: Any, **ids: UUID | None) -> tuple[int, Any]:
    body = {name: str(one) if one else None for name, one in ids.items()} | {"score": score}
    answer = client.post(SAY, json=body, headers=account.headers)
    return answer.status_code, answer.get_json()


def listed(client: FlaskClient, path: str) -> list[tuple[str | None, str | None, int]]:
    """(MSID, MBID, score) of the items at a path."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return [(one["recording_msid"], one["recording_mbid"], one["score"]) for one in answer.get_json()["feedback"]]


def heard(connection: Connection, user_id: int, *listens: dict[str, Any]) -> list[UUID]:
    """Write these listens; their MSIDs."""
    write_submissions(connection, [Submission(new_message_id(), user_id, time.time_ns() // 1000, listens)])
    return [msid_of(listen["track_metadata"]) for listen in listens]


def track(listened_at: int, track_name: str, **more: Any) -> dict[str, Any]:
    metadata = {"artist_name": "Broadcast", "track_name": track_name, "additional_info": {}, **more}
    return {"listened_at": listened_at, "track_metadata": metadata}


def as_documented(client: FlaskClient, path: str, document: Any) -> None:
    api = client.get("/1/openapi.json").get_json()
    schema = api["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": api["components"]}, document)


def test_a_recording_is_loved_hated_and_neither_by_either_id(client: FlaskClient, rob: Account) -> None:
    assert say(client, rob, 1, recording_msid=A) == OK
    assert say(client, rob, -1, recording_mbid=M) == OK
    assert listed(client, OF_ROB) == [(None, str(M), -1), (str(A), None, 1)]
    assert say(client, rob, -1, recording_msid=A) == OK
    assert listed(client, OF_ROB) == [(str(A), None, -1), (None, str(M), -1)]
    assert say(client, rob, 0, recording_mbid=M) == OK
    assert say(client, rob, 0, recording_mbid=M) == OK, "what is not there is no error"
    assert listed(client, OF_ROB) == [(str(A), None, -1)]


def test_both_ids_are_one_recording_which_either_changes(client: FlaskClient, rob: Account) -> None:
    say(client, rob, 1, recording_msid=A)
    say(client, rob, -1, recording_mbid=M)
    say(client, rob, 1, recording_msid=A, recording_mbid=M)
    assert listed(client, OF_ROB) == [(str(A), str(M), 1)]
    say(client, rob, -1, recording_mbid=M)
    assert listed(client, OF_ROB) == [(str(A), str(M), -1)], "the other id stays known"
    say(client, rob, 0, recording_msid=A, recording_mbid=None)
    assert listed(client, OF_ROB) == []


@pytest.mark.parametrize(
    "path",
    [
        OF_ROB,
        f"{OF_ROB}?metadata=true",
        f"/1/feedback/recording/{M}/get-feedback-mbid",
        f"/1/feedback/recording/{A}/get-feedback",
        f"/1/feedback/user/rob/get-feedback-for-recordings?recording_msids={A}",
    ],
)
def test_what_is_unchanged_is_not_sent_again(client: FlaskClient, rob: Account, path: str) -> None:
    etag = ""
    for score in (1, -1, 0, 1):
        say(client, rob, score, recording_msid=A, recording_mbid=M)
        fresh = client.get(path, headers={"If-None-Match": etag})
        assert (fresh.status_code, fresh.headers["Cache-Control"]) == (200, "private, no-cache")
        scores = [item["score"] for item in fresh.get_json()["feedback"]]
        assert scores in ([score], [] if score == 0 else [score])
        etag = fresh.headers["ETag"]
        again = client.get(path, headers={"If-None-Match": etag})
        assert (again.status_code, again.data) == (304, b"")


def test_names_of_a_feedback_are_those_of_the_listens_now(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    [msid] = heard(connection, rob.id, track(1_600_000_000, "Papercuts"))
    say(client, rob, 1, recording_msid=msid)
    etag = client.get(f"{OF_ROB}?metadata=true").headers["ETag"]
    heard(connection, rob.id, track(1_600_000_100, "PAPERCUTS"))
    named = client.get(f"{OF_ROB}?metadata=true", headers={"If-None-Match": etag}).get_json()["feedback"]
    assert [item["track_metadata"]["track_name"] for item in named] == ["PAPERCUTS"]
    assert client.get(OF_ROB, headers={"If-None-Match": etag}).status_code == 200


def test_the_same_again_changes_not_even_the_time(client: FlaskClient, rob: Account, connection: Connection) -> None:
    say(client, rob, 1, recording_msid=A, recording_mbid=M)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE recording_feedback SET created = to_timestamp(1700000000)")
    for ids in ({"recording_msid": A, "recording_mbid": M}, {"recording_msid": A}, {"recording_mbid": M}):
        assert say(client, rob, 1, **ids) == OK
    [item] = client.get(OF_ROB).get_json()["feedback"]
    assert item == {
        "created": 1700000000,
        "recording_msid": str(A),
        "recording_mbid": str(M),
        "score": 1,
        "track_metadata": None,
        "user_id": "Rob",
    }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"recording_msid": str(A)}, "expected a score"),
        ({"score": 1}, "expected recording_msid or recording_mbid"),
        ({"score": 1, "recording_msid": None, "recording_mbid": None}, "expected recording_msid or recording_mbid"),
        ({"score": 1, "recording_msid": "x"}, "recording_msid format invalid"),
        ({"score": 1, "recording_msid": ""}, "recording_msid format invalid"),
        ({"score": 1, "recording_msid": str(A), "recording_mbid": 7}, "recording_mbid format invalid"),
        ({"score": 2, "recording_msid": str(A)}, "expected a score"),
        ({"score": True, "recording_msid": str(A)}, "expected a score"),
        ({"score": "1", "recording_msid": str(A)}, "expected a score"),
        ({"score": 1.0, "recording_msid": str(A)}, "expected a score"),
        ({"score": None, "recording_msid": str(A)}, "expected a score"),
        ({"score": 1, "recording_msid": str(A), "user_id": "zoe"}, "user_id is not a key"),
        ([], "Top level of JSON document should be a json object"),
        (b"{", "Cannot parse JSON document"),
        (b'{"score": NaN}', "Cannot parse JSON document"),
    ],
)
def test_what_is_no_feedback_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, body: Any, said: str
) -> None:
    sent = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = standing_client.post(SAY, data=sent, headers=standing_rob.headers)
    assert (answer.status_code, answer.get_json()["code"]) == (400, 400)
    assert said in answer.get_json()["error"]
    assert listed(standing_client, OF_ROB) == []


def test_only_the_owner_of_a_token_says(client: FlaskClient, rob: Account, connection: Connection) -> None:
    zoe = make_account(connection, "Zoe")
    assert client.post(SAY, json={"recording_msid": str(A), "score": 1}).status_code == 401
    say(client, rob, 1, recording_msid=A)
    say(client, zoe, 0, recording_msid=A)
    say(client, zoe, -1, recording_mbid=M)
    assert listed(client, OF_ROB) == [(str(A), None, 1)]
    assert listed(client, "/1/feedback/user/zoe/get-feedback") == [(None, str(M), -1)]


def test_a_users_feedback_comes_in_pages_newest_first_and_by_score(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    ids = [UUID(int=n) for n in range(1, 31)]
    with transaction(connection) as cursor:
        for n, one in enumerate(ids):
            cursor.execute(
                "INSERT INTO recording_feedback (user_id, recording_msid, score, created)"
                " VALUES (%s, %s, %s, to_timestamp(%s))",
                (rob.id, one, -1 if n % 3 == 0 else 1, 1_700_000_000 + n),
            )
    newest_first = [(str(one), None, -1 if n % 3 == 0 else 1) for n, one in enumerate(ids)][::-1]
    first = client.get(OF_ROB).get_json()
    assert (first["count"], first["total_count"], first["offset"]) == (25, 30, 0)
    assert listed(client, OF_ROB) == newest_first[:25]
    assert listed(client, f"{OF_ROB}?offset=25&count=9") == newest_first[25:]
    assert listed(client, f"{OF_ROB}?offset=40") == []
    hated = [one for one in newest_first if one[2] == -1]
    assert listed(client, f"{OF_ROB}?score=-1&count=1000") == hated
    assert client.get(f"{OF_ROB}?score=-1&count=3").get_json()["total_count"] == len(hated)
    as_documented(client, "/1/feedback/user/{user_name}/get-feedback", first)


def test_names_are_those_of_the_users_own_listens_when_they_are_asked_for(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe = make_account(connection, "Zoe")
    a, b, c, _ = heard(
        connection,
        rob.id,
        track(1_700_000_001, "By MSID", release_name="Tender Buttons"),
        track(1_700_000_002, "By submitted MBID", additional_info={"recording_mbid": str(M)}),
        track(1_700_000_003, "By mapping"),
        track(1_700_000_009, "By MSID", release_name="tender buttons"),
    )
    put_mapping(connection, MappingRow(None, str(c), "automatic", recording_mbid=str(N), artist_mbids=(str(M),)))
    heard(connection, zoe.id, track(1_700_000_004, "Hers"))
    hers = msid_of(track(0, "Hers")["track_metadata"])
    for ids in ({"recording_msid": hers}, {"recording_mbid": N}, {"recording_mbid": M}, {"recording_msid": a}):
        say(client, rob, 1, **ids)
    document = client.get(f"{OF_ROB}?metadata=True").get_json()
    assert [one["track_metadata"] for one in document["feedback"]] == [
        {
            "artist_name": "Broadcast",
            "track_name": "By MSID",
            "release_name": "tender buttons",
            "additional_info": {"recording_msid": str(a)},
        },
        {
            "artist_name": "Broadcast",
            "track_name": "By submitted MBID",
            "additional_info": {"recording_msid": str(b)},
            "mbid_mapping": {"recording_mbid": str(M), "artist_mbids": []},
        },
        {
            "artist_name": "Broadcast",
            "track_name": "By mapping",
            "additional_info": {"recording_msid": str(c)},
            "mbid_mapping": {"recording_mbid": str(N), "artist_mbids": [str(M)]},
        },
        None,
    ]
    as_documented(client, "/1/feedback/user/{user_name}/get-feedback", document)
    for off in ("", "?metadata=false", "?metadata="):
        assert {one["track_metadata"] for one in client.get(OF_ROB + off).get_json()["feedback"]} == {None}


def test_a_recording_tells_who_loves_it_and_counts_every_score(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    zoe = make_account(connection, "Zoe")
    say(client, rob, 1, recording_msid=A, recording_mbid=M)
    say(client, zoe, -1, recording_mbid=M)
    say(client, zoe, 1, recording_msid=B)
    by_mbid = f"/1/feedback/recording/{M}/get-feedback-mbid"
    document = client.get(by_mbid).get_json()
    assert [(one["user_id"], one["score"]) for one in document["feedback"]] == [("Zoe", -1), ("Rob", 1)]
    loved = client.get(f"/1/feedback/recording/{str(M).upper()}/get-feedback-mbid?score=1").get_json()
    assert [one["user_id"] for one in loved["feedback"]] == ["Rob"]
    assert (loved["count"], loved["total_count"]) == (1, 2)
    by_msid = client.get(f"/1/feedback/recording/{A}/get-feedback").get_json()
    assert [(one["user_id"], one["recording_mbid"]) for one in by_msid["feedback"]] == [("Rob", str(M))]
    assert listed(client, f"/1/feedback/recording/{M}/get-feedback") == []
    assert listed(client, f"{by_mbid}?offset=1&count=1") == [(str(A), str(M), 1)]
    as_documented(client, "/1/feedback/recording/{recording_mbid}/get-feedback-mbid", document)


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("user/nobody/get-feedback", 404, "Cannot find user: nobody"),
        ("user/nobody/get-feedback?score=7", 404, "Cannot find user: nobody"),
        ("user/rob/get-feedback?score=0", 400, "Score can have a value of 1 or -1."),
        ("user/rob/get-feedback?score=love", 400, "Score can have a value of 1 or -1."),
        ("user/rob/get-feedback?metadata=1", 400, "Invalid metadata argument: 1. Must be 'true' or 'false'"),
        ("user/rob/get-feedback?count=-1", 400, "'count' should be a non-negative integer"),
        ("user/rob/get-feedback?offset=x", 400, "'offset' should be a non-negative integer"),
        ("recording/x/get-feedback", 400, "x msid format invalid."),
        ("recording/x/get-feedback-mbid", 400, "x mbid format invalid."),
        (f"recording/{M}0/get-feedback-mbid", 400, f"{M}0 mbid format invalid."),
        (f"recording/{M}/get-feedback-mbid?score=2", 400, "Score can have a value of 1 or -1."),
        ("user/nobody/get-feedback-for-recordings", 404, "Cannot find user: nobody"),
        ("user/rob/get-feedback-for-recordings", 400, "No valid recording msid or recording mbid found."),
        ("user/rob/get-feedback-for-recordings?recording_msids=,x,%00", 400, "No valid recording msid or"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(
    standing_client: FlaskClient, standing_rob: Account, path: str, status: int, said: str
) -> None:
    answer = standing_client.get(f"/1/feedback/{path}")
    assert answer.status_code == status
    assert said in answer.get_json()["error"]


def test_what_a_user_says_of_given_recordings_has_a_zero_for_nothing(client: FlaskClient, rob: Account) -> None:
    say(client, rob, 1, recording_msid=A, recording_mbid=M)
    say(client, rob, -1, recording_mbid=N)
    unknown = UUID(int=5)
    asked = f"?recording_msids={unknown},x, {A},{A}&recording_mbids={M},{N}"
    expected = [(str(unknown), None, 0), (str(A), str(M), 1), (None, str(N), -1)]
    assert listed(client, ON + asked) == expected
    document = client.get(ON + asked).get_json()
    assert [*document] == ["feedback"]
    assert document["feedback"][0]["created"] is None
    as_documented(client, "/1/feedback/user/{user_name}/get-feedback-for-recordings", document)

    body = {"recording_msids": [str(unknown), "x", str(A)], "recording_mbids": [str(M), str(N)]}
    assert client.post(ON, json=body).get_json() == document
    assert listed(client, f"{ON}?recordings={A}") == [(str(A), str(M), 1)], "the former name"
    assert listed(client, f"{ON}?recording_mbids={A}") == [(None, str(A), 0)]


def test_a_thousand_recordings_are_asked_for_at_once(client: FlaskClient, rob: Account) -> None:
    ids = [str(UUID(int=n)) for n in range(1, 1002)]
    assert len(client.post(ON, json={"recording_msids": ids[:1000]}).get_json()["feedback"]) == 1000
    body: Any
    for body, said in (
        ({"recording_msids": ids}, "at most 1000"),
        ({"recording_msids": "x"}, "expected a list"),
        ({"recording_mbids": [5]}, "expected a list"),
        ({}, "No valid recording"),
        ([], "Top level"),
    ):
        answer = client.post(ON, json=body)
        assert (answer.status_code, said in answer.get_json()["error"]) == (400, True), body


def bring(client: FlaskClient, account: Account, content: bytes, name: str = "feedback.jsonl") -> tuple[int, Any]:
    form = {"file": (io.BytesIO(content), name)}
    answer = client.post("/1/feedback/import", data=form, headers=account.headers)
    return answer.status_code, answer.get_json()


def lines(*documents: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(document) + b"\n" for document in documents)


LOVED = lines(
    {"recording_msid": str(A), "recording_mbid": None, "score": 1, "created": "2024-01-01T00:00:00+00:00"},
    {"recording_mbid": str(M), "feedback": -1, "created": 1_700_000_000},
)


def zipped(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return written.getvalue()


@pytest.mark.parametrize("content", [LOVED, gzip.compress(LOVED), zipped(user_json=b"{}", feedback_jsonl=LOVED)])
def test_a_file_of_feedback_is_brought_in_once(client: FlaskClient, rob: Account, content: bytes) -> None:
    assert bring(client, rob, content) == (200, {"total": 2, "imported": 2, "rejected": 0, "problems": []})
    assert listed(client, OF_ROB) == [(str(A), None, 1), (None, str(M), -1)]
    assert [one["created"] for one in client.get(OF_ROB).get_json()["feedback"]] == [1_704_067_200, 1_700_000_000]
    assert bring(client, rob, content)[1]["imported"] == 0


def test_loved_tracks_of_last_fm_are_of_the_newest_listen_with_their_names(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    older, newer, _ = heard(
        connection,
        rob.id,
        track(1_600_000_000, "Papercuts"),
        track(1_600_000_100, "PaperCuts", release_name="The Noise Made by People"),
        track(1_600_000_200, "Papercuts", artist_name="Somebody else"),
    )
    unheard = recording_msid("Pram", "Loco", None, None, None)
    tracks = [
        {"artist": {"name": "broadcast"}, "name": "papercuts", "date": {"uts": "1650000000"}, "mbid": str(M)},
        {"artist": {"name": "Pram"}, "name": " Loco ", "date": {"uts": "1640000000"}},
        {"artist": {"name": "Pram"}, "name": ""},
    ]
    content = orjson.dumps({"lovedtracks": {"track": tracks, "@attr": {"user": "rob"}}})
    status, document = bring(client, rob, content, "loved.json")
    assert (status, document["total"], document["imported"], document["rejected"]) == (200, 3, 2, 1)
    assert document["problems"] == [{"item": "track 3", "reason": "track: expected a name, got ''"}]
    assert older != newer
    assert listed(client, OF_ROB) == [(str(newer), None, 1), (str(unheard), None, 1)]
    assert bring(client, rob, content, "loved.json")[1]["imported"] == 0


def test_an_old_file_takes_nothing_back_and_of_its_lines_the_newest_holds(client: FlaskClient, rob: Account) -> None:
    say(client, rob, -1, recording_msid=A)
    again = [
        {"recording_mbid": str(M), "score": score, "created": at} for score, at in ((1, 9e8), (-1, 9.5e8), (1, 8e8))
    ]
    assert bring(client, rob, LOVED + lines(*again))[1] == {"total": 5, "imported": 1, "rejected": 0, "problems": []}
    assert listed(client, OF_ROB) == [(str(A), None, -1), (None, str(M), -1)]


def test_lines_that_are_no_feedback_are_named_and_cost_nothing_else(client: FlaskClient, rob: Account) -> None:
    content = LOVED + b"{\n" + lines({"listened_at": 5}, {"score": 7, "recording_msid": str(B)}, {"score": 1})
    status, document = bring(client, rob, content)
    assert (status, document["total"], document["imported"], document["rejected"]) == (200, 6, 2, 4)
    assert [problem["item"] for problem in document["problems"]] == ["line 3", "line 4", "line 5", "line 6"]
    assert document["problems"][1]["reason"].startswith("expected love or hate")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"artist,track\nA,b\n", "Nothing in the file is love or hate. line 1: not JSON"),
        (lines({"listened_at": 5}), "Nothing in the file is love or hate. line 1: expected love or hate"),
        (zipped(user_json=b"{}"), "The file cannot be read: the zip has no feedback.jsonl."),
        (LOVED[:0] + b"PK\x03\x04 no zip", "The file cannot be read"),
        (gzip.compress(LOVED)[:-9], "The file cannot be read"),
    ],
)
def test_a_file_without_feedback_changes_nothing(client: FlaskClient, rob: Account, content: bytes, said: str) -> None:
    status, document = bring(client, rob, content)
    assert (status, document["code"]) == (400, 400)
    assert said in document["error"]
    assert listed(client, OF_ROB) == []


def test_a_file_that_is_too_large_is_413(client: FlaskClient, rob: Account) -> None:
    assert bring(client, rob, b" " * 10_240_001)[0] == 413
    assert bring(client, rob, b" " * 10_400_000)[0] == 413


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"service": "lastfm", "user_name": "rj"}, "does not ask lastfm what a user loves there: send a file"),
        ({"service": "napster", "user_name": "rj"}, "Service does not exist: napster"),
        ({"service": "lastfm"}, "user_name is missing"),
        ({"user_name": "rj"}, "service is missing"),
        ({"service": 5, "user_name": "rj"}, "service is missing"),
        ([], "Top level"),
    ],
)
def test_no_other_service_is_asked(standing_client: FlaskClient, standing_rob: Account, body: Any, said: str) -> None:
    answer = standing_client.post("/1/feedback/import", json=body, headers=standing_rob.headers)
    assert answer.status_code == 400
    assert said in answer.get_json()["error"]
    assert standing_client.post("/1/feedback/import", json=body).status_code == 401


def test_what_is_said_here_shows_on_listens_by_either_id(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    say(client, rob, -1, recording_msid=A, recording_mbid=M)
    with transaction(connection) as cursor:
        assert scores_of(cursor, rob.id, [(A, None), (B, str(M)), (B, None)]) == [-1, -1, 0]
