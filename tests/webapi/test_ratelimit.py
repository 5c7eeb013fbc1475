"""Rate limits: one quota per window, whichever worker is asked, and few rows touched."""

from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from tests.webapi.conftest import Account, listen, submission
from webapi import create_app
from webapi.db.rate_limit import forget_before
from webapi.ratelimit import RateLimiter

NOW = 1_700_000_007.5


def limiter(url: str, now: list[float]) -> RateLimiter:
    return RateLimiter(Pool(url), 10, lambda: now[0])


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
    client = create_app(strict).test_client()
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
    client = create_app(strict).test_client()
    assert codes(client, [f"10.0.0.{n}" for n in range(5)]) == [200, 200, 200, 429, 429]
    assert client.get("/1/validate-token", headers=rob.headers).status_code == 200


def test_behind_a_trusted_proxy_the_address_it_saw_counts(strict: Settings) -> None:
    client = create_app(replace(strict, proxy_hops=1)).test_client()
    assert codes(client, ["spoof, 10.0.0.1"] * 3 + ["other, 10.0.0.1", "10.0.0.2"]) == [200, 200, 200, 429, 200]


def test_health_is_not_limited(strict: Settings) -> None:
    client = create_app(strict).test_client()
    assert {client.get("/health/live").status_code for _ in range(10)} == {200}
