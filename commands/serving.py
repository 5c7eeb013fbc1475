"""`serving`: the serving database, made again from the lake."""

from typing import TYPE_CHECKING

import click
from rich.progress import TextColumn

from commands.exits import CommandError
from commands.output import progress
from commands.store import started_postgres
from conf.postgres import Pool, dsn, migrate
from conf.settings import load_settings

if TYPE_CHECKING:
    from jobs.rebuild import Rebuilt


@click.group("serving")
def serving() -> None:
    """Look after the serving database.

    \b
    Example:
      spark_manage.py serving rebuild
    """


@serving.command("rebuild")
def rebuild_() -> None:
    """Fill an empty database with users and listens from the lake, which is the record.

    For when PostgreSQL is lost and the lake is not. Passwords and tokens are not in the lake: restore a backup for
    them, or give out new ones with `user token`. The tables are made where they are missing; the embedded PostgreSQL
    is started for it where it does not run. A database with users or listens is refused.

    \b
    Examples:
      mv DATA_DIR/postgres DATA_DIR/postgres.lost; spark_manage.py serving rebuild
      DATABASE_URL=postgresql://listenlake:secret@db/fresh spark_manage.py serving rebuild
    """
    from jobs.lake_files import LakeEmptyError, newest
    from jobs.rebuild import DatabaseNotEmptyError

    settings = load_settings()
    try:
        newest(settings.lake)  # before anything is started or made for a lake that is not there
        with started_postgres(settings):
            migrate(dsn(settings))
            done = _rebuild(dsn(settings), settings.lake)
    except (LakeEmptyError, DatabaseNotEmptyError) as problem:
        raise CommandError(str(problem)) from None
    click.echo(
        f"rebuilt from data version {done.data_version}: {done.users} users, {done.listens} listens, "
        f"{done.mapping} mapping rows, {done.settings} settings of users"
    )
    click.echo("Users need new tokens: `spark_manage.py user token NAME`.")


def _rebuild(url: str, lake: str) -> "Rebuilt":
    from jobs.rebuild import rebuild

    pool = Pool(url, "spark_manage.py")
    try:
        with pool.session() as connection, progress(TextColumn("{task.completed:,.0f} listens")) as shown:
            task = shown.add_task("reading the lake", total=None)
            return rebuild(connection, lake, lambda rows: shown.update(task, advance=rows))
    finally:
        pool.discard()


COMMANDS = (serving,)
