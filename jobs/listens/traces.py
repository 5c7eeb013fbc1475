"""What of a deleted account lies outside of its tables: dead letters, files handed in for import.

Called right after the deletion, and again with each vacuum until nothing is left: a message of hers that was queued may
become a dead letter later, and whoever was to remove a file may have died before.
"""

import shutil
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.broker import QUEUES, Broker
from jobs.listens.account_deletion import per_user_statistics

UPLOADS = "uploads"
"""Folder below DATA_DIR of files handed in for import, each named after its row of `user_import`."""
UPLOAD_SECONDS = 3600.0
"""A file without a row that is younger than this may be one that is being handed in."""


def remove_traces(broker: Broker, data_dir: Path, users: Collection[int], uploads: Iterable[UUID]) -> None:
    """Drop dead letters of users who are gone, and files of their imports. Raises BrokerUnavailableError, OSError."""
    for import_id in uploads:
        _remove(data_dir / UPLOADS / str(import_id))
    drop_dead_letters(broker, users)


def drop_dead_letters(broker: Broker, users: Collection[int]) -> int:
    """Drop the dead letters that carry something of these users; how many. Raises BrokerUnavailableError."""
    return sum(broker.drop_dead_letters(queue, of_users(users)) for queue in QUEUES)


def of_users(users: Collection[int]) -> Callable[[bytes], bool]:
    """Whether a message is a submission of one of these users, or has one of their lists.

    What is no JSON object tells of nobody, so it is not theirs either.
    """
    wanted = frozenset(users)
    keyed_by_user = frozenset(per_user_statistics())

    def carries(body: bytes) -> bool:
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(document, dict):
            return False
        return document.get("user_id") in wanted if "user_id" in document else _has_list(document)

    def _has_list(document: dict[str, Any]) -> bool:
        parts = document.get("parts")
        return any(
            part.get("statistic") in keyed_by_user and _keys(part) & wanted
            for part in (parts if isinstance(parts, list) else ())
            if isinstance(part, dict)
        )

    return carries


def _keys(part: dict[str, Any]) -> set[int]:
    rows = part.get("inline")
    first = (row[0] for row in (rows if isinstance(rows, list) else ()) if isinstance(row, list) and row)
    return {abs(key) for key in first if isinstance(key, int)}


def remove_orphaned_uploads(cursor: Cursor, data_dir: Path, now: float | None = None) -> int:
    """Remove files handed in that no row of `user_import` names; how many. `now`: epoch seconds. Raises OSError."""
    folder = data_dir / UPLOADS
    if not folder.is_dir():
        return 0
    latest = (time.time() if now is None else now) - UPLOAD_SECONDS
    old = {path.name: path for path in folder.iterdir() if path.stat().st_mtime < latest}
    cursor.execute("SELECT id::text FROM user_import WHERE id::text = ANY(%s)", (list(old),))
    known = {name for (name,) in cursor.fetchall()}
    orphans = [path for name, path in old.items() if name not in known]
    for path in orphans:
        _remove(path)
    return len(orphans)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
