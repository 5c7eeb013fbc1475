"""A user's tokens, as their owner sees them: listed, replaced, removed. What a token is stands in users.py."""

import time
import unicodedata
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.secret import Vault
from jobs.listens.users import UNUSABLE, create_token
from jobs.listens.validator import INVISIBLE

BELIEVED_SECONDS = 1.0
"""How long a web worker may believe a token without asking the database.

A removed token must be refused at once by every worker of every machine, and a submit shall not pay a round trip for
it. So belief is a lease: whoever removes a token commits, then waits this long (`outlive_belief`) before saying that it
is done. It holds without any word between workers, so also when a connection hangs or a worker is stopped; a
notification would be faster, and could come after the next request.
"""
MOST = 50
"""Tokens of one user."""
LABEL_LIMIT = 64
"""Most characters of a label."""


class TokenError(ValueError):
    """A label that cannot be used, or one token too many: says why."""


@dataclass(frozen=True)
class Token:
    """One row of `token`, without its secret."""

    id: int
    label: str
    last_four: str
    created: datetime
    last_used: datetime | None


def tokens_of(cursor: Cursor, user_id: int) -> list[Token]:
    """The user's tokens, oldest first."""
    cursor.execute(
        "SELECT id, label, last_four, created, last_used FROM token WHERE user_id = %s ORDER BY id", (user_id,)
    )
    return [Token(*row) for row in cursor.fetchall()]


def check_label(label: str) -> str:
    """The label as it is stored: trimmed. Raises TokenError."""
    stored = label.strip()
    if UNUSABLE.search(stored):
        raise TokenError("label: control characters and lone surrogates cannot be used")
    if all(unicodedata.category(character) in INVISIBLE for character in stored):
        raise TokenError("label: expected at least one visible character, such as the name of the player")
    if len(stored) > LABEL_LIMIT:
        raise TokenError(f"label: {len(stored)} characters, at most {LABEL_LIMIT}")
    return stored


def add_token(cursor: Cursor, user_id: int, label: str, vault: Vault | None) -> str:
    """Another token, to be shown once. Raises TokenError."""
    stored = check_label(label)
    cursor.execute("SELECT count(*) FROM token WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    assert row is not None
    if row[0] >= MOST:
        raise TokenError(f"there are {row[0]} tokens already, at most {MOST}: remove one first")
    return create_token(cursor, user_id, stored, vault)


def reset_token(cursor: Cursor, user_id: int, token_id: int, vault: Vault | None) -> tuple[Token, str] | None:
    """Put a new token in the place of one, under its label; the old one and the player sessions made with it are gone.

    What was there and the new token, to be shown once; None when the user has no such token. `outlive_belief` follows.
    """
    gone = remove_token(cursor, user_id, token_id)
    return None if gone is None else (gone, create_token(cursor, user_id, gone.label, vault))


def remove_token(cursor: Cursor, user_id: int, token_id: int) -> Token | None:
    """Remove one, and the player sessions made with it; None when the user has no such token.

    `outlive_belief` follows.
    """
    cursor.execute(
        "DELETE FROM token WHERE user_id = %s AND id = %s RETURNING id, label, last_four, created, last_used",
        (user_id, token_id),
    )
    row = cursor.fetchone()
    return Token(*row) if row else None


def outlive_belief() -> None:
    """After the commit that removed a token: return when no worker can believe it any more."""
    time.sleep(BELIEVED_SECONDS)
