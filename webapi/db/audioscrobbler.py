"""AudioScrobbler 1.2: the md5 of tokens, handshakes seen, sessions. A session id is kept as its SHA-256."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812


def erase(cursor: Cursor) -> None:
    """AUDIOSCROBBLER=off: nothing of what only this protocol needs stays."""
    cursor.execute("UPDATE token SET md5_encrypted = NULL WHERE md5_encrypted IS NOT NULL")
    cursor.execute("DELETE FROM audioscrobbler_session")
    cursor.execute("DELETE FROM audioscrobbler_handshake")
