"""Answers that can be told again: an ETag names the version of what an answer shows, so an unchanged one has no body.

Whoever asks with the ETag of the answer it has gets 304, and nothing is read but the version. For all others each
worker keeps the newest answers as bytes: told again while the version is the same, so never when they are stale.
"""

import gzip
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from flask import Response, request

from conf.code import code_digest
from webapi.costs import cost_of_route
from webapi.errors import no_content
from webapi.versions import Asked

CACHE_BYTES = 16_000_000
"""Of answers kept by one worker."""
MOST_BYTES = 1_000_000
"""A longer answer is made anew each time: it would push out too many others."""

COMPRESS_LEVEL = 5
"""25 listens of 9.9 kB are 1.8 in 0.15 ms; 9 takes 0.19 ms for 2 % less."""
COMPRESS_FROM = 1000
"""Bytes; shorter answers fit one packet as they are."""
JSON = "application/json"
CODE = ("webapi", "jobs", "spark_reader")
"""What makes answers."""
REVALIDATE = "private, no-cache"
"""A client may keep the answer, and asks whether it still holds before it shows it again."""
MOST_MARKS, MOST_ADDRESS = 10_000, 500
"""Addresses marked by one worker, and characters of each; beyond, all are forgotten, and longer ones not marked."""

Document = Mapping[str, Any]
Address = tuple[str, str]
"""Path and query."""


@dataclass(frozen=True)
class Mark:
    """Of an address that was answered: the version that its answer shows, as it is asked for, and its route."""

    asked: Asked
    route: str
    methods: frozenset[str]
    cost: int


@dataclass
class Kept:
    """An answer as bytes, and compressed once somebody has asked for that."""

    etag: str
    body: bytes
    _compressed: bytes | None = None

    @property
    def size(self) -> int:
        """What it is counted for; compressed it is a fraction of this."""
        return len(self.body)

    def compressed(self) -> bytes:
        """gzip."""
        if self._compressed is None:
            self._compressed = gzip.compress(self.body, COMPRESS_LEVEL, mtime=0)
        return self._compressed


class AnswerCache:
    """The newest answers by address, at most `most` bytes of them; safe to share between threads."""

    def __init__(self, most: int = CACHE_BYTES) -> None:
        self._most = most
        self._bytes = 0
        self._lock = threading.Lock()
        self._kept: OrderedDict[Address, Kept] = OrderedDict()
        self._marks: dict[Address, Mark] = {}

    def mark(self, address: Address, mark: Mark) -> None:
        """This address is answered with data of that version, whatever it is."""
        if sum(map(len, address)) > MOST_ADDRESS:
            return
        if len(self._marks) >= MOST_MARKS:
            self._marks = {}
        self._marks[address] = mark

    def marked(self, address: Address) -> Mark | None:
        """The mark of an address."""
        return self._marks.get(address)

    def find(self, address: Address, etag: str) -> Kept | None:
        """The answer, if it is that of this version."""
        with self._lock:
            kept = self._kept.get(address)
            if kept is None or kept.etag != etag:
                return None
            self._kept.move_to_end(address)
            return kept

    def keep(self, address: Address, answer: Kept) -> None:
        """In place of what was kept for it; those not asked for longest go."""
        if answer.size > MOST_BYTES:
            return
        with self._lock:
            replaced = self._kept.pop(address, None)
            self._bytes += answer.size - (replaced.size if replaced else 0)
            self._kept[address] = answer
            while self._bytes > self._most:
                _, gone = self._kept.popitem(last=False)
                self._bytes -= gone.size


def fresh(
    answers: AnswerCache,
    version: tuple[Any, ...],
    make: Callable[[], Document | list[Any] | bytes | None],
    asked: Asked | None = None,
    mimetype: str = JSON,
) -> Response:
    """The answer to this request for data of this version: 304, told again, or made now. `make` gives None for 204.

    A version has to be read before the data: then an answer is at worst newer than its ETag, and asked for again.
    `asked`: how the version is found in `Versions`; then this address is marked, for webapi/unchanged.py, which tells
    JSON alone. What is made is JSON unless it is bytes of that `mimetype`.
    """
    etag = etag_of(version)
    if "HTTP_IF_NONE_MATCH" in request.environ and request.if_none_match.contains_weak(etag):
        _mark(answers, asked)
        return _tagged(Response(status=304), etag)
    address = address_of(request.environ)
    kept = answers.find(address, etag)
    if kept is None:
        document = make()
        if document is None:
            return no_content()
        kept = Kept(etag, document if isinstance(document, bytes) else orjson.dumps(document))
        answers.keep(address, kept)
        _mark(answers, asked)
    return _tagged(Response(kept.body, mimetype=mimetype), etag)


def address_of(environ: Mapping[str, Any]) -> Address:
    """What answers are kept by: all that an answer of these routes depends on."""
    return environ["PATH_INFO"], environ["QUERY_STRING"]


def _mark(answers: AnswerCache, asked: Asked | None) -> None:
    rule = request.url_rule
    if asked is not None and rule is not None:
        mark = Mark(asked, rule.rule, frozenset(rule.methods or ()), cost_of_route())
        answers.mark(address_of(request.environ), mark)


def etag_of(version: tuple[Any, ...]) -> str:
    """Weak, for a compressed answer is the same answer. Other code may answer otherwise, so it has a part in it."""
    digest = hashlib.blake2b(repr(version).encode(), digest_size=12, key=code_digest(*CODE))
    return digest.hexdigest()


def _tagged(response: Response, etag: str) -> Response:
    response.headers.extend([("ETag", f'W/"{etag}"'), ("Cache-Control", REVALIDATE)])
    return response
