"""Kinds of rules a row must keep: small frozen values, each with a name, a reason and its renderers.

A rule is declared once, in its table's module. The listen writer asks `holds`, Spark reads `sql`, and the Great
Expectations suites judge the column of answers that `sql` gives; the three agree, a test plants a bad row per rule.
A rule says nothing of a null (NotNull does) nor of a column the row does not have.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson

from jobs.tables.json_limits import spark_reads

UUID_PATTERN = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# What str.strip removes, written out so that Python and Java mean the same characters.
_BLANK = r"\t\n\x0b\f\r\x1c-\x1f \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_UUID = re.compile(rf"{UUID_PATTERN}\Z")
_NOT_BLANK = re.compile(f"[^{_BLANK}]")


@dataclass(frozen=True)
class Rule:
    """A promise about one column. Subclasses say what it is; nulls and absent columns pass."""

    column: str

    @property
    def name(self) -> str:
        """Unique within a table: the column and the kind, e.g. artist_name_not_blank."""
        return f"{self.column}_{self._kind()}"

    @property
    def reason(self) -> str:
        """What a row that breaks it is told; never holds the value."""
        return f"{self.column} {self._complaint()}"

    @property
    def sql(self) -> str:
        """Spark SQL predicate, true or false for every row, never null."""
        return f"({self.column} IS NULL OR ({self._predicate()}))"

    @property
    def check(self) -> Callable[[Any], bool]:
        """What a value that is there must pass: `holds` without the look-up of the column."""
        return self._accepts

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row, by column name, keeps the rule."""
        value = row.get(self.column)
        return value is None or self._accepts(value)

    def _kind(self) -> str:
        return re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()

    def _complaint(self) -> str:
        raise NotImplementedError

    def _predicate(self) -> str:
        raise NotImplementedError

    def _accepts(self, value: Any) -> bool:
        raise NotImplementedError


@dataclass(frozen=True)
class NotNull(Rule):
    """The column has a value."""

    @property
    def sql(self) -> str:
        """See Rule.sql."""
        return f"({self.column} IS NOT NULL)"

    def holds(self, row: Mapping[str, Any]) -> bool:
        """See Rule.holds."""
        return self.column not in row or row[self.column] is not None

    def _complaint(self) -> str:
        return "is missing"


@dataclass(frozen=True)
class Between(Rule):
    """A whole number in [low, high]."""

    low: int
    high: int

    def _complaint(self) -> str:
        return f"is not from {self.low} to {self.high}"

    def _predicate(self) -> str:
        return f"{self.column} BETWEEN {self.low} AND {self.high}"

    def _accepts(self, value: Any) -> bool:
        return type(value) is int and self.low <= value <= self.high


@dataclass(frozen=True)
class TimeBetween(Rule):
    """A time in [low, high), epoch seconds UTC; Python rows carry epoch seconds or a datetime, Spark a timestamp."""

    low: int
    high: int

    def _complaint(self) -> str:
        low, high = (datetime.fromtimestamp(bound, UTC).date().isoformat() for bound in (self.low, self.high))
        return f"is not from {low} to before {high}"

    def _predicate(self) -> str:
        return f"unix_seconds({self.column}) >= {self.low} AND unix_seconds({self.column}) < {self.high}"

    def _accepts(self, value: Any) -> bool:
        seconds = value.timestamp() if isinstance(value, datetime) else value
        return type(seconds) in (int, float) and self.low <= seconds < self.high


@dataclass(frozen=True)
class NotBlank(Rule):
    """Text with at least one character that is not white space."""

    def _complaint(self) -> str:
        return "is blank"

    def _predicate(self) -> str:
        return f"{self.column} RLIKE r'[^{_BLANK}]'"

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, str) and _NOT_BLANK.search(value) is not None


@dataclass(frozen=True)
class NoNul(Rule):
    """Text without the character U+0000, which PostgreSQL refuses."""

    def _complaint(self) -> str:
        return "holds the character U+0000"

    def _predicate(self) -> str:
        return f"instr({self.column}, char(0)) = 0"

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, str) and "\0" not in value


