"""`demo`: invented listens go the whole way, from HTTP into the lake and back out as top artists. Own data folder.

What MusicBrainz would say of the invented music is imported too: countries, genres and years come from there.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

import click
import requests
from rich.console import Console
from rich.table import Table

from commands.demo_sample import Coming, coming, note_sample
from commands.demo_tables import SHOWN, has_year, is_computed, is_recommended, recommended, top_artists
from commands.exits import CommandError
from commands.supervisor import PARTS, Supervisor
from commands.up import LOOK_SECONDS, missing_parts, port_is_free, say, stop_on_signals
from conf.broker import open_broker
from conf.postgres import Connection, connect, dsn, transaction
from conf.secret import Vault, token_vault
from conf.settings import Settings, load_settings
from jobs.listens.users import create_token, create_user, drop_tokens, find_user
from request_consumer.request_rows import RequestRow
from request_consumer.request_rows import wait as wait_for_request
from request_consumer.requests import enqueue

CALL = 500
"""Listens of one call to submit-listens; the API takes up to 1000."""
PATIENCE = 300.0
QUERY = "stats.all"
IMPORT = "import.pg_metadata_tables"
RECOMMEND = "cf.recommendations.recording.all"
YEAR = "year_in_music"
QUARTER = 90 * 86_400
"""Seconds of listens that a year has at least, before the demo shows it in place of the year before."""


class StoppedError(Exception):
    """Ctrl-C while the demo was still at work."""


@dataclass
class Demo:
    """One demo on its own folder: what its steps share, and how long each took."""

    settings: Settings
    supervisor: Supervisor
    stop: threading.Event
    console: Console
    times: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Say what is being done, with a spinner on a terminal, and note the time it took."""
        started = time.monotonic()
        if self.console.is_terminal:
            with self.console.status(f"{what} ..."):
                yield
        else:
            say(f"{what} ...")
            yield
        self.times.append((what, time.monotonic() - started))
        if self.console.is_terminal:
            self.console.print(f"[green]✓[/] {what} [dim]{self.times[-1][1]:.1f} s[/]")

    def until(self, done: Callable[[], bool], what: str) -> None:
        """Wait, keeping the parts alive. Raises StoppedError, and CommandError after PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while not done():
            if self.stop.wait(LOOK_SECONDS / 2):
                raise StoppedError
            if time.monotonic() > deadline:
                raise CommandError(f"gave up: {what}; see the logs in {self.settings.data_dir / 'logs'}")
            self.supervisor.look()


@click.command("demo")
@click.option("--once", is_flag=True, help="End after printing, with exit status 0.")
def demo(once: bool) -> None:
    """Show the whole system on invented listens: submitted over HTTP, landed, computed on Spark, read back over HTTP.

    It has a data folder of its own, beside yours, and stays up until Ctrl-C.

    \b
    Examples:
      spark_manage.py demo
      spark_manage.py demo --once
    """
    started = time.monotonic()
    settings, stop = demo_settings(load_settings()), stop_on_signals()
    this = Demo(settings, Supervisor(settings, say), stop, Console())
    try:
        name, until = show(this)
        say(f"first table after {time.monotonic() - started:.1f} s")
        recommend(this, name)
        this.supervisor.start("scheduler")
        if not once:
            show_year(this, name, until)
            stay(this)
    except StoppedError:
        say("stopping ...")
    finally:
        this.supervisor.stop()
    say(f"stopped; `make demo` again is quicker, its data is in {settings.data_dir}")


def demo_settings(settings: Settings) -> Settings:
    """Everything embedded, in a folder beside the user's, on a free port: the user's own system is never touched."""
    folder = settings.data_dir.with_name(f"{settings.data_dir.name}-demo")
    return replace(
        settings,
        data_dir=folder,
        database_url="",
        broker_url="postgresql:",
        lake_url="",
        spark_master="local[*]",
        spark_profile="auto",
        public_url="",
        landing_interval=min(settings.landing_interval, 1.0),
        web_port=free_port(settings.web_host, settings.web_port),
    )


def free_port(host: str, wanted: int) -> int:
    """The port wanted, or the next one that is free. Raises CommandError after a hundred."""
    for port in range(wanted, min(wanted + 100, 65536)):
        if port_is_free(host, port):
            return port
    raise CommandError(f"WEB_HOST={host} WEB_PORT={wanted}: no free port from there on; set another")


def show(demo: Demo) -> tuple[str, int]:
    """All the steps to the tables, then these; the name of the first user, and until when there are listens."""
    with demo.step("Start PostgreSQL, make the tables"):
        demo.supervisor.start_store()
    if demo.stop.is_set():
        raise StoppedError
    demo.supervisor.start(*(part for part in PARTS if part != "scheduler"))
    with demo.step("Invent listens and users"):
        sample = coming(demo.settings.data_dir, time.time())
        names = list(sample.listens)
        tokens = make_users(demo.settings, names)
    with demo.step("Wait for the web server"):
        demo.until(lambda: "web server" not in missing_parts(demo.settings), "the web server does not answer")
    if sample.count:
        with demo.step(f"Submit {sample.count} listens over HTTP"):
            submit(demo, sample, tokens)
    with demo.step("Write them to PostgreSQL, start Spark, land them in the Delta lake"):
        demo.until(lambda: landed(demo.settings), "the listens have not landed")
    note_sample(demo.settings.data_dir, sample)
    if not has_metadata(demo.settings.lake):
        with demo.step("Import what is known of the music: artists, releases, countries, genres"):
            ask(demo, IMPORT, {"from": str(sample.metadata)})
    if not is_computed(demo.settings, names[0]):
        with demo.step("Compute all statistics of every user in nine ranges"):
            ask(demo, QUERY, {"at": int(time.time())})
    print_result(demo, names)
    return names[0], sample.until


def recommend(demo: Demo, name: str) -> None:
    """After the tables, for it takes a while: five recommendations of one user, with why."""
    started = time.monotonic()
    if not is_recommended(demo.settings, name):
        with demo.step("Train a model on who hears what, recommend recordings to every user"):
            ask(demo, RECOMMEND, {})
    demo.console.print(recommended(demo.settings, name))
    say(f"recommendations after {time.monotonic() - started:.1f} s more")


def show_year(demo: Demo, name: str, until: int) -> None:
    """Last of all: where the year in music of one user is. It is not waited for; its page says when it is not there."""
    year = time.gmtime(until - QUARTER).tm_year
    if not has_year(demo.settings, name, year):
        with closing(connect(dsn(demo.settings))) as connection:
            enqueued(demo, connection, YEAR, {"year": year})
        say("the year in music of every user is being made; in a moment it is here:")
    click.echo(f"  {demo.settings.url}/user/{quote(name, safe='')}/year-in-music/{year}")


def has_metadata(lake: str) -> bool:
    """Whether an earlier run of the demo has imported it."""
    from jobs.lake_files import newest
    from jobs.tables import METADATA_TABLES

    return METADATA_TABLES.keys() <= newest(lake).versions.keys()


def make_users(settings: Settings, names: list[str]) -> dict[str, str]:
    """A token for each, users made where they are missing."""
    with closing(connect(dsn(settings))) as connection:
        return {name: _token(connection, name, token_vault(settings)) for name in names}


def _token(connection: Connection, name: str, vault: Vault | None) -> str:
    with transaction(connection) as cursor:
        user = find_user(cursor, name)
    user_id = user.id if user else create_user(connection, name)
    with transaction(connection) as cursor:
        drop_tokens(cursor, user_id, "demo")
        return create_token(cursor, user_id, "demo", vault)


def submit(demo: Demo, sample: Coming, tokens: dict[str, str]) -> None:
    """What any client does: POST /1/submit-listens with a token."""
    with requests.Session() as session:
        for name, listens in sample.listens.items():
            for first in range(0, len(listens), CALL):
                if demo.stop.is_set():
                    raise StoppedError
                answer = session.post(
                    f"{demo.settings.url}/1/submit-listens",
                    json={"listen_type": "import", "payload": listens[first : first + CALL]},
                    headers={"Authorization": f"Token {tokens[name]}"},
                    timeout=30,
                )
                if not answer.ok:
                    raise CommandError(f"submit-listens answered {answer.status_code}: {answer.text[:300]}")


def landed(settings: Settings) -> bool:
    """Whether nothing is queued and nothing waits for the lake."""
    try:
        state = requests.get(f"{settings.url}/health/ready", timeout=5).json()
    except (requests.RequestException, ValueError):
        return False
    landing = state.get("landing") or {}
    return state.get("incoming") == 0 and bool(landing.get("id")) and landing.get("waiting") == 0


def ask(demo: Demo, query: str, params: dict[str, Any]) -> None:
    """Ask for a job, as cron would, and wait for it. Raises CommandError when it failed."""
    with closing(connect(dsn(demo.settings))) as connection:
        last = enqueued(demo, connection, query, params)
        for row in wait_for_request(connection, last.id):
            last = row
            demo.supervisor.look()
            if demo.stop.is_set():
                raise StoppedError
    if last.state != "done":
        raise CommandError(f"{query} {last.state}: {last.error}")


def enqueued(demo: Demo, connection: Connection, query: str, params: dict[str, Any]) -> RequestRow:
    """Ask for a job, and leave it at that."""
    with closing(open_broker(demo.settings)) as broker:
        return enqueue(connection, broker, query, params)


def print_result(demo: Demo, names: list[str]) -> None:
    """Top artists as GET answers them, times, addresses."""
    console = demo.console
    for name in names[:2]:
        console.print(top_artists(demo.settings, name))
    steps = Table("step", "seconds", title="How long it took")
    for what, seconds in demo.times:
        steps.add_row(what, f"{seconds:.1f}")
    console.print(steps)
    quoted = quote(names[0], safe="")
    for path in (
        *(f"/user/{quote(name, safe='')}/" for name in names),
        f"/user/{quoted}/stats/",
        "/statistics/",
        f"/1/stats/user/{quoted}/artists?range=all_time&count={SHOWN}",
        f"/1/user/{quoted}/listens?count=5",
        "/1/status/service-status",
        "/health/ready",
    ):
        click.echo(f"  {demo.settings.url}{path}")


def stay(demo: Demo) -> None:
    """Until Ctrl-C."""
    say("everything stays up; Ctrl-C ends it")
    while not demo.stop.wait(LOOK_SECONDS):
        demo.supervisor.look()


COMMANDS = (demo,)
