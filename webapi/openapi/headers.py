"""Headers of answers that more than one operation sends, as components of the document."""

from typing import Any

from webapi.ratelimit import EXPOSED

_COUNT = {"type": "integer", "minimum": 0}


def _header(about: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    return {"description": about, "required": required, "schema": schema}


HEADERS: dict[str, dict[str, Any]] = {
    "X-RateLimit-Limit": _header("Requests that this client has in one window.", _COUNT),
    "X-RateLimit-Remaining": _header("Requests that are left in this window.", _COUNT),
    "X-RateLimit-Reset": _header("When the next window begins, in seconds since the epoch, UTC.", _COUNT),
    "X-RateLimit-Reset-In": _header("Seconds until the next window begins.", _COUNT),
    "Access-Control-Expose-Headers": _header(
        "Lets scripts of other sites read the rate limit.", {"type": "string", "const": EXPOSED}
    ),
    "Access-Control-Allow-Origin": _header(
        "Scripts of any site may read the answer.", {"type": "string", "const": "*"}
    ),
    "Access-Control-Allow-Methods": _header("Methods of this path.", {"type": "string"}),
    "Access-Control-Allow-Headers": _header(
        "Headers that scripts may send.", {"type": "string", "const": "Authorization, Content-Type"}
    ),
    "Access-Control-Max-Age": _header(
        "Seconds for which a browser may remember all this.", {"type": "integer", "const": 21600}
    ),
    "Cache-Control": _header("Answers are for this client only.", {"type": "string", "pattern": "^private"}),
    "Retry-After": _header("Seconds after which to try again.", _COUNT),
    "Allow": _header("Methods of this path.", {"type": "string"}),
    "ETag": _header("Names this version of the answer; give it back as If-None-Match.", {"type": "string"}),
}

CORS = (
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Max-Age",
    "Cache-Control",
)
"""On every answer below /1."""
LIMITS = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-Reset-In",
    "Access-Control-Expose-Headers",
)
"""On every answer below /1 but those to OPTIONS."""


def refer(*names: str) -> dict[str, dict[str, str]]:
    """These headers, as references to the components."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
