"""Formats of other services' files. The folder is the registry: a module is a format, its name is that of --format."""

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from dumps.load.format import Format
from dumps.load.source import Source

AUTO = "auto"
"""In place of a name: by the file's content."""


class UnknownFormatError(ValueError):
    """No format has this name, or none recognises the file: says which there are."""


@cache
def formats() -> Mapping[str, Format]:
    """All formats by name, sorted."""
    found = {}
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        format_: Format = importlib.import_module(module.name).FORMAT
        found[format_.name] = format_
    return dict(sorted(found.items()))


def format_of(source: Source, name: str = AUTO) -> Format:
    """The format of that name, or the one that recognises the file. Raises UnknownFormatError."""
    if name != AUTO:
        if name not in formats():
            raise UnknownFormatError(f"there is no format {name!r}; there are {', '.join(formats())}")
        return formats()[name]
    for format_ in formats().values():
        if format_.recognises(source):
            return format_
    raise UnknownFormatError(
        f"{source.name}: not recognised as a file of any service; say which it is, one of {', '.join(formats())}"
    )
