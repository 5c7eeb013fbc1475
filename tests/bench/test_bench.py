"""The harness itself: what it counts is there, what it prints is what it counted, and a quick run goes through."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import psutil
import pytest

from conf.postgres import Connection, transaction
from conf.settings import PROJECT
from dumps.generator import World, generate
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from tests.bench import h2load, http
from tests.bench.__main__ import SECTIONS, main
from tests.bench.freshness import judged
from tests.bench.load import load
from tests.bench.meter import SAMPLE_SECONDS, measured
from tests.bench.report import Section, Store, markdown, paired_ratio, percentiles
from tests.bench.statistics import SIZES, listens_asked
from tests.bench.statistics_rows import Scale
from tests.bench.system import UNTIL
from tests.debian import require
from tests.faults.parts import until


def spent(pid: int) -> float:
    """CPU seconds of the children of a process."""
    return sum(sum(child.cpu_times()[:2]) for child in psutil.Process(pid).children())


def test_cpu_and_peak_memory_of_a_process_and_its_child_are_found() -> None:
    burn = "import time\nx = bytearray(150 * 2**20)\nwhile time.process_time() < 0.4: pass\ninput()"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], stdin=subprocess.PIPE)
    with measured(lambda: {"part": [process.pid]}) as usage:
        until(lambda: spent(process.pid) >= 0.35, 60, "the child has burnt its share")
        time.sleep(1.5 * SAMPLE_SECONDS)
    process.communicate(b"\n", timeout=20)
    assert 0.35 <= usage.cpu["part"] <= 3
    assert 150 <= usage.peak_rss["part"] <= 260
    assert usage.peak_total >= 150


def test_a_call_waits_from_when_it_was_due_and_the_lateness_of_all_is_nobodys_wait() -> None:
    seconds = h2load.lateness(np.array([7.0, 7.1, 7.35, 7.36, 7.4]), connections=1, each=10)
    assert seconds == pytest.approx([0, 0, 0.15, 0.06, 0])
    # Two connections, a millisecond apart: the second's first call came 20 ms after it was due, the log has it last.
    seconds = h2load.lateness(np.array([0.002, 0.102, 0.202, 0.103, 0.203, 0.023]), connections=2, each=10)
    assert seconds == pytest.approx([0, 0, 0, 0, 0, 0.02])


class _Slow(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(0.2)
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        return


def test_latency_counts_from_when_a_call_was_due_so_a_slow_server_cannot_hide_behind_its_client() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    calls = [http.submission("single", "token", [])] * 6
    answers = http.on_schedule(int(server.server_address[1]), calls, per_second=20, connections=1)
    server.shutdown()
    server.server_close()
    waits = sorted(answer.answered - answer.due for answer in answers)
    assert [answer.status for answer in answers] == [200] * 6
    assert 0.19 < waits[0] < 2
    assert 6 * 0.2 - 5 / 20 - 0.01 < waits[-1] < 5


def test_h2load_tells_how_long_calls_waited_that_a_slow_server_kept_waiting() -> None:
    require(Path("/usr/bin/h2load"), "nghttp2-client", missing="h2load is missing: install nghttp2-client")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    run = h2load.steady(f"http://127.0.0.1:{server.server_address[1]}/", seconds=1, per_second=10)
    server.shutdown()
    server.server_close()
    assert (len(run.waits), run.errors) == (10, 0)
    assert run.per_second < 5.1
    # The last was due after 0.9 s and came after ten times 0.2 s; the tenth sent soonest were hardly late.
    assert 0.19 < run.waits.min() < 0.3
    assert 0.95 < run.waits.max() < 3


def test_a_server_that_is_not_there_is_an_answer_with_status_0() -> None:
    assert http.Line(1).exchange(http.get("/", "token")) == (0, b"")


def test_loaded_rows_are_those_that_the_write_function_stores(connection: Connection, tmp_path: Path) -> None:
    generate(tmp_path, 6, 4000, until=UNTIL, users=3, json_lines=False, metadata=False)
    copied = {user: create_user(connection, f"copied {user}") for user in (1, 2, 3)}
    written = {user: create_user(connection, f"written {user}") for user in (1, 2, 3)}
    first = load(connection, tmp_path / "listens.parquet", copied, range(1, 2))
    rest = load(connection, tmp_path / "listens.parquet", copied, range(2, 4))
    for user, _, body in World.make(6, 4000, until=UNTIL, users=3).messages():
        document = b'{"message_id":"%s","user_id":%d,"submitted_at":1,"listens":%s}'
        message = document % (str(new_message_id()).encode(), written[user], body.encode())
        write_submissions(connection, [Submission.decode(message)])
    rows = "listened_at, recording_msid, artist_name, track_name, release_name, additional_info"
    for user in (1, 2, 3):
        pair = (copied[user], written[user])
        assert _same(connection, f"SELECT {rows} FROM listen WHERE user_id = %s ORDER BY 1, 2", *pair) > 0  # noqa: S608
        columns = "listen_count, oldest_listened_at, newest_listened_at"
        assert _same(connection, f"SELECT {columns} FROM listen_totals WHERE user_id = %s", *pair) == 1  # noqa: S608
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT count(*), count(DISTINCT position) FROM listen WHERE user_id = ANY(%s)", ([*copied.values()],)
        )
        assert cursor.fetchone() == (first + rest, first + rest)


def _same(connection: Connection, query: str, one: int, other: int) -> int:
    with transaction(connection) as cursor:
        cursor.execute(query, (one,))
        left = cursor.fetchall()
        cursor.execute(query, (other,))
        assert left == cursor.fetchall()
    return len(left)


def test_a_report_names_every_missed_target_first_and_keeps_sections_measured_before(tmp_path: Path) -> None:
    store = Store(tmp_path / "benchmark.json")
    good, bad = Section("submit", "Submit"), Section("bulk", "Bulk")
    good.below("web worker", 87, "MB", 200)
    bad.above("HTTP into PostgreSQL", 4100, "listens/s", 5000)
    store.put(good)
    store.put(bad)
    store.put(bad)
    found = store.sections()
    assert found == {"submit": good, "bulk": bad}
    text = markdown(list(found.values()))
    assert "- HTTP into PostgreSQL: 4,100 listens/s, target >= 5,000 listens/s" in text
    assert "| web worker | 87 MB | < 200 MB | met |" in text
    assert "| HTTP into PostgreSQL | 4,100 listens/s | >= 5,000 listens/s | **missed** |" in text


def test_latencies_and_ratios_are_summed_up_as_they_are_named() -> None:
    assert percentiles([0.001 * n for n in range(1, 101)]) == "p50 50 ms, p99 99 ms, worst 100 ms"
    ratio, text = paired_ratio([2, 4, 9], [1, 2, 3])
    assert ratio == 2
    assert text.startswith("2.00 (90 % interval 2.00 to 3.00, 3 pairs")


def test_an_unknown_section_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--only", "submit,W99"])
    assert "unknown section 'W99'" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["0", "2000,1000", "1000,1000", "-5", "many"])
def test_sizes_that_cannot_be_landed_one_on_top_of_the_other_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"BENCH_LISTENS|many"):
        listens_asked(text, SIZES)
    assert listens_asked("", SIZES) == SIZES
    assert listens_asked("50000000", SIZES) == (50_000_000,)


def test_what_naive_spark_was_not_asked_is_put_low() -> None:
    scale = Scale(1000, 2)
    scale.naive_ranges = {("artists", "all_time"): (60.0, 90.0), ("artists", "week"): (5.0, 8.0)}
    assert scale.naive_total() == (4 * 60 + 32 * 5, 4 * 90 + 32 * 8)


def test_the_bounds_are_measured_and_written(tmp_path: Path) -> None:
    assert main(["--quick", "--only", "bounds", "--out", str(tmp_path)]) == 0
    assert "parse JSON" in (tmp_path / "benchmark.md").read_text()
    assert len(Store(tmp_path / "benchmark.json").sections()["bounds"].rows) == 9


def test_of_freshness_the_first_listen_is_judged_as_those_after_it_are() -> None:
    cold, warm = judged(72.7, [34.0, 41.0]).rows
    assert (cold.measured, cold.target, cold.met) == ("72.7 s", "< 60 s", False)
    assert (warm.target, warm.met) == ("< 60 s, each", True)
    cold, warm = judged(59.9, [34.0, 60.0]).rows
    assert (cold.met, warm.met) == (True, False)


@pytest.mark.parametrize("cluster", ["postgres.making", "postgres"], ids=["while-initdb-runs", "once-it-serves"])
def test_a_bench_that_is_told_to_end_leaves_nothing_behind(state_dir: Path, cluster: str) -> None:
    folder = Path(tempfile.mkdtemp(dir=state_dir))
    folder.chmod(0o755)
    command = [sys.executable, "-m", "tests.bench", "--quick", "--only", "submit", "--out", str(folder)]
    with (folder / "said").open("wb") as log:
        environ = {**os.environ, "TMPDIR": str(folder)}
        process = subprocess.Popen(command, env=environ, cwd=PROJECT, stdout=log, stderr=log)
    there = f"listenlake-bench-*/{cluster}/postmaster.pid"
    until(lambda: any(folder.glob(there)), 60, "its PostgreSQL is there")
    family = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.wait(90) != 0
    assert psutil.wait_procs(family, timeout=10)[1] == []
    assert list(folder.glob("listenlake-bench-*")) == []


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_quick_run_of_everything_ends_with_results_proven_equal(tmp_path: Path) -> None:
    assert main(["--quick", "--out", str(tmp_path)]) == 0
    sections = Store(tmp_path / "benchmark.json").sections()
    assert set(sections) == set(SECTIONS)
    added = next(row for row in sections["W1"].rows if row.what.startswith("replay: rows added"))
    assert added.measured == "0"
