"""Of which imports it is asked whose statistics they reach: those of tables that they are made from."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from jobs.catalog import catalog
from jobs.computing import inputs_read
from jobs.frames import tables_read
from jobs.landing import Landing
from jobs.tables import METADATA_TABLES, TABLES
from jobs.touched import metadata_of
from jobs.touched_by_metadata import KEYS, changed_metadata

BEFORE = Landing(1, 1, datetime(2026, 1, 1, tzinfo=UTC), 1, "land", "epoch", {"listens": 3, "releases": 1}, 0, 0, 0)
UNREAD = {"artist_credit_mbid", "artist_tag", "recording_tag", "release_group_tag", "releases"}


def refreshed() -> set[str]:
    """The tables that what is computed after each landing is made from."""
    known = catalog()
    return tables_read(inputs_read(known.bundled(known.bundles["stats.all"])))


def is_asked(name: str, version: int, tables: set[str]) -> bool:
    now = replace(BEFORE, landing_id=2, versions={**BEFORE.versions, name: version})
    return changed_metadata(BEFORE, now, metadata_of(tables)) == {name}


def test_statistics_are_made_from_tables_of_the_lake_and_not_from_all_of_them() -> None:
    read = refreshed()

    assert read <= {*TABLES, *METADATA_TABLES}
    assert {"listens", "mapping", "exclusions", "artist_country_code", "recording_length", "recording_genre"} <= read
    assert not read & UNREAD


@pytest.mark.parametrize("name", METADATA_TABLES)
def test_of_an_imported_table_it_is_asked_whom_it_reaches_only_where_a_statistic_is_made_from_it(name: str) -> None:
    assert is_asked(name, 7, refreshed()) == (name in refreshed())


def test_of_every_table_of_metadata_that_statistics_are_made_from_it_is_known_whom_it_reaches() -> None:
    assert metadata_of(refreshed()) == KEYS.keys()


def test_a_table_that_an_engine_reads_counts_too() -> None:
    assert "clients" in tables_read(["excluded_client"])
    assert tables_read(["artist_listener"]) >= {"users", "tracks", "artist_country_code"}


def test_listens_are_followed_row_by_row() -> None:
    assert not is_asked("listens", 4, refreshed())
