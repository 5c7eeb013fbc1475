"""What similarity of recordings and of artists have in common, on Spark: from listens to scored pairs. jobs.md 9.

The path: every landed track as an item (jobs/similarity_inputs.py); listens, a user's together, to what was played in
sessions and not skipped (jobs/engines/sessions.py); of items with enough listeners the scores (session_pairs.py).
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql.pandas.types import from_arrow_schema

from jobs.engines import session_pairs, sessions
from jobs.frames import Frames
from jobs.job import NothingToWorkOnError
from jobs.lake import row_count
from jobs.run_engine import DAY, EngineRun
from jobs.similarity.parameters import algorithm, statistic

TASK_LISTENS = 500_000
"""Listens of one task: its arrays take about 100 MB, its pairs several times as much."""
LONG_SESSION = 1000
"""Listens; at three minutes each, more than two days without a pause."""
LONG_SESSIONS_TOLD = 10
"""Users named in the log, those with the longest first."""
WHOLE = 4
"""What an artist weighs in a pair; a featured one weighs 1. A score of artists is in units of WHOLE * WHOLE."""
_log = logging.getLogger(__name__)
_WINDOW = """
SELECT user_id, track_id, duration_ms, listened_at FROM {listens}
 WHERE listened_at BETWEEN timestamp_seconds(:window_from) AND timestamp_seconds(:window_to)
"""
_LISTENED = """
SELECT l.user_id, unix_seconds(l.listened_at) AS listened_at,
       CAST(coalesce(i.seconds, CASE WHEN l.duration_ms > 0 THEN l.duration_ms DIV 1000 END,
                     :default_length_ms DIV 1000) AS INT) AS seconds,
       i.item_id, i.unit_id
  FROM {window} l
  LEFT SEMI JOIN {users} u ON u.user_id = l.user_id
  LEFT JOIN {landed_personal_track} o ON o.user_id = l.user_id AND o.track_id = l.track_id
  JOIN {unit} i ON i.identity_id = coalesce(o.identity_id, CAST(l.track_id AS BIGINT))
"""
_PLAYED = """
SELECT i.identity_id, count(*) AS listen_count
  FROM {window} l
  LEFT JOIN {landed_personal_track} o ON o.user_id = l.user_id AND o.track_id = l.track_id
  JOIN {identified} i ON i.identity_id = coalesce(o.identity_id, CAST(l.track_id AS BIGINT))
 GROUP BY i.identity_id
"""
_RANKED = """
SELECT item_id, other_id, score, place
  FROM (SELECT *, row_number() OVER (PARTITION BY item_id ORDER BY score DESC, other_id DESC) AS place
          FROM (SELECT inline(array(struct(first AS item_id, second AS other_id),
                                    struct(second AS item_id, first AS other_id))), score
                  FROM {pair}))
 WHERE place <= :limit
