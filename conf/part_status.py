"""What each part says of itself: one row per process, for `status`, `/health/ready` and the supervisor."""

import os
import socket
from typing import Any

import orjson
from psycopg2.extensions import cursor as Cursor  # noqa: N812

HOST = socket.gethostname()


def report(cursor: Cursor, part: str, detail: dict[str, Any]) -> None:
    """Say that this process lives as `part`, with figures worth showing. Call every few seconds."""
    cursor.execute(
        "INSERT INTO part_status (part, pid, host, updated, detail) VALUES (%s, %s, %s, clock_timestamp(), %s::jsonb)"
        " ON CONFLICT (part, host, pid) DO UPDATE SET updated = EXCLUDED.updated, detail = EXCLUDED.detail",
        (part, os.getpid(), HOST, orjson.dumps(detail).decode()),
    )


def withdraw(cursor: Cursor, part: str) -> None:
    """This process ends as `part`, in order."""
    cursor.execute("DELETE FROM part_status WHERE part = %s AND host = %s AND pid = %s", (part, HOST, os.getpid()))
