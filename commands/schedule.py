"""`schedule`: what runs when."""

import shlex
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import click

from commands.exits import BUSY, NOT_RUNNING
from commands.output import remark, show_json, show_table
from commands.request import is_alone
from conf.settings import PROJECT, load_settings
from jobs.catalog import catalog
from jobs.job import Bundle
from jobs.year_in_music.report import BUNDLE as YEAR_IN_MUSIC
from request_consumer.schedule import Entry, schedule_of

MANAGE = PROJECT / "spark_manage.py"
AFTER_LANDINGS = "after each landing"
CHANGED_YEARS = "changed_years"
OF_CHANGED_YEARS = "hourly, for years that changed"
WITHOUT_SCHEDULER = "*/10 * * * *"
"""When a cron asks for what the scheduler asks for after each landing."""


@click.command("schedule")
@click.option("--crontab", is_flag=True, help="As lines of a crontab, for where no scheduler runs.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def schedule(crontab: bool, as_json: bool) -> None:
    """Show what is asked for when, with the next times. Nothing needs to be running.

    It is the file conf/schedule.toml, or the one that SCHEDULE names; `up` and the part `scheduler` do what it says.
    They also ask for statistics after each landing, and every hour for the years in music that were told and changed
    since, each at most daily: of these the crontab has nothing.

    \b
    Examples:
      spark_manage.py schedule
      spark_manage.py schedule --json | jq '.[].next'
      spark_manage.py schedule --crontab > listenlake.cron
    """
    entries, now = schedule_of(load_settings()), datetime.now(UTC)
    if crontab:
        click.echo("\n".join(crontab_lines(entries, kept_fresh())))
        if now.astimezone().utcoffset():
            remark("note: the times are of UTC, and this machine's clock is another: see the first lines")
        return
    rows = [*_of_changes(), *_rows(entries, now)]
    columns = ("name", "command", "when", "next")
    if as_json:
        show_json([dict(zip(columns, row, strict=True)) for row in rows])
        return
    show_table(
        ("name", "command", "when (UTC)", "next (UTC)"),
        [(*row[:3], f"{row[3]:%a %Y-%m-%d %H:%M}" if row[3] else "") for row in rows],
    )


def crontab_lines(entries: Iterable[Entry], fresh: Iterable[Bundle]) -> Iterator[str]:
    """The schedule as lines of a crontab: absolute paths, times of UTC, a comment over each."""
    yield from (
        "# For where the part `scheduler` does not run: where it does, it asks for all this itself.",
        "# Times are of UTC: on a machine with another clock let cron run with TZ=UTC (cronie: a line CRON_TZ=UTC).",
        f"# Settings are read from {PROJECT / '.env'}: cron has no environment of yours.",
        "# A command prints one line and ends at once, with status 0, when its request is queued. Mail of cron means:",
        f"#   {BUSY}: the same is queued or running still; {NOT_RUNNING}: PostgreSQL or the broker is not there;",
        "#   anything else: see what it says. What became of a request: `requests list`.",
    )
    for bundle in fresh:
        yield from ("", f"# {bundle.name}: {bundle.about}", _line(WITHOUT_SCHEDULER, [_command(bundle)]))
    for entry in entries:
        yield from ("", f"# {entry.name}: {_about(entry)}", _line(entry.when, entry.arguments()))


def kept_fresh() -> list[Bundle]:
    """What is asked for after each landing, not by the clock."""
    return catalog().kept_fresh()


def _of_changes() -> Iterator[tuple[str, str, str, datetime | None]]:
    """What the scheduler asks for because something changed, at no time that could be said."""
    for bundle in kept_fresh():
        yield bundle.name, _command(bundle), AFTER_LANDINGS, None
    yield CHANGED_YEARS, _command(YEAR_IN_MUSIC), OF_CHANGED_YEARS, None


def _rows(entries: Iterable[Entry], now: datetime) -> Iterator[tuple[str, str, str, datetime | None]]:
    for entry in entries:
        shown = " ".join([entry.command, *(f"--{name} {said}" for name, said in entry.options.items())])
        yield entry.name, shown, entry.when, entry.times.following(now)


def _line(when: str, arguments: list[str]) -> str:
    """Nothing on stdout: cron would send it by mail. Runs do not overlap, whichever command it is."""
    manage = shlex.quote(str(MANAGE)).replace("%", r"\%")
    alone = [] if is_alone(arguments[0]) else ["--alone"]
    return f"{when}  {' '.join([manage, *arguments, *alone])} >/dev/null"


def _about(entry: Entry) -> str:
    bundle = catalog().bundles.get(entry.query)
    return bundle.about if bundle else catalog().check(entry.query, entry.params(datetime.now(UTC)))[0][0].about


def _command(bundle: Bundle) -> str:
    assert bundle.command is not None, f"{bundle.name} has no command"
    return bundle.command.name


COMMANDS = (schedule,)
