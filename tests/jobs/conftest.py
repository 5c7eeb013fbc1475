"""Runs whose results many tests look at: the statistics of entities and those of the clock."""

from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.settings import load_settings
from tests.jobs import albums, clock_lake
from tests.jobs.clock_lake import Clock
from tests.jobs.lake import write_lake
from tests.jobs.results import Results, results
from tests.jobs.served import lake_settings, payloads

LISTS = [f"{whose}_{entity}" for entity in albums.ENTITIES for whose in ("user", "sitewide")]
LISTENERS = ["artist_listeners", "release_group_listeners"]
MADE_FROM_LISTS = [
    f"{whose}_{entity}" for entity in ("artist_map", "artist_activity") for whose in ("user", "sitewide")
]

ALL = [name for name in (*LISTS, *MADE_FROM_LISTS, *LISTENERS) if name != "sitewide_artists"]
"""Everybody's artist map is made from a list that is not asked for itself."""


@pytest.fixture(scope="session")
def known(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Everything, with metadata."""
    return _results(spark, tmp_path_factory, albums.METADATA, ALL)


@pytest.fixture(scope="session")
def bare(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Everything over all time, of a lake into which no metadata were imported."""
    statistics = [name for name in ALL if name.startswith("user_") or name in LISTENERS]
    return _results(spark, tmp_path_factory, {}, statistics, stats_range="all_time")


def _results(
    spark: SparkSession,
    factory: pytest.TempPathFactory,
    metadata: albums.Rows,
    statistics: Sequence[str],
    **params: Any,
) -> Results:
    lake = factory.mktemp("albums") / "lake"
    landing = write_lake(spark, str(lake), albums.histories(metadata | albums.CHOICES), albums.T)
    environ = {"DATA_DIR": str(lake.parent), "LAKE_URL": str(lake), "RESULT_INLINE_BYTES": str(1 << 30)}
    return results(spark, load_settings(environ, env_file=None), landing, statistics, at=albums.T, **params)


@pytest.fixture(scope="session")
def clock(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """All statistics of the clock, of the lake worked out for them."""
    lake = tmp_path_factory.mktemp("clock") / "lake"
    settings = lake_settings(lake)
    landing = write_lake(spark, str(lake), clock_lake.histories(), clock_lake.MONDAY)
    served = payloads(spark, settings, landing, clock_lake.STATISTICS)
    return Clock(spark, settings, landing, served)
