"""What a file of a person's history is made of: items, each with its place, whatever form the file has.

A reader of a format says what an item brings; the import judges it. So one file's bad item is told by its place and
reason, and costs nothing else.
"""

from typing import Any, NamedTuple

LISTEN_LIMIT = 10240
"""Bytes of a listen, as the API takes it."""


class DamagedFileError(ValueError):
    """The file ends too early, is damaged or hostile: says where and why. What came before it was read."""


class Found(NamedTuple):
    """A listen in API form that nobody has judged yet, and what the file says beside it."""

    listen: dict[str, Any]
    """{listened_at, track_metadata}"""
    mbid_mapping: object = None
    """What another server made of it."""
    user_name: str | None = None
    """Whose it is, as the item says itself."""
    limit: int = LISTEN_LIMIT
    """Most bytes of the listen."""


class Loved(NamedTuple):
    """Love or hate of a recording, not judged yet."""

    recording_msid: object
    recording_mbid: object
    score: object
    """1 or -1; 0 is neither."""
    created: object
    """ISO date and time or epoch seconds; None: not known."""


class LovedTrack(NamedTuple):
    """Love of a track that is known by its names alone, not judged yet."""

    artist_name: object
    track_name: object
    created: object
    """As of Loved."""


class Rated(NamedTuple):
    """What was said of a recommendation, not judged yet."""

    recording_msid: object
    recording_mbid: object
    rating: object
    """A word of jobs/listens/recommendation_feedback.py RATINGS."""
    created: object
    """As of Loved."""


class LeftOut(NamedTuple):
    """Nothing to keep, by a rule of the format: a play in a private session, a skipped one."""

    reason: str


class Refused(NamedTuple):
    """Not what the format holds."""

    reason: str


Brings = Found | Loved | LovedTrack | Rated | LeftOut | Refused


class Item(NamedTuple):
    """One entry of a file."""

    number: int
    """From 1, within its file or member."""
    content: bytes
    """As in the file, or the same as JSON: names the batch it is in, and is shown when it is refused."""
    brings: Brings
    member: str = ""
    """Its file within an archive."""
    unit: str = "line"
    """What the numbers count."""

    @property
    def place(self) -> str:
        """Where it is, for a person."""
        return f"{self.member}, {self.unit} {self.number}" if self.member else f"{self.unit} {self.number}"
