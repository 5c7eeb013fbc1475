"""`user`: make users, give out and take back tokens, set passwords, list users."""

import sys
from datetime import datetime

import click

from commands.exits import USAGE, CommandError
from commands.output import printable, show_json, show_table
from commands.store import Store, running_store
from conf.postgres import transaction
from conf.secret import token_vault
from jobs.listens.tokens import Token, TokenError, add_token, outlive_belief, remove_token, tokens_of
from jobs.listens.users import (
    InvalidPasswordError,
    InvalidUserNameError,
    User,
    UserExistsError,
    create_token,
    create_user,
    find_user,
    hash_password,
    keep_password,
    list_users,
)
from webapi.db.lastfm import end_password_sessions
from webapi.db.web_session import end_sessions

TOKEN_LABEL = "spark_manage.py"  # noqa: S105 - the label of a token, none itself


@click.group("user")
def user() -> None:
    """Make users, give out and take back tokens, set passwords, list users.

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
            user_id = create_user(store.connection, name, password=secret)
        except (InvalidUserNameError, InvalidPasswordError) as problem:
            raise CommandError(str(problem), USAGE) from None
        except UserExistsError as problem:
            raise CommandError(f"{problem}; `user token` gives out another token") from None
        with transaction(store.connection) as cursor:
            token = create_token(cursor, user_id, TOKEN_LABEL, token_vault(store.settings))
        _show_token(store, name, token, token_only)


@user.command("token")
@click.argument("name")
@click.option("--label", default=TOKEN_LABEL, show_default=True, help="What it is for, such as the player's name.")
@click.option("--token-only", is_flag=True, help="Print the token and nothing else, for scripts.")
def token(name: str, label: str, token_only: bool) -> None:
    """Give the user NAME another token; those she has stay good. It is shown this once.

    \b
    Examples:
      spark_manage.py user token alice
      spark_manage.py user token alice --label "kitchen radio"
    """
    with running_store() as store:
        found = user_named(store, name)
        try:
            with transaction(store.connection) as cursor:
                made = add_token(cursor, found.id, label, token_vault(store.settings))
        except TokenError as problem:
            raise CommandError(str(problem), USAGE) from None
        _show_token(store, found.name, made, token_only)


@user.command("tokens")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
def tokens(name: str, as_json: bool) -> None:
    """List the tokens of the user NAME, without their secrets.

    \b
    Examples:
      spark_manage.py user tokens alice
      spark_manage.py user tokens alice --json | jq -r '.[].label'
    """
    with running_store() as store:
        found = user_named(store, name)
        with transaction(store.connection) as cursor:
            listed = tokens_of(cursor, found.id)
    if as_json:
        show_json(listed)
        return
    rows = [(t.label, t.last_four, _minute(t.created), _minute(t.last_used)) for t in listed]
    show_table(("label", "ends in", "created", "last used"), rows)


@user.command("revoke")
@click.argument("name")
@click.argument("label_or_last_four")
def revoke(name: str, label_or_last_four: str) -> None:
    """Take a token of the user NAME back: the one with this label, or with these last four characters.

    When this ends, every web worker refuses it, and what a player was doing with it.

    \b
    Examples:
      spark_manage.py user revoke alice "kitchen radio"
      spark_manage.py user revoke alice 3f9c
    """
    with running_store() as store:
        found = user_named(store, name)
        with transaction(store.connection) as cursor:
            chosen = _the_one(tokens_of(cursor, found.id), found.name, label_or_last_four)
            remove_token(cursor, found.id, chosen.id)
        outlive_belief()
    click.echo(f"revoked {printable(chosen.label)} (ends in {chosen.last_four}) of {printable(found.name)}")


@user.command("password")
@click.argument("name")
def password_(name: str) -> None:
    """Set the password of the user NAME: asked for, hidden; without a terminal it is read from stdin.

    Every browser that is logged in as NAME must log in again, and every program that was approved or has logged in with
    the password; those that have a token go on.

    \b
    Examples:
      spark_manage.py user password alice
      pass show alice | spark_manage.py user password alice
    """
    with running_store() as store:
        found = user_named(store, name)
        try:
            password_hash = hash_password(_password())
        except InvalidPasswordError as problem:
            raise CommandError(str(problem), USAGE) from None
        with transaction(store.connection) as cursor:
            keep_password(cursor, found.id, password_hash)
            ended = end_sessions(cursor, found.id) + end_password_sessions(cursor, found.id)
    click.echo(f"the password of {printable(found.name)} is set; sessions ended: {ended}")


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
    rows = [(u.id, u.name, _minute(u.created), u.source, u.foreign_id) for u in users]
    show_table(("id", "name", "created", "source", "foreign id"), rows)


def user_named(store: Store, name: str) -> User:
    """The user of that name, without regard to case. Raises CommandError."""
    with transaction(store.connection) as cursor:
        found = find_user(cursor, name)
    if found is None:
        raise CommandError(f"there is no user {name!r}; `user list` shows all, `user create` makes one")
    return found


def _the_one(listed: list[Token], name: str, wanted: str) -> Token:
    fitting = [one for one in listed if wanted in (one.label, one.last_four)]
    if len(fitting) == 1:
        return fitting[0]
    if not fitting:
        raise CommandError(f"{name!r} has no token {wanted!r}; `user tokens` shows all")
    endings = ", ".join(one.last_four for one in fitting)
    raise CommandError(f"{name!r} has {len(fitting)} tokens {wanted!r}: say which by its last four, {endings}")


def _minute(moment: datetime | None) -> str | None:
    return f"{moment:%Y-%m-%d %H:%M}" if moment else None


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
    try:
        given = sys.stdin.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandError("password: what stdin gives is not UTF-8", USAGE) from None
    if not given:
        raise CommandError("password: stdin has no first line to take as one", USAGE)
    return given


COMMANDS = (user,)
