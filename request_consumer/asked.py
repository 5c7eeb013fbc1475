"""What a request asks for, said in one way, so that the same request is known again in whatever words it came."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from jobs.catalog import catalog
from jobs.years import YEAR, year_asked


@dataclass(frozen=True)
class Asked:
    """A request, whether anything can run it or not."""

    query: str
    params: Mapping[str, Any]
    """As they are told: in their types, with their defaults."""
    key: str
    """What requests that are the same have in common: the params that change what is made, as canonical JSON."""


def asked_for(query: str, params: Mapping[str, Any], now: float | None = None) -> Asked:
    """A request of these params at `now` (epoch seconds; left out, this moment), which says a year that they leave out.

    Raises UnknownJobError and InvalidRequestError.
    """
    jobs, checked = catalog().check(query, params)
    if jobs[0].of_year:
        checked[YEAR.name] = year_asked(checked, time.time() if now is None else now)
    said = {name: value for name, value in checked.items() if value is not None}
    ignored = {param.name for param in catalog().params(query) if param.ignored}
    return Asked(query, said, json_text({name: value for name, value in said.items() if name not in ignored}))


def json_text(params: Mapping[str, Any]) -> str:
    """Canonical JSON, without what PostgreSQL does not keep."""
    return orjson.dumps(dict(params), option=orjson.OPT_SORT_KEYS).decode().replace("\\u0000", "")
