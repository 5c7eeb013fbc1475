"""`dead_letters`: messages given up on, with the reason; back into their queue when what refused them was mended."""

import click

from commands.exits import USAGE, CommandError
from commands.output import show_json, show_table
from commands.store import broker_of, running_store
from conf.broker import QUEUES, DeadLetter

SHOWN_BYTES = 60


@click.group("dead_letters")
def dead_letters() -> None:
    """Look at messages that were given up on, try them again.

    \b
    Example:
      spark_manage.py dead_letters list
    """


@dead_letters.command("list")
@click.option("--queue", type=click.Choice(QUEUES), help="Only of this queue.")
@click.option("--limit", type=click.IntRange(1, 10000), default=100, show_default=True, help="Most per queue.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document, with the whole messages.")
def list_(queue: str | None, limit: int, as_json: bool) -> None:
    """List dead letters, oldest first, with the reason and the beginning of the message.

    \b
    Examples:
      spark_manage.py dead_letters list
      spark_manage.py dead_letters list --queue incoming --json
    """
    with running_store() as store, broker_of(store.settings) as broker:
        found = [letter for name in _queues(queue) for letter in broker.dead_letters(name, limit)]
    if as_json:
        show_json([{**vars(letter), "body": _text(letter.body)} for letter in found])
        return
    show_table(("queue", "id", "created (UTC)", "deliveries", "bytes", "reason", "message"), map(_cells, found))


@dead_letters.command("retry")
@click.argument("ids", nargs=-1)
@click.option("--queue", type=click.Choice(QUEUES), help="The queue of these ids; without ids: all of this queue.")
@click.option("--all", "everything", is_flag=True, help="All dead letters of all queues.")
def retry(ids: tuple[str, ...], queue: str | None, everything: bool) -> None:
    """Put dead letters back into their queue: those with these IDS, all of a queue, or all.

    \b
    Examples:
      spark_manage.py dead_letters retry --queue incoming 17 18
      spark_manage.py dead_letters retry --queue spark_result
      spark_manage.py dead_letters retry --all
    """
    if everything == (queue is not None):
        raise CommandError("say which: --queue QUEUE [IDS], or --all", USAGE)
    if everything and ids:
        raise CommandError("--all takes no ids", USAGE)
    with running_store() as store, broker_of(store.settings) as broker:
        back = sum(broker.retry_dead_letters(name, ids or None) for name in _queues(queue))
    click.echo(f"{back} back in the queue")
    if ids and back < len(set(ids)):
        raise CommandError(f"{len(set(ids)) - back} of these ids are no dead letters of {queue}")


def _queues(queue: str | None) -> tuple[str, ...]:
    return QUEUES if queue is None else (queue,)


def _cells(letter: DeadLetter) -> tuple[object, ...]:
    begins = letter.body[:SHOWN_BYTES].decode(errors="replace")
    created = f"{letter.created:%Y-%m-%d %H:%M:%S}" if letter.created else None
    return letter.queue, letter.id, created, letter.deliveries, len(letter.body), letter.reason, begins


def _text(body: bytes) -> str:
    return body.decode(errors="backslashreplace")


COMMANDS = (dead_letters,)
