"""`schedule`, and the requests of cron."""

import re
import subprocess
from pathlib import Path

import pytest

from commands.schedule import MANAGE, WITHOUT_SCHEDULER
from conf.postgres import Connection
from conf.settings import load_settings
from request_consumer.schedule import schedule_of
from tests.commands.conftest import CommandLine, rows

ENTRIES = schedule_of(load_settings({}, env_file=None))


def test_the_schedule_is_shown_with_the_next_times_while_nothing_runs(nowhere: CommandLine) -> None:
    ran = nowhere("schedule")
    lines = ran.out.splitlines()

    assert (ran.status, ran.err) == (0, "")
    assert re.split(r"\s{2,}", lines[0].strip()) == ["name", "command", "when (UTC)", "next (UTC)"]
    assert re.split(r"\s{2,}", lines[1].strip()) == ["stats.all", "cron_request_all_stats", "after each landing"]
    assert re.split(r"\s{2,}", lines[2].strip()) == [
        "changed_years",
        "request_year_in_music",
        "hourly, for years that changed",
    ]
    assert [line.split()[0] for line in lines[3:]] == [entry.name for entry in ENTRIES]
    assert all(re.search(r"[A-Z][a-z]{2} \d{4}-\d\d-\d\d \d\d:\d\d$", line.rstrip()) for line in lines[3:])
    assert [row["name"] for row in nowhere("schedule", "--json").json()][2:] == [entry.name for entry in ENTRIES]


def test_every_line_of_the_crontab_is_a_comment_or_a_command_with_its_times(nowhere: CommandLine) -> None:
    ran = nowhere("schedule", "--crontab")
    lines = [line for line in ran.out.splitlines() if line and not line.startswith("#")]

    assert ran.status == 0
    assert lines[0] == f"{WITHOUT_SCHEDULER}  {MANAGE} cron_request_all_stats >/dev/null"
    assert len(lines) == len(ENTRIES) + 1
    for line, entry in zip(lines[1:], ENTRIES, strict=True):
        assert line.startswith(f"{entry.when}  {MANAGE} {entry.command}")
        assert line.endswith(" >/dev/null")
        assert entry.command.startswith("cron_request_") != (" --alone " in line)
        command = line.removeprefix(entry.when).replace(r"\%", "%")  # as cron hands it to the shell
        assert subprocess.run(["sh", "-n", "-c", command], check=False).returncode == 0
    assert "#   75: " in ran.out


def test_a_line_of_the_crontab_asks_for_the_year_before_this_one() -> None:
    [entry] = [entry for entry in ENTRIES if entry.options.get("year") == "last"]
    words = " ".join(entry.arguments()).replace(r"\%", "%")
    asked = subprocess.run(["sh", "-c", f"date -u +%Y; echo {words}"], capture_output=True, text=True, check=True)
    year, said = asked.stdout.splitlines()
    assert said == f"request_year_in_music --year {int(year) - 1}"


@pytest.mark.parametrize("command", ["schedule", "up"])
def test_a_wrong_schedule_is_refused_before_anything_starts(cli: CommandLine, tmp_path: Path, command: str) -> None:
    path = tmp_path / "schedule.toml"
    path.write_text('[nightly]\ncommand = "cron_request_all_stats"\nwhen = "0 2 * * * *"\n')
    ran = cli(command, SCHEDULE=str(path))

    assert (ran.status, ran.out) == (2, "")
    assert f"{path} line 3, nightly.when = '0 2 * * * *': expected five fields" in ran.err


def test_a_request_of_cron_says_nothing_but_its_id_and_is_refused_while_one_is_open(cli: CommandLine) -> None:
    first = cli("cron_request_similar_users")
    assert (first.status, first.err) == (0, "")
    again = cli("cron_request_similar_users", "--at", "2024-12-31")

    assert (again.status, again.out) == (75, "")
    assert "similarity.similar_users.all is queued since " in again.err
    assert f"request {first.out.split()[1]}: not asked for again" in again.err
    assert len(cli("requests", "list", "--json").json()) == 1
    assert cli("cron_request_all_stats").status == 0


@pytest.mark.parametrize("asked", [("request_missing_mb_data",), ("run_daily_jams", "--at", "2024-12-31")])
def test_whatever_the_crontab_asks_for_is_refused_with_75_while_one_is_open(
    cli: CommandLine, connection: Connection, asked: tuple[str, ...]
) -> None:
    first = cli(*asked, "--alone")
    assert (first.status, first.err) == (0, "")
    later = (*asked[:1], "--at", "2025-01-01", "--alone")
    waiting = cli(*later)
    rows(connection, "UPDATE request SET state = 'running', started = now() RETURNING 1")
    running = cli(*later)

    assert [(ran.status, ran.out) for ran in (waiting, running)] == [(75, "")] * 2
    assert " is running since " in running.err
    assert "not asked for again" in running.err
    assert len(cli("requests", "list", "--json").json()) == 1
    assert cli(*later[:-1]).status == 0, "without --alone it is another request"
