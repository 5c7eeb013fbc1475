"""An unchanged answer has no body, a changed one is never told from memory, and long ones go compressed."""

import gzip
import time
from collections.abc import Callable
from typing import Any

import orjson
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from conf.postgres import Connection
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.write import delete_history
from tests.webapi.conftest import Account, Drain, listen, make_account, submission
from webapi.db.playing_now import set_playing_now
from webapi.fresh import AnswerCache, Kept

BASE = 1_600_000_000
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"


def submit(client: FlaskClient, account: Account, drain: Drain, *listens: dict[str, Any]) -> None:
    assert client.post("/1/submit-listens", json=submission(*listens), headers=account.headers).status_code == 200
    drain()


def etag(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "private, no-cache"
    return answer.headers["ETag"]


def asked_again(client: FlaskClient, path: str, known: str) -> int:
    answer = client.get(path, headers={"If-None-Match": known})
    assert answer.status_code in (200, 304)
    if answer.status_code == 304:
        assert (answer.data, answer.headers["ETag"]) == (b"", known)
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    return answer.status_code


def test_listens_and_their_count_have_an_etag_until_something_of_them_changes(
    client: FlaskClient, rob: Account, drain: Drain, connection: Connection
) -> None:
    submit(client, rob, drain, listen(BASE, "One"), listen(BASE + 1, "Two"))
    pages = ["/1/user/Rob/listens", "/1/user/Rob/listens?count=1", "/1/user/rob/listens?max_ts=1600000001"]
    paths = [*pages, "/1/user/Rob/listen-count"]
    msid = client.get(pages[0]).get_json()["payload"]["listens"][0]["recording_msid"]
    other = make_account(connection, "Other")
    mapping = MappingRow(rob.id, msid, "manual", MBID, None, ())
    steps: list[Callable[[], object]] = [
        lambda: submit(client, rob, drain, listen(BASE + 2, "Three")),
        lambda: put_mapping(connection, mapping),
        lambda: client.post(
            "/1/delete-listen", json={"listened_at": BASE + 1, "recording_msid": msid}, headers=rob.headers
        ),
        lambda: delete_history(connection, rob.id, int(time.time() * 1e6)),
    ]
    for change in steps:
        known = {path: etag(client, path) for path in paths}
        assert {asked_again(client, path, known[path]) for path in paths} == {304}
        submit(client, other, drain, listen(BASE, "Of somebody else"))
        assert {asked_again(client, path, known[path]) for path in paths} == {304}
        change()
        assert {asked_again(client, path, known[path]) for path in paths} == {200}


def test_an_answer_told_from_memory_is_the_one_of_its_own_query_and_spelling(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    submit(client, rob, drain, *(listen(BASE + n, f"Song {n}") for n in range(4)))
    asked = {f"/1/user/{name}/listens?count={n}": (name, n) for name in ("rob", "ROB") for n in range(4)}
    for _ in range(2):
        for path, (name, n) in asked.items():
            found = client.get(path).get_json()["payload"]
            assert (found["user_id"], found["count"], len(found["listens"])) == (name, n, n)


def test_an_unchanged_answer_reads_no_listens(
    client: FlaskClient, rob: Account, drain: Drain, connection: Connection
) -> None:
    submit(client, rob, drain, listen(BASE))
    known = etag(client, "/1/user/Rob/listens")
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE listen IN ACCESS EXCLUSIVE MODE")  # whoever reads it now would wait
        assert asked_again(client, "/1/user/Rob/listens", known) == 304
        assert client.get("/1/user/Rob/listens").status_code == 200  # told from memory
    connection.rollback()


def test_playing_now_has_an_etag_until_something_else_plays_or_it_ends(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    path = "/1/user/Rob/playing-now"
    nothing = etag(client, path)

    def play(track_name: str, seconds: int) -> None:
        with connection, connection.cursor() as cursor:
            track = {"artist_name": "A", "track_name": track_name, "additional_info": {}}
            set_playing_now(cursor, rob.id, track, seconds)

    play("One", 100)
    assert asked_again(client, path, nothing) == 200
    one = etag(client, path)
    play("One", 100)
    assert asked_again(client, path, one) == 304
    play("Two", 100)
    assert asked_again(client, path, one) == 200
    assert client.get(path).get_json()["payload"]["count"] == 1
    with connection, connection.cursor() as cursor:
        cursor.execute("UPDATE playing_now SET expires = now()")
    assert client.get(path).get_json()["payload"]["count"] == 0
    assert asked_again(client, path, nothing) == 304


def test_a_bad_query_is_refused_also_for_whoever_has_an_answer(client: FlaskClient, rob: Account, drain: Drain) -> None:
    submit(client, rob, drain, listen(BASE))
    known = {"If-None-Match": etag(client, "/1/user/Rob/listens")}
    assert client.get("/1/user/Rob/listens?count=x", headers=known).status_code == 400
    assert client.get("/1/user/nobody/listens", headers=known).status_code == 404


def test_long_answers_go_compressed_to_who_asks_for_it_and_short_ones_do_not(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    submit(client, rob, drain, *(listen(BASE + n, f"Song {n}") for n in range(25)))
    plain = client.get("/1/user/Rob/listens")
    packed = client.get("/1/user/Rob/listens", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.data) == plain.data
    assert len(packed.data) * 4 < len(plain.data)
    assert packed.headers["ETag"] == plain.headers["ETag"]
    asked = {"Accept-Encoding": "gzip", "If-None-Match": packed.headers["ETag"]}
    assert client.get("/1/user/Rob/listens", headers=asked).status_code == 304
    short = client.get("/1/user/Rob/listen-count", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in short.headers
    assert orjson.loads(short.data) == {"payload": {"count": 25}}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("12"), st.integers(0, 60)), max_size=40))
def test_the_cache_keeps_what_was_asked_for_last_within_its_bytes(steps: list[tuple[str, str, int]]) -> None:
    cache, newest = AnswerCache(most=100), dict[str, Kept]()
    for asked, etag_, size in steps:
        answer = Kept(etag_, bytes(size))
        cache.keep(("/", asked), answer)
        newest.pop(asked, None)
        newest[asked] = answer
        while sum(kept.size for kept in newest.values()) > 100:
            newest.pop(next(iter(newest)))
        for key in "abcd":
            for version in "12":
                expected = newest.get(key)
                if expected is None or expected.etag != version:
                    assert cache.find(("/", key), version) is None
        assert cache.find(("/", asked), etag_) == newest.get(asked)
