"""`listens import`: a history from a file of JSON lines."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import click
import orjson
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from commands.exits import NOT_RUNNING, SOME_REJECTED, USAGE, CommandError
from commands.output import progress, remark
from commands.store import Store, running_store
from commands.user import user_named
from conf.postgres import StoreUnavailableError
from jobs.listens.imports import Totals, import_lines
from jobs.listens.lines import DamagedFileError, Line, read_lines
from jobs.listens.users import User

SHOWN_LINES = 20
"""Rejected lines told one by one on stderr."""
AGAIN = "run the same command again to complete it, what is in is not written twice"


@click.group("listens")
def listens() -> None:
    """Bring listens in.

    \b
    Example:
      spark_manage.py listens import history.jsonl.gz --user alice
    """


@listens.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--user", "name", required=True, help="Whose listens they become, whatever user name the lines carry.")
@click.option("--only", help="Only lines that carry this user name; the others are left out.")
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write rejected lines to this file.",
)
def import_(file: str, name: str, only: str | None, rejected: Path | None) -> None:
    """Import listens from FILE (or - for stdin): JSON lines, plain or gzip.

    A line is a listen as submitted, {"listened_at": ..., "track_metadata": {...}}, or as in ListenBrainz dumps and user
    exports ("timestamp" for the time). All lines go to the user of --user; --only leaves out those of other users. What
    "mbid_mapping" says of a track counts for this user. What is there already is not written again, so an interrupted
    import is simply run again. A bad line is reported by its number and reason, and the rest goes on: then the status
    is 3. --rejected keeps such lines, one {"line": 7, "reason": "...", "content": "..."} a line.

    \b
    Examples:
      spark_manage.py listens import history.jsonl --user alice
      spark_manage.py listens import stations.jsonl.gz --user kglk --only kglk
      zstdcat 5.listens.zst | spark_manage.py listens import - --user bob --only rob --rejected bad.jsonl
    """
    if rejected is not None:
        _refuse_rejected(rejected, file)
    with running_store() as store, _source(file) as (source, size), _Rejections(rejected) as rejections:
        user, started = user_named(store, name), time.time()
        totals = _import(store, user, _Import(source, size, file, only, rejections), started)
        _sum_up(totals, rejections, time.time() - started)


@dataclass
class _Import:
    source: IO[bytes]
    size: int | None
    name: str
    only: str | None
    rejections: "_Rejections"


def _import(store: Store, user: User, what: _Import, now: float) -> Totals:
    totals = Totals()
    try:
        with progress(BarColumn(), TextColumn("{task.fields[lines]:,} lines")) as shown:
            task = shown.add_task(f"listens of {user.name}", total=what.size, lines=0)
            lines = read_lines(what.source)
            for totals in import_lines(
                store.connection, lines, user.id, now=now, only=what.only, reject=what.rejections.add
            ):
                _show(shown, task, what, totals)
    except DamagedFileError as problem:
        raise CommandError(f"{what.name}: {problem}; what came before it is in ({_counts(totals)})") from None
    except KeyboardInterrupt:
        raise CommandError(f"stopped; everything up to line {totals.last_line} is in: {AGAIN}") from None
    except StoreUnavailableError as problem:
        raise CommandError(f"{problem}; up to line {totals.last_line} all is in: {AGAIN}", NOT_RUNNING) from None
    return totals


def _show(shown: Progress, task: TaskID, what: _Import, totals: Totals) -> None:
    done = None if what.size is None else what.source.tell()
    shown.update(task, completed=done, lines=totals.read)


def _sum_up(totals: Totals, rejections: "_Rejections", took: float) -> None:
    if rejections.count > SHOWN_LINES:
        remark(f"... and {rejections.count - SHOWN_LINES} more rejected lines; --rejected FILE keeps all")
    if totals.rejected > rejections.count:
        remark(f"{totals.rejected - rejections.count} listens were refused by PostgreSQL: see `rejected list`")
    click.echo(f"{_counts(totals)}; {took:.1f} s")
    if totals.rejected:
        click.get_current_context().exit(SOME_REJECTED)


def _counts(totals: Totals) -> str:
    more = f", {totals.mapped} mapped" if totals.mapped else ""
    more += f", {totals.others} of other users left out" if totals.others else ""
    more += f", {totals.deleted} deleted meanwhile" if totals.deleted else ""
    return f"{totals.read} read: {totals.new} new, {totals.duplicate} duplicate, {totals.rejected} rejected{more}"


@contextmanager
def _source(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The file to read and its size in bytes, None for stdin."""
    if file == "-":
        yield io.BufferedReader(cast(io.RawIOBase, sys.stdin.buffer)), None
        return
    with Path(file).open("rb") as opened:
        yield opened, Path(file).stat().st_size


def _refuse_rejected(rejected: Path, file: str) -> None:
    """Raise CommandError, before anything is read, for a file of rejections that would destroy or lose something."""
    source = os.fstat(0) if file == "-" else Path(file).stat()
    try:
        if os.path.samestat(rejected.stat(), source):
            raise CommandError(f"--rejected {rejected}: this is the file that is imported; name another", USAGE)
    except FileNotFoundError:
        if not rejected.absolute().parent.is_dir():
            raise CommandError(f"--rejected {rejected}: No such file or directory") from None


class _Rejections:
    """Tells the first rejected lines, keeps all in a file where one is wanted; the first one replaces what it held."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Rejections":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: Line, reason: str) -> None:
        """One line and why it was refused."""
        self.count += 1
        if self.count <= SHOWN_LINES:
            remark(f"line {line.number}: {reason}")
        if self._path is not None:
            self._file = self._file or self._opened(self._path)
            content = line.content.decode(errors="backslashreplace")
            self._file.write(orjson.dumps({"line": line.number, "reason": reason, "content": content}) + b"\n")

    @staticmethod
    def _opened(path: Path) -> IO[bytes]:
        try:
            return path.open("wb")
        except OSError as problem:
            raise CommandError(f"--rejected {path}: {problem.strerror}") from None


COMMANDS = (listens,)
