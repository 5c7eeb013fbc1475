"""Times in tests, as they are read."""

from datetime import UTC, datetime


def ts(text: str) -> int:
    """Epoch seconds of an ISO date or time, UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
