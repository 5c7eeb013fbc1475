"""A job is a value: what it is called, what it may be told, what it reads, what it makes, where it is served.

Dispatch, command line, validation, storage, route, freshness and documentation are derived from these values; nothing
here knows Spark. `run` is SQL over the named inputs (values as :parameters), or the dotted name of an engine.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from jobs.ranges import STATS_RANGES, parse_instant
from jobs.spans import Span


class InvalidRequestError(ValueError):
    """A request whose params do not fit its job: names the param, the value and what is allowed."""


class ImportRefusedError(InvalidRequestError):
    """What was to be imported does not fit: names the table and the reason. Nothing was changed."""


@dataclass(frozen=True)
class Column:
    """A field of a result's struct."""

    name: str
    type: str
    """Spark SQL type: string, array<string>, int, ..."""


@dataclass(frozen=True)
class _Ranked:
    """Ordered lists. `run` gives what an identity (jobs/inputs.py) counts for: rows (identity_id, *group, *struct).

    A statistic of artists gives a row per artist of the track. Runs of one text share the work. Of an item's structs
    the one most played in the range is shown, ties: the greatest. Order of a list: listen_count descending, then the
    struct's columns descending in the order given (null last): total.
    """

    struct: tuple[Column, ...]
    """What is shown of an item."""
    group: tuple[str, ...]
    """Columns that make two structs the same item: folded names, MBIDs."""


@dataclass(frozen=True)
class PerUser(_Ranked):
    """Per user and range: every item, with its place in the period before and its listening time."""


@dataclass(frozen=True)
class Sitewide(_Ranked):
    """One list per range; a user counts at most 500 times for an item, in the whole range (jobs.md 7.6)."""


@dataclass(frozen=True)
class UserDocument:
    """JSON per user and range. `run` gives rows (key bigint, slot int, doc string)."""


@dataclass(frozen=True)
class SitewideDocument:
    """JSON per range. `run` gives rows (slot int, doc string)."""


@dataclass(frozen=True)
class EntityDocument:
    """JSON per MBID and range. `run` gives rows (entity string, slot int, doc string)."""


@dataclass(frozen=True)
class Tables:
    """Tables of the lake by name, replaced whole: run is the dotted name of an importer. There is no result to read.

    None: what it brings goes into PostgreSQL, and lands from there.
    """

    names: tuple[str, ...]


Ranked = PerUser | Sitewide
Document = UserDocument | SitewideDocument | EntityDocument
Output = Ranked | Document | Tables
PER_USER = (PerUser, UserDocument)
"""Kinds of output whose keys are users."""


def kind_of_rows(output: Output) -> str:
    """Of what kind its rows are: a key of jobs/messages.py COLUMNS, and the table result_KIND. Raises TypeError."""
    if isinstance(output, Ranked):
        return "list"
    if isinstance(output, EntityDocument):
        return "entity_document"
    if isinstance(output, Document):
        return "document"
    raise TypeError(f"{output}: it has no rows to read")


@dataclass(frozen=True)
class Route:
    """A GET route served from the stored result."""

    path: str
    """Flask rule such as /1/stats/user/<path:user_name>/artists."""
    payload_key: str
    """Key of the list (or of what a document shows) in the payload, e.g. artists."""
    total_key: str = ""
    """Of a list: key of its whole length, e.g. total_artist_count."""
    item: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    """The struct as stored, to the item as answered (without listen_count)."""
    columns: tuple[Column, ...] = ()
    """What `item` answers, where it is not the struct itself; of an entity's document, its other fields."""
    answer: Callable[[Any, str, int, str], Any] | None = None
    """Of a document: (stored JSON, stats_range, T in epoch seconds, IANA zone) to what payload_key shows."""
    answer_span: Callable[[Any, Span, str], Any] | None = None
    """Of a document that shows a span otherwise than the range it is like: (stored JSON, span, IANA zone)."""
    bounds: Callable[[str, int, str], tuple[int, int]] | None = None
    """Of a document that is about another time than its range: (stats_range, T, zone) to from_ts and to_ts."""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "array", "items": {"type": "object"}})
    """Of a document: JSON schema of what payload_key shows."""
    says_stats_range: bool = False
    """The payload says its range twice, as `range` and as the documented `stats_range` (api.md 0)."""
    ignored: tuple[str, ...] = ()
    """Query parameters that may be true or false and change nothing."""


