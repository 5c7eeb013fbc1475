"""Tokens, passwords and sign-up at the pages."""

import hashlib
import re
import statistics
import time
from dataclasses import replace
from itertools import count
from uuid import UUID

import pytest
from werkzeug.test import TestResponse

from conf.postgres import Connection, transaction
from jobs.listens.tokens import MOST
from jobs.listens.users import create_token, create_user
from tests.pages.conftest import HTML, PASSWORD, Visitor, a_user, rows
from webapi.db.lastfm import (
    add_application,
    approve_request_token,
    find_session,
    new_request_token,
    new_session,
    use_request_token,
)
from webapi.pages.account import WRONG
from webapi.ratelimit import RateLimiter
from webapi.services import EXTENSION, Services

TOKEN = re.compile(r'id="token"[^>]*>([0-9a-f-]{36})<')


def shown(page: str) -> str:
    found = TOKEN.search(page)
    assert found is not None
    return found[1]


def valid(visitor: Visitor, token: str) -> bool:
    return bool(visitor.client.get(f"/1/validate-token?token={token}").get_json()["valid"])


def a_token(visitor: Visitor, label: str = "kitchen radio") -> str:
    return shown(visitor.post("/profile/tokens", "/profile", label=label).text)


def test_the_profile_is_for_who_is_logged_in(visitor: Visitor, rob: int) -> None:
    answer = visitor.get("/profile/?a=b")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fprofile%3Fa%3Db")
    assert visitor.log_in(next="/profile?a=b").headers["Location"] == "/profile?a=b"
    assert visitor.get("/profile").headers["Cache-Control"] == "no-store"


def test_a_token_is_shown_once_and_only_its_digest_is_kept(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    answer = visitor.post("/profile/tokens", "/profile", label=" kitchen radio ")
    token = shown(answer.text)
    assert UUID(token).version == 4
    assert answer.headers["Cache-Control"] == "no-store"
    assert token not in str(answer.headers)
    assert valid(visitor, token)
    page = visitor.get("/profile").text
    assert token not in page
    assert "kitchen radio" in page
    assert f"<code>{token[-4:]}</code>" in page
    assert "never" not in page  # used a moment ago
    [kept] = rows(connection, "SELECT t::text, sha256 FROM token t")
    assert bytes(kept[1]) == hashlib.sha256(token.encode()).digest()
    assert token not in kept[0]


def test_a_reset_token_is_refused_and_the_new_one_taken(visitor: Visitor, other: Visitor, rob: int) -> None:
    visitor.log_in()
    old = a_token(visitor)
    assert valid(visitor, old)
    assert valid(other, old)
    path = re.findall(r"/profile/tokens/\d+/reset", visitor.get("/profile").text)[0]
    new = shown(visitor.post(path, "/profile").text)
    # Both workers had just believed in the old one.
    assert [valid(visitor, old), valid(other, old)] == [False, False]
    assert [valid(visitor, new), valid(other, new)] == [True, True]
    page = visitor.get("/profile").text
    assert page.count("kitchen radio") == 2  # its cell, and what a screen reader is told
    assert visitor.post(path, "/profile").status_code == 404


def test_a_removed_token_is_refused_and_no_longer_listed(visitor: Visitor, other: Visitor, rob: int) -> None:
    visitor.log_in()
    token = a_token(visitor)
    assert valid(other, token)
    path = re.findall(r"/profile/tokens/\d+/remove", visitor.get("/profile").text)[0]
    assert visitor.post(path, "/profile").status_code == 303
    assert not valid(other, token)
    page = visitor.get("/profile").text
    assert f"Removed: kitchen radio, ending in {token[-4:]}." in page
    assert "You have no token yet." in page


def test_a_reset_token_takes_its_player_sessions_with_it(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    a_token(visitor)
    rows(
        connection,
        "INSERT INTO audioscrobbler_session (sha256, user_id, token_id, client) SELECT 'x', user_id, id, 'c' FROM token"
        " RETURNING 1",
    )
    path = re.findall(r"/profile/tokens/\d+/reset", visitor.get("/profile").text)[0]
    visitor.post(path, "/profile")
    assert rows(connection, "SELECT count(*) FROM audioscrobbler_session") == [(0,)]


def test_nobody_changes_the_token_of_another(visitor: Visitor, rob: int, connection: Connection) -> None:
    zoe = a_user(connection, "zoe")
    with transaction(connection) as cursor:
        create_token(cursor, zoe, "zoes radio", None)
    [(token_id,)] = rows(connection, "SELECT id FROM token")
    visitor.log_in()
    for way in ("reset", "remove"):
        for number in (token_id, 0, 2**31, 10**30):
            assert visitor.post(f"/profile/tokens/{number}/{way}", "/profile").status_code == 404
    assert rows(connection, "SELECT user_id, label FROM token") == [(zoe, "zoes radio")]
    assert "zoes radio" not in visitor.get("/profile").text


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("", "expected at least one visible character"),
        (" \u200b ", "expected at least one visible character"),
        ("x" * 65, "65 characters, at most 64"),
        ("a\nb", "control characters"),
        ("a\0b", "control characters"),
    ],
)
def test_a_label_that_cannot_be_used_makes_no_token(
    visitor: Visitor, rob: int, connection: Connection, label: str, said: str
) -> None:
    visitor.log_in()
    assert visitor.post("/profile/tokens", "/profile", label=label).status_code == 303
    assert said in visitor.get("/profile").text
    assert rows(connection, "SELECT count(*) FROM token") == [(0,)]


