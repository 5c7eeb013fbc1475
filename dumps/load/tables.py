"""Rows of text tables, CSV or tab-separated, under a header that is found by its names; lines are bounded."""

import csv
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING

import orjson

from dumps.load.format import RefusedItemError
from dumps.load.source import Source
from jobs.listens.items import Brings, DamagedFileError, Item, Refused

if TYPE_CHECKING:
    from _csv import Reader

LINE_LIMIT = 1 << 18
"""Bytes of a line."""
HEADER_WITHIN = 50
"""Rows before which the header must come: some files begin with a title."""
DELIMITERS = (",", "\t", ";")

Named = dict[str, str]
Understand = Callable[[Named], Brings]


def text_lines(file: IO[bytes]) -> Iterator[str]:
    """The lines with their ends; Latin-1 where they are no UTF-8. Raises DamagedFileError for an overlong one."""
    number = 0
    try:
        while content := file.readline(LINE_LIMIT + 1):
            number += 1
            if len(content) > LINE_LIMIT:
                raise DamagedFileError(f"line {number} is longer than {LINE_LIMIT} bytes")
            yield _decoded(content.removeprefix(b"\xef\xbb\xbf") if number == 1 else content)
    except DamagedFileError as problem:
        raise DamagedFileError(f"damaged after line {max(0, number - 1)}: {problem}") from None


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("latin-1")


def has_header(head: bytes, required: set[str]) -> bool:
    """Whether one of the first lines names these columns."""
    return any(_delimited(head, required))


def _delimited(head: bytes, required: set[str]) -> Iterator[str]:
    lines = [_decoded(line) for line in head.removeprefix(b"\xef\xbb\xbf").splitlines()[:HEADER_WITHIN]]
    for delimiter in DELIMITERS:
        if any(required <= set(_names(row)) for line in lines for row in csv.reader([line], delimiter=delimiter)):
            yield delimiter


def read_table(source: Source, required: set[str], understand: Understand) -> Iterator[Item]:
    """An item for each row under the header with these names (small, spaces as hyphens). Raises DamagedFileError."""
    delimiter = next(_delimited(source.head, required), ",")
    for member, text in source.texts(lambda name: name.lower().endswith((".csv", ".tsv", ".txt"))):
        for item in _read(csv.reader(text_lines(text), delimiter=delimiter), required, understand):
            yield item._replace(member=member)


def _read(rows: "Reader", required: set[str], understand: Understand) -> Iterator[Item]:
    names: list[str] | None = None
    number = 0
    try:
        for row in rows:
            number, before = rows.line_num, number
            if names is None:
                names = _header(row, required, number)
            elif any(field.strip() for field in row):
                named = dict(zip(names, (field.strip() for field in row), strict=False))
                yield Item(before + 1, orjson.dumps(row), _judged(understand, named))
    except csv.Error as problem:
        raise DamagedFileError(f"damaged after line {number}: {problem}") from None
    if names is None:
        raise DamagedFileError(f"no line names the columns {', '.join(sorted(required))}")


def _header(row: list[str], required: set[str], number: int) -> list[str] | None:
    names = _names(row)
    if required <= set(names):
        return names
    if number > HEADER_WITHIN:
        raise DamagedFileError(f"no line names the columns {', '.join(sorted(required))}")
    return None


def _names(row: list[str]) -> list[str]:
    return [name.strip().lower().replace(" ", "-").replace("_", "-") for name in row]


def _judged(understand: Understand, named: Named) -> Brings:
    try:
        return understand(named)
    except RefusedItemError as problem:
        return Refused(str(problem))
