"""A listen and a submission, as every way in hands them on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

import orjson


class DecodeError(ValueError):
    """A message that is not what its queue carries: keeps the reason, the raw bytes stay in the dead letter."""


@dataclass(frozen=True)
class Listen:
    """One play. Text is stripped and storable; additional_info is as submitted, normalised by the validator."""

    listened_at: int
    """Epoch seconds UTC."""
    artist_name: str
    track_name: str
    release_name: str | None
    additional_info: Mapping[str, Any]
    recording_msid: UUID | None = None
    """Only where a foreign key must be kept (Spark dumps); else the writer computes it."""


@dataclass(frozen=True)
class Submission:
    """One message on `incoming`: what one client call, or one batch of an import, brought for one user."""

    message_id: UUID
    user_id: int
    submitted_at: int
    """Epoch microseconds UTC when it was accepted: a delete requested later removes it even while it is queued."""
    listens: tuple[Mapping[str, Any], ...]
    """Listens in API form: {listened_at, track_metadata: {artist_name, track_name, release_name?, additional_info}}."""
    source: str | None = None
    dump_id: int | None = None
    """The dump of the source that brought it; never on the queue."""

    def accepted_at(self, _item: int) -> int:
        """When one of its listens was accepted, by its index: epoch microseconds."""
        return self.submitted_at

    def encode(self) -> bytes:
        """The message body: one JSON object."""
        return orjson.dumps(
            {
                "message_id": str(self.message_id),
                "user_id": self.user_id,
                "submitted_at": self.submitted_at,
                "source": self.source,
                "listens": self.listens,
            }
        )

    @classmethod
    def decode(cls, body: bytes) -> "Submission":
        """Raises DecodeError for anything that is not such an object; single listens are judged later, one by one."""
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as problem:
            raise DecodeError(f"not JSON: {problem}") from None
        if not isinstance(document, dict):
            raise DecodeError("a submission is a JSON object")
        try:
            message_id = UUID(document["message_id"])
        except (KeyError, ValueError, TypeError, AttributeError):
            raise DecodeError(f"message_id: expected a UUID, got {document.get('message_id')!r}") from None
        for key in ("user_id", "submitted_at"):
            if type(document.get(key)) is not int:
                raise DecodeError(f"{key}: expected a whole number, got {document.get(key)!r}")
        source = document.get("source")
        if source is not None and not isinstance(source, str):
            raise DecodeError(f"source: expected text or null, got {source!r}")
        listens = document.get("listens")
        if not isinstance(listens, list):
            raise DecodeError(f"listens: expected a list, got {type(listens).__name__}")
        return cls(message_id, document["user_id"], document["submitted_at"], tuple(listens), source)


@dataclass(frozen=True)
class Staged(Submission):
    """Listens of a dump: each was accepted by the dump's server at a time of its own."""

    accepted: tuple[int, ...] = ()
    """Epoch microseconds, one per listen."""

    def accepted_at(self, item: int) -> int:
        """When the dump's server accepted it."""
        return self.accepted[item]


def new_message_id() -> UUID:
    """A random id; made once per submission, kept over every retry of its publish.

    From a generator of this process, not from the system: that is a call which lets all other threads go first, and
    nobody gains by guessing an id. It is seeded by the system, anew in a child.
    """
    return UUID(int=_ids.getrandbits(128), version=4)


_ids = Random()  # noqa: S311 - not a secret
os.register_at_fork(after_in_child=_ids.seed)
