"""Answers of the protocol: lines of plain text, the first one a word that the player acts on."""

from collections.abc import Callable
from functools import wraps

from flask import Response

from conf.broker import BrokerUnavailableError
from conf.postgres import StoreUnavailableError
from webapi.errors import RETRY_AFTER, ApiError
from webapi.ratelimit import MESSAGE, Allowance

INVALID = "Invalid data submitted!"
SWITCHED_OFF = "AudioScrobbler 1.2 is switched off on this server"
TRY_LATER = "The server cannot take this now, please try again later."


class RefusedError(Exception):
    """An answer that is not OK: its line, its status, and the rate-limit headers where the limit is the reason."""

    def __init__(self, line: str, status: int, allowance: Allowance | None = None) -> None:
        super().__init__(line)
        self.line = line
        self.status = status
        self.allowance = allowance


def bad_auth() -> RefusedError:
    """No such user, or none of her tokens: which of the two is not said."""
    return RefusedError("BADAUTH", 401)


def bad_time() -> RefusedError:
    """The handshake's time is not now, or the handshake was used before."""
    return RefusedError("BADTIME", 401)


def bad_session() -> RefusedError:
    """The player has to shake hands again."""
    return RefusedError("BADSESSION", 401)


def failed(reason: str = INVALID) -> RefusedError:
    """The player keeps what it sent, and may send it again."""
    return RefusedError(f"FAILED {reason}", 400)


def over_limit(allowance: Allowance) -> RefusedError:
    """Too many requests; a player waits after FAILED."""
    return RefusedError(f"FAILED {MESSAGE}", 429, allowance)


def lines(*texts: str, status: int = 200) -> Response:
    """Each text on a line of its own. Never kept by a cache: a session id may be in it."""
    response = Response("".join(f"{text}\n" for text in texts), status=status, mimetype="text/plain")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def in_plain_text(view: Callable[[], Response]) -> Callable[[], Response]:
    """The view, with its refusals, and what is down, answered as the protocol answers."""

    @wraps(view)
    def answered() -> Response:
        try:
            return view()
        except RefusedError as refused:
            response = lines(refused.line, status=refused.status)
            if refused.allowance is not None:
                response.headers.update(refused.allowance.headers())
            return response
        except ApiError as problem:
            return lines(f"FAILED {problem.message}", status=problem.code)
        except (StoreUnavailableError, BrokerUnavailableError):
            response = lines(f"FAILED {TRY_LATER}", status=503)
            response.headers["Retry-After"] = RETRY_AFTER
            return response

    return answered
