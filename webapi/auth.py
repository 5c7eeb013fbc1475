"""Token authentication: `Authorization: Token X`, of which only the second word is read."""

import threading
import time
from collections import OrderedDict

from flask import g, request

from conf.postgres import Pool
from conf.secret import Vault
from jobs.listens.tokens import BELIEVED_SECONDS
from jobs.listens.users import keep_md5, token_digest
from webapi.db.tokens import Owner, find_owner
from webapi.errors import UNKNOWN_TOKEN, UnauthorizedError

CACHE_SIZE = 10_000


class TokenCache:
    """Owners by the SHA-256 of their token, one per worker process. Unknown tokens are not remembered.

    A known one is believed for `seconds`, counted from before the database was asked: what was removed is refused so
    many seconds after its commit, and whoever removes waits that long (jobs/listens/tokens.py).
    """

    def __init__(self, pool: Pool, vault: Vault | None, seconds: float = BELIEVED_SECONDS) -> None:
        self._seconds = seconds
        self._pool = pool
        self._vault = vault
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, tuple[float, Owner]] = OrderedDict()

    def believed(self, token: str) -> Owner | None:
        """Whose token this is, if the database said so within the last `seconds`."""
        with self._lock:
            found = self._known.get(token_digest(token))
        return found[1] if found is not None and found[0] > time.monotonic() else None

    def find(self, token: str) -> Owner | None:
        """Whose token this is; None for an unknown one. Raises StoreUnavailableError."""
        digest = token_digest(token)
        now = time.monotonic()
        with self._lock:
            believed = self._known.get(digest)
        if believed is not None and believed[0] > now:
            return believed[1]
        with self._pool.transaction() as cursor:
            owner = find_owner(cursor, digest)
            if owner is not None and self._vault is not None and believed is None:  # else it was seen to before
                keep_md5(cursor, owner.token_id, token, self._vault)
        with self._lock:
            self._known.pop(digest, None)
            if owner is not None:
                self._known[digest] = (now + self._seconds, owner)
                while len(self._known) > CACHE_SIZE:
                    self._known.popitem(last=False)
        return owner


def header_token() -> str | None:
    """The token of the Authorization header; None when there is no header or no second word."""
    return second_word(request.environ.get("HTTP_AUTHORIZATION", ""))


def second_word(header: str) -> str | None:
    """What follows the first blank, up to the next."""
    words = header.split(" ")
    return words[1] if len(words) > 1 else None


def identify(cache: TokenCache) -> Owner | None:
    """Find out, once per request, whose token came with it."""
    token = header_token()
    g.owner = cache.find(token) if token else None
    return g.owner  # type: ignore[no-any-return]


def require_owner() -> Owner:
    """The user of the request's token. Raises UnauthorizedError with the contract's texts."""
    header = request.headers.get("Authorization")
    if not header:
        raise UnauthorizedError("You need to provide an Authorization header.")
    if " " not in header:
        raise UnauthorizedError("Provided Authorization header is invalid.")
    owner: Owner | None = g.owner
    if owner is None:
        raise UnauthorizedError(UNKNOWN_TOKEN)
    return owner


def optional_owner() -> Owner | None:
    """The user of the request's token; None of a request without one. Raises UnauthorizedError for a wrong one."""
    return require_owner() if request.headers.get("Authorization") else None
