"""What a client was promised, on its own disk, and whether the system kept it (reliability.md section 2, I1 and I2)."""

import json
import os
import threading
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

from conf.postgres import Connection
from jobs.listens.msid import msid_of

Key = tuple[str, int, str]
"""(user name, listened_at, recording_msid): what makes a listen one listen."""


@dataclass(frozen=True)
class Promise:
    """One call: what was sent, and the HTTP status that came back (None: no answer)."""

    user_name: str
    listens: tuple[dict[str, Any], ...]
    status: int | None


class Ledger:
    """Intent before the call, answer after it, each fsynced: survives the death of anybody."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        self._lock = threading.Lock()
        self._calls = 0

    def intend(self, user_name: str, listens: list[dict[str, Any]]) -> int:
        """Write down what is about to be sent; the call's number."""
        with self._lock:
            self._calls += 1
            self._append({"call": self._calls, "user_name": user_name, "listens": listens})
            return self._calls

    def answered(self, call: int, status: int | None) -> None:
        """Write down what came back."""
        with self._lock:
            self._append({"call": call, "status": status})

    def _append(self, row: dict[str, Any]) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def promises(self) -> list[Promise]:
        """Every call so far."""
        calls: dict[int, dict[str, Any]] = {}
        for line in self.path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            calls.setdefault(row["call"], {}).update(row)
        return [Promise(c["user_name"], tuple(c["listens"]), c.get("status")) for c in calls.values()]


def key_of(user_name: str, listen: dict[str, Any]) -> Key:
    return user_name, int(listen["listened_at"]), str(msid_of(listen["track_metadata"]))


def rows_in_postgres(connection: Connection) -> Counter[Key]:
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT u.name, l.listened_at, l.recording_msid::text FROM listen l JOIN users u ON u.id = l.user_id"
        )
        return Counter((str(n), int(t), str(m)) for n, t, m in cursor.fetchall())


def rows_in_lake(lake: str, names: dict[int, str]) -> Counter[Key]:
    """Read by deltalake, which is not what wrote them."""
    columns = ["user_id", "listened_at", "recording_msid"]
    table = DeltaTable(f"{lake}/listens").to_pyarrow_table(columns=columns)
    return Counter(
        (names[user_id], int(listened_at.timestamp()), msid)
        for user_id, listened_at, msid in zip(*(table.column(c).to_pylist() for c in columns), strict=True)
    )


def user_names(connection: Connection) -> dict[int, str]:
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM users")
        return {int(i): str(n) for i, n in cursor.fetchall()}


def check_rows(promises: list[Promise], found: Counter[Key], where: str) -> None:
    """I1: a listen answered 200 is there exactly once, any other at most once, and nothing else is there."""
    promised = {key_of(p.user_name, listen) for p in promises if p.status == 200 for listen in p.listens}
    tried = {key_of(p.user_name, listen) for p in promises for listen in p.listens}
    lost = promised - set(found)
    doubled = {key: n for key, n in found.items() if n > 1}
    foreign = set(found) - tried
    assert not lost, f"{where}: {len(lost)} of {len(promised)} promised listens are lost, such as {sorted(lost)[:3]}"
    assert not doubled, f"{where}: {len(doubled)} listens are there more than once, such as {sorted(doubled)[:3]}"
    assert not foreign, f"{where}: {len(foreign)} listens were never sent, such as {sorted(foreign)[:3]}"


def check_ledger(connection: Connection) -> int:
    """I2: consumed = landed + duplicate + suppressed + rejected, over every message; how many were consumed."""
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(consumed), 0), coalesce(sum(inserted + duplicate + suppressed + rejected), 0),"
            " coalesce(sum(inserted), 0) FROM message_seen"
        )
        row = cursor.fetchone()
        assert row is not None
        consumed, accounted, inserted = (int(n) for n in row)
        assert consumed == accounted, f"{consumed} listens consumed, {accounted} accounted for"
        cursor.execute("SELECT count(*), coalesce((SELECT sum(listen_count) FROM listen_totals), 0) FROM listen")
        row = cursor.fetchone()
        assert row is not None
        assert int(row[0]) == int(row[1]), f"{row[0]} listens stored, {row[1]} counted"
        assert inserted >= int(row[0])
    return consumed
