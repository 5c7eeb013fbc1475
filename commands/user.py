"""`user`: make users, give out tokens, list users."""

import sys

import click

from commands.exits import USAGE, CommandError
from commands.output import show_json, show_table
from commands.store import Store, running_store
from conf.postgres import transaction
from conf.secret import token_vault
from jobs.listens.users import (
    InvalidUserNameError,
    User,
    UserExistsError,
    create_token,
    create_user,
    find_user,
    list_users,
    set_password,
)

TOKEN_LABEL = "spark_manage.py"  # noqa: S105 - the label of a token, none itself


@click.group("user")
def user() -> None:
    """Make users, give out tokens, list users.

    \b
    Example:
      spark_manage.py user create alice
    """


@user.command("create")
@click.argument("name")
@click.option("--password", is_flag=True, help="Ask for a password, hidden; without a terminal it is read from stdin.")
@click.option("--token-only", is_flag=True, help="Print the token and nothing else, for scripts.")
def create(name: str, password: bool, token_only: bool) -> None:
    """Make the user NAME and print the token that her player submits with. The token is shown this once.

    \b
    Examples:
      spark_manage.py user create alice
      TOKEN=$(spark_manage.py user create alice --token-only)
      pass show alice | spark_manage.py user create alice --password
    """
    with running_store() as store:
        secret = _password() if password else None
        try:
            user_id = create_user(store.connection, name)
        except InvalidUserNameError as problem:
            raise CommandError(str(problem), USAGE) from None
        except UserExistsError as problem:
            raise CommandError(f"{problem}; `user token` gives out another token") from None
        with transaction(store.connection) as cursor:
            if secret is not None:
                set_password(cursor, user_id, secret)
            token = create_token(cursor, user_id, TOKEN_LABEL, token_vault(store.settings))
        _show_token(store, name, token, token_only)


@user.command("token")
@click.argument("name")
@click.option("--token-only", is_flag=True, help="Print the token and nothing else, for scripts.")
def token(name: str, token_only: bool) -> None:
    """Give the user NAME another token; those she has stay good. It is shown this once.

    \b
    Example:
      spark_manage.py user token alice
    """
    with running_store() as store:
        found = user_named(store, name)
        with transaction(store.connection) as cursor:
            made = create_token(cursor, found.id, TOKEN_LABEL, token_vault(store.settings))
        _show_token(store, found.name, made, token_only)


@user.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def list_(as_json: bool) -> None:
    """List all users.

    \b
    Examples:
      spark_manage.py user list
      spark_manage.py user list --json | jq -r '.[].name'
    """
    with running_store() as store, transaction(store.connection) as cursor:
        users = list_users(cursor)
    if as_json:
        show_json(users)
        return
    rows = [(u.id, u.name, f"{u.created:%Y-%m-%d %H:%M}", u.source, u.foreign_id) for u in users]
    show_table(("id", "name", "created", "source", "foreign id"), rows)


def user_named(store: Store, name: str) -> User:
    """The user of that name, without regard to case. Raises CommandError."""
    with transaction(store.connection) as cursor:
        found = find_user(cursor, name)
    if found is None:
        raise CommandError(f"there is no user {name!r}; `user list` shows all, `user create` makes one")
    return found


def _show_token(store: Store, name: str, made: str, token_only: bool) -> None:
    if token_only:
        click.echo(made)
        return
    click.echo(f"user   {name}\ntoken  {made}\n")
    click.echo(f"Keep the token, it is not shown again. Players submit to {store.settings.url} with it.")


def _password() -> str:
    """From the terminal, hidden and twice; else the first line of stdin. Raises CommandError for an empty one."""
    if sys.stdin.isatty():
        given: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return given
    given = sys.stdin.readline().rstrip("\r\n")
    if not given:
        raise CommandError("--password: stdin has no first line to take as password", USAGE)
    return given


COMMANDS = (user,)
