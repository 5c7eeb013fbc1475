"""The reason of a dead letter, in a form that every store takes."""

_CHARACTERS = 2000


def storable(reason: str) -> str:
    """At most 2,000 characters; NUL and lone surrogates, which stores refuse, become visible escapes."""
    shown = reason.replace("\0", "\\0").encode("utf-8", "backslashreplace").decode()
    return shown if len(shown) <= _CHARACTERS else f"{shown[: _CHARACTERS - 1]}…"
