"""Backup: PostgreSQL and the lake as one consistent copy in a folder, made while the system runs.

Order: the database first, from one snapshot; then the lake, at the newest data version that this snapshot knows of.
So the copied lake is never ahead of the copied database, which landing would refuse, and what was landed after the
snapshot is landed again from the restored database, whose rows and positions are all there. The vacuum keeps the files
of a data version for 24 hours after a newer one replaced it; a file that goes sooner ends the backup with its name.

Of a Delta table the backup has the log up to the version that the data version names, and the files of that version:
older versions, and the change feed before it, are not kept, as after a vacuum. Results on their way to the reader,
logs and reports are not kept either; nor are messages that wait in RabbitMQ (those of the embedded broker are rows of
the database). Of a lake on an object store only the data version is noted: its files are for the store's own copies.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import orjson
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from conf.postgres import applied_migrations, dsn
from conf.postgres_copy import dump, snapshot, version_of
from conf.settings import Settings
from jobs import lake_files
from jobs.land_guard import newest_mirrored
from jobs.landing import Landing
from jobs.listens.changes import read_store
from jobs.lock import local_folder

FORMAT = 1
MANIFEST = "manifest.json"
DATABASE = "database.dump"
LAKE = "lake"
_LOG_FILE = re.compile(r"(\d{20})\.(json|crc|checkpoint\..*)")

Tell = Callable[[str, int], None]
"""Called with what was copied and its bytes."""


class BackupError(RuntimeError):
    """The backup could not be made; nothing was left behind. Names what is in the way."""


@dataclass(frozen=True)
class Copied:
    """One file of a backup, by its path in it."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. It is written last, so a folder without one is no backup."""

    format: int
    created: str
    """ISO time, UTC."""
    epoch: str
    """Of the store."""
    postgres: int
    """Major version of the server it came from."""
    migrations: list[str]
    data_version: int
    """Of the lake; 0: nothing had landed."""
    lake: str
    """`copied`, `empty`, or the URL of an object store whose files are not in the backup."""
    versions: dict[str, int]
    """Delta version of every table that was copied."""
    files: list[Copied]


def make_backup(settings: Settings, target: Path, tell: Tell = lambda what, size: None) -> Manifest:
    """Copy everything into `target`, which appears whole, by one rename. Mode 0700: it holds password hashes.

    Raises BackupError, CopyError, StoreUnavailableError.
    """
    if target.exists():
        raise BackupError(f"{target} is there already: a backup is never written over, choose another name")
    making = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        making.mkdir(mode=0o700, parents=True)
        manifest = _fill(settings, making, tell)
        _write(making / MANIFEST, orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2))
        making.rename(target)
    except OSError as problem:
        raise BackupError(f"{problem.filename or target}: {problem.strerror or problem}") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return manifest


def _fill(settings: Settings, making: Path, tell: Tell) -> Manifest:
    url = dsn(settings)
    with snapshot(url) as (cursor, moment):
        epoch, postgres, (data_version, _) = read_store(cursor).epoch, version_of(cursor), newest_mirrored(cursor)
        dump(url, moment, making / DATABASE)
    file = Copied(DATABASE, *digest(making / DATABASE))
    tell(DATABASE, file.bytes)
    folder = local_folder(settings.lake)
    versions: dict[str, int] = {}
    files = [file]
    if folder is not None and data_version:
        versions = _versions(settings.lake, data_version)
        files += [copied for name in versions for copied in _copy_table(folder, name, versions[name], making, tell)]
    return Manifest(
        format=FORMAT,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        epoch=str(epoch),
        postgres=postgres,
        migrations=sorted(applied_migrations(url)),
        data_version=data_version,
        lake=settings.lake if folder is None else "copied" if data_version else "empty",
        versions=versions,
        files=files,
    )


def _versions(lake: str, data_version: int) -> dict[str, int]:
    """The Delta version of every table at a data version; of `landing` the one in which that row is the newest."""
    try:
        table = DeltaTable(lake_files.url(lake, "landing"))
        for version in range(table.version(), -1, -1):
            table.load_as_version(version)
            rows = table.to_pyarrow_table().sort_by([("landing_id", "descending")]).slice(0, 1).to_pylist()
            if not rows or rows[0]["landing_id"] < data_version:
                break
            if rows[0]["landing_id"] == data_version:
                return {**Landing.of(rows[0]).versions, "landing": version}
    except TableNotFoundError:
        pass
    raise BackupError(
        f"the lake {lake} has no data version {data_version}, which the database knows of: is LAKE_URL the lake "
        "of this database?"
    )


def _copy_table(lake: Path, name: str, version: int, making: Path, tell: Tell) -> Iterator[Copied]:
    for path in [*_data_files(lake, name, version), *_log_files(lake / name, version)]:
        try:
            copied = copy(lake / name / path, making / LAKE / name / path)
        except FileNotFoundError:
            raise BackupError(
                f"{lake / name / path} went while it was to be copied (a vacuum, or a lake replaced): start again"
            ) from None
        yield Copied(f"{LAKE}/{name}/{path}", *copied)
        tell(f"{LAKE}/{name}", copied[0])


def _data_files(lake: Path, name: str, version: int) -> list[str]:
    actions: Any = DeltaTable(str(lake / name), version=version).get_add_actions(flatten=True)
    return [unquote(path) for path in actions.column("path").to_pylist()]


def _log_files(table: Path, version: int) -> list[str]:
    """The log up to a version; the note of the newest checkpoint only if that is not beyond it."""
    log = table / "_delta_log"
    kept = [path for path in log.iterdir() if (m := _LOG_FILE.fullmatch(path.name)) and int(m[1]) <= version]
    kept += (log / "_sidecars").iterdir() if (log / "_sidecars").is_dir() else []
    note = log / "_last_checkpoint"
    with suppress(FileNotFoundError):
        if orjson.loads(note.read_bytes())["version"] <= version:
            kept.append(note)
    return sorted(str(path.relative_to(table)) for path in kept)


def copy(source: Path, target: Path) -> tuple[int, str]:
    """Copy one file durably; its bytes and SHA-256."""
    target.parent.mkdir(parents=True, exist_ok=True)
    digested, size = hashlib.sha256(), 0
    with source.open("rb") as reading, target.open("xb") as writing:
        while piece := reading.read(1 << 20):
            writing.write(piece)
            digested.update(piece)
            size += len(piece)
        writing.flush()
        os.fsync(writing.fileno())
    return size, digested.hexdigest()


def digest(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file."""
    with path.open("rb") as file:
        digested = hashlib.file_digest(file, "sha256")
    return path.stat().st_size, digested.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with path.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
