"""The handshake: md5(md5(token) + t) proves a token, once and only now; its answer opens a session."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hmac import compare_digest

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.secret import Vault
from jobs.listens.users import token_digest
from webapi.audioscrobbler.answers import bad_auth, bad_time, failed
from webapi.db import audioscrobbler

MAX_CLIENT = 64

_STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True)
class Handshake:
    """What a player asks with."""

    user_name: str
    stamp: str
    """Epoch seconds in the digits that it sent: the digest is of them."""
    auth: str
    """Lower-case hex, if it is a digest at all."""
    client: str
    """Identifier and version of the player, for showing."""


def read_handshake(query: Mapping[str, str], now: float) -> Handshake:
    """The handshake in a query. Raises RefusedError: another protocol, or a time that is not now.

    The time comes before the user, so that a clock that is wrong is what the player hears of.
    """
    version = query.get("p", "")
    if version != "1.2" and not version.startswith("1.2."):
        raise failed(f"Protocol p={version[:20]!r} is not spoken here; expected 1.2 or 1.2.1")
    stamp = query.get("t", "")
    if not _STAMP.fullmatch(stamp) or abs(int(stamp) - now) > audioscrobbler.MAX_SKEW:
        raise bad_time()
    said = f"{query.get('c', '')} {query.get('v', '')}".strip()
    client = "".join(character for character in said if character.isprintable())[:MAX_CLIENT]
    return Handshake(query.get("u", ""), stamp, query.get("a", "").lower(), client)


def open_session(cursor: Cursor, user_id: int, asked: Handshake, vault: Vault) -> str:
    """The id of a new session, 32 hex digits. Raises RefusedError: no token of the user, or a handshake used before."""
    token_id = _proven(audioscrobbler.md5s(cursor, user_id), asked, vault)
    if token_id is None:
        raise bad_auth()
    if not audioscrobbler.first_use(cursor, user_id, int(asked.stamp), asked.auth):
        raise bad_time()
    session = secrets.token_hex(16)
    audioscrobbler.add_session(cursor, token_digest(session), user_id, token_id, asked.client)
    return session


def _proven(kept: list[tuple[int, bytes]], asked: Handshake, vault: Vault) -> int | None:
    """The token the player knows; each is compared, so that the time tells nothing of which."""
    given = asked.auth.encode()
    found = None
    for token_id, encrypted in kept:
        md5 = vault.decrypt(encrypted)
        if md5 is not None and compare_digest(_digest(md5, asked.stamp), given):
            found = token_id
    return found


def _digest(md5: str, stamp: str) -> bytes:
    return hashlib.md5((md5 + stamp).encode(), usedforsecurity=False).hexdigest().encode()


def address(public_url: str, scheme: str, host: str | None, own: str) -> str:
    """Where the player finds us: PUBLIC_URL, else the address it came by, else our own. Raises RefusedError.

    A Host header ends in lines of the answer, so nothing but a host and a port is taken from it.
    """
    if public_url:
        return public_url.rstrip("/")
    if not host:
        return own
    if not _HOST.fullmatch(host):
        raise failed("The Host header is no host and port")
    return f"{scheme}://{host}"
