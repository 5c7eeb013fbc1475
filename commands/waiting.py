"""Waiting for a request, for whoever gave --wait."""

from uuid import UUID

import click
from rich.progress import TextColumn

from commands.exits import CommandError
from commands.output import progress, remark
from commands.store import Store
from conf.postgres import transaction

SILENT_SECONDS = 30


def report_outcome(store: Store, request_id: UUID) -> None:
    """Follow a request to its end; its outcome on stdout.

    Raises CommandError when it failed or was cancelled, and when Ctrl-C ends the waiting, not the request.
    """
    from request_consumer import request_rows

    remark(f"request {request_id}: waiting")
    _remark_nobody(store)
    row = None
    try:
        with progress(TextColumn("")) as shown:
            task = shown.add_task("queued", total=None)
            for row in request_rows.wait(store.connection, request_id):
                shown.update(task, description=f"{row.state}: {row.progress or 'waiting for its turn'}")
    except KeyboardInterrupt:
        raise CommandError(
            f"stopped waiting; the request {request_id} stands. `requests show {request_id}` tells what became of it, "
            f"`requests cancel {request_id}` ends it"
        ) from None
    assert row is not None
    if row.state != "done":
        raise CommandError(f"{row.query} {row.state}: {row.error or 'no reason was given'}; request {request_id}")
    took = (row.finished - row.created).total_seconds() if row.finished else 0.0
    made = row.progress if row.data_version is None else f"data version {row.data_version}"
    click.echo(f"done {request_id} {row.query}: {made}, {took:.1f} s")


def _remark_nobody(store: Store) -> None:
    """Say so when nobody is there to run or to store it: waiting may take for ever."""
    from webapi.db.status import parts

    with transaction(store.connection) as cursor:
        alive = {row.part for row in parts(cursor) if row.age <= SILENT_SECONDS}
    for part in ("request_consumer", "spark_reader"):
        if part not in alive:
            remark(f"note: no {part} is running; the request waits for one (`make up` starts it)")
