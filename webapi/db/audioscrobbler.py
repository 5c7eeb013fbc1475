"""AudioScrobbler 1.2: the md5 of tokens, handshakes seen, sessions. A session id is kept as its SHA-256."""

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor  # noqa: N812

MAX_SKEW = 300
"""Seconds that a player's clock may differ from ours."""
SESSIONS_PER_TOKEN = 50
"""Sessions never expire, and a player opens one with every start: those unused for longest make room."""


@dataclass(frozen=True)
class Session:
    """Whose session it is, and the token that opened it."""

    token_id: int
    user_id: int


def md5s(cursor: Cursor, user_id: int) -> list[tuple[int, bytes]]:
    """(token, its md5 encrypted) of every token of the user that has one."""
    cursor.execute("SELECT id, md5_encrypted FROM token WHERE user_id = %s AND md5_encrypted IS NOT NULL", (user_id,))
    return [(token_id, bytes(encrypted)) for token_id, encrypted in cursor.fetchall()]


def first_use(cursor: Cursor, user_id: int, stamp: int, auth: str) -> bool:
    """Note a handshake; False when it was seen before."""
    cursor.execute(
        "INSERT INTO audioscrobbler_handshake (user_id, stamp, auth) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (user_id, stamp, auth),
    )
    return cursor.rowcount == 1


def forget_handshakes(cursor: Cursor) -> None:
    """Drop those whose time is no longer taken: it may have been MAX_SKEW ahead, and be taken as long after."""
    cursor.execute(
        "DELETE FROM audioscrobbler_handshake WHERE seen < now() - %s * interval '1 second'", (2 * MAX_SKEW + 60,)
    )


def add_session(cursor: Cursor, digest: bytes, user_id: int, token_id: int, client: str) -> None:
    """A session of this token, which counts as used now."""
    cursor.execute(
        "INSERT INTO audioscrobbler_session (sha256, user_id, token_id, client) VALUES (%s, %s, %s, %s)",
        (digest, user_id, token_id, client),
    )
    cursor.execute(
        "DELETE FROM audioscrobbler_session WHERE sha256 IN (SELECT sha256 FROM audioscrobbler_session"
        " WHERE token_id = %s ORDER BY last_used DESC, created DESC OFFSET %s)",
        (token_id, SESSIONS_PER_TOKEN),
    )
    cursor.execute("UPDATE token SET last_used = now() WHERE id = %s", (token_id,))


def find_session(cursor: Cursor, digest: bytes) -> Session | None:
    """The session of this id's SHA-256; notes its use, and its token's, at most once a minute."""
    cursor.execute(
        "SELECT token_id, user_id, last_used < now() - interval '1 minute' FROM audioscrobbler_session"
        " WHERE sha256 = %s",
        (digest,),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    token_id, user_id, stale = row
    if stale:
        cursor.execute("UPDATE audioscrobbler_session SET last_used = now() WHERE sha256 = %s", (digest,))
        cursor.execute("UPDATE token SET last_used = now() WHERE id = %s", (token_id,))
    return Session(token_id, user_id)


def erase(cursor: Cursor) -> None:
    """AUDIOSCROBBLER=off: nothing of what only this protocol needs stays."""
    cursor.execute("UPDATE token SET md5_encrypted = NULL WHERE md5_encrypted IS NOT NULL")
    cursor.execute("DELETE FROM audioscrobbler_session")
    cursor.execute("DELETE FROM audioscrobbler_handshake")
