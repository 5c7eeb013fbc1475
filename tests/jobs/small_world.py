"""A few listeners of two tastes, with whom the jobs of recommendations are tried: lake, chain of jobs, documents."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pyspark.sql import SparkSession

from conf.postgres import Pool, dsn
from conf.settings import Settings, load_settings
from jobs.catalog import catalog
from jobs.job import Step
from jobs.lake import Landing
from jobs.messages import Manifest, new_run_id
from jobs.run_engine import EngineOrder, run_engines
from jobs.served_run import ServedRun
from spark_reader.reader import save_run
from tests.jobs.histories import mbid
from tests.jobs.lake import write_lake
from tests.jobs.oracle import Histories, Track
from tests.jobs.results import Results

NOON = 1637582400
HOUR, DAY = 3600, 86400
ROCK, JAZZ = range(1, 11), range(11, 21)
"""Tracks of two tastes; those of even numbers have an MBID, the others are known by MSID."""
ROCKERS, JAZZERS, NEWCOMER, STRANGER = (1, 2, 3, 4), (5, 6, 7), 8, 9
CRON = "cf.recommendations.recording.all"
CARDS = "recommendation_model"
TRAIN = "cf.recommendations.recording.train_model"
QUICK: dict[str, Any] = {"ranks": [2], "iterations": [2]}
"""Of ALS one candidate, not twelve."""
RECOMMEND = "cf.recommendations.recording.recommendations"


def uuid_of(track: int) -> str:
    """Of the recording that a track is."""
    return mbid(100 + track) if track % 2 == 0 else mbid(200 + track)


def tracks() -> list[Track]:
    """Two tracks by each artist, who is known by name only."""
    return [
        Track(
            number,
            mbid(200 + number),
            f"Artist {(number + 1) // 2}",
            recording_mbid=mbid(100 + number) if number % 2 == 0 else None,
            track_name=f"Song {number}",
        )
        for number in (*ROCK, *JAZZ)
    ]


def listens() -> list[tuple[int, int, int]]:
    """Everybody hears her taste but for three tracks, the first ones most; the newcomer two; the stranger nothing."""
    found = []
    for place, user_id in enumerate((*ROCKERS, *JAZZERS)):
        taste = ROCK if user_id in ROCKERS else JAZZ
        missing = {taste[(place * 3 + step) % 10] for step in range(3)}
        for track in taste:
            times = 0 if track in missing else 1 + (taste.stop - track) % 4
            found += [(user_id, NOON - DAY * (track + 3 * turn) - HOUR * user_id, track) for turn in range(times)]
    return [*found, (NEWCOMER, NOON - HOUR, 1), (NEWCOMER, NOON - 2 * HOUR, 11)]


def histories(heard: list[tuple[int, int, int]]) -> Histories:
    made = Histories(tracks(), {*ROCKERS, *JAZZERS, NEWCOMER, STRANGER})
    made.listens = heard
    return made


@dataclass
class World:
    """A lake and what was asked of it."""

    spark: SparkSession
    settings: Settings
    landing: Landing
    runs: int = 0

    def ask(
        self, query: str, base: ServedRun | None = None, *, is_stored: bool = True, **params: Any
    ) -> Manifest | str:
        """One request, as the consumer runs it; of its results the reader stores the cards of models."""
        _, checked = catalog().check(query, params)
        steps: list[Step] = catalog().steps(query, checked)
        self.runs += 1
        now = 1.7e9 + self.runs
        made = run_engines(
            self.spark, self.settings, EngineOrder(query, steps), self.landing,
            run_id=new_run_id(now), request_id=None, now=now, base=base,
        )  # fmt: skip
        if is_stored and isinstance(made, Manifest):
            self._store_cards(made)
        return made

    def _store_cards(self, made: Manifest) -> None:
        """Runs of another lake may have left newer ones in the same store."""
        switches = [switch for switch in made.switches if switch.statistic == CARDS]
        if not switches:
            return
        pool = Pool(dsn(self.settings), "test")
        with pool.transaction() as cursor:
            cursor.execute("DELETE FROM run WHERE statistic = %s", (CARDS,))
        save_run(pool, replace(made, switches=switches, parts=[part for part in made.parts if part.statistic == CARDS]))

    def results(self, query: str, base: ServedRun | None = None, **params: Any) -> Results:
        found = self.ask(query, base, **params)
        assert isinstance(found, Manifest)
        return Results(found)

    def forget(self, gone: set[tuple[int, int]]) -> None:
        """A data version without these users' listens of these tracks."""
        kept = [row for row in listens() if (row[0], row[2]) not in gone]
        columns = self.spark.read.format("delta").load(f"{self.settings.lake}/listens").schema
        rows = [_listen(row, columns.names) for row in kept]
        frame = self.spark.createDataFrame(rows, columns).coalesce(1)
        frame.write.format("delta").mode("overwrite").save(f"{self.settings.lake}/listens")
        versions = dict(self.landing.versions) | {"listens": self.landing.versions["listens"] + 1}
        newest = max((at for _, at, _ in kept), default=None)
        self.landing = replace(
            self.landing, landing_id=self.landing.landing_id + 1, versions=versions, newest_listen_ts=newest
        )


def world(
    spark: SparkSession,
    folder: Path,
    database_url: str,
    heard: list[tuple[int, int, int]] | None = None,
    beside: dict[str, list[dict[str, Any]]] | None = None,
) -> World:
    """`beside`: rows of tables that a lake may lack."""
    made = histories(listens() if heard is None else heard)
    made.beside = dict(beside or {})
    return world_of(spark, folder, database_url, made)


def world_of(spark: SparkSession, folder: Path, database_url: str, made: Histories) -> World:
    """Another lake than that of the nine."""
    lake = folder / "lake"
    environ = {
        "DATA_DIR": str(folder), "LAKE_URL": str(lake), "DATABASE_URL": database_url,
        "RESULT_INLINE_BYTES": str(1 << 30),
    }  # fmt: skip
    return World(spark, load_settings(environ, env_file=None), write_lake(spark, str(lake), made, NOON))


def documents(results: Results, statistic: str) -> dict[int, Any]:
    """By user."""
    return {key: orjson.loads(doc) for key, (doc, _) in results.documents(statistic, "all_time").items()}


def counts(user_id: int) -> Counter[str]:
    """How often she heard which recording."""
    return Counter(uuid_of(track) for user, _, track in listens() if user == user_id)


def _listen(row: tuple[int, int, int], names: list[str]) -> tuple[Any, ...]:
    user_id, at, track_id = row
    moment = datetime.fromtimestamp(at, UTC)
    values = {"user_id": user_id, "listened_at": moment, "track_id": track_id, "year": moment.year,
              "month": moment.month}  # fmt: skip
    return tuple(values.get(name) for name in names)
