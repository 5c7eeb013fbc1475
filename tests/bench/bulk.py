"""Imports of up to a thousand listens a call through HTTP: into PostgreSQL alone, then with everything running."""

from dumps.generator.files import World
from tests.bench import http
from tests.bench.bounds import floor_of_import
from tests.bench.meter import measured
from tests.bench.report import Section, number, percentiles
from tests.bench.system import UNTIL, Bench, bench_system, start_consumer, wait

CONNECTIONS = 4


def run(quick: bool) -> Section:
    """The section."""
    section = Section("bulk", "Bulk imports through HTTP")
    listens = 10_000 if quick else 200_000
    with bench_system() as bench:
        for part in ("listen_writer", "web"):
            bench.system.start(part)
        _import(section, bench, 1, listens // 10, "warm-up")
        rate = _import(section, bench, 2, listens, "web and listen writer running, into PostgreSQL")
        section.above("HTTP into PostgreSQL", rate, "listens/s", 5000)
        bench.system.start("spark_reader")
        start_consumer(bench)
        bench.wait_landed(300)
        started = _import(section, bench, 3, listens // 2, "all parts running, into PostgreSQL", landed=True)
        section.add("HTTP into PostgreSQL and the lake, all parts on the same 2 cores", f"{number(started)} listens/s")
    section.text.append(
        f"Bodies of generated listens of one user each, up to 1000 (mean {section.samples['mean']:.0f}), over "
        f"{CONNECTIONS} kept connections, one call after the other on each. The clock stops when the last listen is "
        "committed in PostgreSQL (in the lake, in the last row). The client's own CPU time is not counted."
    )
    return section


def _import(section: Section, bench: Bench, seed: int, listens: int, what: str, *, landed: bool = False) -> float:
    """Listens per second until all are stored."""
    world = World.make(seed, listens, until=UNTIL)
    names = [f"import {seed} of {number}" for number in world.listeners.ids.tolist()]
    users = bench.create_users(names)
    bodies = [(users[user], body) for user, _, body in world.messages()]
    calls = [http.submission("import", bench.token(user), body.encode()) for user, body in bodies]
    before = bench.consumed()
    with measured(bench.roots) as usage, http.process() as pool:
        answers = pool.submit(http.at_full_speed, bench.port, calls, CONNECTIONS).result()
        wait(lambda: bench.consumed() - before >= listens, 600, f"{listens} listens consumed")
        if landed:
            bench.wait_landed(600)
        end = max(a.answered for a in answers)
        stored = _stored_at(bench, landed=landed)
    assert all(a.status == 200 for a in answers), {a.status for a in answers}
    seconds = max(end, stored) - min(a.due for a in answers)
    if what != "warm-up":
        section.add(f"answers, {what}", percentiles([a.answered - a.due for a in answers]))
        section.add(f"CPU seconds, {what}", f"{usage.cpu_total:.0f} for {listens:,} listens ({usage.cpu_text()})")
        section.add(f"peak resident size, {what}", usage.rss_text())
    if what != "warm-up" and not landed:
        floor = floor_of_import([body for _, body in bodies])
        section.add(
            "floor: parse, validate, MSID and rules of the same listens, CPU seconds; floor : actual",
            f"{floor:.1f}; {floor / usage.cpu_total:.2f}",
        )
    section.samples |= {f"cpu {seed}": usage.cpu, f"seconds {seed}": seconds, "mean": listens / len(calls)}
    return listens / seconds


def _stored_at(bench: Bench, *, landed: bool) -> float:
    """Epoch seconds of the last write, by PostgreSQL's clock (this machine's)."""
    query = "SELECT extract(epoch FROM max(processed)) * 1000 FROM message_seen"
    if landed:
        query = "SELECT extract(epoch FROM clock_timestamp()) * 1000"
    return bench.value(query) / 1000
