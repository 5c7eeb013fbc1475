"""User tokens, looked up by their SHA-256. The token itself is stored nowhere."""

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor  # noqa: N812


@dataclass(frozen=True)
class Owner:
    """Whose token it is."""

    token_id: int
    user_id: int
    name: str


def find_owner(cursor: Cursor, digest: bytes) -> Owner | None:
    """The user of the token with this SHA-256; notes the use, at most once a minute."""
    cursor.execute(
        "SELECT t.id, u.id, u.name, t.last_used IS NULL OR t.last_used < now() - interval '1 minute'"
        " FROM token t JOIN users u ON u.id = t.user_id WHERE t.sha256 = %s",
        (digest,),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    token_id, user_id, name, stale = row
    if stale:
        cursor.execute("UPDATE token SET last_used = now() WHERE id = %s", (token_id,))
    return Owner(token_id, user_id, name)
