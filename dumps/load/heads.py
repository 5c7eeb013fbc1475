"""What the beginning of a JSON file shows, for recognising it."""

import io
from typing import Any

from dumps.load.arrays import array_elements
from jobs.listens.items import DamagedFileError


def first_object(head: bytes, key: str | None = None) -> dict[str, Any]:
    """The first element of the array, as `array_elements` finds it; empty when there is none in the beginning."""
    try:
        element = next(array_elements(io.BytesIO(head), key), None)
    except DamagedFileError:
        return {}
    return element.value if element is not None and isinstance(element.value, dict) else {}
