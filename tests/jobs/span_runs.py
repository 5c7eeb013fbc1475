"""Runs of spans as values, and what the oracle says of them."""

import random
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

import orjson
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.catalog import catalog
from jobs.clock import span_activity
from jobs.job import Job, Ranked
from jobs.lake import Landing
from jobs.messages import new_run_id
from jobs.run_span import SpanOrder, run_span
from jobs.spans import CUSTOM, Span, span_buckets
from spark_reader.load import Document, Run
from tests.jobs.results import Results
from tests.oracle.items import ENTITIES
from tests.oracle.lists import rows, tallies
from tests.oracle.plays import Play
from tests.oracle.statistics import USER_STATISTICS, Oracle, items
from tests.oracle.windows import Window, wall_clock
from webapi.statistics import Asked, document_payload

MADE_FROM = {"artist_map": "artists", "artist_activity": "release_groups"}


def span_results(
    spark: SparkSession, settings: Settings, landing: Landing, statistic: str, user_id: int, span: Span, at: int
) -> Results:
    """One run. Its rows are under the range that the span takes the windows of."""
    ordered = SpanOrder("stats.user.span", catalog().jobs[statistic], user_id, span)
    return Results(run_span(spark, settings, ordered, landing, at, run_id=new_run_id(1.7e9), request_id=None))


def shown(found: Results, job: Job, key: int, span: Span) -> Any:
    """What the API shows of a key under the payload's own key; of a list, its items. None: nothing."""
    (switch,) = found.manifest.switches
    assert job.route is not None
    if isinstance(job.output, Ranked):
        route = job.route
        listed = found.items(job.statistic, key, switch.stats_range)
        return [{**route.item(_struct(item)), "listen_count": item["listen_count"]} for item in listed] or None
    stored = found.documents(job.statistic, switch.stats_range).get(key)
    if stored is None:
        return None
    doc, applied = stored
    run = Run(found.manifest.run_id, 1, switch.from_ts, switch.to_ts, found.manifest.newest_listen_ts, 0, 0)
    document = Document(run, orjson.loads(doc), None if applied is None else orjson.loads(applied))
    return document_payload(document, job.route, Asked(CUSTOM, span=span))[job.route.payload_key]


def expected(oracle: Oracle, statistic: str, user_id: int, span: Span, *, plain: bool) -> Any:
    """The same, counted by the oracle. `statistic` without user_."""
    zone = oracle.zone(user_id, plain=plain)
    window = Window(datetime.combine(span.first, time()), datetime.combine(span.end, time()))
    played = oracle.within(user_id, window, plain=plain)
    if statistic == "listening_activity":
        return _activity(played, span, zone) if played else None
    entity = MADE_FROM.get(statistic, statistic)
    if entity in ENTITIES:
        listed = rows(tallies(played, ENTITIES[entity], oracle.facts), ENTITIES[entity])
        return (oracle._from_list(statistic, listed) if statistic in MADE_FROM else items(listed)) or None
    return oracle._from_plays(statistic, played, span.like, zone) if played else None


def asked(seed: int, oracle: Oracle) -> Iterator[tuple[str, int, Span]]:
    """Every statistic, each of a user and a span that are chosen anew, up to T's day and around what was played."""
    chance = random.Random(seed)  # noqa: S311 - test data
    for statistic in USER_STATISTICS:
        user_id = chance.choice(sorted(oracle.world.users))
        played = [play.shown.date() for play in oracle.plays(user_id)] or [
            wall_clock(oracle.world.newest, "UTC").date()
        ]
        first = max(chance.choice(played) - timedelta(days=chance.choice((0, 0, 1, 6, 40))), date(2002, 1, 1))
        yield statistic, user_id, Span(first, first + timedelta(days=chance.choice((1, 7, 29, 80, 300, 3000))))


def spans_differ(seed: int, spark: SparkSession, settings: Settings, landing: Landing, oracle: Oracle) -> list[str]:
    """One line for each answer that is not the oracle's; her own and the plain one."""
    wrong = []
    for statistic, user_id, span in asked(seed, oracle):
        job = catalog().jobs[f"user_{statistic}"]
        found = span_results(spark, settings, landing, job.statistic, user_id, span, oracle.world.newest)
        for key in (user_id, -user_id):
            if key < 0 and not found.keys(job.statistic, found.manifest.switches[0].stats_range) >= {key}:
                continue
            here, there = shown(found, job, key, span), expected(oracle, statistic, user_id, span, plain=key < 0)
            if here != (there or None):
                wrong.append(f"{statistic} of {key}, {span}: expected\n  {there}\nfound\n  {here}")
    return wrong


def _struct(item: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name != "listen_count"}


def _activity(played: list[Play], span: Span, zone: str) -> list[dict[str, Any]]:
    """Buckets are looked at one by one in tests/unit/test_spans.py: here is counted what lies in them."""
    days = [play.shown.date() for play in played]
    return [
        bucket | {"listen_count": sum(first <= day < end for day in days)}
        for bucket, (_, first, end) in zip(span_activity([], span, zone), span_buckets(span), strict=True)
    ]
