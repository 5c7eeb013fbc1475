"""GET listens and listen-count: paging, bounds, the shape clients read, and every odd query."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection
from jobs.listens.listen import Submission
from jobs.listens.write import write_submissions
from tests.webapi.conftest import Account, Drain, listen, make_account, submission

MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
ARTIST = "db92a151-1ac2-438b-bc43-b82e149ddd50"
BASE = 1_600_000_000


def submit(client: FlaskClient, account: Account, drain: Drain, *listens: dict[str, Any]) -> None:
    answer = client.post("/1/submit-listens", json=submission(*listens), headers=account.headers)
    assert answer.status_code == 200, answer.text
    drain()


@pytest.fixture
def ten(client: FlaskClient, rob: Account, drain: Drain) -> Account:
    """Rob with ten listens, one per second from BASE."""
    submit(client, rob, drain, *(listen(BASE + n, f"Song {n}") for n in range(10)))
    return rob


def payload(client: FlaskClient, query: str = "", name: str = "rob") -> dict[str, Any]:
    answer = client.get(f"/1/user/{name}/listens{query}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.get_json()["payload"]
    assert found["count"] == len(found["listens"])
    return found


def times(client: FlaskClient, query: str) -> list[int]:
    return [row["listened_at"] - BASE for row in payload(client, query)["listens"]]


def test_a_page_of_large_listens_holds_fewer_and_paging_on_finds_them_all(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    large = "x" * 4_000_000  # two fit into a page of ten million bytes
    listens = tuple(listen(BASE + n, f"Song {n}", note=large) for n in range(5))
    write_submissions(connection, [Submission(uuid4(), rob.id, 1, listens)])
    down = ["", f"&max_ts={BASE + 3}", f"&max_ts={BASE + 1}"]
    assert [times(client, f"?count=1000{bound}") for bound in down] == [[4, 3], [2, 1], [0]]
    up = [f"&min_ts={BASE - 1}", f"&min_ts={BASE + 1}", f"&min_ts={BASE + 3}"]
    assert [times(client, f"?count=1000{bound}") for bound in up] == [[1, 0], [3, 2], [4]]


def test_a_listen_larger_than_a_page_is_a_page_of_its_own(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    huge = tuple(listen(BASE + n, f"Song {n}", note="x" * 10_100_000) for n in range(2))
    write_submissions(connection, [Submission(uuid4(), rob.id, 1, huge)])
    assert times(client, "") == [1]
    assert times(client, f"?min_ts={BASE - 1}") == [0]


def test_a_long_key_over_many_small_ones_does_not_make_the_answer_grow_without_measure(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    hostile: dict[str, Any] = {"k" * 5000: {str(n): 1 for n in range(500)}}  # 2.5 MB of dotted keys
    usual: dict[str, Any] = {"long_name_of_an_object": {"with": {str(n): 1 for n in range(300)}}}
    submit(client, rob, drain, listen(BASE + 1, **hostile), listen(BASE, **usual))
    found = [row["track_metadata"]["additional_info"] for row in payload(client)["listens"]]
    for info in found:
        del info["recording_msid"]
    assert found == [hostile, {f"long_name_of_an_object.with.{n}": 1 for n in range(300)}]


def test_a_listen_comes_back_in_the_documented_shape(client: FlaskClient, rob: Account, drain: Drain) -> None:
    sent = listen(BASE, recording_mbid=MBID, artist_mbids=[ARTIST], release_mbid=MBID, a={"b": {"c": 1}, "d": []})
    sent["track_metadata"]["release_name"] = " Album "
    submit(client, rob, drain, sent)
    [row] = payload(client, name="rOB")["listens"]
    inserted_at, msid = row.pop("inserted_at"), row.pop("recording_msid")
    assert type(inserted_at) is int
    assert inserted_at > BASE
    assert row == {
        "listened_at": BASE,
        "user_name": "rOB",
        "track_metadata": {
            "artist_name": "Artist",
            "track_name": "Song",
            "release_name": "Album",
            "additional_info": {
                "recording_mbid": MBID,
                "artist_mbids": [ARTIST],
                "release_mbid": MBID,
                "a.b.c": 1,
                "a.d": [],
                "recording_msid": msid,
            },
            "mbid_mapping": {"recording_mbid": MBID, "artist_mbids": [ARTIST], "release_mbid": MBID},
        },
    }


def test_an_unmatched_listen_has_no_mapping_and_always_an_additional_info(client: FlaskClient, ten: Account) -> None:
    track = payload(client, "?count=1")["listens"][0]["track_metadata"]
    assert "mbid_mapping" not in track
    assert list(track["additional_info"]) == ["recording_msid"]


def test_both_bounds_are_exclusive_and_min_ts_gives_the_listens_closest_above_it(
    client: FlaskClient, ten: Account
) -> None:
    assert times(client, "") == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
    assert times(client, "?count=3") == [9, 8, 7]
    assert times(client, f"?count=3&max_ts={BASE + 7}") == [6, 5, 4]
    assert times(client, f"?count=3&min_ts={BASE + 2}") == [5, 4, 3]
    assert times(client, f"?count=3&min_ts={BASE + 2}&max_ts={BASE + 5}") == [4, 3]
    assert times(client, f"?count=3&min_ts={BASE + 2}&max_ts={BASE + 3}") == []
    assert times(client, "?count=0") == []
    assert times(client, "?min_ts=&max_ts=&count=&from_ts=5") == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


def test_the_totals_are_of_the_user_and_not_of_the_page(client: FlaskClient, ten: Account) -> None:
    page = payload(client, f"?count=1&max_ts={BASE + 5}")
    assert (page["latest_listen_ts"], page["oldest_listen_ts"], page["user_id"]) == (BASE + 9, BASE, "rob")
    assert client.get("/1/user/rob/listen-count").get_json() == {"payload": {"count": 10}}


def test_paging_forward_and_backward_gives_every_listen_once(client: FlaskClient, ten: Account) -> None:
    forward: list[int] = []
    while page := times(client, f"?count=3&min_ts={BASE + (forward[-1] if forward else -1)}"):
        forward += page[::-1]
    backward: list[int] = []
    while page := times(client, f"?count=3&max_ts={BASE + (backward[-1] if backward else 10)}"):
        backward += page
    assert forward == backward[::-1] == list(range(10))


def test_a_count_above_the_maximum_is_clamped(client: FlaskClient, rob: Account, drain: Drain) -> None:
    submit(client, rob, drain, *(listen(BASE + n) for n in range(1000)))
    submit(client, rob, drain, *(listen(BASE + 1000 + n) for n in range(100)))
    assert payload(client, "?count=1000000")["count"] == 1000
    assert payload(client)["count"] == 25


def test_a_user_without_listens_has_zeroes(standing_client: FlaskClient, standing_rob: Account) -> None:
    assert payload(standing_client) == {
        "count": 0,
        "user_id": "rob",
        "latest_listen_ts": 0,
        "oldest_listen_ts": 0,
        "listens": [],
    }
    assert standing_client.get("/1/user/rob/listen-count").get_json() == {"payload": {"count": 0}}


@pytest.mark.parametrize("value", ["abc", "1e3", "1.5", "9" * 5000, "\0", "٣", "5_0"])
def test_a_count_that_is_no_number_is_refused(standing_client: FlaskClient, standing_rob: Account, value: str) -> None:
    answer = standing_client.get("/1/user/rob/listens", query_string={"count": value})
    assert (answer.status_code, answer.get_json()["error"]) == (400, f"Invalid count argument: {value}")


def test_a_negative_count_is_refused(standing_client: FlaskClient, standing_rob: Account) -> None:
    answer = standing_client.get("/1/user/rob/listens?count=-1")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "Number of items requested should be positive")


@pytest.mark.parametrize("bound", ["min_ts", "max_ts"])
@pytest.mark.parametrize("value", ["abc", "nan", "1e12", "1.5", str(10**12), str(10**18), "9" * 40, "9" * 5000, "\0"])
def test_a_bound_that_is_no_time_is_refused(
    standing_client: FlaskClient, standing_rob: Account, bound: str, value: str
) -> None:
    answer = standing_client.get("/1/user/rob/listens", query_string={bound: value})
    expected = f"Incorrect {bound} timestamp argument: {value}"
    assert (answer.status_code, answer.get_json()["error"]) == (400, expected)


@pytest.mark.parametrize("bounds", ["min_ts=5&max_ts=5", "min_ts=6&max_ts=5"])
def test_bounds_that_leave_nothing_are_refused(
    standing_client: FlaskClient, standing_rob: Account, bounds: str
) -> None:
    answer = standing_client.get(f"/1/user/rob/listens?{bounds}")
    assert (answer.status_code, answer.get_json()["error"]) == (400, "max_ts should be greater than min_ts")


@pytest.mark.parametrize("path", ["listens", "listen-count", "playing-now"])
@pytest.mark.parametrize("name", ["nobody", "a/b", "\0", "x" * 1000, "..", "🎵", "%", "' OR 1=1 --"])
def test_an_unknown_user_is_404(standing_client: FlaskClient, path: str, name: str) -> None:
    answer = standing_client.get(f"/1/user/{quote(name, safe='')}/{path}")
    assert (answer.status_code, answer.get_json()) == (404, {"code": 404, "error": f"Cannot find user: {name}"})


@pytest.mark.parametrize("name", ["a/b", "Zoë 🎵", "with space", "listens", "q?x=1&y", "a//b", "c/listens"])
def test_names_may_hold_slashes_spaces_and_any_letters(client: FlaskClient, connection: Connection, name: str) -> None:
    make_account(connection, name)
    for spelling in (name, name.upper()):
        answer = client.get(f"/1/user/{quote(spelling, safe='')}/listens")
        assert answer.status_code == 200
        assert answer.get_json()["payload"]["user_id"] == spelling


def test_a_repeated_submission_is_no_second_listen(client: FlaskClient, rob: Account, drain: Drain) -> None:
    for name in ("Song", "SONG ", "song"):
        submit(client, rob, drain, listen(BASE, name))
    [row] = payload(client)["listens"]
    assert row["track_metadata"]["track_name"] == "Song"


def test_hostile_text_comes_back_as_it_was_sent(client: FlaskClient, rob: Account, drain: Drain) -> None:
    texts = ["<script>", "'; DROP TABLE listen; --", "{{7*7}}", "\u202eabc", "a\r\nb", "%s %(user)s", "\\u0000"]
    submit(client, rob, drain, *(listen(BASE + n, text, note=text) for n, text in enumerate(texts)))
    tracks = [row["track_metadata"] for row in payload(client)["listens"]]
    assert [track["track_name"] for track in reversed(tracks)] == texts
    assert [track["additional_info"]["note"] for track in reversed(tracks)] == texts
