"""`user delete` and `user deletion`: an account and everything of it goes, and how far that has come."""

import time
from uuid import UUID

import click

from commands.exits import CommandError
from commands.output import remark, show_json
from commands.store import Store, broker_of, running_store
from commands.user import user, user_named
from conf.broker import BrokerUnavailableError
from conf.postgres import transaction
from jobs.listens.account_deletion import Deleted, UserGoneError, delete_account, find_receipt
from jobs.listens.traces import remove_traces


@user.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask for the name again.")
def delete(name: str, yes: bool) -> None:
    """Delete the user NAME: account, tokens, all listens and everything else of it. Nothing brings that back.

    What is served is gone when this returns. Files of the lake that had it are gone within 48 hours; the receipt that
    is printed tells how far that is.

    \b
    Examples:
      spark_manage.py user delete alice
      spark_manage.py user delete alice --yes
    """
    with running_store() as store:
        found = user_named(store, name)
        if not yes:
            _ask_again(found.name)
        try:
            deleted = delete_account(store.connection, found.id, int(time.time() * 1_000_000))
        except UserGoneError as problem:
            raise CommandError(str(problem)) from None
        _remove_traces(store, deleted)
        click.echo(f"deleted  {found.name}: {deleted.listens} listens\nreceipt  {deleted.receipt}")


@user.command("deletion")
@click.argument("receipt", type=click.UUID)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def deletion(receipt: UUID, as_json: bool) -> None:
    """Show how far the deletion of an account has come, by the RECEIPT of `user delete` or of the page.

    \b
    Example:
      spark_manage.py user deletion 0b1a2c3d-0000-4000-8000-000000000001
    """
    with running_store() as store, transaction(store.connection) as cursor:
        found = find_receipt(cursor, receipt)
    if found is None:
        raise CommandError(f"there is no receipt {receipt}: `user delete` prints them")
    if as_json:
        show_json(found.document())
        return
    for name, about, at in found.stages():
        reached = f"{at:%Y-%m-%d %H:%M} UTC" if at else f"not yet, at most by {found.at_most_by:%Y-%m-%d %H:%M} UTC"
        click.echo(f"{name:6} {reached}: {about}")


def _ask_again(name: str) -> None:
    given: str = click.prompt(f"Everything of {name} will be gone. Type the name again", err=True)
    if given.strip() != name:
        raise CommandError(f"{given.strip()!r} is not {name!r}: nothing was deleted")


def _remove_traces(store: Store, deleted: Deleted) -> None:
    """What is not in the tables; what cannot be reached now goes with the next vacuum."""
    try:
        with broker_of(store.settings) as broker:
            remove_traces(broker, store.settings.data_dir, [deleted.user_id], deleted.uploads)
    except (BrokerUnavailableError, OSError) as problem:
        remark(f"note: its dead letters and files go with the next vacuum: {problem}")
