"""Rate limits: one quota per window, whichever worker is asked, and few rows touched."""

import re
import time
from dataclasses import replace
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from tests.webapi.conftest import Account, listen, submission, timeless_app
from webapi.costs import COSTS, GUESSES, HEAVY
from webapi.db.rate_limit import Limits, forget_before
from webapi.ratelimit import RateLimiter

NOW = 1_700_000_007.5


def limiter(url: str, now: list[float]) -> RateLimiter:
    return RateLimiter(Pool(url), Limits(per_token=500, per_address=300, window=10), lambda: now[0])


def used(connection: Connection) -> list[tuple[str, int, int]]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT bucket, window_start, leased FROM rate_limit ORDER BY 1, 2")
        return cursor.fetchall()


def test_the_window_is_aligned_to_the_epoch_and_starts_afresh(database_url: str) -> None:
    now = [NOW]
    one = limiter(database_url, now)
    allowances = [one.take("a", 3) for _ in range(5)]
    assert [a.allowed for a in allowances] == [True, True, True, False, False]
    assert [a.remaining for a in allowances] == [2, 1, 0, 0, 0]
    assert {(a.reset, a.reset_in) for a in allowances} == {(1_700_000_010, 3)}
    now[0] = 1_700_000_010.0
    assert one.take("a", 3).remaining == 2


@pytest.mark.parametrize("limit", [1, 7, 100, 300, 1000])
def test_two_workers_together_allow_no_more_than_the_limit(database_url: str, limit: int) -> None:
    now = [NOW]
    workers = [limiter(database_url, now), limiter(database_url, now)]
    allowed = sum(workers[n % 2].take("a", limit).allowed for n in range(limit * 2))
    assert limit * 0.97 <= allowed <= limit


def test_most_requests_touch_no_row(database_url: str, connection: Connection) -> None:
    one = limiter(database_url, [NOW])
    for _ in range(10):
        one.take("a", 1000)
    assert used(connection) == [("a", 1_700_000_000, 20)]
    refused = limiter(database_url, [NOW])
    assert [refused.take("b", 1).allowed for _ in range(20)] == [True] + [False] * 19
    assert used(connection)[1] == ("b", 1_700_000_000, 1)


def test_clients_do_not_share_a_quota(database_url: str) -> None:
    one = limiter(database_url, [NOW])
    assert one.take("a", 1).allowed
    assert not one.take("a", 1).allowed
    assert one.take("b", 1).allowed


def test_while_postgresql_is_down_a_worker_counts_by_itself(database_url: str) -> None:
    one = limiter("postgresql:///nowhere?host=/nonexistent", [NOW])
    assert [one.take("a", 2).allowed for _ in range(3)] == [True, True, False]


def test_what_remains_is_seen_by_a_worker_that_others_have_overtaken(database_url: str) -> None:
    now = [NOW]
    one, other = limiter(database_url, now), limiter(database_url, now)
    assert one.take("a", 300).remaining == 299
    while other.take("a", 300).remaining > 20:
        pass
    now[0] += 1
    assert one.take("a", 300).remaining <= 20 + 300 // 50


def test_a_dear_request_takes_its_cost_or_nothing(database_url: str) -> None:
    one = limiter(database_url, [NOW])
    assert [one.take("a", 25, cost).remaining for cost in (HEAVY, 1, HEAVY)] == [15, 14, 4]
    assert not one.take("a", 25, HEAVY).allowed
    assert [one.take("a", 25).allowed for _ in range(5)] == [True] * 4 + [False]


def test_a_quota_may_have_a_window_of_its_own(database_url: str) -> None:
    now = [NOW]
    one = limiter(database_url, now)
    assert one.take("guess:x", 1, window=60).reset == 1_700_000_040
    now[0] += 20
    assert not one.take("guess:x", 1, window=60).allowed
    now[0] += 20
    assert one.take("guess:x", 1, window=60).allowed


def test_other_limits_hold_from_the_next_request_on(database_url: str) -> None:
    one = limiter(database_url, [NOW])
    one.limits = Limits(per_token=1, per_address=1, window=100)
    assert one.take("a", one.limits.per_token).reset == 1_700_000_100


def test_old_windows_are_forgotten(database_url: str, connection: Connection) -> None:
    now = [NOW]
    one = limiter(database_url, now)
    one.take("a", 1)
    now[0] += 10
    one.take("a", 1)
    with transaction(connection) as cursor:
        forget_before(cursor, 1_700_000_010)
    assert used(connection) == [("a", 1_700_000_010, 1)]


@pytest.fixture
def strict(settings: Settings) -> Settings:
    return replace(settings, rate_limit_window=3600, rate_limit_per_token=2, rate_limit_per_address=3)


