"""Signatures of calls: md5 over all names and values in the order of their names, and the application's secret."""

import hashlib
from collections.abc import Iterable
from hmac import compare_digest

from webapi.lastfm.errors import INVALID_SIGNATURE, LastfmError
from webapi.lastfm.parameters import Parameters

UNSIGNED = frozenset(("api_sig", "callback", "format"))
"""Parameters that a signature leaves out."""


def signature_of(parameters: Iterable[tuple[str, str]], secret: str) -> str:
    """The 32 hexadecimal digits a client of this secret sends as `api_sig`; text is taken as UTF-8."""
    signed = "".join(name + value for name, value in sorted(parameters) if name not in UNSIGNED)
    return hashlib.md5((signed + secret).encode(), usedforsecurity=False).hexdigest()


def check_signature(parameters: Parameters, secret: str) -> None:
    """Raises LastfmError 13 unless the call carries the signature of this secret."""
    given = (parameters.get("api_sig") or "").lower()
    if not compare_digest(given.encode(), signature_of(parameters.items(), secret).encode()):
        raise LastfmError(INVALID_SIGNATURE)
