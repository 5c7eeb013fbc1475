"""The names in the credit of several artists, as people write it."""

import re

_JOINED = re.compile(r"\s*(?:,|;|/|&|\+|\b(?:feat|ft|vs)\.|\b(?:feat|ft|featuring|and|with)\b)\s*")


def names_in(credit_key: str) -> list[str]:
    """The parts of a folded credit, as far as text tells: "battles feat. björk & air" has three.

    A single artist's name may be taken apart too: so a part says who may be meant, never who it is.
    """
    return _JOINED.split(credit_key)
