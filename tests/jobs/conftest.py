"""The entity statistics of one small lake, computed once with metadata and once without."""

from collections.abc import Sequence
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.settings import load_settings
from tests.jobs import albums
from tests.jobs.lake import write_lake
from tests.jobs.results import Results, results

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
    return results(spark, load_settings(environ, env_file=None), landing, statistics, **params)
