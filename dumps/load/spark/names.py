"""Archives of Spark dumps in a folder, and which of them a request means."""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jobs.job import ImportRefusedError

DEEPEST = 3
"""Levels of folders looked through: DIR, one per export, one per dump."""
_PREFIX = "listenbrainz-spark-dump"
_NAME = re.compile(_PREFIX + r"-([0-9]{1,9})-([0-9]{8}-[0-9]{6})-(full|incremental)\.tar")
_CHECKSUMS = (".sha256", ".md5")
EXPECTED = f"{_PREFIX}-ID-YYYYMMDD-HHMMSS-full.tar (or -incremental.tar)"
NO_FULL = "No previous full dump found, importing latest incremental dump"


class DumpRefusedError(ImportRefusedError):
    """A dump that cannot be taken: names the archive, what is wrong with it and what to do. Nothing of it is in."""


@dataclass(frozen=True)
class Archive:
    """One archive, as far as its name tells."""

    path: Path
    dump_id: int
    kind: str
    """full or incremental."""

    @property
    def name(self) -> str:
        """Without .tar: also the folder inside."""
        return self.path.name.removesuffix(".tar")


def find_archives(folder: Path) -> list[Archive]:
    """The archives in a folder and the folders of dumps in it, by kind and id.

    Raises DumpRefusedError for a folder that cannot be read, an archive by another name, and two of one kind and id.
    """
    if not folder.is_dir():
        raise DumpRefusedError(f"{folder}: there is no such folder for the request consumer to read; --from names it")
    found: dict[tuple[str, int], Archive] = {}
    for path in _files(folder):
        archive = _archive(path)
        other = found.setdefault((archive.kind, archive.dump_id), archive)
        if other is not archive:
            raise DumpRefusedError(
                f"{other.path} and {path}: two {archive.kind} dumps with the id {archive.dump_id}; leave one of them"
            )
    return [found[key] for key in sorted(found)]


def choose_full(archives: Sequence[Archive], dump_id: int | None, folder: Path) -> Archive:
    """The full dump with that id, or the one with the highest. Raises DumpRefusedError: there is none."""
    full = [archive for archive in archives if archive.kind == "full"]
    if dump_id is not None:
        return _with_id(full, "full", dump_id, folder)
    if not full:
        raise DumpRefusedError(f"{folder}: no full dump is in it; expected {EXPECTED}")
    return full[-1]


def choose_incremental(
    archives: Sequence[Archive], dump_id: int | None, last_full: int | None, done: Collection[int], folder: Path
) -> tuple[list[Archive], list[str]]:
    """The incremental dumps to import, oldest first, and what is to be told of the choice.

    With an id that one. Else all after the last full dump that are not `done` since. Ids of other kinds lie between, so
    holes are none. Without a full dump the newest only. Raises DumpRefusedError for an id that is not there.
    """
    incremental = [archive for archive in archives if archive.kind == "incremental"]
    if dump_id is not None:
        return [_with_id(incremental, "incremental", dump_id, folder)], []
    if last_full is None:
        if not incremental:
            raise DumpRefusedError(f"{folder}: no incremental dump is in it; expected {EXPECTED}")
        return incremental[-1:], [NO_FULL]
    return [a for a in incremental if a.dump_id > last_full and a.dump_id not in done], []


def _with_id(archives: Sequence[Archive], kind: str, dump_id: int, folder: Path) -> Archive:
    for archive in archives:
        if archive.dump_id == dump_id:
            return archive
    there = ", ".join(str(archive.dump_id) for archive in archives[-20:]) or "none"
    raise DumpRefusedError(f"{folder}: no {kind} dump with the id {dump_id} is in it; ids that are: {there}")


def _files(folder: Path) -> list[Path]:
    found = []
    for path, folders, files in os.walk(folder):
        if len(Path(path).relative_to(folder).parts) >= DEEPEST - 1:
            folders.clear()
        found += [Path(path) / name for name in files if _looks_like_one(name)]
    return sorted(found)


def _looks_like_one(name: str) -> bool:
    return name.startswith(_PREFIX) and ".tar" in name and not name.endswith(_CHECKSUMS)


def _archive(path: Path) -> Archive:
    match = _NAME.fullmatch(path.name)
    if match is None or not _is_moment(match[2]):
        raise DumpRefusedError(f"{path}: this is no name of a dump; expected {EXPECTED}")
    return Archive(path, int(match[1]), match[3])


def _is_moment(text: str) -> bool:
    try:
        datetime.strptime(text, "%Y%m%d-%H%M%S")
    except ValueError:
        return False
    return True
