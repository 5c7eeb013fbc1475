"""Sessions of people in a browser, by the SHA-256 of their id; the id itself is in one cookie and nowhere else."""

from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.users import User

DAYS = 30
"""A session ends when it has not been used for so long."""
STEP_MINUTES = 60
"""Its end is moved at most this often: most page views write nothing."""


@dataclass(frozen=True)
class Session:
    """A living session."""

    user: User
    extended: bool
    """Whether its end has just been moved: the cookie's must follow."""


def make_session(cursor: Cursor, digest: bytes, user_id: int) -> None:
    """A new session of DAYS."""
    cursor.execute(
        "INSERT INTO web_session (sha256, user_id, expires) VALUES (%s, %s, now() + %s * interval '1 day')",
        (digest, user_id, DAYS),
    )


def find_session(cursor: Cursor, digest: bytes) -> Session | None:
    """The living session with this SHA-256, used now; None for an unknown or expired one."""
    cursor.execute(
        "SELECT u.id, u.name, u.created, u.source, u.foreign_id, s.last_used < now() - %s * interval '1 minute'"
        " FROM web_session s JOIN users u ON u.id = s.user_id WHERE s.sha256 = %s AND s.expires > now()",
        (STEP_MINUTES, digest),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    *user, stale = row
    if stale:
        cursor.execute(
            "UPDATE web_session SET last_used = now(), expires = now() + %s * interval '1 day' WHERE sha256 = %s",
            (DAYS, digest),
        )
    return Session(User(*user), bool(stale))


def end_session(cursor: Cursor, digest: bytes) -> None:
    """This session is over."""
    cursor.execute("DELETE FROM web_session WHERE sha256 = %s", (digest,))


def end_sessions(cursor: Cursor, user_id: int) -> int:
    """All sessions of the user are over; how many."""
    cursor.execute("DELETE FROM web_session WHERE user_id = %s", (user_id,))
    return cursor.rowcount


def forget_expired(cursor: Cursor) -> None:
    """Drop sessions that ended by themselves."""
    cursor.execute("DELETE FROM web_session WHERE expires < now()")
