"""`init_db`: the tables, brought up to this code."""

import click

from commands.output import remark
from commands.store import started_postgres
from conf.postgres import dsn, migrate
from conf.settings import load_settings


@click.command("init_db")
@click.option("--create-db", is_flag=True, help="Accepted as the original does, and ignored.")
@click.option("-f", "--force", is_flag=True, help="Accepted as the original does, and ignored: nothing is dropped.")
def init_db(create_db: bool, force: bool) -> None:
    """Make the tables, or bring them up to this code. Does nothing when they are.

    The embedded PostgreSQL is started for it where it does not run. `up` does the same by itself; with a PostgreSQL of
    your own (DATABASE_URL) run it before the first start and after every upgrade, while the system is stopped.

    \b
    Examples:
      spark_manage.py init_db
      DATABASE_URL=postgresql://listenlake:secret@db/listenlake spark_manage.py init_db
    """
    del create_db  # the embedded PostgreSQL makes its own; one of yours is the one that DATABASE_URL names
    if force:
        remark("note: --force is ignored: init_db drops nothing")
    settings = load_settings()
    with started_postgres(settings):
        applied = migrate(dsn(settings))
    for name in applied:
        click.echo(f"applied {name}")
    if not applied:
        click.echo("nothing to do: the tables are those of this code")


COMMANDS = (init_db,)
