"""`user export`: everything of one user as a zip."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import click

from commands.exits import USAGE, CommandError
from commands.output import progress, remark
from commands.store import running_store
from commands.user import user, user_named
from conf.postgres import dsn
from dumps.user_export import export_name, export_pieces
from jobs.listens.history import moment


@user.command("export")
@click.argument("name")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True))
def export(name: str, file: str | None) -> None:
    """Write all listens, love and hate of the user NAME to FILE, or to stdout for -.

    A zip in the form of ListenBrainz's user export; `listens import` reads it back. Without FILE it is called
    listenbrainz_NAME_TIME.zip. A file that is there is replaced only when the new one is whole.

    \b
    Examples:
      spark_manage.py user export alice
      spark_manage.py user export alice - | ssh backup 'cat > alice.zip'
    """
    with running_store() as store:
        found, now = user_named(store, name), time.time()
        target = file or export_name(found.name, now)
        with moment(dsn(store.settings)) as connection, _opened(target) as out, progress() as shown:
            task, size = shown.add_task(f"export of {found.name}", total=None), 0
            for piece in export_pieces(connection, found.id, found.name, now):
                size += out.write(piece)
                shown.update(task, completed=size)
    if target != "-":
        remark(f"{target}: {size} bytes")


@contextmanager
def _opened(target: str) -> Iterator[IO[bytes]]:
    """Where to write; a file appears under its name when it is whole, readable by its owner only."""
    if target == "-":
        if sys.stdout.isatty():
            raise CommandError("a zip is nothing for a terminal: give a FILE, or send stdout to one", USAGE)
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(target)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
            yield out
            out.flush()
            os.fsync(out.fileno())
        part.replace(path)
    except OSError as problem:
        raise CommandError(f"{target}: {problem.strerror or problem}") from None
    finally:
        part.unlink(missing_ok=True)
