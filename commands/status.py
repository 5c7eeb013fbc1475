"""`status`: what runs, how far behind it is, and with which settings."""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click
import psutil

from commands.exits import FAILED, LATE, NOT_RUNNING, CommandError
from commands.freshness import COLUMNS, lines
from commands.output import remark, seconds, show_json, show_table
from conf.broker import QUEUES, BrokerUnavailableError
from conf.part_status import HOST
from conf.postgres import Pool, StoreUnavailableError, dsn
from conf.settings import Settings, load_settings

if TYPE_CHECKING:
    from webapi.db.freshness import ServedRun
    from webapi.freshness import Freshness

SILENT_SECONDS = 30
FORGOTTEN_SECONDS = 86400
"""A part that ended without saying so is shown for a day."""
DEAD_LETTERS = 1000
"""Counted no further."""


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--config", is_flag=True, help="Every setting instead, secrets masked; nothing needs to be running.")
@click.option("--part", help="Only whether this part is alive on this host: status 0 or 69, for health checks.")
def status(as_json: bool, config: bool, part: str | None) -> None:
    """Show the parts with pids, ages and memory, queues, the newest data version and what waits for it, statistics.

    Of statistics: how long ago they were made, their lag (how long the oldest change that is not in them has waited)
    beside the most that is declared, and what their last run cost. The status is 69 when nothing runs, 1 when the
    system cannot serve, 4 when a statistic is further behind than declared.

    \b
    Examples:
      spark_manage.py status
      spark_manage.py status --json | jq .landing.waiting
      spark_manage.py status --json | jq '.statistics[] | select(.late)'
      spark_manage.py status --config
      spark_manage.py status --part listen_writer
    """
    settings = load_settings()
    if config:
        _show_settings(settings, as_json)
        return
    if part is not None:
        _check_part(settings, part)
        return
    from webapi.freshness import late_in_words

    fresh, document = system(settings)
    if as_json:
        show_json(document)
    else:
        _show(document, fresh)
    if not document["running"]:
        where = f"on DATA_DIR={settings.data_dir}" if settings.embedded_postgres else "on this DATABASE_URL"
        why = document["reasons"][0] if document["reasons"] else f"no part reports {where}; `make up` starts it"
        raise CommandError(f"not running: {why}", NOT_RUNNING)
    if document["reasons"]:
        raise CommandError("; ".join(document["reasons"]), FAILED)
    late = late_in_words(fresh)
    if late is not None:
        raise CommandError(late, LATE)


def _check_part(settings: Settings, name: str) -> None:
    from webapi.db.status import parts

    pool = Pool(dsn(settings), "spark_manage.py")
    try:
        with pool.transaction() as cursor:
            alive = [row.pid for row in parts(cursor) if (row.part, row.host) == (name, HOST) and _is_alive(row.age)]
    finally:
        pool.discard()
    if not alive:
        raise CommandError(f"{name}: not alive on {HOST}", NOT_RUNNING)
    click.echo(f"{name}: alive as process {', '.join(map(str, alive))}")


def _is_alive(age: int) -> bool:
    return age <= SILENT_SECONDS


def system(settings: Settings) -> tuple[list["Freshness"], dict[str, Any]]:
    """The statistics, and everything that `status --json` shows; ages in seconds, memory in bytes.

    Never raises for what is down.
    """
    from webapi.health import readiness
    from webapi.services import make_services

    ready = readiness(make_services(settings))
    now = time.time()
    parts = [_part(vars(row)) for row in ready.parts if row.age <= FORGOTTEN_SECONDS]
    fresh = [] if ready.landing is None else _freshness(settings)
    return fresh, {
        "running": any(part["state"] == "alive" for part in parts),
        "url": settings.url,
        "parts": parts,
        "reasons": ready.reasons,
        "alarms": ready.alarms if parts else [],
        "queues": [] if ready.landing is None else _queues(settings),
        "landing": None if ready.landing is None else asdict(ready.landing),
        "statistics": [{**one.document(), "bundle": one.bundle} for one in fresh],
        "results": [_result(run, now) for one in fresh for run in one.runs],
    }


def _part(row: Mapping[str, Any]) -> dict[str, Any]:
    local = row["host"] == HOST
    state = "alive" if _is_alive(row["age"]) else "silent"
    if local and not psutil.pid_exists(row["pid"]):
        state = "gone"
    memory = _memory(row["pid"]) if local and state == "alive" else None
    return {**row, "state": state, "memory": memory}


def _memory(pid: int) -> int | None:
    """Resident bytes of a process and its children; None when it is gone or not ours to see."""
    try:
        process = psutil.Process(pid)
        held = process.memory_info().rss
        children = process.children(recursive=True)
    except psutil.Error:
        return None
    for child in children:
        with suppress(psutil.NoSuchProcess):  # it ended since it was listed
            held += child.memory_info().rss
    return held


def _queues(settings: Settings) -> list[dict[str, Any]]:
    from commands.store import broker_of

    try:
        with broker_of(settings) as broker:
            return [
                {
                    "queue": name,
                    "waiting": broker.depth(name),
                    "dead_letters": len(broker.dead_letters(name, DEAD_LETTERS)),
                }
                for name in QUEUES
            ]
    except (BrokerUnavailableError, StoreUnavailableError):
        return []


def _freshness(settings: Settings) -> list["Freshness"]:
    from webapi.freshness import freshness

    pool = Pool(dsn(settings), "spark_manage.py")
    try:
        with pool.transaction() as cursor:
            return freshness(cursor)
    finally:
        pool.discard()


def _result(run: "ServedRun", now: float) -> dict[str, Any]:
    age = max(0, int(now - run.updated))
    of_run = {"run_id": str(run.run_id), "data_version": run.data_version}
    return {"statistic": run.statistic, "stats_range": run.stats_range, "age": age, **of_run}


def _show(document: Mapping[str, Any], fresh: Sequence["Freshness"]) -> None:
    if document["parts"]:
        show_table(
            ("part", "pid", "host", "state", "heard of", "memory", "says"),
            [
                (
                    p["part"],
                    p["pid"],
                    p["host"],
                    p["state"],
                    seconds(p["age"]),
                    _megabytes(p["memory"]),
                    _said(p["detail"]),
                )
                for p in document["parts"]
            ],
        )
    if document["queues"]:
        click.echo()
        show_table(("queue", "waiting", "dead letters"), [tuple(queue.values()) for queue in document["queues"]])
    if document["landing"]:
        click.echo(f"\n{_landing(document['landing'])}")
    if fresh:
        click.echo()
        show_table(COLUMNS, lines(fresh))
    if document["running"]:
        click.echo(f"serving: {document['url']}")
    for alarm in document["alarms"]:
        remark(f"alarm: {alarm}")


def _landing(landing: Mapping[str, Any]) -> str:
    waiting = f"{landing['waiting']} changes wait for the lake"
    if landing["waiting_age"]:
        waiting += f", the oldest for {seconds(landing['waiting_age'])}"
    if landing["id"] is None:
        return f"lake: nothing has landed yet; {waiting}"
    return f"lake: data version {landing['id']}, {seconds(landing['age'])} old; {waiting}"


def _said(detail: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={value}" for name, value in detail.items() if value not in (None, [], ""))


def _megabytes(size: int | None) -> str:
    return "" if size is None else f"{size / 1e6:.0f} MB"


def _show_settings(settings: Settings, as_json: bool) -> None:
    shown = settings.shown()
    if as_json:
        show_json({name: value for name, value, _ in shown})
        return
    show_table(("setting", "value", "what it is"), shown)


COMMANDS = (status,)