def test_a_label_is_inert_and_there_is_an_end_to_tokens(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    with transaction(connection) as cursor:
        for _ in range(MOST - 1):
            create_token(cursor, rob, "many", None)
    page = visitor.post("/profile/tokens", "/profile", label="<script>alert(1)</script>").text
    assert "<script>alert" not in page + visitor.get("/profile").text
    assert visitor.post("/profile/tokens", "/profile", label="one more").status_code == 303
    assert f"at most {MOST}: remove one first" in visitor.get("/profile").text


def test_a_new_password_ends_every_other_session(visitor: Visitor, other: Visitor, rob: int) -> None:
    visitor.log_in()
    other.log_in()
    before = visitor.cookie()
    answer = visitor.post("/profile/password", "/profile", current=PASSWORD, new="another word")
    assert answer.status_code == 303
    assert visitor.cookie() != before
    assert "The password is changed." in visitor.get("/profile").text
    assert other.get("/profile").status_code == 303
    assert other.log_in().status_code == 401
    assert other.log_in(password="another word").status_code == 303


@pytest.mark.parametrize(
    ("current", "new", "said"),
    [
        ("wrong password", "another word", "The current password is wrong."),
        (PASSWORD, "short", "at least 8 characters"),
        (PASSWORD, "x" * 1025, "at most 1024 bytes"),
    ],
)
def test_a_password_stays_when_the_change_is_refused(
    visitor: Visitor, other: Visitor, rob: int, current: str, new: str, said: str
) -> None:
    visitor.log_in()
    visitor.post("/profile/password", "/profile", current=current, new=new)
    page = visitor.get("/profile").text
    assert said in page
    assert new not in page
    assert other.log_in().status_code == 303


def test_sign_up_is_closed_by_default(visitor: Visitor, connection: Connection) -> None:
    page = visitor.get("/signup")
    assert (page.status_code, "Sign-up is closed" in page.text) == (404, True)
    assert "/signup" not in visitor.get("/").text
    assert visitor.post("/signup", "/login", name="ann", password=PASSWORD).status_code == 404
    assert rows(connection, "SELECT count(*) FROM users") == [(0,)]


def test_where_sign_up_is_open_a_visitor_gets_an_account_and_a_token(timeless: Visitor, connection: Connection) -> None:
    answer = timeless.post("/signup", "/signup", name=" Ann ", password=PASSWORD)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert valid(timeless, shown(answer.text))
    assert "Log out" in timeless.get("/profile").text
    assert rows(connection, "SELECT name FROM users") == [("Ann",)]


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("ROB", PASSWORD, "exists already"),
        ("", PASSWORD, "at least one visible character"),
        ("x" * 129, PASSWORD, "at most 128"),
        ("a/b", PASSWORD, "slashes, or dots alone"),
        ("..", PASSWORD, "slashes, or dots alone"),
        ("a\nb", PASSWORD, "control characters"),
        ("ann", "short", "at least 8 characters"),
    ],
)
def test_a_sign_up_that_cannot_be_is_refused(
    timeless: Visitor, rob: int, connection: Connection, name: str, password: str, said: str
) -> None:
    answer = timeless.post("/signup", "/signup", name=name, password=password)
    assert answer.status_code == 400
    assert said in answer.text
    assert rows(connection, "SELECT name FROM users") == [("rob",)]


def test_too_many_accounts_from_one_address_are_refused(timeless: Visitor) -> None:
    form = {"csrf_token": timeless.form_token("/signup"), "name": "ann", "password": "short"}
    codes = [timeless.client.post("/signup", data=form, headers=HTML).status_code for _ in range(7)]
    assert codes == [400] * 5 + [429] * 2


