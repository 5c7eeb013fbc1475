"""`lastfm_key`: programs whose signatures the Last.fm API checks."""

import sys

import click

from commands.exits import USAGE, CommandError
from commands.output import show_json, show_table
from commands.store import running_store
from conf.postgres import transaction
from conf.secret import Vault, secret_of

MAX_API_KEY = 255


@click.group("lastfm_key")
def lastfm_key() -> None:
    """Register programs whose signatures the Last.fm API checks; others are accepted unsigned.

    \b
    Example:
      spark_manage.py lastfm_key add 0123456789abcdef --name "My player"
    """


@lastfm_key.command("add")
@click.argument("api_key")
@click.option("--name", required=True, help="What users are shown when the program asks for their approval.")
def add(api_key: str, name: str) -> None:
    """Register API_KEY. Its secret is asked for, hidden; without a terminal it is read from stdin.

    From then on its calls must be signed with that secret. A key that is there gets the new name and secret.

    \b
    Examples:
      spark_manage.py lastfm_key add 0123456789abcdef --name "My player"
      pass show my-player | spark_manage.py lastfm_key add 0123456789abcdef --name "My player"
    """
    from webapi.db.lastfm import add_application

    _check("API_KEY", api_key)
    _check("--name", name)
    with running_store() as store:
        secret = _secret()
        encrypted = Vault(secret_of(store.settings)).encrypt(secret)
        with transaction(store.connection) as cursor:
            add_application(cursor, api_key, name, encrypted)
    click.echo(f"registered {name}: calls with this key must be signed now")


@lastfm_key.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """List the registered programs; secrets are not shown.

    \b
    Examples:
      spark_manage.py lastfm_key list
      spark_manage.py lastfm_key list --json | jq -r '.[].api_key'
    """
    from webapi.db.lastfm import list_applications

    with running_store() as store, transaction(store.connection) as cursor:
        found = list_applications(cursor)
    if as_json:
        show_json([{"api_key": one.api_key, "name": one.name, "created": one.created} for one in found])
        return
    show_table(("api key", "name", "registered"), [(one.api_key, one.name, f"{one.created:%Y-%m-%d}") for one in found])


@lastfm_key.command("remove")
@click.argument("api_key")
def remove(api_key: str) -> None:
    """Forget API_KEY: its calls are accepted unsigned again, and the sessions it has stay good.

    \b
    Example:
      spark_manage.py lastfm_key remove 0123456789abcdef
    """
    from webapi.db.lastfm import remove_application

    with running_store() as store, transaction(store.connection) as cursor:
        found = remove_application(cursor, api_key)
    if not found:
        raise CommandError(f"there is no key {api_key!r}; `lastfm_key list` shows all")
    click.echo("removed")


def _check(what: str, text: str) -> None:
    if not (text.strip() and text.isprintable() and len(text) <= MAX_API_KEY):
        raise CommandError(f"{what}: expected 1 to {MAX_API_KEY} printable characters", USAGE)


def _secret() -> str:
    """From the terminal, hidden and twice; else the first line of stdin. Raises CommandError for an empty one."""
    if sys.stdin.isatty():
        given: str = click.prompt("Secret", hide_input=True, confirmation_prompt=True, err=True)
    else:
        given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise CommandError("stdin has no first line to take as secret", USAGE)
    return given


COMMANDS = (lastfm_key,)
