"""The one order of all lists: as Spark orders structs. Null is the least, text goes by bytes."""

from collections.abc import Iterable
from typing import Any


def place(value: Any) -> Any:
    """A value that compares as Spark compares what it stands for."""
    if value is None:
        return (0,)
    if isinstance(value, str):
        return 1, value.encode()
    if isinstance(value, dict):
        return 1, [place(item) for item in value.values()]
    if isinstance(value, list | tuple):
        return 1, [place(item) for item in value]
    return 1, value


def places(values: Iterable[Any]) -> list[Any]:
    """As `place`, of the fields of a struct."""
    return [place(value) for value in values]
