"""The schedule: what the file says is what is asked for; a file that does not do is refused by line and key."""

from datetime import UTC, datetime

import pytest

from conf.settings import load_settings
from jobs.catalog import catalog
from request_consumer.schedule import OWN, Entry, ScheduleError, read_schedule, schedule_of

NOW = datetime(2026, 1, 2, 4, tzinfo=UTC)


def _one(text: str) -> Entry:
    [entry] = read_schedule(text, "schedule.toml")
    return entry


def test_an_entry_says_the_request_that_its_command_makes() -> None:
    entry = _one('[users]\ncommand = "request_similar_users"\nwhen = "3 2 * * *"\noptions = { max-num-users = 7 }')
    assert (entry.name, entry.query, entry.params(NOW)) == ("users", "similarity.similar_users", {"max_num_users": 7})
    assert entry.arguments() == ["request_similar_users", "--max-num-users", "7"]


def test_options_choose_among_the_requests_of_a_command() -> None:
    said = 'command = "request_user_stats"\nwhen = "0 0 * * *"\noptions = { type = "entity", range = "week" }'
    entry = _one(f"[stats]\n{said}")
    assert (entry.query, entry.params(NOW)) == ("stats.user.entity", {"stats_range": "week"})


def test_the_last_year_is_the_one_before_the_run_whenever_that_is_asked_for() -> None:
    entry = _one('[yim]\ncommand = "request_year_in_music"\nwhen = "0 4 2 1 *"\noptions = { year = "last" }')
    assert entry.params(entry.times.latest(datetime(2026, 7, 1, tzinfo=UTC))) == {"year": 2025}
    assert entry.arguments() == ["request_year_in_music", "--year", r"$(( $(date -u +\%Y) - 1 ))"]


def test_a_run_that_is_about_its_own_time_is_told_it() -> None:
    entry = _one('[users]\ncommand = "request_similar_users"\nwhen = "0 * * * *"\noptions = { at = "now" }')
    assert entry.params(NOW) == {"at": 1767326400}
    assert entry.arguments() == ["request_similar_users", "--at", r"$(date +\%s)"]
    assert entry.of_a_moment


def test_a_line_of_a_crontab_is_quoted_for_its_shell() -> None:
    said = 'command = "request_import_pg_tables"\nwhen = "0 1 * * *"\noptions = { from = "/srv/50% done" }'
    assert _one(f"[pg]\n{said}").arguments() == ["request_import_pg_tables", "--from", r"'/srv/50\% done'"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[a\n", "schedule.toml: .*line 1"),
        ('[a]\nwhen = "0 0 * * *"\nwhen = "1 0 * * *"', "schedule.toml: .*line 3"),
        ("\nmidnight = 0", "schedule.toml line 2, midnight: expected a table"),
        ('[a]\nwhen = "0 0 * * *"', "schedule.toml line 1, a: command is missing"),
        ('[a]\ncommand = "cron_request_all_stats"', "schedule.toml line 1, a: when is missing"),
        ('# x\n[a]\ncommand = "cron_request_all_stats"\nwhen = 9', "schedule.toml line 4, a.when = 9: expected text"),
        ('[a]\ncommand = "ls"\nwhen = "0 0 * * *"', "schedule.toml line 2, a.command = 'ls': there is no such"),
        (
            '[a]\ncommand = "cron_request_all_stats"\nwhen = "0 0 * * *"\n\n[b]\ncommand = "cron_request_all_stats"\n'
            'when = "0 25 * * *"',
            "schedule.toml line 7, b.when = '0 25 \\* \\* \\*': hour '25': expected numbers from 0 to 23",
        ),
        (
            '[a]\ncommand = "cron_request_all_stats"\nwhen = "0 0 * * *"\nat = "03:00"',
            "schedule.toml line 4, a.at: no such key; known are command, when, options",
        ),
        (
            '[a]\noptions = { top = 3 }\ncommand = "cron_request_all_stats"\nwhen = "0 0 * * *"',
            "schedule.toml line 2, a.options: stats.all: unknown param 'top'",
        ),
        (
            '[a]\noptions = 3\ncommand = "cron_request_all_stats"\nwhen = "0 0 * * *"',
            "schedule.toml line 2, a.options: expected a table",
        ),
        (
            '[a]\ncommand = "request_user_stats"\nwhen = "0 0 * * *"\n[a.options]\nrange = "week"',
            'schedule.toml line 4, a.options: expected type = "entity"',
        ),
        (
            '[a]\ncommand = "request_year_in_music"\nwhen = "0 0 * * *"\noptions = { year = "next" }',
            "schedule.toml line 4, a.options: year='next': expected int",
        ),
    ],
)
def test_a_schedule_that_cannot_be_used_is_refused_by_line_and_key(text: str, said: str) -> None:
    with pytest.raises(ScheduleError, match=said):
        read_schedule(text, "schedule.toml")


def test_a_file_that_is_not_there_is_refused_by_name() -> None:
    with pytest.raises(ScheduleError, match=r"SCHEDULE=/nowhere/s.toml: it cannot be read"):
        schedule_of(load_settings({"SCHEDULE": "/nowhere/s.toml"}, env_file=None))


def test_every_documented_cron_request_is_asked_for_by_the_clock_or_after_landings() -> None:
    by_clock = {entry.command for entry in schedule_of(load_settings({}, env_file=None))}
    after_landings = {bundle.command.name for bundle in catalog().kept_fresh() if bundle.command}
    bundles = [bundle.command.name for bundle in catalog().bundles.values() if bundle.command]
    assert {name for name in bundles if name.startswith("cron_")} <= by_clock | after_landings
    assert not by_clock & after_landings
    assert OWN.exists()
