"""What every bad input must come to: its status, one error shape, soon, little memory, nothing written or published."""

import json
import time
from collections.abc import Iterable
from pathlib import Path

from psycopg2 import sql

from conf.broker import INCOMING, open_broker
from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission
from jobs.listens.write import write_submissions
from tests.corpus.seed import SOON_TOO_LATE, TOKEN, Seed
from tests.corpus.wire import Answer, exchange
from tests.live_server import Server

MOST_SECONDS = 2.0
MOST_GROWTH = 50
"""MB that all web workers together may grow by over a class."""
RATE_LIMIT = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-ratelimit-reset-in")
_LIVE = ("part_status", "rate_limit")
"""Tables that tell of the requests themselves."""

Counts = dict[str, int]


def counts(connection: Connection) -> Counts:
    """Rows of every table, but for those that tell of the requests."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND relname NOT LIKE '%%yoyo%%' AND relname <> ALL(%s)",
            (list(_LIVE),),
        )
        each = sql.SQL("SELECT {}, count(*) FROM {}")
        names = [name for (name,) in cursor.fetchall()]
        cursor.execute(
            sql.SQL(" UNION ALL ").join(each.format(sql.Literal(name), sql.Identifier(name)) for name in names)
        )
        return dict(cursor.fetchall())


def resident(server: Server) -> int:
    """MB of all web workers."""
    task = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    workers = [Path(f"/proc/{pid}/statm").read_text().split() for pid in task.read_text().split()]
    assert workers, "no web worker runs"
    return sum(int(pages[1]) for pages in workers) * 4096 // 2**20


def hold(server: Server, connection: Connection, token: str, seeds: Iterable[Seed]) -> None:
    """Send all seeds. Fails with a line for each that was not answered as it must be."""
    _warm(server)
    before, wrong = resident(server), []
    known = counts(connection)
    for seed in seeds:
        wrong += [f"{seed.id} {seed.about}: {problem}" for problem in problems(server, token, seed)]
        found = counts(connection)
        expected = {**known, "queue_message": known["queue_message"] + seed.queues}
        if found != expected:
            changed = {name: count for name, count in found.items() if count != known[name]}
            wrong.append(f"{seed.id} {seed.about}: rows afterwards {changed}")
        known = found
    assert not wrong, "\n".join(wrong)
    grown = resident(server) - before
    assert grown <= MOST_GROWTH, f"the web workers grew by {grown} MB"


def problems(server: Server, token: str, seed: Seed) -> list[str]:
    """What is wrong with the answer to a seed."""
    sent = seed.request().replace(TOKEN, token.encode())
    sent = sent.replace(SOON_TOO_LATE, str(int(time.time()) + 3601).encode())
    method = sent[:10].split(b" ")[0].decode("latin-1")
    answer = exchange(server.port, sent, method)
    found = [] if answer.status == seed.code else [f"status {answer.status} {answer.body[:200]!r}, not {seed.code}"]
    if answer.seconds > MOST_SECONDS:
        found.append(f"took {answer.seconds:.1f} s")
    if seed.limited and any(not answer.headers.get(name, "").isdigit() for name in RATE_LIMIT):
        found.append("no X-RateLimit headers")
    if answer.headers.get("access-control-allow-origin") != "*":
        found.append("no CORS header")
    if "access-control-allow-credentials" in answer.headers:
        found.append("credentials are allowed")
    if seed.code >= 400 and method != "HEAD":
        found += shape(answer, seed.says)
    elif seed.says not in answer.body.decode():
        found.append(f"answered {answer.body[:200]!r}")
    return found


def shape(answer: Answer, says: str = "") -> list[str]:
    """What is wrong with an error: JSON, its `code` the status, its `error` a text, which says this."""
    if answer.headers.get("content-type") != "application/json":
        return [f"an error of type {answer.headers.get('content-type')}"]
    try:
        document = json.loads(answer.body)
    except ValueError:
        return [f"no JSON: {answer.body[:200]!r}"]
    if not isinstance(document, dict) or document.get("code") != answer.status:
        return [f"another error shape: {answer.body[:200]!r}"]
    text = document.get("error")
    if not isinstance(text, str) or not text or says not in text:
        return [f"said {text!r}"]
    return []


def drained(server: Server, connection: Connection) -> list[Submission]:
    """Write what waits in the queue, as the listen writer does."""
    broker = open_broker(server.settings)
    deliveries = broker.consume(INCOMING, 1000, 0)
    submissions = [Submission.decode(delivery.body) for delivery in deliveries]
    write_submissions(connection, submissions)
    broker.ack(deliveries)
    broker.close()
    return submissions


def _warm(server: Server) -> None:
    """What every request needs is loaded in both workers before memory is looked at."""
    for _ in range(20):
        exchange(server.port, b"GET /1/user/nobody/listens HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
