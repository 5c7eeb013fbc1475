"""How far behind each statistic is: its lag, beside what the catalog declares, and what its last run cost.

The lag is how long the oldest change that is not in what is served has waited, from when it was written: 0 when every
change is, time has passed no listen that was left out as later than T, and no day has ended since on the clock of any
user. Ages say something else: nothing may have happened.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.catalog import Catalog, catalog
from jobs.job import Files, Job, Tables
from jobs.listens.user_settings import zones_chosen
from jobs.ranges import day_ended
from webapi.db.freshness import Everything, ServedRun, everything_served


@dataclass(frozen=True)
class Freshness:
    """One statistic, in all its ranges. Whole seconds."""

    statistic: str
    bundle: str | None
    """The request that keeps it fresh."""
    bound: int | None
    """The lag that its bundle declares at most; None: nothing keeps it fresh."""
    lag: int
    """Of the range that is furthest behind."""
    age: int | None
    """Since the range that was switched first; None: it was never made."""
    runs: tuple[ServedRun, ...]
    """By which its ranges are served; of the newest, what it cost."""

    @property
    def late(self) -> bool:
        """Whether it is further behind than declared."""
        return self.bound is not None and self.lag > self.bound

    @property
    def newest(self) -> ServedRun | None:
        """Of its runs the one that was switched to last."""
        return max(self.runs, key=lambda run: run.updated, default=None)

    def document(self) -> dict[str, Any]:
        """As answered, `last_run` null for one that was never made."""
        run = self.newest
        last = (
            None if run is None else {"run_id": str(run.run_id), "data_version": run.data_version, **asdict(run.cost)}
        )
        return {
            "name": self.statistic,
            "lag": self.lag,
            "bound": self.bound,
            "late": self.late,
            "age": self.age,
            "last_run": last,
        }


def freshness(cursor: Cursor) -> list[Freshness]:
    """Every statistic of the catalog, in its order."""
    return freshness_of(catalog(), everything_served(cursor), zones_chosen(cursor))


def freshness_of(known: Catalog, served: Everything, zones: Sequence[str]) -> list[Freshness]:
    """The same, from what is served and the zones whose days turn."""
    keeper = {job.statistic: bundle for bundle in known.kept_fresh() for job in known.bundled(bundle)}
    found: dict[str, list[ServedRun]] = {}
    for run in served.runs:
        found.setdefault(run.statistic, []).append(run)
    told = []
    for job in known.jobs.values():
        if isinstance(job.output, Tables | Files):
            continue
        runs, bundle = tuple(found.get(job.statistic, ())), keeper.get(job.statistic)
        told.append(
            Freshness(
                statistic=job.statistic,
                bundle=None if bundle is None else bundle.name,
                bound=None if bundle is None else bundle.fresh_within,
                lag=_lag(job, runs, served, zones),
                age=max((int(served.now - run.updated) for run in runs), default=None),
                runs=runs,
            )
        )
    return told


def late_in_words(statistics: Sequence[Freshness]) -> str | None:
    """One line about those that are further behind than declared, for a person; None: none is."""
    late = sorted((one for one in statistics if one.late), key=lambda one: -one.lag)
    if not late:
        return None
    worst = late[0]
    others = f" and {len(late) - 1} more" if len(late) > 1 else ""
    return (
        f"{worst.statistic}{others}: a change has waited {worst.lag} s, {worst.bound} s are declared; are scheduler, "
        "request_consumer and spark_reader at work, did a run fail (`requests list`)?"
    )


def _day_waits(run: ServedRun, now: float, zones: Sequence[str]) -> float | None:
    """Since when a day that has ended is not in a run: one that was asked for as of long ago is late since it came."""
    ended = day_ended(run.newest_listen_ts, now, zones)
    return None if ended is None else max(ended, run.updated)


def _listen_waits(run: ServedRun, now: float) -> float | None:
    """Since when time has passed a listen that a run leaves out as later than its T; as above, since the run came."""
    following = run.next_listen_ts
    return None if following is None or following > now else max(following, run.updated)


def _lag(job: Job, runs: Sequence[ServedRun], served: Everything, zones: Sequence[str]) -> int:
    since = [
        moment
        for run in runs
        for moment in (run.waits_since, _day_waits(run, served.now, zones), _listen_waits(run, served.now))
    ]
    if len(runs) < len(job.ranges):
        since.append(served.first_change)
    oldest = min((moment for moment in since if moment is not None), default=served.now)
    return max(0, int(served.now - oldest))
