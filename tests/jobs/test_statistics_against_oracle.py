"""Every statistic, every range, every key: what would be served is what the oracle counts, byte for byte."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection
from conf.settings import Settings
from jobs import everybody, runner
from jobs.catalog import catalog
from jobs.job import Document, Job, Ranked
from jobs.land import Lander
from jobs.landing import Landing
from jobs.lock import LakeLock
from jobs.messages import new_run_id
from jobs.served_run import ServedRun
from tests.jobs.agreement import differences, what_of
from tests.jobs.generated_listens import generated_world
from tests.jobs.kept import Kept
from tests.jobs.lived import Lived, everything
from tests.jobs.real_listens import real_world
from tests.jobs.span_runs import spans_differ
from tests.oracle.histories import plan
from tests.oracle.statistics import LISTENED, SITEWIDE_STATISTICS, USER_STATISTICS, Oracle
from tests.oracle.world import World

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]
RUNS_AT = (0, 12, 16, 19)
"""Of twenty moments, when statistics are asked for. Metadata come with the 16th, which touches everybody: the runs at
the 12th and the last continue others."""


def statistics() -> tuple[Job, ...]:
    """Every job of the catalog that makes a statistic."""
    return tuple(job for job in catalog().jobs.values() if isinstance(job.output, Ranked | Document) and job.route)


@dataclass
class System:
    """A system that lives what worlds live, and serves what its runs gave."""

    lived: Lived
    settings: Settings
    kept: Kept = field(default_factory=Kept)

    def compute(self, landing: Landing, at: int, *, anew: bool = False) -> None:
        """All statistics at a data version and T, continued from the last time, or `anew`."""
        last, ordered = None if anew else self.kept.manifest, runner.Ordered("stats.all", statistics(), {"at": at})
        base = None if last is None else ServedRun(last.run_id, last.data_version, last.newest_listen_ts)
        run_id = new_run_id(1.7e9)
        self.kept.save(
            runner.run(self.lived.spark, self.settings, ordered, landing, run_id=run_id, request_id=None, base=base)
        )

    def agrees(self, world: World) -> None:
        """Every answer is the oracle's."""
        wrong = differences(Oracle(world), self.kept.answers, statistics())
        assert not wrong, f"{len(wrong)} answers differ, the smallest: {wrong[0]}"


@pytest.fixture
def system(spark: SparkSession, settings: Settings, connection: Connection, tmp_path: Path) -> Iterator[System]:
    Path(settings.lake).mkdir(parents=True)
    lock = LakeLock(settings.database_url, settings.lake)
    assert lock.acquire()
    lived = Lived(spark, settings, connection, Lander(spark, settings, lock), tmp_path / "metadata")
    yield System(lived, replace(settings, result_inline_bytes=1 << 30))
    lock.release()


def test_every_statistic_of_the_references_is_in_the_catalog() -> None:
    there = {what_of(job) for job in statistics()}

    assert there == {
        *(("user", name) for name in USER_STATISTICS),
        *(("sitewide", name) for name in SITEWIDE_STATISTICS),
        *((entity.removesuffix("s").replace("_", "-"), "listeners") for entity in LISTENED),
    }


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 51))])
def test_two_hundred_histories_of_twenty_steps_in_one_lake(
    system: System, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every other seed continues what everybody says together as large lakes do: from kept sums, which are made one
    layer again on the way.
    """
    if seed % 2:
        monkeypatch.setattr(everybody, "MOST_LAYERS", 2)
        monkeypatch.setattr(everybody, "KEPT_FROM", 1)
        monkeypatch.setattr(everybody, "MOST_TOUCHED", 1.0)
    found = plan(seed, histories=200, moments=20)
    for number, world in enumerate(found.worlds()):
        if number == 0:
            system.lived.begin(world.users)
        system.lived.do(found.steps(number))
        if number in RUNS_AT:
            landing = system.lived.land(world.metadata)
            system.compute(landing, world.newest)
        if number in RUNS_AT[1::2]:
            assert system.kept.manifest is not None
            assert system.kept.manifest.base_run_id is not None, "this run was continued"
            system.agrees(world)
    system.compute(landing, world.newest, anew=True)
    system.agrees(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 12))
def test_histories_agree_after_every_step(system: System, seed: int) -> None:
    found = plan(seed, histories=60, moments=3)
    for number, world in enumerate(found.worlds()):
        if number == 0:
            system.lived.begin(world.users)
        system.lived.do(found.steps(number))
        landing = system.lived.land(world.metadata)
        system.compute(landing, world.newest)
        system.agrees(world)
    wrong = spans_differ(seed, system.lived.spark, system.settings, landing, Oracle(world))
    assert not wrong, f"{len(wrong)} answers about spans differ, such as {wrong[0]}"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "internet-radio-37-channels-2023",
        "one-listener-2005-2015",
        "radio-25-stations-one-week-2014",
        "last-fm-304-users",
    ],
)
def test_real_listens(system: System, shared_data: Path, name: str) -> None:
    world = real_world(shared_data, name)
    system.lived.begin(world.users)
    system.lived.do(everything(world))
    system.compute(system.lived.land(world.metadata), world.newest)

    system.agrees(world)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("listens", [20_000, 1_000_000])
def test_generated_listens(system: System, tmp_path: Path, listens: int) -> None:
    world = generated_world(tmp_path / "generated", listens)
    assert len(world.listens) > 0.9 * listens
    system.lived.begin(world.users)
    system.lived.do(everything(world))
    system.compute(system.lived.land(world.metadata), world.newest)

    system.agrees(world)
