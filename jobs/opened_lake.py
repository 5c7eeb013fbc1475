"""The lake as notebooks have it: the tables of one data version, for reading."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from string import Formatter
from typing import Any
from uuid import UUID

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812

from conf.settings import Settings
from jobs import runner
from jobs.catalog import catalog
from jobs.computed import Computed
from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.inputs import INPUTS, OPTIONAL_TABLES, VALUES
from jobs.job import InvalidRequestError, Job
from jobs.lake import Landing, TableUnknownError, open_table, open_version
from jobs.messages import Manifest, new_run_id
from jobs.ranges import STATS_RANGES
from jobs.read_only import own_folder
from jobs.run_engine import EngineOrder, run_engines
from jobs.served_run import ServedRun
from jobs.tables import TABLES
from jobs.touched import FEED_KEPT

AsOf = int | str | datetime
KEEPING_NOTHING = ("similar_recordings", "similar_artists")
"""Of what functions make: what keeps nothing in the lake, so that it can be made here too."""
_FACTS = ["landing_id", "landed_at", "kind", "position", "rows", "newest_listen_ts"]


class LakeReadOnlyError(TypeError):
    """Something of the lake was to be changed: it is read here, and changed over the API and by imports."""


class DataVersionUnknownError(LookupError):
    """A data version or moment that the lake cannot show: names those it can."""


class Lake:
    """All tables as they were after one landing. `lake.listens`, or `lake.table("listens")`, is a DataFrame."""

    def __init__(self, spark: SparkSession, settings: Settings, landing: Landing, *, exact: bool) -> None:
        """`exact`: whether the lake still has what was changed since; else tables show what is left of that time."""
        given = {} if exact else _left_of(spark, settings.lake, landing)
        moment = Moment(runner.newest_listen(landing, None), STATS_RANGES)
        frames = Frames(spark, settings.lake, landing, moment, VALUES, (), given)
        own = {"spark": spark, "landing": landing, "exact": exact, "_settings": settings, "_frames": frames}
        self.__dict__.update(own)

    spark: SparkSession
    landing: Landing
    """The data version that is read."""
    exact: bool
    """False: from before what the change feeds keep; then listens deleted since are not there."""
    _settings: Settings
    _frames: Frames

    @property
    def location(self) -> str:
        """Where the tables are."""
        return self._settings.lake

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables of this data version."""
        known = (*TABLES, *OPTIONAL_TABLES)
        return tuple(dict.fromkeys(name for name in known if name in self.landing.versions))

    @property
    def inputs(self) -> dict[str, str]:
        """Shared inputs of the statistics, and what each has: jobs/inputs.py."""
        return {name: shared.about for name, shared in INPUTS.items()}

    def table(self, name: str) -> DataFrame:
        """A table. Raises TableUnknownError."""
        if name not in self.tables:
            raise TableUnknownError(f"table {name!r}: this data version has {', '.join(self.tables)}")
        return self._frames.named(name)

    def input(self, name: str) -> DataFrame:
        """A shared input of the statistics, such as user_track, up to the newest listen. Raises UnknownInputError."""
        return self._frames.named(name)

    def sql(self, statement: str, **values: Any) -> DataFrame:
        """A SELECT over {tables} and {shared inputs}, with values as :name. Raises UnknownInputError."""
        reads = [name for _, name, _, _ in Formatter().parse(statement) if name]
        frames = {name: self._frames.named(name) for name in reads}
        return self.spark.sql(statement, args=values or None, **frames)

    def landings(self) -> pd.DataFrame:
        """All data versions that the lake knows, by landing_id: a week of them, the last is the newest."""
        rows = open_version(self.spark, self.location, "landing").orderBy("landing_id")
        return rows.select(*_FACTS).toPandas().set_index("landing_id")

    def as_of(self, moment: AsOf) -> "Lake":
        """The lake at another data version, or as it was at a moment. Raises DataVersionUnknownError."""
        return opened(self.spark, self._settings, moment)

    def run(self, *statistics: str, since: "Lake | None" = None, **params: object) -> Computed:
        """Compute statistics of the catalog at this data version, in the notebook's own JVM; nothing is served.

        `since`: as the system does after a landing, only for users whose results may be others than they were then.
        `params`: options of similar_recordings or similar_artists, as in a request. Raises KeyError for a name that is
        not in the catalog, DataVersionUnknownError where not all of the data version is there, InvalidRequestError for
        wrong params or a mixture, LakeReadOnlyError for what keeps what it makes in the lake.
        """
        if not self.exact:
            raise DataVersionUnknownError(f"{self!r}: statistics need the whole data version; take a younger one")
        jobs = tuple(catalog().jobs[name] for name in statistics)
        started = time.monotonic()
        if jobs and since is None and all(job.by_engine for job in jobs):
            return Computed(self._engines(jobs, params), time.monotonic() - started)
        if params or any(job.by_engine for job in jobs):
            raise InvalidRequestError(
                f"{', '.join(statistics)}: similarities are made apart from statistics and anew; only they take options"
            )
        return Computed(self._statistics(jobs, since), time.monotonic() - started)

    def _statistics(self, jobs: tuple[Job, ...], since: "Lake | None") -> Manifest:
        base = None
        if since is not None:
            before = since.landing
            base = ServedRun(UUID(int=before.landing_id), before.landing_id, runner.newest_listen(before, None))
        return runner.run(
            self.spark,
            self._settings,
            runner.Ordered("notebook", jobs, {}),
            self.landing,
            run_id=new_run_id(time.time()),
            request_id=None,
            base=base,
            results=str(own_folder(self.spark)),
        )

    def _engines(self, jobs: tuple[Job, ...], params: Mapping[str, object]) -> Manifest:
        keeping = [job.statistic for job in jobs if job.statistic not in KEEPING_NOTHING]
        if keeping:
            raise LakeReadOnlyError(f"{keeping[0]} keeps what it makes in the lake: ask the running system for it")
        steps = [step for job in jobs for step in catalog().steps(job.name, {**params, **job.only_with})]
        now = time.time()
        made = run_engines(
            self.spark,
            self._settings,
            EngineOrder("notebook", steps),
            self.landing,
            run_id=new_run_id(now),
            request_id=None,
            now=now,
            results=str(own_folder(self.spark)),
        )
        assert isinstance(made, Manifest)
        return made

    def __getattr__(self, name: str) -> DataFrame:
        """A table by its name."""
        if name.startswith("_") or name not in self.tables:
            raise AttributeError(f"{name!r}: this data version has the tables {', '.join(self.tables)}")
        return self.table(name)

    def __setattr__(self, name: str, value: object) -> None:
        """Refused."""
        raise LakeReadOnlyError(
            f"lake.{name} = ...: the lake is read-only here; give what you compute a name of its own"
        )

    def __delattr__(self, name: str) -> None:
        """Refused."""
        raise LakeReadOnlyError(f"del lake.{name}: the lake is read-only here")

    def __dir__(self) -> list[str]:
        """With the tables, so that they can be completed."""
        return [*super().__dir__(), *self.tables]

    def __repr__(self) -> str:
        at, left = self.landing.landed_at, "" if self.exact else ", without what was deleted since"
        return f"<data version {self.landing.landing_id}, landed {at:%Y-%m-%d %H:%M:%S} UTC{left}, read-only>"


