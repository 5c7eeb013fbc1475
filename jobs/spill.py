"""Where a process's JVM spills to disk: a folder of its own, locked while the process lives.

Shuffles hold names of listens. A JVM that is killed leaves them behind, so who starts the next one removes the folders
that nobody holds. A lock tells, not a process id: consumers in containers share the disk, and no ids.
"""

import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

PREFIX = "session-"
LOCK = "lock"

log = logging.getLogger(__name__)


@contextmanager
def spill_folder(data_dir: Path) -> Iterator[Path]:
    """A new folder below DATA_DIR/spark, held until the end of the block or of the process; then it is removed."""
    home = data_dir / "spark"
    home.mkdir(parents=True, exist_ok=True)
    removed = remove_abandoned(home)
    if removed:
        log.info("removed what %d killed JVMs had spilled", removed)
    folder = home / f".{uuid4().hex}"
    folder.mkdir()
    held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    # Under its name only now: who looks for abandoned ones never meets it without its lock.
    folder = folder.rename(home / f"{PREFIX}{folder.name[1:]}")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_abandoned(home: Path) -> int:
    """Remove the folders whose process is gone; how many."""
    return sum(_removed(folder) for folder in home.glob(f"{PREFIX}*"))


def _removed(folder: Path) -> bool:
    try:
        held = os.open(folder / LOCK, os.O_CREAT | os.O_RDWR, 0o600)
    except OSError:
        return False  # another process is just removing it
    try:
        with suppress(BlockingIOError):
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            return True
        return False
    finally:
        os.close(held)