@dataclass(frozen=True)
class MaxBytes(Rule):
    """Text of at most `limit` bytes of UTF-8."""

    limit: int

    def _complaint(self) -> str:
        return f"is longer than {self.limit} bytes"

    def _predicate(self) -> str:
        return f"octet_length({self.column}) <= {self.limit}"

    def _accepts(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        return len(value) * 4 <= self.limit or len(value.encode("utf-8", "surrogatepass")) <= self.limit


@dataclass(frozen=True)
class Uuid(Rule):
    """A UUID: lower case, with hyphens; Python rows may carry a UUID object."""

    def _complaint(self) -> str:
        return "is not a UUID in lower case with hyphens"

    def _predicate(self) -> str:
        return f"{self.column} RLIKE r'^{UUID_PATTERN}\\z'"

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, UUID) or (isinstance(value, str) and _UUID.match(value) is not None)


@dataclass(frozen=True)
class EachUuid(Rule):
    """A list of UUIDs, possibly empty, none of them null."""

    def _complaint(self) -> str:
        return "holds something that is not a UUID in lower case with hyphens"

    def _predicate(self) -> str:
        return f"forall({self.column}, item -> coalesce(item RLIKE r'^{UUID_PATTERN}\\z', false))"

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, list | tuple) and all(
            isinstance(item, UUID) or (isinstance(item, str) and _UUID.match(item) is not None) for item in value
        )


@dataclass(frozen=True)
class EachArtist(Rule):
    """A credit: a list of (artist_credit_name, join_phrase, artist_mbid), each with a name and a UUID."""

    def _complaint(self) -> str:
        return "holds an artist without a name, a join phrase or a UUID in lower case with hyphens"

    def _predicate(self) -> str:
        return (
            f"forall({self.column}, item -> item.artist_credit_name IS NOT NULL AND item.join_phrase IS NOT NULL"
            f" AND coalesce(item.artist_mbid RLIKE r'^{UUID_PATTERN}\\z', false))"
        )

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, list | tuple) and all(isinstance(item, Mapping) and _credited(item) for item in value)


def _credited(item: Mapping[str, Any]) -> bool:
    named = isinstance(item.get("artist_credit_name"), str) and isinstance(item.get("join_phrase"), str)
    mbid = item.get("artist_mbid")
    return named and isinstance(mbid, str) and _UUID.match(mbid) is not None


@dataclass(frozen=True)
class Matches(Rule):
    """Text of a form, as a regular expression that Python and Java read alike; `form` is its name in the reason."""

    pattern: str
    form: str

    def _complaint(self) -> str:
        return f"is not {self.form}"

    def _predicate(self) -> str:
        return f"{self.column} RLIKE r'^(?:{self.pattern})\\z'"

    def _accepts(self, value: Any) -> bool:
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None


@dataclass(frozen=True)
class JsonObject(Rule):
    """Text that is one JSON object, within Jackson's limits.

    Spark, which judges foreign rows, also refuses one that repeats a key.
    """

    def _complaint(self) -> str:
        return "is not a JSON object, or has keys, a number or a nesting beyond what Spark reads"

    def _predicate(self) -> str:
        # Spark's JSON functions stop at the end of the first value, and most take single quotes. What is one value both
        # inside an array and inside an object has nothing after it; try_parse_json is strict about the rest.
        listed, named = f"concat('[', {self.column}, ']')", f"concat('{{\"v\":', {self.column}, '}}')"
        return (
            f"{self.column} RLIKE r'^[ \\t\\n\\r]*\\{{' AND try_parse_json({listed}) IS NOT NULL"
            f" AND coalesce(json_array_length({listed}) = 1 AND json_object_keys({named}) = array('v'), false)"
        )

    def _accepts(self, value: Any) -> bool:
        try:
            document = orjson.loads(value) if isinstance(value, str) else None
        except orjson.JSONDecodeError:
            return False
        return isinstance(document, dict) and spark_reads(value, document)


@dataclass(frozen=True)
class MonthOf(Rule):
    """`column` is the month, and `year` the year, UTC, of the timestamp in `time`: the partition a row belongs to."""

    year: str
    time: str

    def _complaint(self) -> str:
        return f"and {self.year} are not those of {self.time}"

    def _predicate(self) -> str:
        return f"coalesce({self.year} = year({self.time}) AND {self.column} = month({self.time}), false)"

    def holds(self, row: Mapping[str, Any]) -> bool:
        """See Rule.holds; needs all three columns to judge."""
        if self.column not in row or self.year not in row or row.get(self.time) is None:
            return True
        time = row[self.time]
        moment = time if isinstance(time, datetime) else datetime.fromtimestamp(time, UTC)
        return bool((row[self.year], row[self.column]) == (moment.year, moment.month))
