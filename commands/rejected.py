"""`rejected`: single listens that could not be stored, each with its reason."""

import click

from commands.exits import SOME_REJECTED, CommandError
from commands.output import show_json, show_table
from commands.store import running_store
from conf.postgres import transaction
from jobs.listens.rejected import RejectedListen, list_rejected, retry_rejected

SHOWN_BYTES = 80


@click.group("rejected")
def rejected() -> None:
    """Look at listens that were set aside with a reason, try them again.

    \b
    Example:
      spark_manage.py rejected list
    """


@rejected.command("list")
@click.option("--after", type=click.IntRange(0), default=0, help="Only ids above this one: the next page.")
@click.option("--limit", type=click.IntRange(1, 10000), default=100, show_default=True, help="Most listens shown.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with the whole listens.")
def list_(after: int, limit: int, as_json: bool) -> None:
    """List the listens set aside, oldest first.

    \b
    Examples:
      spark_manage.py rejected list
      spark_manage.py rejected list --after 100 --json
    """
    with running_store() as store, transaction(store.connection) as cursor:
        found = list_rejected(cursor, after=after, limit=limit)
    if as_json:
        show_json([{**vars(row), "body": row.body.decode(errors="backslashreplace")} for row in found])
        return
    show_table(("id", "created (UTC)", "user", "reason", "listen"), map(_cells, found))


@rejected.command("retry")
@click.argument("ids", type=click.IntRange(1), nargs=-1)
def retry(ids: tuple[int, ...]) -> None:
    """Write them again: those with these IDS, or all. What is still bad stays, with its reason of now (status 3).

    \b
    Examples:
      spark_manage.py rejected retry
      spark_manage.py rejected retry 4 5
    """
    with running_store() as store:
        done = retry_rejected(store.connection, ids or None)
    click.echo(
        f"{done.tried} tried: {done.inserted} new, {done.duplicate} duplicate, {done.suppressed} deleted meanwhile, "
        f"{done.still_rejected} still rejected"
    )
    if done.tried < len(set(ids)):
        raise CommandError(f"{len(set(ids)) - done.tried} of these ids are not among the listens set aside")
    if done.still_rejected:
        click.get_current_context().exit(SOME_REJECTED)


def _cells(row: RejectedListen) -> tuple[object, ...]:
    user = row.user_name or (None if row.user_id is None else f"#{row.user_id}")
    listen = row.body[:SHOWN_BYTES].decode(errors="replace")
    return row.id, f"{row.created:%Y-%m-%d %H:%M:%S}", user, row.reason, listen


COMMANDS = (rejected,)