@dataclass(frozen=True)
class Param:
    """One option of a request and of its command."""

    name: str
    choices: tuple[str, ...] = ()
    default: Any = None
    about: str = ""
    kind: type[Any] = str
    minimum: float | None = None
    maximum: float | None = None
    parse: Callable[[Any], Any] | None = None
    """Instead of `kind`: the canonical value of what was given. Raises ValueError, saying what is expected."""
    option: str = ""
    """Its name on the command line, where that is another one than here."""
    many: bool = False
    """A list of such values; on the command line the option may be repeated."""
    required: bool = False
    example: str = ""
    """Of a required one: how the command is told it."""

    def check(self, value: Any) -> Any:
        """The value in its type. Raises InvalidRequestError."""
        if value is None and self.required:
            raise InvalidRequestError(f"{self.name} is missing: {self.about}")
        if value is None:
            return self.default
        if not self.many:
            return self._one(value)
        if not isinstance(value, list | tuple):
            raise InvalidRequestError(f"{self.name}={value!r}: expected a list")
        return [self._one(item) for item in value]

    def _one(self, value: Any) -> Any:
        if self.parse is not None:
            return self._parsed(self.parse, value)
        if not isinstance(value, self.kind) or isinstance(value, bool) != (self.kind is bool):
            raise InvalidRequestError(f"{self.name}={value!r}: expected {self.kind.__name__}")
        if self.choices and value not in self.choices:
            raise InvalidRequestError(f"{self.name}={value!r}: expected one of {', '.join(self.choices)}")
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise InvalidRequestError(f"{self.name}={value!r}: expected {self.minimum} to {self.maximum}")
        return value

    def _parsed(self, parse: Callable[[Any], Any], value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as problem:
            raise InvalidRequestError(f"{self.name}={value!r}: {problem}") from None


STATS_RANGE = Param("stats_range", STATS_RANGES, about="one range; without it all nine, from one scan", option="range")
AT = Param("at", about="instead of the newest listen: ISO date or time (UTC), or epoch seconds", parse=parse_instant)
REBUILD = Param("rebuild", kind=bool, about="compute everything anew, though what is served could be continued")
DATABASE = Param("database", about="accepted as the original does, and ignored: results are replaced in place")


@dataclass(frozen=True)
class Command:
    """How the command line asks for a request. Requests of one command differ in `select`: type entity, ..."""

    name: str
    """As documented: request_user_stats."""
    select: Mapping[str, str] = field(default_factory=dict)
    """Option values that choose this request: {"type": "entity"}. They are required."""


@dataclass(frozen=True)
class Job:
    """One result, from request to route."""

    name: str
    """The documented request name, e.g. stats.user.entity."""
    statistic: str
    """Key of the stored result, unique: e.g. user_artists."""
    select: Mapping[str, str]
    """Param values that choose this job among those of one name, e.g. {"entity": "artists"}."""
    params: tuple[Param, ...]
    inputs: tuple[str, ...]
    """Tables and shared inputs by name (jobs/inputs.py)."""
    run: str
    output: Output
    about: str
    route: Route | None = None
    command: Command | None = None
    made_from: "Job | None" = None
    """Of a document: the list job of whose lists it is made; it runs with that. `run` then has two more inputs.

    {listed}: key, slot, place (from 1), id, listen_count of every item. {shown}: id, and what the list job's struct
    and group say of it.
    """
    refreshed: bool = False
    """The scheduler asks for it after every landing, and when a day turns."""


@dataclass(frozen=True)
class Bundle:
    """Jobs that run on one data version and share their inputs, under one request name."""

    name: str
    jobs: tuple[str, ...]
    """Statistics, in order; none: every job that is `refreshed`."""
    about: str
    params: tuple[Param, ...] = ()
    one_of: str = ""
    """The param that says which statistic of users is asked for: then that is made alone."""
    command: Command | None = None
    fresh_within: int | None = None
    """Seconds after which a change must be in what is served of its statistics; None: it keeps nothing fresh."""
