"""Users, their tokens and passwords. Ids inside, names at the edge; a name is found without regard to case."""

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import uuid4

import psycopg2.errors
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, transaction
from conf.secret import Vault
from jobs.listens.msid import fold
from jobs.listens.positions import lock_writes, take_positions
from jobs.listens.validator import INVISIBLE

NAME_LIMIT = 128
"""Most characters of a user's name."""
UNUSABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class InvalidUserNameError(ValueError):
    """A name no user can have: says why."""


class UserExistsError(ValueError):
    """The name, or the foreign id of its source, belongs to a user already."""


@dataclass(frozen=True)
class User:
    """One row of `users`, without its secrets."""

    id: int
    name: str
    created: datetime
    source: str | None
    """None: a local user; else the foreign system that knows them as `foreign_id`."""
    foreign_id: int | None


def check_name(name: str) -> str:
    """The name as it is stored: NFC, trimmed. Raises InvalidUserNameError."""
    if UNUSABLE.search(name):
        raise InvalidUserNameError(f"user name {name!r}: control characters and lone surrogates cannot be used")
    stored = unicodedata.normalize("NFC", name).strip()
    if all(unicodedata.category(character) in INVISIBLE for character in stored):
        raise InvalidUserNameError(f"user name {name!r}: expected at least one visible character")
    if len(stored) > NAME_LIMIT:
        raise InvalidUserNameError(f"user name {stored[:20]!r}...: {len(stored)} characters, at most {NAME_LIMIT}")
    return stored


def create_user(
    connection: Connection,
    name: str,
    *,
    source: str | None = None,
    foreign_id: int | None = None,
    password: str | None = None,
) -> int:
    """Make a user in one transaction, with totals of zero; returns the id.

    Raises InvalidUserNameError, InvalidPasswordError, and UserExistsError when the name (without case) or (source,
    foreign_id) is taken.
    """
    stored = check_name(name)
    # Before the lock that all writers wait for: it takes long.
    password_hash = None if password is None else hash_password(password)
    try:
        with transaction(connection) as cursor:
            lock_writes(cursor)
            return _insert_user(cursor, stored, source, foreign_id, password_hash)
    except psycopg2.errors.UniqueViolation as problem:
        if problem.diag.constraint_name == "users_name_key_key":
            raise UserExistsError(f"user {stored!r} exists already") from None
        raise UserExistsError(f"{source} user {foreign_id} exists already") from None


def _insert_user(
    cursor: Cursor, name: str, source: str | None, foreign_id: int | None, password_hash: str | None
) -> int:
    cursor.execute(
        "INSERT INTO users (name, name_key, source, foreign_id, position, password_hash)"
        " VALUES (%s, %s, %s, %s, %s, %s) RETURNING id",
        (name, fold(name), source, foreign_id, take_positions(cursor, 1)[0], password_hash),
    )
    row = cursor.fetchone()
    assert row is not None
    cursor.execute("INSERT INTO listen_totals (user_id, listen_count) VALUES (%s, 0)", row)
    return int(row[0])


def find_user(cursor: Cursor, name: str) -> User | None:
    """The user of that name, whatever its case and Unicode form; None when there is none."""
    if UNUSABLE.search(name):
        return None
    cursor.execute("SELECT id, name, created, source, foreign_id FROM users WHERE name_key = %s", (fold(name),))
    row = cursor.fetchone()
    return User(*row) if row else None


def list_users(cursor: Cursor) -> list[User]:
    """Every user, by id."""
    cursor.execute("SELECT id, name, created, source, foreign_id FROM users ORDER BY id")
    return [User(*row) for row in cursor.fetchall()]


def token_digest(token: str) -> bytes:
    """What is stored and looked up in place of a token: SHA-256 of its text."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def create_token(cursor: Cursor, user_id: int, label: str, vault: Vault | None) -> str:
    """A new token (UUIDv4 text, 122 random bits), to be shown once: only its digest is kept.

    `vault`: conf.secret.token_vault; beside the digest it keeps the token's md5 encrypted, for AudioScrobbler 1.2.
    """
    token = str(uuid4())
    md5 = None if vault is None else vault.encrypt(token_md5(token))
    cursor.execute(
        "INSERT INTO token (user_id, sha256, label, last_four, md5_encrypted) VALUES (%s, %s, %s, %s, %s)",
        (user_id, token_digest(token), label, token[-4:], md5),
    )
    return token


def token_md5(token: str) -> str:
    """The hex digest that AudioScrobbler 1.2 proves knowledge of."""
    return hashlib.md5(token.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()


def keep_md5(cursor: Cursor, token_id: int, token: str, vault: Vault) -> None:
    """Keep the md5 of a token that was made without, or under another SECRET_KEY; only a use of it shows its text."""
    cursor.execute("SELECT md5_encrypted FROM token WHERE id = %s", (token_id,))
    row = cursor.fetchone()
    if row is None or (row[0] is not None and vault.decrypt(row[0]) is not None):
        return
    cursor.execute("UPDATE token SET md5_encrypted = %s WHERE id = %s", (vault.encrypt(token_md5(token)), token_id))


def drop_tokens(cursor: Cursor, user_id: int, label: str) -> int:
    """Revoke the user's tokens of this label; how many."""
    cursor.execute("DELETE FROM token WHERE user_id = %s AND label = %s", (user_id, label))
    return cursor.rowcount


class InvalidPasswordError(ValueError):
    """A password that cannot be taken: says why, never shows it."""


PASSWORD_MIN, PASSWORD_MAX_BYTES = 8, 1024


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    """What is compared with where there is no hash, so that it takes as long; nobody knows its password."""
    return _hasher().hash(str(uuid4()))


def hash_password(password: str) -> str:
    """The argon2id hash that is kept of a password. Raises InvalidPasswordError."""
    try:
        size = len(password.encode())
    except UnicodeEncodeError:
        raise InvalidPasswordError("password: it is not valid Unicode") from None
    if len(password) < PASSWORD_MIN:
        raise InvalidPasswordError(f"password: expected at least {PASSWORD_MIN} characters")
    if size > PASSWORD_MAX_BYTES:
        raise InvalidPasswordError(f"password: expected at most {PASSWORD_MAX_BYTES} bytes")
    return _hasher().hash(password)


def keep_password(cursor: Cursor, user_id: int, password_hash: str) -> None:
    """Replace the user's password. What hash_password makes takes long, so make it outside of the transaction."""
    cursor.execute("UPDATE users SET password_hash = %s WHERE id = %s", (password_hash, user_id))


def find_password(cursor: Cursor, name: str) -> tuple[User | None, str | None]:
    """The user of that name and the hash of her password; None for what there is not."""
    user = find_user(cursor, name)
    cursor.execute("SELECT password_hash FROM users WHERE id = %s", (user.id if user else -1,))
    row = cursor.fetchone()
    return user, row[0] if row else None


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether the hash is this password's; without a hash it is not, and to say so takes as long."""
    nobodys = _nobodys_hash()
    try:
        same = _hasher().verify(password_hash or nobodys, password)
    except (VerificationError, InvalidHashError, UnicodeEncodeError):
        return False
    return same and password_hash is not None
