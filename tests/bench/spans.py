"""Statistics over days of one's own: asked through the API of a running system that holds many listens."""

import time
from datetime import date, timedelta
from itertools import cycle
from pathlib import Path

import pyarrow.parquet as pq
import requests

from jobs.catalog import catalog
from jobs.spans import Span
from tests.bench.landed import tell
from tests.bench.report import Section, spread
from tests.bench.system import Bench

SPANS = tuple(
    Span(first, first + timedelta(days=days))
    for first, days in (
        (date(2023, 3, 1), 366),
        (date(2022, 2, 10), 330),
        (date(2024, 5, 6), 7),
        (date(2023, 9, 1), 30),
        (date(2022, 6, 1), 366),
        (date(2023, 1, 15), 80),
    )
)
"""None is asked twice: what is kept would be answered."""
COLD = 2
"""Spans of which no time counts: each statistic's first plans compile what the later ones run."""
TARGET = 3.0
LONGEST = 120.0
_USER = "<path:user_name>"


def add_spans(section: Section, bench: Bench, path: Path, users: dict[int, int]) -> None:
    """Rows on the answers to every user statistic's spans, for a user in the middle and the one with most listens.

    Needs a running `web`, and a consumer that has landed `path`'s listens and has nothing to do.
    """
    whose = _chosen(path)
    for about, user, listens in whose:
        name = f"listener {user}"
        # A client may begin so many spans a minute: each list of statistics is asked for by another one.
        times = [
            _asked(bench, name, users[number], span) for number, span in zip(cycle(sorted(users)), SPANS, strict=False)
        ]
        cold = [seconds for of in times[:COLD] for seconds in of]
        warm = [seconds for of in times[COLD:] for seconds in of]
        section.add(f"spans of {about}, {listens:,} listens: each statistic's first {COLD}", spread(cold, "s"))
        section.add(
            f"spans of {about}: warm, from asked to answered",
            spread(warm, "s"),
            f"< {TARGET:.0f} s, each",
            max(warm) < TARGET,
        )
        section.samples[f"spans of {about}"] = times


def _chosen(path: Path) -> list[tuple[str, int, int]]:
    """(who, number, listens) of the user with a middling number of listens, and of the one with most."""
    counts = pq.read_table(path / "truth/listen_counts.parquet").sort_by("listen_count").to_pylist()
    middle, most = counts[len(counts) // 2], counts[-1]
    return [
        ("a user in the middle", middle["user_id"], middle["listen_count"]),
        ("the user with most listens", most["user_id"], most["listen_count"]),
    ]


def _asked(bench: Bench, name: str, asking: int, span: Span) -> list[float]:
    """Seconds of every user statistic's answer, one after another, until it is there: 204 where it is empty."""
    headers = {"Authorization": f"Token {bench.token(asking)}"}
    bounds = f"from_ts={span.from_ts}&to_ts={span.to_ts}"
    taken = []
    for path in _paths():
        started = time.monotonic()
        url = f"{bench.system.url}{path.replace(_USER, name)}?{bounds}"
        while (answer := requests.get(url, headers=headers, timeout=30)).status_code == 202:
            assert time.monotonic() - started < LONGEST, f"{url} is still being computed"
        assert answer.status_code in {200, 204}, f"{url}: {answer.status_code} {answer.text}"
        taken.append(time.monotonic() - started)
    tell(f"{len(taken)} spans of {name}, {span.first} to {span.end}, the slowest", max(taken))
    return taken


def _paths() -> list[str]:
    """Routes of statistics of users, which take any days."""
    routes = [job.route for job in catalog().jobs.values() if job.refreshed]
    return [route.path for route in routes if route is not None and route.path.startswith(f"/1/stats/user/{_USER}/")]