def opened(spark: SparkSession, settings: Settings, as_of: AsOf | None) -> Lake:
    """The lake at its newest data version, or at another. Raises DataVersionUnknownError."""
    rows = open_version(spark, settings.lake, "landing").orderBy("landing_id").collect()
    landings = [Landing.of(row.asDict()) for row in rows]
    if not landings:
        raise DataVersionUnknownError(f"the lake {settings.lake} is empty: nothing has landed yet")
    chosen = landings[-1] if as_of is None else _chosen(landings, as_of)
    later = [landing.landed_at for landing in landings if landing.landing_id > chosen.landing_id]
    exact = not later or datetime.now(UTC) - min(later) < FEED_KEPT
    # Tables of an older version may be gone: what is left of them is in the newest.
    shown = chosen if exact else Landing(**{**vars(chosen), "versions": landings[-1].versions})
    return Lake(spark, settings, shown, exact=exact)


def _chosen(landings: list[Landing], as_of: AsOf) -> Landing:
    if isinstance(as_of, str | datetime):
        moment = _moment(as_of)
        found = [landing for landing in landings if landing.landed_at <= moment]
    else:
        found = [landing for landing in landings if landing.landing_id == as_of]
    if not found:
        first, last = landings[0], landings[-1]
        raise DataVersionUnknownError(
            f"as_of={as_of!r}: the lake has data versions {first.landing_id} (landed {first.landed_at.isoformat()}) to "
            f"{last.landing_id} ({last.landed_at.isoformat()})"
        )
    return found[-1]


def _moment(as_of: str | datetime) -> datetime:
    try:
        moment = datetime.fromisoformat(as_of) if isinstance(as_of, str) else as_of
    except ValueError:
        raise DataVersionUnknownError(
            f"as_of={as_of!r}: expected a data version, or a moment such as 2024-02-29 or 2024-02-29T12:00:00"
        ) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _left_of(spark: SparkSession, lake: str, landing: Landing) -> dict[str, DataFrame]:
    """Tables whose rows have positions, those of later ones left out."""
    positioned = {name for name, table in TABLES.items() if any(column.name == "position" for column in table.columns)}
    names = positioned & set(landing.versions)
    return {name: open_table(spark, lake, landing, name).where(F.col("position") <= landing.position) for name in names}