def test_beyond_the_limit_is_429_before_the_body_is_read(strict: Settings, rob: Account) -> None:
    client = timeless_app(strict).test_client()
    body = submission(listen())
    codes = [client.post("/1/submit-listens", json=body, headers=rob.headers).status_code for _ in range(2)]
    assert codes == [200, 200]
    answer = client.post("/1/submit-listens", data=b"{", headers=rob.headers)
    assert (answer.status_code, answer.get_json()["code"]) == (429, 429)
    assert answer.get_json()["error"].startswith("You have exceeded your rate limit.")
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("2", "0")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Retry-After" not in answer.headers


def codes(client: FlaskClient, forwarded: list[str]) -> list[int]:
    return [
        client.get("/1/validate-token?token=guess", headers={"X-Forwarded-For": address}).status_code
        for address in forwarded
    ]


def test_guesses_count_by_address_and_a_spoofed_one_is_ignored(strict: Settings, rob: Account) -> None:
    client = timeless_app(strict).test_client()
    assert codes(client, [f"10.0.0.{n}" for n in range(5)]) == [200, 200, 200, 429, 429]
    assert client.get("/1/validate-token", headers=rob.headers).status_code == 200


def test_behind_a_trusted_proxy_the_address_it_saw_counts(strict: Settings) -> None:
    client = timeless_app(replace(strict, proxy_hops=1)).test_client()
    assert codes(client, ["spoof, 10.0.0.1"] * 3 + ["other, 10.0.0.1", "10.0.0.2"]) == [200, 200, 200, 429, 200]


@pytest.mark.parametrize("asked", ["/1/validate-token?token={}", "/1/user/rob/listens"])
def test_two_hundred_wrong_tokens_of_one_address_are_too_many(settings: Settings, rob: Account, asked: str) -> None:
    client = timeless_app(replace(settings, rate_limit_per_address=100_000)).test_client()
    refused = [
        client.get(asked.format(uuid4()), headers={} if "{}" in asked else {"Authorization": f"Token {uuid4()}"})
        for _ in range(200)
    ]
    assert [answer.status_code for answer in refused].count(429) >= 200 - 2 * GUESSES
    limited = refused[-1]
    assert (limited.headers["X-RateLimit-Limit"], limited.headers["X-RateLimit-Remaining"]) == (str(GUESSES), "0")
    assert limited.get_json()["code"] == 429
    assert client.get("/1/validate-token", headers=rob.headers).get_json()["valid"], "the right one is still taken"
    assert client.get("/1/user/rob/listens").status_code == 200, "and so is none at all"


def test_the_last_fm_address_counts_by_client_address(strict: Settings) -> None:
    client = timeless_app(strict).test_client()
    answers = [client.post("/2.0/", data={"method": "auth.getToken", "api_key": str(n)}) for n in range(4)]
    assert [answer.status_code == 429 for answer in answers] == [False, False, False, True]
    assert answers[-1].get_json()["code"] == 429
    assert answers[0].headers["X-RateLimit-Remaining"] == "2"


@pytest.mark.parametrize("path", ["/", "/?hs=true", "/health/live"])
def test_pages_audioscrobbler_and_health_do_not_speak_of_limits(strict: Settings, path: str) -> None:
    answer = timeless_app(strict).test_client().get(path)
    assert "X-RateLimit-Limit" not in answer.headers


def test_pages_are_limited_by_address_beside_the_api_and_their_files_are_not(strict: Settings) -> None:
    client = timeless_app(strict).test_client()
    answers = [client.get(path, headers={"Accept": "text/html"}) for path in ("/", "/login", "/user/rob", "/", "/api")]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 429, 429]
    assert "Too many pages at once" in answers[-1].text
    assert client.post("/login", data={"name": "rob"}).get_json()["code"] == 429
    [style] = re.findall(r'/static/[^"]+/style.css', answers[0].text)
    assert client.get(style).status_code == 200
    assert client.get("/1/user/rob/listens").status_code == 404


def test_readiness_is_found_out_once_a_second(strict: Settings, connection: Connection) -> None:
    client = timeless_app(strict).test_client()
    first = client.get("/health/ready").get_json()
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE part_status, queue_message IN ACCESS EXCLUSIVE MODE")  # whoever asks now would wait
        assert client.get("/health/ready").get_json() == first
    connection.rollback()
    time.sleep(1.1)
    assert client.get("/health/ready").get_json()["time"] > first["time"]


def test_health_is_not_limited(strict: Settings) -> None:
    client = timeless_app(strict).test_client()
    assert {client.get("/health/live").status_code for _ in range(10)} == {200}


def test_every_dear_route_is_served(app: Flask) -> None:
    assert set(COSTS) <= {rule.rule for rule in app.url_map.iter_rules()}
