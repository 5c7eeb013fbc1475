"""The elements of one big JSON array, one after the other, in the memory of one.

Python's own JSON reader finds where an element ends; what it reads is judged elsewhere. A file that is damaged, or an
element that is too large, ends the reading with its place.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import IO, Any, NamedTuple

from jobs.listens.items import DamagedFileError

CHUNK = 1 << 16
ELEMENT_LIMIT = 4_000_000
"""Characters of an element: a page of a thousand recent tracks has about one million."""
_SPACE = re.compile(r"[ \t\r\n]*")
_CUT_SHORT = 24
"""An error this near to the end of what was read may only mean that more is to come."""


class Element(NamedTuple):
    """One element of the array."""

    number: int
    """From 1."""
    text: str
    """As in the file."""
    value: Any


def _refuse_constant(name: str) -> float:
    raise json.JSONDecodeError(f"{name} is not JSON", name, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def array_elements(file: IO[bytes], key: str | None = None) -> Iterator[Element]:
    """The elements of a document that is an array, or an object with an array under `key`.

    Without a key an object is the only element itself. Raises DamagedFileError, after the elements before it.
    """
    text = _Text(file)
    start = text.next_character()
    if start == "{" and key is None:
        yield Element(1, *text.value())
        return
    if start == "{" and key is not None:
        _enter(text, key)
        start = text.next_character()
    if start != "[":
        raise DamagedFileError("expected a JSON array" + (f" under {key!r}" if key else ""))
    text.skip()
    yield from _elements(text)


def _elements(text: "_Text") -> Iterator[Element]:
    number = 0
    if text.next_character() == "]":
        return
    while True:
        try:
            element = Element(number + 1, *text.value())
            following = text.next_character()
        except DamagedFileError as problem:
            raise DamagedFileError(f"damaged after item {number}: {problem}") from None
        yield element
        number += 1
        if following == "]":
            return
        if following != ",":
            raise DamagedFileError(f"damaged after item {number}: {_instead('a comma', following)}")
        text.skip()


def _enter(text: "_Text", key: str) -> None:
    """Go to the value of a key of the object that begins here."""
    text.skip()
    while text.next_character() == '"':
        _, name = text.value()
        following = text.next_character()
        if following != ":":
            raise DamagedFileError(_instead("a colon", following))
        text.skip()
        if name == key:
            return
        text.value()
        if text.next_character() == ",":
            text.skip()
    raise DamagedFileError(f"expected an object with an array under {key!r}")


def _instead(wanted: str, found: str) -> str:
    return f"expected {wanted}, found {found!r}" if found else f"expected {wanted}, the file ends"


class _Text:
    """A window on the text of a file, which moves on and grows as far as one value needs it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._text = ""
        self._at = 0
        self._ended = False

    def next_character(self) -> str:
        """The next one that is no space, which stays; empty at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Go over one character."""
        self._at += 1

    def value(self) -> tuple[str, Any]:
        """The value that begins here, as text and as read. Raises DamagedFileError."""
        self.next_character()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as problem:
                self._grow(problem)
                continue
            except RecursionError:
                raise DamagedFileError("nested too deeply") from None
            except ValueError:  # Python reads no numbers of thousands of digits
                raise DamagedFileError("a number has too many digits") from None
            # Of a number at the end of what was read, digits may be missing.
            if end == len(self._text) and self._text[end - 1] not in '}]"' and self._more():
                continue
            text = self._text[self._at : end]
            self._at = end
            return text, value

    def _grow(self, problem: json.JSONDecodeError) -> None:
        near_the_end = problem.pos >= len(self._text) - _CUT_SHORT or problem.msg.startswith("Unterminated string")
        if not near_the_end:
            raise DamagedFileError(f"not JSON: {problem.msg}")
        if len(self._text) - self._at > ELEMENT_LIMIT:
            raise DamagedFileError(f"an item is longer than {ELEMENT_LIMIT} characters")
        if not self._more():
            raise DamagedFileError("the file ends within an item" if self._at < len(self._text) else "the file ends")

    def _more(self) -> bool:
        """Read on, doubling what is kept, so that a long value costs no more than twice its length."""
        if self._ended:
            return False
        kept = self._text[self._at :]
        data = self._file.read(max(CHUNK, len(kept)))
        self._ended = not data
        try:
            self._text = kept + self._decoder.decode(data, final=self._ended)
        except UnicodeDecodeError as problem:
            raise DamagedFileError(f"not UTF-8 text: {problem.reason}") from None
        self._at = 0
        return not self._ended
