"""Files that users have handed in, until they are worked off: DATA_DIR/uploads/ID, for the server's account only."""

import os
from pathlib import Path
from typing import IO
from uuid import UUID

from conf.settings import made_folder

UPLOAD_LIMIT = 200_000_000
"""Bytes of a file."""
ORPHAN_SECONDS = 3600
"""A file that nobody asks for is removed after this; a younger one may still be arriving."""
_STEP = 1 << 20


def upload_path(data_dir: Path, import_id: UUID) -> Path:
    """Where the file of an import is."""
    return data_dir / "uploads" / str(import_id)


def keep_upload(data_dir: Path, import_id: UUID, file: IO[bytes]) -> int:
    """Keep a file for good, readable by this account only; its size. Raises SettingError and OSError, nothing kept."""
    folder = made_folder(data_dir, "uploads")
    folder.chmod(0o700)
    path = upload_path(data_dir, import_id)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as kept:
            size = 0
            while piece := file.read(_STEP):
                size += kept.write(piece)
            kept.flush()
            os.fsync(kept.fileno())
    except OSError:
        drop_upload(data_dir, import_id)
        raise
    return size


def drop_upload(data_dir: Path, import_id: UUID) -> None:
    """Remove the file; one that is not there is no error."""
    upload_path(data_dir, import_id).unlink(missing_ok=True)


def drop_orphans(data_dir: Path, wanted: set[UUID], now: float) -> int:
    """Remove files that no open import names: cancelled ones, those of users who are gone. How many that were."""
    folder = data_dir / "uploads"
    names = {str(import_id) for import_id in wanted}
    removed = 0
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in names and now - path.stat().st_mtime > ORPHAN_SECONDS:
            path.unlink(missing_ok=True)
            removed += 1
    return removed
