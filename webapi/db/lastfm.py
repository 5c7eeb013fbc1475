"""Last.fm API: registered applications, request tokens, sessions. Tokens and session keys are kept as SHA-256."""

import secrets
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.users import token_digest
from webapi.db import audioscrobbler

TOKEN_MINUTES = 60
"""How long a request token lives."""
SESSIONS_PER_APPLICATION = 100
"""Session keys do not expire, and some players log in at every start: of a user's sessions with one application those
unused for longest make room."""
MOST_PROGRAMS = 200
"""Programs of one user that are listed."""
SECRET_BYTES = 20
"""Tokens and session keys are 40 hexadecimal digits."""


@dataclass(frozen=True)
class Application:
    """A registered api_key, whose signatures are checked."""

    api_key: str
    name: str
    secret_encrypted: bytes
    created: datetime


@dataclass(frozen=True)
class SessionOwner:
    """The user of a session."""

    user_id: int
    name: str
    token_id: int | None = None
    """The token that a log-in was made with; of a session that is there it is not asked."""


@dataclass(frozen=True)
class RequestToken:
    """How far a request token of auth.getToken has come."""

    user_id: int | None
    """Who has approved it; None: nobody yet."""
    expired: bool
    used: bool


@dataclass(frozen=True)
class Program:
    """A program that acts for a user: it has sessions of hers."""

    api_key: str
    name: str | None
    """That of the registered application; None: nobody has registered this key."""
    sessions: int
    created: datetime
    """Of the oldest session."""
    last_used: datetime


def add_application(cursor: Cursor, api_key: str, name: str, secret_encrypted: bytes) -> None:
    """Register a key, or replace its name and secret."""
    cursor.execute(
        "INSERT INTO lastfm_application (api_key, name, secret_encrypted) VALUES (%s, %s, %s)"
        " ON CONFLICT (api_key) DO UPDATE SET name = EXCLUDED.name, secret_encrypted = EXCLUDED.secret_encrypted",
        (api_key, name, secret_encrypted),
    )


def find_application(cursor: Cursor, api_key: str) -> Application | None:
    """The registered application of a key; None: nobody has registered it."""
    cursor.execute(
        "SELECT api_key, name, secret_encrypted, created FROM lastfm_application WHERE api_key = %s", (api_key,)
    )
    row = cursor.fetchone()
    return Application(*row) if row else None


def list_applications(cursor: Cursor) -> list[Application]:
    """All of them, by key."""
    cursor.execute("SELECT api_key, name, secret_encrypted, created FROM lastfm_application ORDER BY api_key")
    return [Application(*row) for row in cursor.fetchall()]


def remove_application(cursor: Cursor, api_key: str) -> bool:
    """Forget a key: its calls are accepted unsigned again. Whether it was there."""
    cursor.execute("DELETE FROM lastfm_application WHERE api_key = %s", (api_key,))
    return cursor.rowcount > 0


def new_request_token(cursor: Cursor, api_key: str) -> str:
    """A request token that nobody has approved.

    The original keeps one living token per api_key. Here a key may have several: a player ships one key for all its
    users, and the second to log in would end the first one's log-in.
    """
    token = secrets.token_hex(SECRET_BYTES)
    cursor.execute("INSERT INTO lastfm_token (sha256, api_key) VALUES (%s, %s)", (token_digest(token), api_key))
    return token


def find_request_token(cursor: Cursor, token: str, api_key: str) -> RequestToken | None:
    """The state of a token of this api_key; None: there is none, or no longer."""
    cursor.execute(
        "SELECT user_id, created < now() - make_interval(mins => %s), used FROM lastfm_token"
        " WHERE sha256 = %s AND api_key = %s",
        (TOKEN_MINUTES, token_digest(token), api_key),
    )
    row = cursor.fetchone()
    return RequestToken(*row) if row else None


def approve_request_token(cursor: Cursor, token: str, api_key: str, user_id: int) -> bool:
    """Let the token become a session of this user. False: it has expired, is used, or another user was first."""
    cursor.execute(
        "UPDATE lastfm_token SET user_id = %(user)s WHERE sha256 = %(digest)s AND api_key = %(key)s AND NOT used"
        " AND created >= now() - make_interval(mins => %(minutes)s) AND (user_id IS NULL OR user_id = %(user)s)",
        {"user": user_id, "digest": token_digest(token), "key": api_key, "minutes": TOKEN_MINUTES},
    )
    return cursor.rowcount > 0


