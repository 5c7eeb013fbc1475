"""What /metrics tells, as families of prometheus_client. Labels are bounded: routes, parts, queues and statistics of
this code, never anything a client wrote.

Requests are counted in the memory of the web server's workers, for a scrape meets any of them; listens in PostgreSQL,
in the transaction that writes them, so that their counters never fall; all else is asked when it is scraped.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from pathlib import Path
from resource import getpagesize

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from conf.broker import INCOMING, QUEUES, Broker, BrokerUnavailableError, open_broker
from conf.part_status import HOST
from conf.postgres import StoreUnavailableError
from webapi.db.status import PartRow, landing_state, ledger, parts, result_ages
from webapi.freshness import Freshness, freshness
from webapi.health import EXPECTED_PARTS, SILENT_SECONDS
from webapi.services import Services
from webapi.tally import BOUNDS, Tally

KNOWN_PARTS = ("web", *EXPECTED_PARTS, "scheduler")


def text_of(services: Services) -> bytes:
    """The whole page. What is down is left out, and said in listenlake_up."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Everything(services))
    return generate_latest(registry)


def readable_by(address: str | None) -> bool:
    """Whether it is this machine that asks."""
    try:
        asked = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    mapped = asked.ipv4_mapped if isinstance(asked, ipaddress.IPv6Address) else None
    return (mapped or asked).is_loopback


class _Everything(Collector):
    def __init__(self, services: Services) -> None:
        self._services = services

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry is asked once and thrown away."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All families."""
        up = GaugeMetricFamily("listenlake_up", "1: it answers.", labels=["what"])
        yield _requests(self._services.requests)
        try:
            rows, families = _of_store(self._services)
            yield from families
        except StoreUnavailableError:
            rows = None
        up.add_metric(["postgresql"], 0 if rows is None else 1)
        try:
            broker = open_broker(self._services.settings)
            try:
                yield from _of_broker(broker, rows or [])
            finally:
                broker.close()
            up.add_metric(["broker"], 1)
        except (BrokerUnavailableError, StoreUnavailableError):
            up.add_metric(["broker"], 0)
        yield up


def _requests(tally: Tally) -> Metric:
    family = HistogramMetricFamily(
        "listenlake_http_request_duration_seconds",
        "Requests by the template of their route, method and class of status; until the answer begins.",
        labels=["route", "method", "status"],
    )
    bounds = [*(str(bound) for bound in BOUNDS), "+Inf"]
    for series in tally.series():
        below, buckets = 0.0, []
        for bound, count in zip(bounds, series.buckets, strict=True):
            below += count
            buckets.append((bound, below))
        family.add_metric([series.route, series.method, series.status], buckets, series.seconds)
    return family


def _of_store(services: Services) -> tuple[list[PartRow], list[Metric]]:
    with services.pool.transaction() as cursor:
        rows, landing, counted, ages = parts(cursor), landing_state(cursor), ledger(cursor), result_ages(cursor)
        fresh = freshness(cursor)
    listens = CounterMetricFamily("listenlake_listens", "What became of listens consumed.", labels=["outcome"])
    for outcome, count in (
        ("accepted", counted.inserted),
        ("duplicate", counted.duplicate),
        ("suppressed", counted.suppressed),
        ("rejected", counted.rejected),
    ):
        listens.add_metric([outcome], count)
    results = GaugeMetricFamily(
        "listenlake_result_age_seconds", "Since a statistic was switched.", labels=["statistic", "stats_range"]
    )
    for (statistic, stats_range), age in sorted(ages.items()):
        results.add_metric([statistic, stats_range], age)
    families = [
        listens,
        results,
        GaugeMetricFamily("listenlake_landing_waiting_changes", "Changes not in the lake yet.", value=landing.waiting),
        GaugeMetricFamily(
            "listenlake_landing_waiting_seconds",
            "Since the oldest listen not in the lake was written.",
            value=landing.waiting_age,
        ),
        *_of_statistics(fresh),
        *_of_parts(rows),
    ]
    if landing.age is not None:
        families.append(GaugeMetricFamily("listenlake_landing_age_seconds", "Since the last one.", value=landing.age))
    return rows, families


def _of_statistics(fresh: list[Freshness]) -> list[Metric]:
    """Of each statistic of the catalog: a run's cost is that of the whole run, beside each statistic it made."""
    lag = GaugeMetricFamily(
        "listenlake_result_lag_seconds",
        "How long the oldest change that is not in what is served has waited.",
        labels=["statistic"],
    )
    bound = GaugeMetricFamily("listenlake_result_lag_bound_seconds", "The most declared.", labels=["statistic"])
    costs = {
        name: GaugeMetricFamily(f"listenlake_result_run_{name}", about, labels=["statistic"])
        for name, about in (
            ("seconds", "What the run it is served by took."),
            ("cpu_seconds", "CPU seconds of that run, all processes."),
            ("rows", "Rows that run has written."),
            ("bytes", "Bytes that run has written."),
        )
    }
    for one in fresh:
        lag.add_metric([one.statistic], one.lag)
        if one.bound is not None:
            bound.add_metric([one.statistic], one.bound)
        for name, family in costs.items():
            cost = None if one.newest is None else getattr(one.newest.cost, name)
            if cost is not None:
                family.add_metric([one.statistic], cost)
    return [lag, bound, *costs.values()]


def _of_parts(rows: list[PartRow]) -> list[Metric]:
    up = GaugeMetricFamily("listenlake_part_up", "Processes of a part that live.", labels=["part"])
    memory = GaugeMetricFamily(
        "listenlake_part_resident_bytes", "Of the processes of a part on this machine.", labels=["part"]
    )
    for part in KNOWN_PARTS:
        alive = [row for row in rows if row.part == part and row.age <= SILENT_SECONDS]
        up.add_metric([part], len(alive))
        memory.add_metric([part], sum(_resident(row.pid) for row in alive if row.host == HOST))
    return [up, memory]


def _of_broker(broker: Broker, rows: list[PartRow]) -> Iterator[Metric]:
    depth = GaugeMetricFamily("listenlake_queue_messages", "Messages waiting or in hand.", labels=["queue"])
    dead = GaugeMetricFamily("listenlake_dead_letters", "Messages given up on.", labels=["queue"])
    for queue in QUEUES:
        broker.publish(queue, [])
        depth.add_metric([queue], broker.depth(queue))
        dead.add_metric([queue], broker.dead_letter_count(queue))
    yield depth
    yield dead
    oldest = GaugeMetricFamily(
        "listenlake_oldest_unacknowledged_seconds",
        "Of the queue incoming; where the broker does not tell: as late as its writer was, and since. Left out where "
        "there is no writer either.",
    )
    age = broker.oldest_age(INCOMING)
    known = _lag(rows) if age is None else age
    # Of a family without a sample an alert can ask absent(); 0 would say that all is well just when nobody consumes.
    if known is not None:
        oldest.add_metric([], known)
    yield oldest


def _lag(rows: list[PartRow]) -> float | None:
    """What a listen writer last said of the oldest listen of its batch, and how long ago that was; None: there is none.

    A row that says nothing of it is no zero: its writer has not reported since it started.
    """
    writers = [row for row in rows if row.part == "listen_writer"]
    said = [float(row.detail["lag_seconds"]) + row.age for row in writers if "lag_seconds" in row.detail]
    return min(said, default=None)


def _resident(pid: int) -> int:
    """Bytes; 0 for a process that has ended, or where there is no /proc."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * getpagesize()
    except (OSError, IndexError):
        return 0
