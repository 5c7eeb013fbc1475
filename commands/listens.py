"""`listens import`: a history from a file, of this server or of another service."""

import io
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click
import orjson
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from commands.exits import NOT_RUNNING, SOME_REJECTED, USAGE, CommandError
from commands.output import progress, remark
from commands.store import Store, running_store
from commands.user import user_named
from conf.postgres import StoreUnavailableError
from dumps.load.format import Format
from dumps.load.services import AUTO, UnknownFormatError, format_of, formats
from dumps.load.source import BUFFER, Source, open_source
from jobs.listens.imports import Totals, import_items
from jobs.listens.items import DamagedFileError, Item
from jobs.listens.users import User

SHOWN_LINES = 20
"""Rejected items told one by one on stderr."""
AGAIN = "run the same command again to complete it, what is in is not written twice"


@click.group("listens")
def listens() -> None:
    """Bring listens in.

    \b
    Example:
      spark_manage.py listens import history.jsonl.gz --user alice
    """


class _Formats(click.Choice[str]):
    """The names of all formats, and what each is, in the order of the folder."""

    def __init__(self) -> None:
        super().__init__([AUTO, *formats()], case_sensitive=False)


def _zone(_context: click.Context, _parameter: click.Parameter, value: str) -> ZoneInfo:
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"{value!r} is no time zone; expected a name such as Europe/Berlin") from None


def _import_help() -> str:
    names = "\n".join(f"  {format_.name:<16}{format_.title}" for format_ in formats().values())
    return f"""Import the listens of FILE (or - for stdin) for one user.

    The format is recognised by the content; --format says it where it is not. JSON lines are listens as submitted,
    {{"listened_at": ..., "track_metadata": {{...}}}}, or as in ListenBrainz dumps ("timestamp" for the time). All
    goes to the user of --user; --only leaves out lines of other users. What "mbid_mapping" says of a track counts for
    this user. What is there already is not written again, so an interrupted import is simply run again. A bad item is
    reported by its place and reason, and the rest goes on: then the status is 3. --rejected keeps such items, one
    {{"line": 7, "reason": "...", "content": "..."}} a line.

    \b
    Formats:
    {names.strip()}

    \b
    Examples:
      spark_manage.py listens import history.jsonl --user alice
      spark_manage.py listens import my_spotify_data.zip --user alice
      spark_manage.py listens import .scrobbler.log --user alice --timezone Europe/Berlin
      zstdcat 5.listens.zst | spark_manage.py listens import - --user bob --only rob --rejected bad.jsonl
    """


@listens.command("import", help=_import_help())
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@click.option("--user", "name", required=True, help="Whose listens they become, whatever user name the lines carry.")
@click.option("--format", "format_name", type=_Formats(), default=AUTO, help="Which service's file it is.")
@click.option("--only", help="Only lines that carry this user name; the others are left out.")
@click.option(
    "--timezone",
    "zone",
    default="UTC",
    callback=_zone,
    help="Of times that a file gives without a zone: Europe/Berlin.",
)
@click.option(
    "--rejected",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write rejected items to this file.",
)
def import_(*, file: str, name: str, format_name: str, only: str | None, zone: ZoneInfo, rejected: Path | None) -> None:
    """Its help is made of the registry of formats."""
    if rejected is not None:
        _refuse_rejected(rejected, file)
    with running_store() as store, _source(file) as (opened, size), _Rejections(rejected) as rejections:
        user, started = user_named(store, name), time.time()
        source, format_ = _recognised(opened, file, format_name, zone)
        totals = _import(store, user, _Import(source, format_, size, only, rejections), started)
        _sum_up(totals, rejections, time.time() - started)


def _recognised(opened: IO[bytes], file: str, format_name: str, zone: ZoneInfo) -> tuple[Source, Format]:
    try:
        source = open_source(opened, file, zone)
        return source, format_of(source, format_name)
    except DamagedFileError as problem:
        raise CommandError(f"{file}: {problem}; nothing was imported") from None
    except UnknownFormatError as problem:
        raise CommandError(str(problem), USAGE) from None


