"""The table of documented commands, held against the commands that there are."""

import tomllib

import click
import pytest

from commands.app import main
from commands.parity import TABLE, Row, documented
from tests.commands.conftest import CommandLine

SAID = tomllib.loads(TABLE.read_text())
ROWS = documented(main)
SEED_SPARK = """
    cron_request_all_stats cron_request_recommendations cron_request_similar_users request_candidate_sets
    request_dataframes request_fresh_releases request_import_artist_relation request_import_full
    request_import_incremental request_import_musicbrainz_release_dump request_import_pg_tables request_missing_mb_data
    request_model request_recommendations request_recording_discovery request_similar_artists
    request_similar_recordings request_similar_users request_sitewide_stats request_user_stats request_year_in_music
    request_yim_artist_map request_yim_day_of_week request_yim_listen_count request_yim_listening_time
    request_yim_listens_per_day request_yim_most_listened_year request_yim_new_artists_discovered
    request_yim_new_release_stats request_yim_playlists request_yim_similar_users request_yim_top_stats
"""
"""The headings of the documentation of March 2023 below `manage spark`."""


def test_nothing_is_missing_and_the_command_says_so(nowhere: CommandLine) -> None:
    ran = nowhere("parity", "--missing")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.group} {row.name}" for row in ROWS])
def test_a_row_names_a_command_that_is_there_or_says_why_there_is_none(row: Row) -> None:
    said = SAID[row.group][row.name]
    assert set(said) <= {"ours", "gone", "later", "from"}
    assert row.origin in {"2017", "2023", "newer"}
    assert not row.missing
    if "ours" in said:
        assert row.here == said["ours"], "there is no such command"
    if "gone" in said:
        assert not row.here, "it is said to be gone, and is there"


def test_every_command_of_the_documentation_is_in_the_table() -> None:
    assert set(SAID) == {"manage", "manage dump", "manage spark", "spark_manage.py"}
    spark = SAID["manage spark"]
    assert {name for name, said in spark.items() if said.get("from", "2023") == "2023"} == set(SEED_SPARK.split())


def test_parity_prints_every_row(nowhere: CommandLine) -> None:
    lines = nowhere("parity").out.splitlines()
    assert len(lines) == len(ROWS) + 1
    assert "manage run_websockets" in "\n".join(lines)
    assert [row["name"] for row in nowhere("parity", "--json").json()] == [row.name for row in ROWS]


def test_a_documented_command_that_nobody_made_or_explained_is_missing() -> None:
    alone = click.Group("x", commands=[click.Command("request_consumer")])
    missing = [row.name for row in documented(alone) if row.missing]
    assert "request_model" in missing
    assert "request_consumer" not in missing
    assert "request_import_mlhd_dump" not in missing
