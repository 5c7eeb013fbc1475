"""Errors of the Last.fm API: a code of its own inside an answer with status 200."""

INVALID_METHOD = 3
INVALID_TOKEN = 4
INVALID_PARAMETERS = 6
UNKNOWN_USER = 7
INVALID_SESSION = 9
INVALID_API_KEY = 10
INVALID_SIGNATURE = 13
UNAUTHORIZED_TOKEN = 14
EXPIRED_TOKEN = 15
UNAVAILABLE = 16
RATE_LIMIT = 29

TEXTS = {
    INVALID_METHOD: "Invalid Method - No method with that name in this package",
    INVALID_TOKEN: "Invalid Token - Invalid authentication token supplied",
    INVALID_PARAMETERS: "Invalid parameters - Your request is missing a required parameter",
    UNKNOWN_USER: "Invalid resource specified - There is no user of that name",
    INVALID_SESSION: "Invalid session key - Please re-authenticate",
    INVALID_API_KEY: "Invalid API key - Any text of 1 to 255 characters is one",
    INVALID_SIGNATURE: "Invalid method signature supplied",
    UNAUTHORIZED_TOKEN: "Unauthorized Token - This token has not been authorized",
    EXPIRED_TOKEN: "This token has expired",
    UNAVAILABLE: "The service is temporarily unavailable, please try again.",
    RATE_LIMIT: "Rate limit exceeded - Too many calls for this user in a short time, please try again later",
}


class LastfmError(Exception):
    """A call that failed: the protocol's code, and its text unless a better one is given."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(message or TEXTS[code])
        self.code = code
        self.message = message or TEXTS[code]


def missing(name: str) -> LastfmError:
    """A required parameter that is not there."""
    return LastfmError(INVALID_PARAMETERS, f"{TEXTS[INVALID_PARAMETERS]}: {name}")


def post_needed() -> LastfmError:
    """A call by GET of what is called by POST only: the contract's code, whose text alone would make people wait."""
    return LastfmError(UNAVAILABLE, f"{TEXTS[UNAVAILABLE]} It is called by POST only.")


def unusable(name: str, expected: str) -> LastfmError:
    """A parameter that is there and cannot be used."""
    return LastfmError(INVALID_PARAMETERS, f"Invalid parameters - {name}: expected {expected}")