@dataclass
class _Import:
    source: Source
    format: Format
    size: int | None
    only: str | None
    rejections: "_Rejections"


def _import(store: Store, user: User, what: _Import, now: float) -> Totals:
    totals = Totals()
    try:
        with progress(BarColumn(), TextColumn("{task.fields[items]:,} items")) as shown:
            task = shown.add_task(f"{what.format.name}: listens of {user.name}", total=what.size, items=0)
            items = what.format.read(what.source)
            for totals in import_items(
                store.connection, items, user.id, now=now, only=what.only, reject=what.rejections.add
            ):
                _show(shown, task, what, totals)
    except DamagedFileError as problem:
        raise CommandError(f"{what.source.name}: {problem}; what came before it is in ({_counts(totals)})") from None
    except KeyboardInterrupt:
        raise CommandError(f"stopped; everything up to {totals.place or 'the start'} is in: {AGAIN}") from None
    except StoreUnavailableError as problem:
        raise CommandError(f"{problem}; up to {totals.place or 'the start'} all is in: {AGAIN}", NOT_RUNNING) from None
    return totals


def _show(shown: Progress, task: TaskID, what: _Import, totals: Totals) -> None:
    done = None if what.size is None else what.source.position()
    shown.update(task, completed=done, items=totals.read)


def _sum_up(totals: Totals, rejections: "_Rejections", took: float) -> None:
    if rejections.count > SHOWN_LINES:
        remark(f"... and {rejections.count - SHOWN_LINES} more rejected items; --rejected FILE keeps all")
    if totals.rejected > rejections.count:
        remark(f"{totals.rejected - rejections.count} listens were refused by PostgreSQL: see `rejected list`")
    for reason, count in totals.why.items():
        remark(f"{count} left out: {reason}")
    click.echo(f"{_counts(totals)}; {took:.1f} s")
    if totals.rejected:
        click.get_current_context().exit(SOME_REJECTED)


def _counts(totals: Totals) -> str:
    more = f", {totals.mapped} mapped" if totals.mapped else ""
    more += f", {totals.feedback} loved or hated" if totals.feedback else ""
    more += f", {totals.left_out} left out" if totals.left_out else ""
    more += f", {totals.others} of other users left out" if totals.others else ""
    more += f", {totals.deleted} deleted meanwhile" if totals.deleted else ""
    return f"{totals.read} read: {totals.new} new, {totals.duplicate} duplicate, {totals.rejected} rejected{more}"


@contextmanager
def _source(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """The file to read and its size in bytes, None for stdin."""
    if file == "-":
        given = sys.stdin.buffer
        # One more buffer around it would wait until it is full, while a pipe has lines already.
        yield given if isinstance(given, io.BufferedReader) else io.BufferedReader(cast(io.RawIOBase, given)), None
        return
    with Path(file).open("rb", buffering=BUFFER) as opened:
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
    """Tells the first rejected items, keeps all in a file where one is wanted; the first one replaces what it held."""

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self._path = path
        self._file: IO[bytes] | None = None

    def __enter__(self) -> "_Rejections":
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, item: Item, reason: str) -> None:
        """One item and why it was refused."""
        self.count += 1
        if self.count <= SHOWN_LINES:
            remark(f"{item.place}: {reason}")
        if self._path is not None:
            self._file = self._file or self._opened(self._path)
            content = item.content.decode(errors="backslashreplace")
            file = {"file": item.member} if item.member else {}
            row = {**file, item.unit: item.number, "reason": reason, "content": content}
            self._file.write(orjson.dumps(row) + b"\n")

    @staticmethod
    def _opened(path: Path) -> IO[bytes]:
        try:
            return path.open("wb")
        except OSError as problem:
            raise CommandError(f"--rejected {path}: {problem.strerror}") from None


COMMANDS = (listens,)
