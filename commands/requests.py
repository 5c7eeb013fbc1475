"""`requests`: what was asked for and what became of it."""

from uuid import UUID

import click

from commands.exits import FAILED, CommandError
from commands.output import remark, seconds, show_json, show_table
from commands.store import broker_of, running_store
from commands.waiting import report_outcome
from request_consumer.request_rows import RequestRow, UnknownRequestError, find, list_requests
from request_consumer.requests import RequestStateError, cancel, retry

STATES = ("queued", "running", "done", "failed", "cancelled")


@click.group("requests")
def requests() -> None:
    """Look at requests, try them again, cancel them.

    \b
    Example:
      spark_manage.py requests list --state failed
    """


@requests.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 10000), default=50, show_default=True, help="Most requests shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(state: str | None, limit: int, as_json: bool) -> None:
    """List the newest requests.

    \b
    Examples:
      spark_manage.py requests list
      spark_manage.py requests list --state failed --json
    """
    with running_store() as store:
        rows = list_requests(store.connection, state, limit)
    if as_json:
        show_json(rows)
        return
    cells = [
        (row.id, row.state, f"{row.created:%Y-%m-%d %H:%M:%S}", _took(row), _asked(row), _said(row)) for row in rows
    ]
    show_table(("id", "state", "created (UTC)", "took", "request", "says"), cells)


@requests.command("show")
@click.argument("request_id", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@click.option("--wait", is_flag=True, help="Stay until it is done, and say what came of it.")
def show(request_id: UUID, as_json: bool, wait: bool) -> None:
    """Show one request whole.

    \b
    Examples:
      spark_manage.py requests show 0190b7a0-0000-7000-8000-000000000000
      spark_manage.py requests show 0190b7a0-0000-7000-8000-000000000000 --wait
    """
    with running_store() as store:
        row = find(store.connection, request_id)
        if row is None:
            raise CommandError(f"no request {request_id}; `requests list` shows those that there are")
        if wait:
            report_outcome(store, request_id)
            return
    if as_json:
        show_json(row)
        return
    show_table(("field", "value"), [(name, value) for name, value in vars(row).items() if value is not None])


@requests.command("retry")
@click.argument("request_ids", type=click.UUID, nargs=-1, required=True)
def retry_(request_ids: tuple[UUID, ...]) -> None:
    """Queue ended requests again, their attempts counted anew.

    \b
    Example:
      spark_manage.py requests retry 0190b7a0-0000-7000-8000-000000000000
    """
    with running_store() as store, broker_of(store.settings) as broker:
        refused = 0
        for request_id in request_ids:
            try:
                click.echo(f"queued {retry(store.connection, broker, request_id).id}")
            except (UnknownRequestError, RequestStateError) as problem:
                refused += _refuse(problem)
    _fail_if(refused, len(request_ids))


@requests.command("cancel")
@click.argument("request_ids", type=click.UUID, nargs=-1, required=True)
def cancel_(request_ids: tuple[UUID, ...]) -> None:
    """End queued or running requests: what they compute is not published.

    \b
    Example:
      spark_manage.py requests cancel 0190b7a0-0000-7000-8000-000000000000
    """
    with running_store() as store:
        refused = 0
        for request_id in request_ids:
            try:
                click.echo(f"cancelled {cancel(store.connection, request_id).id}")
            except (UnknownRequestError, RequestStateError) as problem:
                refused += _refuse(problem)
    _fail_if(refused, len(request_ids))


def _refuse(problem: Exception) -> int:
    remark(f"spark_manage.py: {problem}")
    return 1


def _fail_if(refused: int, asked: int) -> None:
    if not refused:
        return
    if asked == 1:
        click.get_current_context().exit(FAILED)
    raise CommandError(f"{refused} of {asked} were refused")


def _took(row: RequestRow) -> str:
    return seconds((row.finished - row.started).total_seconds()) if row.finished and row.started else ""


def _asked(row: RequestRow) -> str:
    return " ".join([row.query, *(f"{name}={value}" for name, value in row.params.items())])


def _said(row: RequestRow) -> str:
    if row.state in ("failed", "queued") and row.error:
        return f"attempt {row.attempts}: {row.error}"
    return row.progress or ""


COMMANDS = (requests,)
