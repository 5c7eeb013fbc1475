"""A job is a value: what it is called, what it may be told, what it reads, what it makes, where it is served.

Dispatch, command line, validation, storage, route, freshness and documentation are derived from these values; nothing
here knows Spark. `run` is SQL over the named inputs (values as :parameters), or the dotted name of a function.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobs.ranges import STATS_RANGES, parse_instant
from jobs.spans import Span


class InvalidRequestError(ValueError):
    """A request whose params do not fit its job: names the param, the value and what is allowed."""


class NothingToWorkOnError(InvalidRequestError):
    """What a job needs is not there: no model yet, an unknown user, an empty window. Names it and what makes it.

    Raised before any work: what is served stays.
    """


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
    """One list per range; a user counts at most 500 times for an item, in the whole range (jobs.md 7.6), and with as
    large a part of her listening time of it."""


@dataclass(frozen=True)
class UserDocument:
    """JSON per user and range. `run` gives rows (key bigint, slot int, doc string)."""


@dataclass(frozen=True)
class SitewideDocument:
    """JSON per range. `run` gives rows (slot int, doc string)."""


@dataclass(frozen=True)
class DayDocument:
    """JSON per day, of everybody. `run` gives rows (key bigint: days since 1970-01-01, doc string)."""


@dataclass(frozen=True)
class EntityDocument:
    """JSON per MBID and range. `run` gives rows (entity string, slot int, doc string)."""


@dataclass(frozen=True)
class Teller:
    """Whose year in music is told, and what the telling needs beside what is stored."""

    user_name: str
    year: int
    zone: str
    """IANA name of the clock that the year was counted by."""
    newest_listen_ts: int
    """Of the data version that the section was made from, epoch seconds: the same for every run of it."""
    names: Mapping[int, str]
    """Of the users that the section names (YearDocument.users); who is gone is not there."""


def _nobody(stored: Any) -> Sequence[int]:
    del stored
    return ()


@dataclass(frozen=True)
class YearDocument:
    """JSON per user and year: a section of her year in music. `run` gives rows (key bigint, doc string)."""

    answer: Callable[[Any, Teller], dict[str, Any]]
    """(stored JSON, teller) to what it puts into `data`, by key."""
    schema: Mapping[str, Mapping[str, Any]]
    """JSON schemas of what it puts there, by key."""
    users: Callable[[Any], Sequence[int]] = _nobody
    """Ids of the users that the stored JSON names."""


@dataclass(frozen=True)
class UserPlaylist:
    """A playlist per user, beside those that she has. `run` gives rows (key bigint, doc string).

    doc: slug, day (of her clock, it is for), title, annotation; tracks, each as jobs/jspf.py `named_track` takes it,
    with its recording_mbid. Of a slug a user keeps the playlists of her two newest days. One without tracks is shown
    to nobody, and takes the place of none: it says that there was nothing to make for that day.
    """


@dataclass(frozen=True)
class Tables:
    """Tables of the lake by name, replaced whole: run is the dotted name of an importer. There is no result to read.

    None: what it brings goes into PostgreSQL, and lands from there.
    """

    names: tuple[str, ...]


@dataclass(frozen=True)
class Files:
    """Files below the lake, for the jobs that come after; `run` is a dotted name. There is no result to read."""


Ranked = PerUser | Sitewide
Document = UserDocument | SitewideDocument | DayDocument | EntityDocument | YearDocument | UserPlaylist
Output = Ranked | Document | Tables | Files
PER_USER = (PerUser, UserDocument, YearDocument, UserPlaylist)
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
    aliases: tuple[str, ...] = ()
    """More names on the command line, as some documentation has them."""
    many: bool = False
    """A list of such values; on the command line the option may be repeated."""
    required: bool = False
    example: str = ""
    """Of a required one: how the command is told it."""
    ignored: bool = False
    """Taken because some documentation has it; it changes nothing, so requests that differ in it are the same."""

    @property
    def flag(self) -> str:
        """Its option on the command line: --listens-threshold."""
        return flag_of(self.option or self.name)

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
        if self.kind is float and type(value) is int:
            value = float(value)
        if not isinstance(value, self.kind) or isinstance(value, bool) != (self.kind is bool):
            raise InvalidRequestError(f"{self.name}={value!r}: expected {self.kind.__name__}")
        if self.choices and value not in self.choices:
            raise InvalidRequestError(f"{self.name}={value!r}: expected one of {', '.join(self.choices)}")
        low = self.minimum is None or value >= self.minimum
        if not (low and (self.maximum is None or value <= self.maximum)):  # so that NaN is refused too
            raise InvalidRequestError(f"{self.name}={value!r}: expected {self.minimum} to {self.maximum}")
        return value

    def _parsed(self, parse: Callable[[Any], Any], value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as problem:
            raise InvalidRequestError(f"{self.name}={value!r}: {problem}") from None


def flag_of(option: str) -> str:
    """An option as the command line writes it: listens_threshold is --listens-threshold."""
    return f"--{option.replace('_', '-')}"


STATS_RANGE = Param("stats_range", STATS_RANGES, about="one range; without it all nine, from one scan", option="range")
AT = Param("at", about="instead of the newest listen: ISO date or time (UTC), or epoch seconds", parse=parse_instant)
REBUILD = Param("rebuild", kind=bool, about="compute everything anew, though what is served could be continued")
USE_MLHD = Param(
    "use_mlhd",
    kind=bool,
    about="accepted as the original does, and ignored: no plays of other servers are mixed in",
    ignored=True,
)
DATABASE = Param(
    "database", about="accepted as the original does, and ignored: results are replaced in place", ignored=True
)


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
    """Param values that choose this job among those of one name, e.g. {"entity": "artists"}; not said: each of them."""
    params: tuple[Param, ...]
    inputs: tuple[str, ...]
    """Tables and shared inputs by name (jobs/inputs.py)."""
    run: str
    """SQL; or the dotted name of a function: of an importer (output Tables), else of an EngineRun (jobs/run_engine.py).

    Jobs of one request that name the same function are made by one call of it.
    """
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
    ranges: tuple[str, ...] = STATS_RANGES
    """Those it has results of."""
    only_with: Mapping[str, bool] = field(default_factory=dict)
    """Whether the request has to say these params, of kind bool, for this job among those of one name."""

    @property
    def of_year(self) -> bool:
        """Whether it is a section of the year in music (jobs/run_year.py): of the year its request names."""
        return isinstance(self.output, YearDocument)

    @property
    def by_engine(self) -> bool:
        """Whether a function makes it (jobs/run_engine.py), not SQL and no importer."""
        return not isinstance(self.output, Tables) and re.fullmatch(r"\w+(\.\w+)+", self.run) is not None


@dataclass(frozen=True)
class Step:
    """Of a request for what functions make: jobs that one call makes, and what that is told."""

    jobs: tuple[Job, ...]
    params: Mapping[str, Any]
    """Every param of these jobs, canonical."""


@dataclass(frozen=True)
class Bundle:
    """Jobs that run on one data version and share their inputs, under one request name."""

    name: str
    jobs: tuple[str, ...]
    """Statistics, in order; none: every job that is `refreshed`. Either all of them are made by functions, or none; and
    all of them are of a year, or none."""
    about: str
    params: tuple[Param, ...] = ()
    one_of: str = ""
    """The param that says which statistic of users is asked for: then that is made alone."""
    command: Command | None = None
    given: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By statistic, for jobs made by functions: params that are not the job's defaults."""
    fresh_within: int | None = None
    """Seconds after which a change must be in what is served of its statistics; None: it keeps nothing fresh."""
