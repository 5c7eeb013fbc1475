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
SEED = {
    "manage": """
        add_missing_to_listen_users_metadata clear-expired-do-not-recommends delete_listens delete_pending_listens
        init_db init_ts_db listen-add-userid msb-transfer-db notify_yim_users recalculate_all_user_data
        refresh-top-manual-mappings run-daily-jams run-spotify-metadata-cache-seeder run_websockets set_rate_limits
        submit-release update-msid-tables update_user_emails update_user_listen_data
    """,
    "manage dump": """
        check_dump_ages create_feedback create_full create_incremental create_mbccanonical create_parquet
        delete_old_dumps import_dump
    """,
    "manage spark": SEED_SPARK,
    "spark_manage.py": "request_consumer",
}
"""The headings of the documentation of March 2023, by group."""


def test_nothing_is_missing_and_the_command_says_so(nowhere: CommandLine) -> None:
    ran = nowhere("parity", "--missing")
    assert (ran.status, ran.out, ran.err) == (0, "", "")


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.group} {row.name}" for row in ROWS])
def test_a_row_names_a_command_that_is_there_or_says_why_there_is_none(row: Row) -> None:
    said = SAID[row.group][row.name]
    assert set(said) <= {"ours", "gone", "later", "from", "options", "without", "but"}
    assert row.origin in {"2017", "2023", "newer"}
    assert row.untaken == (), "these options are documented"
    assert not row.missing
    if "ours" in said:
        assert row.here == said["ours"], "there is no such command"
    if "gone" in said:
        assert not row.here, "it is said to be gone, and is there"


def test_every_command_of_the_documentation_is_in_the_table() -> None:
    seed = {
        group: {name for name, said in rows.items() if said.get("from", "2023") == "2023"}
        for group, rows in SAID.items()
    }
    assert seed == {group: set(names.split()) for group, names in SEED.items()}


def test_a_documented_option_that_a_command_does_not_take_is_missing_and_named() -> None:
    less = click.Command("request_model", params=[click.Option(["--rank"]), click.Option(["--itr"])])
    [row] = [row for row in documented(click.Group("x", commands=[less])) if row.name == "request_model"]
    assert row.missing
    assert row.untaken == ("--lmbda", "--alpha", "--use-transformed-listencounts")


def test_options_of_the_documentation_are_taken_and_change_nothing() -> None:
    for command, given in (
        ("init_db", "-f --create-db"),
        ("request_year_in_music", "--year 2020 --no-import-pg-tables --export-to-spotify"),
        ("request_popularity", "--use-mlhd"),
        ("request_similar_recordings", "--max-contribution 3 --skip-threshold 9 --only-stage2"),
    ):
        found = main.get_command(click.Context(main), command)
        assert found is not None
        params = found.make_context(command, given.split()).params
    assert (params["max_contribution"], params["skip_threshold"]) == (3, 9)


def test_what_a_command_does_otherwise_is_said_and_its_options_are_judged_none_the_less() -> None:
    [row] = [row for row in ROWS if row.name == "cron_request_all_stats"]
    assert row.here == row.name
    assert row.why.startswith("but: request_import_pg_tables brings the metadata")
    bare = click.Group("x", commands=[click.Command("request_user_stats")])
    [less] = [row for row in documented(bare) if row.name == "request_user_stats"]
    assert "--entity" in less.untaken


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
