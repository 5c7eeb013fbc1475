"""The invented listens of the demo."""

import pytest

from commands.demo import LISTENS, SEED, USERS
from dumps.generator import make_sample
from jobs.ranges import STATS_RANGES, parse_instant, periods


@pytest.mark.parametrize("day", ["2026-11-28", "2027-01-01", "2027-03-01", "2027-07-05", "2028-02-29"])
def test_the_first_user_has_listens_in_every_range(day: str) -> None:
    listens = make_sample(SEED, USERS, LISTENS, until=parse_instant(day)).listens
    newest = max(listen["listened_at"] for heard in listens.values() for listen in heard)
    first = [listen["listened_at"] for listen in next(iter(listens.values()))]
    counts = [sum(period.from_ts <= at < period.until_ts for at in first) for period in periods(newest)]
    assert min(counts) >= 3, dict(zip(STATS_RANGES, counts, strict=True))
