"""What the oracle expects of a run, beside what would be served: every statistic, range and key."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import orjson

from jobs.job import Job
from tests.jobs.kept import Body, Served
from tests.oracle.lists import SOURCES, Comparison, Row, by_time, compared, shares
from tests.oracle.statistics import TOTALS, Oracle, items
from tests.oracle.windows import ALL_TIME, RANGES
from tests.oracle.world import PLAIN

Key = tuple[str, str, Any]
TIME_NAMES = ("duration_played", "duration", "recording_length", "default")


def differences(
    oracle: Oracle, found: Callable[[str, str], Served], jobs: Iterable[Job], ranges: Sequence[str] = RANGES
) -> list[str]:
    """One line for each answer that is not the same, byte for byte, on both sides; the smallest first.

    `found`: the answers of a statistic and range. One range after the other, so that memory is bounded by the longest.
    """
    wrong, jobs = [], tuple(jobs)
    for stats_range in ranges:
        for job in jobs:
            served = found(job.statistic, stats_range)
            for key, *pair in _beside(oracle, job, stats_range, served, served.plain):
                if _bytes(pair[0]) != _bytes(pair[1]):
                    wrong.append(f"{key}: expected\n  {pair[0]}\nfound\n  {pair[1]}")
        oracle.forget_windows()
    return sorted(wrong, key=len)


def what_of(job: Job) -> tuple[str, str]:
    """Whose statistic it is (user, sitewide, artist, release-group), and the oracle's name of it."""
    assert job.route is not None
    parts = job.route.path.split("/")
    return parts[3], parts[-1].replace("-", "_")


def _beside(
    oracle: Oracle, job: Job, stats_range: str, found: Served, answers: Mapping[Key, Body]
) -> Iterator[tuple[Any, Any, Any]]:
    whose, statistic = what_of(job)
    if statistic == "listeners":
        expected = oracle.listeners("artists" if whose == "artist" else "release_groups", stats_range)
        names = oracle.world.users
        for mbid in {*expected, *(key[2] for key in answers)}:
            yield (job.statistic, stats_range, mbid), expected.get(mbid), _named(answers, job, stats_range, mbid, names)
        return
    keys = [0] if whose == "sitewide" else _keys(oracle)
    for key in {*keys, *(key[2] for key in answers)}:
        full = (job.statistic, stats_range, key)
        if key not in keys:
            yield full, None, answers.get(full)  # whatever it says: who has no settings has one answer
        elif statistic in TOTALS:
            yield from _lists(oracle, full, statistic, found)
        elif whose == "sitewide":
            yield full, oracle.sitewide(statistic, stats_range), answers.get(full)
        else:
            yield full, oracle.user(abs(key), statistic, stats_range, plain=key < 0), answers.get(full)


def _keys(oracle: Oracle) -> list[int]:
    """Who may have an answer: every user, and less than 0 who has settings, without them."""
    world = oracle.world
    filtered = [user_id for user_id, settings in world.settings.items() if settings != PLAIN]
    return [*world.users, *(-user_id for user_id in filtered)]


def _named(answers: Mapping[Key, Body], job: Job, stats_range: str, mbid: str, names: Mapping[int, str]) -> Body | None:
    body = answers.get((job.statistic, stats_range, mbid))
    if body is None:
        return None
    return {
        **body,
        "listeners": [{"user_name": names[user], "listen_count": count} for user, count in body["listeners"]],
    }


def _lists(oracle: Oracle, key: Key, statistic: str, found: Served) -> Iterator[tuple[Any, Any, Any]]:
    _, stats_range, who = key
    rows = _rows(oracle, statistic, stats_range, who, previous=False)
    body = oracle.user(abs(who), statistic, stats_range, plain=who < 0) if who else None
    body = oracle.sitewide(statistic, stats_range) if not who else body
    yield key, body, found.plain.get(key)
    if body is None:
        return
    yield (*key, "time"), _timed(body, statistic, rows), found.by_time.get(key)
    if stats_range != ALL_TIME:
        before = _rows(oracle, statistic, stats_range, who, previous=True)
        yield (*key, "compared"), _compared(body, statistic, rows, before), found.compared.get(key)


def _rows(oracle: Oracle, statistic: str, stats_range: str, who: int, *, previous: bool) -> list[Row]:
    if who == 0:
        return oracle.sitewide_rows(statistic, stats_range, previous=previous)
    return oracle.user_rows(abs(who), statistic, stats_range, plain=who < 0, previous=previous)


def _timed(body: Body, statistic: str, rows: Sequence[Row]) -> Body:
    longest = by_time(rows)
    whole = sum(row.milliseconds for row in rows)
    parts = shares(rows) or dict.fromkeys(SOURCES, 0.0)
    listed = [
        {**item, "listening_time": row.milliseconds // 1000} for item, row in zip(items(longest), longest, strict=True)
    ]
    sources = dict(zip(TIME_NAMES, parts.values(), strict=True))
    return {**body, statistic: listed, "listening_time": whole // 1000, "listening_time_sources": sources}


def _compared(body: Body, statistic: str, rows: Sequence[Row], before: Sequence[Row]) -> Body:
    beside = compared(rows, before)
    here = [{**item, **_change(change)} for item, change in zip(items(rows), beside, strict=False)]
    left_keys = {change.key for change in beside[len(rows) :]}
    left = [row for row in before if row.key in left_keys]
    gone = []
    for item in items(left):
        count = item.pop("listen_count")
        gone.append({**item, "previous_listen_count": count})
    return {**body, statistic: here, "gone": gone, "total_gone_count": len(left)}


def _change(change: Comparison) -> Body:
    assert change.rank is not None
    before = change.previous_rank
    return {
        "rank": change.rank,
        "new": before is None,
        "previous_rank": before,
        "previous_listen_count": change.previous_count,
        "rank_change": None if before is None else before - change.rank,
        "listen_count_change": change.listen_count - change.previous_count,
    }


def _bytes(body: Any) -> bytes:
    return orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