def test_guesses_are_limited_by_name_and_by_address(timeless: Visitor, rob: int) -> None:
    token = timeless.form_token("/login")

    def guess(name: str, password: str = "wrong password") -> TestResponse:  # noqa: S107
        form = {"csrf_token": token, "name": name, "password": password}
        return timeless.client.post("/login", data=form, headers=HTML)

    assert [guess("Rob" if n % 2 else "rob").status_code for n in range(12)] == [401] * 10 + [429] * 2
    refused = guess("rob", PASSWORD)
    assert (refused.status_code, refused.mimetype) == (429, "text/html")
    assert "Too many attempts" in refused.text
    assert [guess(f"nobody {n}").status_code for n in range(19)] == [401] * 17 + [429] * 2


def test_the_log_in_tells_nobody_who_exists(visitor: Visitor, connection: Connection, rob: int) -> None:
    """Equal bodies, and equal time: a wrong password, a user without one, and no user at all."""
    create_user(connection, "ann")
    names = ["rob", "ann", "eve"]
    token = visitor.form_token("/login")
    bodies: set[str] = set()
    took: dict[str, list[float]] = {name: [] for name in names}
    for name in names * 6:
        form = {"csrf_token": token, "name": name, "password": "wrong password"}
        started = time.perf_counter()
        answer = visitor.client.post("/login", data=form, headers=HTML)
        took[name].append(time.perf_counter() - started)
        assert answer.status_code == 401
        bodies.add(re.sub(r'value="[^"]+"', "", answer.text))
    assert len(bodies) == 1
    assert WRONG in bodies.pop()
    # One after another, so that what else the machine does is in both. To leave out the hash would be nearly the whole.
    for name in ("ann", "eve"):
        gaps = [real - feigned for real, feigned in zip(took["rob"], took[name], strict=True)]
        assert abs(statistics.median(gaps)) < 0.6 * statistics.median(took["rob"]), took


PAIRS = 500
GAP_SECONDS = 0.005


@pytest.mark.slow
def test_of_500_pairs_of_log_ins_the_median_gap_is_below_5_ms(
    visitor: Visitor, connection: Connection, rob: int
) -> None:
    here: Services = visitor.client.application.extensions[EXTENSION]
    minutes = count(0, 60)
    limiter = RateLimiter(here.pool, here.limiter.limits, lambda: next(minutes))
    visitor.client.application.extensions[EXTENSION] = replace(here, limiter=limiter)
    token = visitor.form_token("/login")

    def seconds(name: str) -> float:
        form = {"csrf_token": token, "name": name, "password": "wrong password"}
        started = time.perf_counter()
        assert visitor.client.post("/login", data=form, headers=HTML).status_code == 401
        return time.perf_counter() - started

    def gap(pair: int) -> float:
        """Side by side, so that what else the machine does is in both; each is first as often as the other."""
        if pair % 2:
            return seconds("rob") - seconds("eve")
        return -(seconds("eve") - seconds("rob"))

    gaps = [gap(pair) for pair in range(PAIRS)]
    assert abs(statistics.median(gaps)) < GAP_SECONDS, statistics.quantiles(gaps, n=4)


def test_programs_are_listed_by_name_and_ended(visitor: Visitor, rob: int, connection: Connection) -> None:
    kate = a_user(connection, "kate")
    with transaction(connection) as cursor:
        add_application(cursor, "k" * 32, "A <player>", b"")
        sessions = [new_session(cursor, rob, key) for key in ("k" * 32, "k" * 32, "0123456789abcdef")]
        approved = new_request_token(cursor, "k" * 32)
        assert approve_request_token(cursor, approved, "k" * 32, rob)
        mine = new_session(cursor, kate, "k" * 32)
    visitor.log_in()
    page = visitor.get("/profile").text
    assert "A &lt;player&gt;" in page
    assert "2 log-ins" in page
    assert "<code>0123456789a…</code>" in page
    assert page.count('action="/profile/programs/end"') == 2

    ended = visitor.post("/profile/programs/end", "/profile", api_key="k" * 32)
    assert (ended.status_code, ended.headers["Location"]) == (303, "/profile")
    assert "Ended. The program is refused" in visitor.get("/profile").text
    with transaction(connection) as cursor:
        alive = [
            find_session(cursor, session, key) is not None
            for session, key in (
                (sessions[0], "k" * 32),
                (sessions[1], "k" * 32),
                (sessions[2], "0123456789abcdef"),
                (mine, "k" * 32),
            )
        ]
        assert use_request_token(cursor, approved, "k" * 32) is None
    assert alive == [False, False, True, True]
    for gone in ("k" * 32, "unknown", "\0", ""):
        assert visitor.post("/profile/programs/end", "/profile", api_key=gone).status_code == 404
    assert visitor.client.post("/profile/programs/end", data={"api_key": "0123456789abcdef"}).status_code == 400
