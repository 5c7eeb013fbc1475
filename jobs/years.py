"""Years of the year in music: which there are, and how what is stored of one is called. Spark-free.

A section of the report is a statistic, and the year is its range: a row of `run` says which run serves that section of
that year, a row of `result_document` what it says to one user. So a section is stored once, can be asked for alone
without reading the others, and leaves with its user as every statistic does. One document per user with all sections
was not taken: a request for one section would have to rewrite what the others say. That the sections of one run
become visible together is said by the run (jobs/messages.py Manifest.together).
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from jobs.job import InvalidRequestError, Param
from jobs.ranges import FIRST_DAY
from jobs.spans import Span

FIRST_YEAR = FIRST_DAY.year
YEAR = Param(
    "year",
    kind=int,
    minimum=FIRST_YEAR,
    maximum=9998,
    about="which year; without it the one that the clock (UTC) is in",
)


def range_of(year: int) -> str:
    """The range, as results are stored by: the year in digits. No range of jobs/ranges.py looks so."""
    return str(year)


def days_of(year: int) -> Span:
    """Its days, on whatever clock."""
    return Span(date(year, 1, 1), date(year + 1, 1, 1))


def current_year(now: float) -> int:
    """The last year there is a report of. `now`: epoch seconds; in UTC."""
    return datetime.fromtimestamp(now, UTC).year


def year_asked(params: Mapping[str, Any], now: float) -> int:
    """The year that a request is of; without one, that it is now.

    Raises InvalidRequestError for a year to come, naming those there are.
    """
    year, last = params.get(YEAR.name), current_year(now)
    if year is None:
        return last
    if year > last:
        raise InvalidRequestError(f"year={year}: expected {FIRST_YEAR} to {last}, the year it is now")
    return int(year)
