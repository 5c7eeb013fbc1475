"""Query parameters and path parts, read as the contract says."""

import re
from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from flask import request
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.users import User, find_user
from jobs.listens.validator import canonical_uuid
from jobs.ranges import ALL_TIME, STATS_RANGES
from webapi.errors import BadRequestError, NotFoundError

DEFAULT_ITEMS_PER_GET = 25
MAX_ITEMS_PER_GET = 1000
MAX_TIMESTAMP = 253402300799
"""The last second of the year 9999: whatever is beyond is no time."""
MAX_NAME = 1000
FLAGS = ("true", "false")

_DIGITS = re.compile(r"\s*[+-]?[0-9]{1,40}\s*", re.ASCII)


def whole(text: str) -> int | None:
    """An integer written in ASCII digits, at most 40 of them; None for anything else."""
    return int(text) if _DIGITS.fullmatch(text) else None


def non_negative(name: str, default: int) -> int:
    """A non-negative integer of the query, such as count or offset."""
    text = request.args.get(name)
    if not text:
        return default
    value = whole(text)
    if value is None or not 0 <= value < 2**63:
        raise BadRequestError(f"'{name}' should be a non-negative integer")
    return value


def page() -> tuple[int, int]:
    """(count, offset) of a list; count is clamped, offset is not."""
    return min(non_negative("count", DEFAULT_ITEMS_PER_GET), MAX_ITEMS_PER_GET), non_negative("offset", 0)


def stats_range() -> str:
    """The range of a statistic."""
    value = request.args.get("range", ALL_TIME)
    if value not in STATS_RANGES:
        raise BadRequestError(f"Invalid range: {value}")
    return value


def chosen(name: str, choices: tuple[str, ...]) -> str | None:
    """A parameter that is one of some words; None where it is absent or empty."""
    value = request.args.get(name)
    if not value:
        return None
    if value not in choices:
        raise BadRequestError(f"Invalid {name}: {value}; known are {', '.join(choices)}")
    return value


def true_or_false(name: str, *, default: bool = False) -> bool:
    """A flag of the query in any case; `default` where it is absent or empty."""
    value = request.args.get(name, "")
    if value and value.lower() not in FLAGS:
        raise BadRequestError(f"Invalid {name} argument: {value}. Must be 'true' or 'false'")
    return value.lower() == "true" if value else default


def uuids_of(texts: Iterable[str]) -> list[UUID]:
    """The UUIDs among these texts, each once; what is none is passed over."""
    found = (canonical_uuid(text.strip()) for text in texts)
    return list(dict.fromkeys(UUID(one) for one in found if one is not None))


def ignored(name: str) -> None:
    """A parameter of the documentation that changes nothing here: true or false all the same."""
    value = request.args.get(name)
    if value and value not in FLAGS:
        raise BadRequestError(f"Invalid value of {name}: {value}")


def timestamp(name: str) -> int | None:
    """min_ts or max_ts: epoch seconds; empty is the same as absent."""
    text = request.args.get(name)
    if not text:
        return None
    value = whole(text)
    if value is None or abs(value) > MAX_TIMESTAMP:
        raise BadRequestError(f"Incorrect {name} timestamp argument: {text}")
    return value


def listens_count() -> int:
    """How many listens are wanted: clamped when too many, refused when negative."""
    text = request.args.get("count")
    if not text:
        return DEFAULT_ITEMS_PER_GET
    value = whole(text)
    if value is None:
        raise BadRequestError(f"Invalid count argument: {text}")
    if value < 0:
        raise BadRequestError("Number of items requested should be positive")
    return min(value, MAX_ITEMS_PER_GET)


Known = TypeVar("Known")


def user_known(found: Known | None, name: str) -> Known:
    """What was found of the user a path names. Raises NotFoundError with the contract's text for nothing."""
    if found is None:
        raise NotFoundError(f"Cannot find user: {name}")
    return found


def user_of_path(cursor: Cursor, name: str) -> User:
    """The user of this name, whatever its case. Raises NotFoundError with the contract's text."""
    return user_known(find_user(cursor, name) if len(name) <= MAX_NAME else None, name)
