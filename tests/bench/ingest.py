"""W1: from JSON messages in the queue to Delta, a replay, and what peers need for the same listens."""

import time
from dataclasses import dataclass

from dumps.generator.files import World
from jobs.listens.listen import Submission, new_message_id
from tests.bench import peers
from tests.bench.meter import Usage, measured
from tests.bench.report import Section, number
from tests.bench.system import UNTIL, Bench, bench_system, start_consumer, wait

ROW_WISE = 10_000
"""Listens the row-wise peer writes: enough to extrapolate from, as its cost per listen does not change."""


@dataclass(frozen=True)
class Backlog:
    """Messages as they lie in the queue."""

    messages: list[bytes]
    listens: int
    users: dict[int, int]


@dataclass(frozen=True)
class Run:
    """One drained backlog."""

    seconds: float
    usage: Usage
    listens: int

    @property
    def rate(self) -> float:
        return self.listens / self.seconds


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W1", "W1: ingest, queue JSON to Delta, and replay")
    small, big = (2_000, 10_000) if quick else (100_000, 1_000_000)
    with bench_system() as bench:
        bench.create_users(["first"])
        bench.system.start("listen_writer")
        start_consumer(bench)
        first = _drain(bench, _backlog(bench, 1, small))
        backlog = _backlog(bench, 2, big)
        second = _drain(bench, backlog)
        section.add(
            "queue JSON to Delta, writer and consumer together",
            f"{second.seconds:.1f} s, {number(second.rate)} listens/s",
        )
        section.add("CPU seconds", f"{second.usage.cpu_total:.0f} for {big:,} listens ({second.usage.cpu_text()})")
        _memory(section, first, second)
        _replay(section, bench, backlog)
        _peers(section, bench, backlog, second, quick)
    section.text.append(
        f"{big:,} generated listens in {len(backlog.messages):,} messages of up to 1000. The writer is paused while "
        "the queue is filled; the clock runs from when it goes on until the last listen is in the lake. Writer and "
        "landing share 2 cores, and PostgreSQL, which the peer DuckDB does without, keeps every listen too."
    )
    section.samples |= {"seconds": second.seconds, "cpu": second.usage.cpu, "rss": second.usage.peak_rss}
    return section


def _backlog(bench: Bench, seed: int, listens: int) -> Backlog:
    world = World.make(seed, listens, until=UNTIL)
    users = bench.create_users([f"w1 {seed} {number}" for number in world.listeners.ids.tolist()])
    messages = [
        b'{"message_id":"%s","user_id":%d,"submitted_at":%d,"source":null,"listens":%s}'
        % (str(new_message_id()).encode(), users[user], UNTIL * 1_000_000, body.encode())
        for user, _, body in world.messages()
    ]
    assert len(Submission.decode(messages[0]).listens) > 0
    return Backlog(messages, listens, users)


def _drain(bench: Bench, backlog: Backlog, *, again: bool = False) -> Run:
    """Fill the queue while the writer is paused, then time it. `again`: the same messages, so nothing is consumed."""
    (writer,) = [part for part in bench.system.parts if part.name == "listen_writer"]
    bench.wait_landed(600)
    consumed = bench.consumed()
    writer.pause()
    broker = bench.broker()
    for at in range(0, len(backlog.messages), 20):
        broker.publish("incoming", backlog.messages[at : at + 20])
    with measured(bench.roots) as usage:
        started = time.monotonic()
        writer.resume()
        if not again:
            wait(lambda: bench.consumed() - consumed >= backlog.listens, 900, f"{backlog.listens} listens consumed")
        wait(lambda: broker.depth("incoming") == 0, 900, "the queue is empty")
        bench.wait_landed(900)
        seconds = time.monotonic() - started
    broker.close()
    return Run(seconds, usage, backlog.listens)


def _memory(section: Section, small: Run, big: Run) -> None:
    for part in ("listen_writer", "request_consumer", "jvm"):
        before, after = small.usage.peak_rss[part], big.usage.peak_rss[part]
        section.add(
            f"peak resident size of {part}, backlog of {small.listens:,} and {big.listens:,} listens",
            f"{before:.0f} MB and {after:.0f} MB",
            "does not grow with the backlog" if part != "jvm" else "bounded by SPARK_DRIVER_MEMORY (2g) and its code",
            after < 1.5 * before if part != "jvm" else after < 3072,
        )


def _replay(section: Section, bench: Bench, backlog: Backlog) -> None:
    """The same messages again, then the same listens under new message ids: neither adds a row."""
    before = bench.listens() + len(peers.lake(bench))
    again = _drain(bench, backlog, again=True)
    share = max(1, len(backlog.messages) // 10)
    fresh = [m.replace(m[15:51], str(new_message_id()).encode(), 1) for m in backlog.messages[:share]]
    count = sum(len(Submission.decode(m).listens) for m in fresh)
    anew = _drain(bench, Backlog(fresh, count, backlog.users))
    landed = peers.lake(bench)
    added = bench.listens() + len(landed) - before
    section.add("replay: rows added in PostgreSQL and the lake", str(added), "0", added == 0)
    doubled = int(landed.duplicated().sum())
    section.add("keys that the lake holds twice", str(doubled), "0", doubled == 0)
    section.add(
        "replay: same message ids, then the same listens under new ids",
        f"{number(again.rate)} and {number(anew.rate)} listens/s",
    )


def _peers(section: Section, bench: Bench, backlog: Backlog, ours: Run, quick: bool) -> None:
    known = list(backlog.users.values())
    lake = peers.fingerprint_of_lake(bench, known)
    duck = peers.duckdb_to_parquet(bench.folder, backlog.messages, 1 if quick else 3)
    assert duck.fingerprint == lake, f"DuckDB has {duck.fingerprint}, the lake {lake}: no times are compared"
    section.add(
        "ours : DuckDB read_json to Parquet, wall time",
        f"{ours.seconds / duck.seconds:.1f} ({ours.seconds:.1f} s : {duck.seconds:.1f} s)",
        "<= 4", ours.seconds / duck.seconds <= 4,
    )  # fmt: skip
    section.add("the same, CPU seconds", f"{ours.usage.cpu_total:.0f} : {duck.cpu:.0f}")
    row_wise = peers.row_by_row(bench, backlog.messages, min(ROW_WISE, backlog.listens))
    rate = row_wise.listens / row_wise.seconds
    section.add(
        "row-wise writer : ours, seconds per listen",
        f"{ours.rate / rate:.1f} (row-wise: {number(rate)} listens/s on {row_wise.listens:,} listens, "
        f"into PostgreSQL only)",
        ">= 10", ours.rate / rate >= 10,
    )  # fmt: skip
    section.text += [
        f"Equal results: {lake[0]:,} rows and the same order-free hash over (user, second, artist, track) in the lake, "
        "read by deltalake, and in DuckDB's Parquet file; the row-wise table equals `listen` on the same keys.",
        f"DuckDB's queries (2 threads):\n\n```sql\n{duck.query}\n```",
        f"The row-wise peer, once per listen, a commit per listen:\n\n```sql\n{row_wise.query}\n```",
    ]
