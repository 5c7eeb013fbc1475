"""Log-in by a name and what proves it, for players without a browser: auth.getMobileSession."""

import hashlib
from functools import cache
from hmac import compare_digest
from uuid import uuid4

from jobs.listens.msid import fold
from jobs.listens.users import find_user, token_digest, token_md5
from webapi.db.audioscrobbler import md5s
from webapi.db.lastfm import SessionOwner
from webapi.db.tokens import find_owner
from webapi.lastfm.method import Call
from webapi.parameters import MAX_NAME
from webapi.passwords import limit_attempts, user_of_password
from webapi.services import services


def user_of_log_in(call: Call, name: str) -> SessionOwner | None:
    """The user of that name whose `password`, or `authToken`, came along; None when it is not hers.

    Raises ApiError 429 for too many attempts of one address or at one name, StoreUnavailableError.
    """
    if len(name) > MAX_NAME:
        return None
    password = call.parameters.get("password")
    if password is None:
        return _user_of_proof(name, call.parameters.required("authToken"))
    user = user_of_password(name, password)
    if user is not None:
        return SessionOwner(user.id, user.name)
    return _user_of_token(name, password)


def _user_of_token(name: str, token: str) -> SessionOwner | None:
    """Who has no password here, or does not trust a player with it, gives it a token instead."""
    with services().pool.transaction() as cursor:
        owner = find_owner(cursor, token_digest(token))
    if owner is None or fold(owner.name) != fold(name):
        return None
    return SessionOwner(owner.user_id, owner.name, owner.token_id)


def _user_of_proof(name: str, proof: str) -> SessionOwner | None:
    """`authToken`, which older players send: md5(name + md5(secret)). Of a token we know the md5, of a password not.

    Last.fm's documents want the name in lower case, some players take it as it was typed.
    """
    limit_attempts(name)
    vault = services().vault
    with services().pool.transaction() as cursor:
        user = find_user(cursor, name)
        kept = md5s(cursor, user.id) if user is not None else []
    # Somebody without tokens takes as long as somebody with one.
    proven = [
        token_id
        for token_id, encrypted in kept or [(0, _nobodys_md5())]
        if (digest := vault.decrypt(encrypted)) is not None and _proves(proof, name, digest)
    ]
    return SessionOwner(user.id, user.name, proven[0]) if user is not None and proven else None


def _proves(proof: str, name: str, digest: str) -> bool:
    expected = [_md5(spelling + digest).encode() for spelling in (name, name.lower())]
    return any([compare_digest(proof.lower().encode(), one) for one in expected])  # noqa: C419 - both, always


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@cache
def _nobodys_md5() -> bytes:
    return services().vault.encrypt(token_md5(str(uuid4())))
