"""JSON schemas of what documents show."""

from collections.abc import Mapping
from typing import Any

TEXT: Mapping[str, Any] = {"type": "string"}
COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
MBID: Mapping[str, Any] = {"type": "string", "format": "uuid"}
NO_MBID: Mapping[str, Any] = {"type": ["string", "null"], "format": "uuid"}
"""An MBID, or null where none is known."""


def rows(properties: Mapping[str, Any]) -> dict[str, Any]:
    """A list of objects with these keys, all of them, and no others."""
    item = {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
    return {"type": "array", "items": item}
