"""Join phrases of artist credits: after which of them an artist is featured (jobs.md 9)."""

from collections.abc import Iterable
from unicodedata import normalize

FEATURING = frozenset({"feat.", "ft.", "featuring", "duet with", "συμμ.", "συμμετέχει"})
"""As they are compared: NFKC, which makes full-width letters plain ones, trimmed, case-folded."""


def features(join_phrase: str) -> bool:
    """Whether the artists after this phrase are featured. MusicBrainz writes it with the blanks around it."""
    return normalize("NFKC", join_phrase).strip().casefold() in FEATURING


def featuring(join_phrases: Iterable[str]) -> list[str]:
    """Those of the phrases that feature, as they are written; sorted."""
    return sorted({phrase for phrase in join_phrases if features(phrase)})
