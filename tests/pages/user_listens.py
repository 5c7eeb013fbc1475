"""Histories for the user page: written as the listen writer does, or by COPY where only their size matters."""

import io
import time
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.positions import lock_writes, take_positions
from jobs.listens.write import write_submissions


def heard(connection: Connection, user_id: int, listens: Sequence[dict[str, Any]]) -> None:
    """Write these listens of the user."""
    now = int(time.time() * 1_000_000)
    write_submissions(connection, [Submission(new_message_id(), user_id, now, tuple(listens))])


def listen(listened_at: int, track_name: str, artist_name: str = "Broadcast", **track: Any) -> dict[str, Any]:
    """One listen in API form."""
    info = track.pop("additional_info", {})
    named = {"track_name": track_name, "artist_name": artist_name, "additional_info": info, **track}
    return {"listened_at": listened_at, "track_metadata": named}


def heard_much(connection: Connection, user_id: int, count: int, newest: int, step: int) -> None:
    """Copy `count` listens, one every `step` seconds, the newest at `newest`."""
    with transaction(connection) as cursor:
        lock_writes(cursor)
        first = take_positions(cursor, count).start
        lines = (
            f"{user_id}\t{newest - n * step}\t{UUID(int=n % 5000 + 1)}\t{first + n}\t2024-01-01\tArtist {n % 700}"
            f'\tTrack {n % 5000}\tAlbum {n % 1200}\t{{"duration_ms": 196000, "media_player": "a player"}}\n'
            for n in range(count)
        )
        cursor.copy_expert(
            "COPY listen (user_id, listened_at, recording_msid, position, inserted_at, artist_name, track_name,"
            " release_name, additional_info) FROM STDIN",
            io.StringIO("".join(lines)),
        )
        cursor.execute(
            "UPDATE listen_totals SET listen_count = %s, oldest_listened_at = %s, newest_listened_at = %s, version = %s"
            " WHERE user_id = %s",
            (count, newest - (count - 1) * step, newest, first + count - 1, user_id),
        )
    with transaction(connection) as cursor:
        cursor.execute("ANALYZE listen")
