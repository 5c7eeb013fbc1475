"""An import that dies anywhere, or is cancelled, is repeated and ends where it would have."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from conf.postgres import Connection
from conf.settings import PROJECT, Settings, environment
from dumps.load.spark import importer
from tests.spark_dumps.archives import Row, full, mapped, play
from tests.spark_dumps.conftest import Bring, listens, query, state

_RUN = """
import sys, orjson
from conf.settings import load_settings
from dumps.load.spark.importer import import_full
import jobs.listens.dump.listens as listens
listens.BATCH = 20
import_full(load_settings(), orjson.loads(sys.argv[1]), lambda text: None)
"""
PARAMS = {"source": "listenbrainz", "dump_id": 2}


def rows(count: int) -> list[Row]:
    return [mapped(n, n % 9 + 1, n % 4 + 7, say=n % 3 + 1) for n in range(count)]


def die(settings: Settings, folder: Path, point: str) -> None:
    """Import in a process of its own that kills itself at the fault point."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, orjson.dumps(PARAMS | {"folder": str(folder)}).decode()],
        env={**os.environ, **environment(settings), "FAULT_POINT": point, "PYTHONPATH": str(PROJECT)},
        cwd=PROJECT, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()


@pytest.mark.parametrize("point", ["dump.staged", "dump.batch:1", "dump.batch:3", "dump.removed:2"])
def test_killed_anywhere_and_repeated_it_ends_as_if_nothing_had_happened(
    point: str, bring: Bring, folder: Path, settings: Settings, connection: Connection
) -> None:
    full(folder, 1, *rows(60), *(play(1000 + n) for n in range(60)))
    full(folder, 2, *rows(80), play(5000, artist_name=""))
    bring("full", dump_id=1)
    bring("full", dump_id=2)
    wanted = state(connection)
    bring("full", dump_id=1)
    before = state(connection)

    die(settings, folder, point)

    if point == "dump.staged":
        assert state(connection) == before, "nothing is written before all was read"
    [(had,)] = query(connection, "SELECT count(*) FROM listen WHERE dump_id = 2")
    answer = bring("full", dump_id=2)
    assert state(connection) == wanted
    assert (answer["read"], answer["new"]) == (81, 20 - had)
    assert (had > 0) == (point != "dump.staged")


def test_who_cancels_it_stops_it_at_the_next_batch_and_a_repeat_completes_it(
    bring: Bring, folder: Path, settings: Settings, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.listens.dump.listens.BATCH", 20)
    full(folder, 2, *rows(80))

    def cancel_in_the_middle(text: str) -> None:
        if "40 of 80 written" in text:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        importer.import_full(settings, PARAMS | {"folder": str(folder)}, cancel_in_the_middle)

    assert len(listens(connection)) == 40
    answer = bring("full")
    assert (answer["new"], answer["duplicate"]) == (40, 40)
    assert any("60 of 80 written, 20 new" in text for text in answer.told)
