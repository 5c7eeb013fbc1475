"""A method of the API, and a call of one."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import g

from webapi.db.lastfm import SessionOwner, find_session
from webapi.lastfm.errors import INVALID_SESSION, RATE_LIMIT, LastfmError
from webapi.lastfm.parameters import Parameters
from webapi.lastfm.render import Element
from webapi.requests import note_user
from webapi.services import services

MAX_SESSION = 128


@dataclass(frozen=True)
class Call:
    """One call, its key and signature checked already."""

    parameters: Parameters
    api_key: str

    def owner(self) -> SessionOwner:
        """Whose session key came with it. Raises LastfmError 6 without one, 9 for one that is none of this api_key.

        A session of another key is refused: else a registered key's signatures could be got around with a new key.
        The call is counted for its user too, and LastfmError 29 raised beyond the limit of a token: by its address it
        was counted when nothing of it was known, and who has many addresses has no more for that.
        """
        session = self.parameters.required("sk")
        with services().pool.transaction() as cursor:
            found = find_session(cursor, session, self.api_key) if len(session) <= MAX_SESSION else None
        if found is None:
            raise LastfmError(INVALID_SESSION)
        note_user(found.user_id)
        limiter = services().limiter
        allowance = limiter.take(f"user:{found.user_id}", limiter.limits.per_token)
        if not allowance.allowed:
            g.allowance = allowance  # what the answer's headers tell
            raise LastfmError(RATE_LIMIT)
        return found


@dataclass(frozen=True)
class Method:
    """What a name of the API does."""

    answer: Callable[[Call], tuple[Element, ...]]
    """The elements below `lfm`. Raises LastfmError, StoreUnavailableError, BrokerUnavailableError."""
    post_only: bool = False
    signed: bool = False
    """Of a registered key it must be signed; other methods only where they carry a session or a signature."""
