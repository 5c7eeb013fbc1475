"""Headers that let pages of every other site call the API: it reads no cookie, so there is nothing to protect."""

from functools import cache

from webapi.ratelimit import EXPOSED

Headers = list[tuple[str, str]]


def open_headers(allowed_methods: str, *, limited: bool) -> Headers:
    """Of an answer of an address that takes these methods; `limited`: it says how much of a rate limit is left."""
    headers = [
        ("Access-Control-Allow-Origin", "*"),
        ("Access-Control-Allow-Methods", allowed_methods),
        ("Access-Control-Allow-Headers", "Authorization, Content-Type"),
        ("Access-Control-Max-Age", "21600"),
        ("X-Content-Type-Options", "nosniff"),
    ]
    return [*headers, ("Access-Control-Expose-Headers", EXPOSED)] if limited else headers


@cache
def listed(methods: frozenset[str]) -> str:
    """As a header has them."""
    return ", ".join(sorted(methods))
