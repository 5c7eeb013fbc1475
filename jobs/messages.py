"""The messages of `spark_request` and `spark_result`: frozen values with encode and decode."""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar, get_args, get_origin, get_type_hints
from uuid import UUID

import orjson

from jobs.listens.listen import DecodeError

__all__ = ["DecodeError", "Manifest", "Part", "Request", "Switch", "inline_digest", "inline_part", "new_run_id"]


COLUMNS = {
    "list": (
        "key",
        "ids",
        "counts",
        "previous_ranks",
        "previous_counts",
        "gone_ids",
        "gone_counts",
        "seconds",
        "by_time",
        "time_by_source",
        "applied",
    ),
    "document": ("key", "doc", "applied"),
    "entity_document": ("entity", "doc"),
    "entity": ("id", "doc"),
}
"""Kinds of parts and the columns of their rows, as in the table result_KIND; the key comes first."""
ROW_KINDS = ("list", "document", "entity_document")
"""Those whose rows a switch makes visible."""
Made = TypeVar("Made")


def new_run_id(now: float) -> UUID:
    """An id that orders by time (UUID version 7): of two runs of one data version, the greater id is the newer.

    `now`: epoch seconds.
    """
    random = secrets.randbits(74)
    return UUID(int=int(now * 1000) << 80 | 0x7 << 76 | (random >> 62) << 64 | 0x2 << 62 | random & (1 << 62) - 1)


def inline_digest(rows: Sequence[Sequence[Any]]) -> tuple[int, str]:
    """(bytes, SHA-256 in hex) of the canonical JSON of inline rows."""
    body = orjson.dumps(rows)
    return len(body), hashlib.sha256(body).hexdigest()


@dataclass(frozen=True)
class Request:
    """`{"query": name, "params": {...}}` as documented, with the id of its row in `request` when it has one."""

    query: str
    params: Mapping[str, Any] = field(default_factory=dict)
    request_id: UUID | None = None

    def encode(self) -> bytes:
        """The message body."""
        document: dict[str, Any] = {"query": self.query, "params": dict(self.params)}
        if self.request_id is not None:
            document["request_id"] = str(self.request_id)
        return orjson.dumps(document)

    @classmethod
    def decode(cls, body: bytes) -> "Request":
        """Raises DecodeError; the query and its params are judged against the catalog, later."""
        document = _object(body)
        query, params, request_id = document.get("query"), document.get("params", {}), document.get("request_id")
        if not isinstance(query, str):
            raise DecodeError(f"query: expected a job's name, got {query!r}")
        if not isinstance(params, dict):
            raise DecodeError(f"params: expected an object, got {params!r}")
        return cls(query, params, None if request_id is None else _uuid("request_id", request_id))


@dataclass(frozen=True)
class Part:
    """One file of a run's results, or its rows inline."""

    kind: str
    """A name of COLUMNS: the rows are those of the table result_KIND."""
    statistic: str
    """Empty for entities: they are shared by all statistics."""
    stats_range: str
    rows: int
    path: str | None
    """URL of one Parquet file, or null when `inline` has the rows."""
    bytes: int
    sha256: str
    """Of the file's bytes, or of the canonical JSON of the inline rows."""
    inline: list[list[Any]] | None = None


def inline_part(kind: str, statistic: str, stats_range: str, rows: list[list[Any]]) -> Part:
    """A part whose rows, in this order, are in the message."""
    size, sha256 = inline_digest(rows)
    return Part(kind, statistic, stats_range, len(rows), None, size, sha256, rows)


@dataclass(frozen=True)
class Switch:
    """One (statistic, range) that becomes visible in one transaction, whole or not at all."""

    statistic: str
    stats_range: str
    from_ts: int
    to_ts: int
    rows: int
    """Sum of the rows of its parts: a manifest whose parts do not add up is refused."""
    replace: str
    """`all`: keys not in the run leave; `touched`: of the manifest's touched users only; `named`, of entities: those
    whose row has no document."""


@dataclass(frozen=True)
class Manifest:
    """What a run produced: the one message on `spark_result`. It becomes visible switch by switch, or `together`."""

    run_id: UUID
    request_id: UUID | None
    query: str
    data_version: int
    newest_listen_ts: int
    switches: list[Switch]
    parts: list[Part]
    code: str = ""
    """jobs/served_run.py computing_code."""
    base_run_id: UUID | None = None
    """The run that this one continues: it is stored only over that one."""
    touched: list[int] = field(default_factory=list)
    """Of a continued run: the users whose results were computed anew; who of them is not in a part has none."""
    seconds: float | None = None
    """What it took, from its start to its last file."""
    cpu_seconds: float | None = None
    """Of all processes that computed it."""
    span_of: int | None = None
    """The user whose span of days it is, from_ts to to_ts of its one switch; None: a run of ranges."""
    together: bool = False
    """All of its switches become visible in one transaction, not one by one."""
    next_listen_ts: int | None = None
    """The earliest listen of its data version that T leaves out, of a run that is kept fresh; None: there is none."""

    def encode(self) -> bytes:
        """The message body."""
        return orjson.dumps({**asdict(self), "type": "run"}, default=str)

    @classmethod
    def decode(cls, body: bytes) -> "Manifest":
        """Raises DecodeError for anything that is not a whole manifest."""
        document = _object(body)
        if document.pop("type", None) != "run":
            raise DecodeError("type: expected 'run'")
        try:
            switches = [_typed(Switch, Switch(**switch)) for switch in document.pop("switches")]
            parts = [_typed(Part, Part(**part)) for part in document.pop("parts")]
            run_id = _uuid("run_id", document.pop("run_id"))
            request_id, base_run_id = document.pop("request_id"), document.pop("base_run_id", None)
            made = cls(
                run_id=run_id,
                request_id=None if request_id is None else _uuid("request_id", request_id),
                base_run_id=None if base_run_id is None else _uuid("base_run_id", base_run_id),
                switches=switches,
                parts=parts,
                **document,
            )
            return _typed(cls, made)
        except (KeyError, TypeError) as problem:
            raise DecodeError(f"not a manifest: {problem}") from None


def _typed(cls: type[Made], made: Made) -> Made:
    """A value whose fields are what they are declared as. Raises DecodeError."""
    for name, kind in get_type_hints(cls).items():
        value = getattr(made, name)
        if not _is(value, kind):
            raise DecodeError(f"{cls.__name__.lower()}.{name}: expected {kind}, got {str(value)[:100]!r}")
    return made


def _is(value: object, kind: Any) -> bool:
    options = get_args(kind)
    if get_origin(kind) is list:
        return isinstance(value, list) and all(_is(item, options[0]) for item in value)
    if options:
        return any(_is(value, option) for option in options)
    if kind is int:
        return type(value) is int and -(2**63) <= value < 2**63
    if kind is str:
        return isinstance(value, str) and "\0" not in value
    return kind is Any or isinstance(value, kind)


def _object(body: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as problem:
        raise DecodeError(f"not JSON: {problem}") from None
    if not isinstance(document, dict):
        raise DecodeError("expected a JSON object")
    return document


def _uuid(name: str, value: object) -> UUID:
    try:
        return UUID(str(value))
    except ValueError:
        raise DecodeError(f"{name}: expected a UUID, got {value!r}") from None
