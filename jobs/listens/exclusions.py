"""What users leave out of their statistics: artists, recordings, clients. Each change has a position, so it lands.

An artist is named by MBID or name, a recording by MBID or MSID, a client by its name. Two spellings with one key are
one exclusion; the first spelling stays.
"""

from dataclasses import dataclass
from datetime import datetime
from unicodedata import category

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold
from jobs.listens.positions import lock_writes, take_positions
from jobs.listens.validator import INVISIBLE, canonical_uuid
from jobs.tables.exclusions import EXCLUSION_KINDS, EXCLUSIONS

MOST_EXCLUSIONS = 1000
"""Of one user."""
_MOST_SHOWN = 100

_ADD = """
INSERT INTO exclusion (user_id, kind, value, value_key, created, position)
VALUES (%s, %s, %s, %s, clock_timestamp(), %s)
"""
_PAGE = """
SELECT kind, value, value_key, created, position FROM exclusion WHERE user_id = %s
 ORDER BY position DESC LIMIT %s OFFSET %s
"""


class InvalidExclusionError(ValueError):
    """Nothing that can be left out: says what was expected of which kind."""


class TooManyExclusionsError(ValueError):
    """The user has MOST_EXCLUSIONS already."""


@dataclass(frozen=True)
class Exclusion:
    """One thing that does not count."""

    kind: str
    """artist, recording or client."""
    value: str
    """As given, without spaces around it."""
    value_key: str
    """What is compared: a UUID in lower case, or the folded name."""


@dataclass(frozen=True)
class KeptExclusion(Exclusion):
    """With when it was added, UTC, and the position of that."""

    created: datetime
    position: int


def exclusion_of(kind: object, value: object) -> Exclusion:
    """The exclusion that these two name. Raises InvalidExclusionError."""
    if not isinstance(kind, str) or kind not in EXCLUSION_KINDS:
        raise InvalidExclusionError(f"kind: expected one of {', '.join(EXCLUSION_KINDS)}")
    if not isinstance(value, str):
        raise InvalidExclusionError("value: expected text")
    given = value.strip()
    if all(category(character) in INVISIBLE for character in given):
        raise InvalidExclusionError(f"value: expected at least one visible character, to name the {kind}")
    uuid = None if kind == "client" else canonical_uuid(given)
    if kind == "recording" and uuid is None:
        raise InvalidExclusionError(f"value: {given[:_MOST_SHOWN]} is neither an MBID nor an MSID of a recording")
    found = Exclusion(kind, given, uuid or fold(given))
    broken = EXCLUSIONS.broken_rule(vars(found))
    if broken is not None:
        raise InvalidExclusionError(f"{broken.reason}: expected what names the {kind}")
    return found


def add_exclusion(cursor: Cursor, user_id: int, exclusion: Exclusion) -> bool:
    """Leave something out; whether it was not left out before.

    Raises TooManyExclusionsError, and ForeignKeyViolation for a user who is gone.
    """
    lock_writes(cursor)
    if _is_there(cursor, user_id, exclusion):
        return False
    if count_exclusions(cursor, user_id) >= MOST_EXCLUSIONS:
        raise TooManyExclusionsError(f"there are {MOST_EXCLUSIONS} exclusions already, the most: remove one first")
    position = take_positions(cursor, 1)[0]
    cursor.execute(_ADD, (user_id, exclusion.kind, exclusion.value, exclusion.value_key, position))
    return True


def remove_exclusion(cursor: Cursor, user_id: int, exclusion: Exclusion) -> bool:
    """Let it count again; whether it was left out. The lake learns of it by its own position."""
    lock_writes(cursor)
    cursor.execute(
        "DELETE FROM exclusion WHERE user_id = %s AND kind = %s AND value_key = %s",
        (user_id, exclusion.kind, exclusion.value_key),
    )
    if not cursor.rowcount:
        return False
    cursor.execute(
        "INSERT INTO exclusion_delete (position, user_id, kind, value_key) VALUES (%s, %s, %s, %s)",
        (take_positions(cursor, 1)[0], user_id, exclusion.kind, exclusion.value_key),
    )
    return True


def exclusions_of(
    cursor: Cursor, user_id: int, count: int = MOST_EXCLUSIONS, offset: int = 0
) -> tuple[list[KeptExclusion], int]:
    """(a page, newest first; how many there are)."""
    cursor.execute(_PAGE, (user_id, count, offset))
    return [KeptExclusion(*row) for row in cursor.fetchall()], count_exclusions(cursor, user_id)


def count_exclusions(cursor: Cursor, user_id: int) -> int:
    """How many the user has."""
    cursor.execute("SELECT count(*) FROM exclusion WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _is_there(cursor: Cursor, user_id: int, exclusion: Exclusion) -> bool:
    cursor.execute(
        "SELECT FROM exclusion WHERE user_id = %s AND kind = %s AND value_key = %s",
        (user_id, exclusion.kind, exclusion.value_key),
    )
    return bool(cursor.rowcount)
