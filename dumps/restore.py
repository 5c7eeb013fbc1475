"""Restore: a backup into an empty database and an empty lake folder, while nothing of the system runs.

Everything is verified and every target looked at before anything is touched. Then the lake is copied, marked as
unfinished, then the database is filled in one transaction, then the mark goes. So an interrupted restore is simply
started again, and nothing serves half of one.
"""

import shutil
from dataclasses import fields
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from conf.postgres import dsn, known_migrations
from conf.postgres_copy import TargetError, clear_target, restore, snapshot, version_of
from conf.settings import Settings
from dumps.backup import DATABASE, FORMAT, LAKE, MANIFEST, Copied, Manifest, Tell, copy, digest
from jobs.lock import local_folder

UNFINISHED = ".restoring"
_OURS = (".writer.lock",)
"""What an empty lake folder may hold."""


class BadBackupError(ValueError):
    """The folder is no backup, or not what it was: names the file."""


def read_backup(source: Path, tell: Tell = lambda what, size: None) -> Manifest:
    """What a backup holds, every file of it compared with its manifest. Raises BadBackupError."""
    manifest = _manifest(source)
    for file in manifest.files:
        _verify(source, file)
        tell("verified", file.bytes)
    return manifest


def restore_backup(settings: Settings, source: Path, manifest: Manifest, tell: Tell = lambda what, size: None) -> None:
    """Fill the database and the lake folder of the settings from a verified backup, while the system is down.

    Raises TargetError (nothing touched then), CopyError, StoreUnavailableError.
    """
    lake = _lake_target(settings, manifest)
    _check_database(settings, manifest)
    if lake is not None:
        _copy_lake(source, manifest, lake, tell)
    clear_target(dsn(settings), apply=True)
    restore(dsn(settings), source / DATABASE)
    tell(DATABASE, manifest.files[0].bytes)
    if lake is not None:
        (lake / UNFINISHED).unlink()


def _manifest(source: Path) -> Manifest:
    path = source / MANIFEST
    try:
        document: dict[str, Any] = orjson.loads(path.read_bytes())
        found = document["format"]
        if found != FORMAT:
            raise BadBackupError(f"{path}: format {found!r}, this code reads {FORMAT}")
        document["files"] = [Copied(**file) for file in document["files"]]
        return Manifest(**{field.name: document[field.name] for field in fields(Manifest)})
    except FileNotFoundError:
        raise BadBackupError(f"{source} is no backup: it has no {MANIFEST}") from None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as problem:
        raise BadBackupError(f"{path} cannot be read: {type(problem).__name__}: {problem}") from None


def _verify(source: Path, file: Copied) -> None:
    path = PurePosixPath(file.path)
    if path.is_absolute() or ".." in path.parts:
        raise BadBackupError(f"{source / MANIFEST} names {file.path}, which is outside of the backup")
    try:
        found = digest(source / path)
    except OSError as problem:
        raise BadBackupError(f"{source / path}: {problem.strerror}") from None
    if found != (file.bytes, file.sha256):
        raise BadBackupError(f"{source / path} is not what was backed up: its size or SHA-256 is another")


def _lake_target(settings: Settings, manifest: Manifest) -> Path | None:
    """The folder to copy the lake into; None: there is none in the backup. Raises TargetError."""
    folder = local_folder(settings.lake)
    if folder is None:
        if manifest.lake == "copied":
            raise TargetError(
                f"LAKE_URL={settings.lake} is an object store: restore to a folder and copy the tables there"
            )
        return None
    if not folder.exists() or _left_by(folder, manifest):
        return folder
    present = sorted(path.name for path in folder.iterdir() if path.name not in _OURS)
    if present:
        raise TargetError(
            f"the lake {folder} is not empty (it has {present[0]}): move it away, or set LAKE_URL or DATA_DIR to "
            "another folder"
        )
    return folder


def _check_database(settings: Settings, manifest: Manifest) -> None:
    newer = sorted(set(manifest.migrations) - known_migrations())
    if newer:
        raise TargetError(
            f"the backup is newer than this code (it has {', '.join(newer)}): restore with the newer code"
        )
    with snapshot(dsn(settings)) as (cursor, _):
        server = version_of(cursor)
    if server < manifest.postgres:
        raise TargetError(f"the backup comes from PostgreSQL {manifest.postgres}, this server is {server}: too old")
    clear_target(dsn(settings), apply=False)


def _copy_lake(source: Path, manifest: Manifest, lake: Path, tell: Tell) -> None:
    """All of it, afresh; a folder with the mark has nothing that is not in the backup."""
    shutil.rmtree(lake, ignore_errors=True)
    lake.mkdir(parents=True, exist_ok=True)
    (lake / UNFINISHED).write_text(_mark(manifest))
    for file in manifest.files:
        path = PurePosixPath(file.path)
        if path.parts[0] == LAKE:
            size, _ = copy(source / path, lake / path.relative_to(LAKE))
            tell("copied", size)


def _left_by(folder: Path, manifest: Manifest) -> bool:
    """Whether an interrupted restore of this very backup left the folder."""
    mark = folder / UNFINISHED
    return mark.exists() and mark.read_text() == _mark(manifest)


def _mark(manifest: Manifest) -> str:
    return f"{manifest.epoch} {manifest.created} {manifest.files[0].sha256}\n"
