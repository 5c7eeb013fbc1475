"""From one million listens to ten: generator, landing, the statistic, spans; how seconds and memory grow."""

from pathlib import Path

import pyarrow.parquet as pq

from conf import postgres
from tests.bench.landed import Step, ask, first_users, generated, land, make_users, settle
from tests.bench.report import Section, number
from tests.bench.spans import add_spans
from tests.bench.system import Bench, bench_system, start_consumer

QUERY, PARAMS = "stats.user.entity", {"entity": "artists"}


def run(quick: bool) -> Section:
    """The section."""
    section = Section("growth", "Growth: from a tenth of the listens to all of them")
    listens = 20_000 if quick else 10_000_000
    with bench_system() as bench:
        small, big = generated(bench.folder / "small", listens // 10), generated(bench.folder / "big", listens)
        _generator(section, small, big, listens)
        for part in ("web", "listen_writer", "spark_reader"):
            bench.system.start(part)
        path = bench.folder / "big"
        users = make_users(bench, path)
        start_consumer(bench)
        few = first_users(path, listens // 10)
        landings, statistics = [], []
        for only in (few, range(few.stop, max(users) + 1)):
            landings.append(land(bench, path, users, only))
            statistics.append(ask(bench, QUERY, PARAMS))
        _check(bench, path, users)
        _rows(section, landings, statistics)
        settle(bench)
        add_spans(section, bench, path, users)
    section.text.append(
        "Listens are put into `listen` by COPY with their positions (the write function is measured above), first "
        f"those of {len(few):,} of {len(users):,} users, then the rest; after each the landing by the running consumer "
        "is timed, then the statistic on everything landed (stats.user.entity of artists, all users, nine ranges, from "
        "the request to stored by the reader). The result for all_time equals the generator's truth: per user, listens "
        "counted and artists. Then, once the lake is in order, spans: every statistic of a user over days of her own, "
        "each asked for once through the API and waited for, the next only after it."
    )
    return section


def _generator(section: Section, small: tuple[float, ...], big: tuple[float, ...], listens: int) -> None:
    section.add(f"generator, {listens // 10:,} listens", f"{small[0]:.1f} s, {small[1]:.1f} CPU-s, {small[2]:.0f} MB")
    section.add(
        f"generator, {listens:,} listens (truth counts included)",
        f"{big[0]:.1f} s, {big[1]:.1f} CPU-s, {big[2]:.0f} MB",
        "minutes", big[0] < 600,
    )  # fmt: skip
    section.samples["generator"] = [small, big]


def _check(bench: Bench, path: Path, users: dict[int, int]) -> None:
    """Per user: artists in the list, and the sum of their counts, are those of the truth."""
    truth = pq.read_table(path / "truth/top_artists.parquet", columns=["user_id", "listen_count"])
    grouped = truth.group_by("user_id").aggregate([("listen_count", "count"), ("listen_count", "sum")])
    expected = {users[row["user_id"]]: tuple(row[f"listen_count_{of}"] for of in ("count", "sum"))
                for row in grouped.to_pylist()}  # fmt: skip
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(
            "SELECT key, cardinality(ids), (SELECT sum(c) FROM unnest(counts) AS c) FROM result_list"
            " WHERE statistic = 'user_artists' AND stats_range = 'all_time'"
        )
        found = {key: (artists, int(counted)) for key, artists, counted in cursor.fetchall()}
    wrong = [user for user in expected | found if expected.get(user) != found.get(user)]
    assert not wrong, f"{len(wrong)} users differ from the truth, such as {wrong[:3]}: no times are reported"


def _rows(section: Section, landings: list[Step], statistics: list[Step]) -> None:
    first, second = landings
    for step, before in ((first, 0), (second, first.listens)):
        section.above(
            f"landing of {step.listens:,} listens from PostgreSQL into Delta, {before:,} there before",
            step.listens / step.seconds, "listens/s", 20_000,
        )  # fmt: skip
        section.add(
            "its time and CPU", f"{step.seconds:.1f} s; {step.usage.cpu_total:.0f} CPU-s ({step.usage.cpu_text()})"
        )
    growth = (second.usage.cpu_total / second.listens) / (first.usage.cpu_total / first.listens)
    section.add("CPU per landed listen, later : first", f"{growth:.2f}")
    for part in ("request_consumer", "jvm"):
        sizes = [step.usage.peak_rss.get(part, 0.0) for step in landings]
        section.add(
            f"peak resident size of {part} with that backlog", " and ".join(f"{size:.0f} MB" for size in sizes),
            "does not grow with the backlog" if part != "jvm" else "heap 2g and its code",
            sizes[1] < 1.5 * sizes[0] if part != "jvm" else sizes[1] < 3072,
        )  # fmt: skip
    for step in statistics:
        section.add(
            f"statistic of {step.listens:,} listens",
            f"{step.seconds:.1f} s, {number(step.listens / step.seconds)} listens/s; {step.usage.cpu_total:.0f} CPU-s "
            f"({step.usage.cpu_text()}); peak {step.usage.rss_text()}",
        )
    scale = statistics[1].listens / statistics[0].listens
    slower = statistics[1].seconds / statistics[0].seconds
    section.add(
        "statistic: growth of seconds : growth of listens", f"{slower / scale:.2f}", "<= 1.1", slower / scale <= 1.1
    )
    section.samples |= {
        "landing": [[s.listens, s.seconds, s.usage.cpu, s.usage.peak_rss] for s in landings],
        "statistic": [[s.listens, s.seconds, s.usage.cpu, s.usage.peak_rss] for s in statistics],
    }