"""


@dataclass(frozen=True)
class Rules:
    """Options of a run; seconds, and scores of whole pairs."""

    days: int
    session: int
    skip: int
    contribution: int
    threshold: int
    limit: int

    @classmethod
    def of(cls, params: Mapping[str, object]) -> "Rules":
        """From the params of either job (jobs/similarity)."""
        skip = params["skip_threshold"] if "skip_threshold" in params else params["skip"]
        contribution = params["max_contribution"] if "max_contribution" in params else params["contribution"]
        given = (params["days"], params["session"], skip, contribution, params["threshold"], params["limit"])
        return cls(*(int(str(value)) for value in given))

    @property
    def algorithm(self) -> str:
        """What the dataset names itself."""
        return algorithm(vars(self))


class Listening:
    """The listens of a run's window. Frames are freed with the run."""

    def __init__(self, run: EngineRun, rules: Rules, reads: Sequence[str], served: str) -> None:
        """`reads`: the inputs that will be asked for, once per statement. Raises NothingToWorkOnError.

        `served`: the statistic that is served, in place of which another one may be made.
        """
        self._run, self._rules = run, rules
        window = {"window_from": max(0, run.newest - rules.days * DAY), "window_to": run.newest}
        made = statistic(served, run.params)
        said = {"limit": rules.limit, "algorithm": rules.algorithm, "whole": WHOLE, "statistic": made}
        self.frames: Frames = run.opened((*reads, "landed_personal_track"), {**window, **said})
        self._window = self.frames.sql(_WINDOW, ("listens",))
        # Without `at` the newest listen is in the window, or none is left: then the index becomes empty.
        if run.params.get("at") is not None and self._window.isEmpty():
            raise NothingToWorkOnError(
                f"days={rules.days}: there are no listens in so many days up to {run.newest}, which is `at`, else the "
                "time of the newest listen"
            )

    def kept(self, units: DataFrame) -> DataFrame:
        """Rows of sessions.KEPT, a user's in one partition. `units`: identity_id, seconds, item_id, unit_id."""
        rules = self._rules

        def keep(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return sessions.kept_plays(batches, session=rules.session, skip_threshold=rules.skip)

        listened = self.frames.sql(_LISTENED, ("users", "landed_personal_track"), window=self._window, unit=units)
        by_user = listened.repartition(self._tasks, "user_id")
        found = self.frames.keep(by_user.mapInArrow(keep, from_arrow_schema(sessions.KEPT)))
        warn_of_long_sessions(found)
        return found

    def pairs(self, heard: DataFrame, items: int, unit: int = 1) -> DataFrame:
        """Rows of session_pairs.SCORES above the threshold, each pair once.

        `heard`: rows of session_pairs.HEARD, a user's in one partition; `items`: item_id is below it; `unit`: what a
        score of one is in weights.
        """
        rules, chunks = self._rules, session_pairs.Chunks(items, self._tasks)
        self._run.progress("counting listeners")
        popular = self._popular(heard)
        chosen = heard.join(F.broadcast(popular), "item_id", "left_semi").select(*session_pairs.HEARD)

        def partial(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return session_pairs.partial_scores(batches, cap=rules.contribution * unit, chunks=chunks)

        def total(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            return session_pairs.total_scores(batches, threshold=rules.threshold, unit=unit)

        blocks = chosen.mapInArrow(partial, from_arrow_schema(session_pairs.BLOCKS))
        by_chunk = blocks.repartition(self._tasks, "chunk").sortWithinPartitions("chunk")
        return self.frames.keep(by_chunk.mapInArrow(total, from_arrow_schema(session_pairs.SCORES)))

    def played(self, identified: DataFrame) -> DataFrame:
        """identity_id, listen_count in the window, of these identities."""
        return self.frames.sql(_PLAYED, ("landed_personal_track",), window=self._window, identified=identified)

    def ranked(self, pairs: DataFrame) -> DataFrame:
        """item_id, other_id, score, place: the `limit` greatest pairs of every item, place from 1."""
        return self.frames.sql(_RANKED, (), pair=pairs)

    def _popular(self, heard: DataFrame) -> DataFrame:
        least = session_pairs.least_listeners(self._rules.threshold, self._rules.contribution)
        counted = heard.select("user_id", "item_id").mapInArrow(_listeners, from_arrow_schema(sessions.LISTENERS))
        together = counted.groupBy("item_id").agg(F.sum("listeners").alias("listeners"))
        return together.where(F.col("listeners") >= least).select("item_id")

    @cached_property
    def _tasks(self) -> int:
        run = self._run
        return 1 + row_count(run.spark, run.settings.lake, run.landing, "listens") // TASK_LISTENS


def warn_of_long_sessions(kept: DataFrame) -> None:
    """Say in the log whose sessions no person can have heard: their pairs grow with the square of a session.

    They count as they are: to leave them out would be another result (performance.md section 4). `kept`: rows of
    sessions.KEPT.
    """
    by_session = kept.groupBy("user_id", "session").agg(F.sum("plays").alias("plays"))
    by_user = by_session.where(F.col("plays") > LONG_SESSION).groupBy("user_id")
    counts = by_user.agg(F.count("*").alias("sessions"), F.max("plays").alias("longest"))
    for user_id, number, longest in counts.orderBy(F.desc("longest"), "user_id").limit(LONG_SESSIONS_TOLD).collect():
        _log.warning(
            "user %d has %d listening sessions of more than %d listens, the longest of %d: a program may have sent "
            "them; they count as they are, and make similarity slow",
            user_id, number, LONG_SESSION, longest,
        )  # fmt: skip


def _listeners(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    return sessions.listeners(batches)