def use_request_token(cursor: Cursor, token: str, api_key: str) -> SessionOwner | None:
    """Whose session an approved token becomes, this once; None where find_request_token says why not."""
    cursor.execute(
        "UPDATE lastfm_token t SET used = true FROM users u WHERE u.id = t.user_id AND t.sha256 = %s"
        " AND t.api_key = %s AND NOT t.used AND t.created >= now() - make_interval(mins => %s) RETURNING u.id, u.name",
        (token_digest(token), api_key, TOKEN_MINUTES),
    )
    row = cursor.fetchone()
    return SessionOwner(*row) if row else None


def forget_request_tokens(cursor: Cursor) -> None:
    """Drop those that ended a day ago: until then a late player is told that its token has expired."""
    cursor.execute("DELETE FROM lastfm_token WHERE created < now() - interval '1 day'")


def new_session(cursor: Cursor, user_id: int, api_key: str, token_id: int | None = None) -> str:
    """A session key of the user for this application; it does not expire, but goes with the token it was made with.

    Raises ForeignKeyViolation when the user, or the token, is gone meanwhile.
    """
    session = secrets.token_hex(SECRET_BYTES)
    cursor.execute(
        "INSERT INTO lastfm_session (sha256, user_id, api_key, token_id) VALUES (%s, %s, %s, %s)",
        (token_digest(session), user_id, api_key, token_id),
    )
    cursor.execute(
        "DELETE FROM lastfm_session WHERE sha256 IN (SELECT sha256 FROM lastfm_session"
        " WHERE user_id = %s AND api_key = %s ORDER BY last_used DESC, created DESC OFFSET %s)",
        (user_id, api_key, SESSIONS_PER_APPLICATION),
    )
    return session


def programs_of(cursor: Cursor, user_id: int) -> list[Program]:
    """The programs that have a session of the user, those used last first."""
    cursor.execute(
        "SELECT s.api_key, a.name, count(*), min(s.created), max(s.last_used) FROM lastfm_session s"
        " LEFT JOIN lastfm_application a ON a.api_key = s.api_key WHERE s.user_id = %s"
        " GROUP BY s.api_key, a.name ORDER BY max(s.last_used) DESC, s.api_key LIMIT %s",
        (user_id, MOST_PROGRAMS),
    )
    return [Program(*row) for row in cursor.fetchall()]


def end_program(cursor: Cursor, user_id: int, api_key: str) -> int:
    """End every session of the user with this program, and what she has approved of it; how many sessions."""
    cursor.execute("DELETE FROM lastfm_token WHERE user_id = %s AND api_key = %s", (user_id, api_key))
    cursor.execute("DELETE FROM lastfm_session WHERE user_id = %s AND api_key = %s", (user_id, api_key))
    return cursor.rowcount


def end_password_sessions(cursor: Cursor, user_id: int) -> int:
    """End what was made with the user's password: sessions that no token was given for, and approvals on the way.

    A program that was approved on a page counts too, for the page was reached with the password. How many sessions.
    """
    cursor.execute("DELETE FROM lastfm_token WHERE user_id = %s", (user_id,))
    cursor.execute("DELETE FROM lastfm_session WHERE user_id = %s AND token_id IS NULL", (user_id,))
    return cursor.rowcount


def find_session(cursor: Cursor, session: str, api_key: str) -> SessionOwner | None:
    """Whose session this is, one of this api_key or one of AudioScrobbler 1.2; notes the use, once a minute at most.

    The original takes the session id of an AudioScrobbler handshake too, and players make use of it.
    """
    digest = token_digest(session)
    cursor.execute(
        "SELECT u.id, u.name, s.last_used < now() - interval '1 minute' FROM lastfm_session s"
        " JOIN users u ON u.id = s.user_id WHERE s.sha256 = %s AND s.api_key = %s",
        (digest, api_key),
    )
    row = cursor.fetchone()
    if row is not None:
        if row[2]:
            cursor.execute("UPDATE lastfm_session SET last_used = now() WHERE sha256 = %s", (digest,))
        return SessionOwner(*row[:2])
    other = audioscrobbler.find_session(cursor, digest)
    if other is None:
        return None
    cursor.execute("SELECT id, name FROM users WHERE id = %s", (other.user_id,))
    row = cursor.fetchone()
    return SessionOwner(*row) if row else None
