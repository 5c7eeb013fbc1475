"""Windows and answers of the statistics of the clock, beside the oracle: no Spark, so that many moments are quick.

What is stored between the two is made here in plain Python, as jobs/stats says it: cells that are not zero.
"""

import random
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime

import pytest

from jobs.clock import DAILY, MONTHLY, activity, activity_bounds
from jobs.ranges import STATS_RANGES, activity_slots, range_slots, window_masks
from jobs.stats import daily_activity
from tests.oracle import activities
from tests.oracle.histories import NIGHTS, ZONES
from tests.oracle.identity import About
from tests.oracle.plays import Play
from tests.oracle.windows import activity_window, epoch, wall_clock, window
from tests.oracle.worked import track

TRACK, NOTHING = track(), About(None, None, ())
EPOCH, FIRST_DAY = datetime(1970, 1, 1), date(1970, 1, 1)
SKIPPING_MIDNIGHT = ("America/Sao_Paulo", "Pacific/Apia", "Asia/Beirut")


def moments(seed: int, count: int) -> Iterator[tuple[int, str, list[Play]]]:
    """T near something that turns, a zone, and what was played there before."""
    chance = random.Random(seed)  # noqa: S311 - test data
    for _ in range(count):
        zone, night = chance.choice(ZONES + SKIPPING_MIDNIGHT), datetime.fromisoformat(chance.choice(NIGHTS))
        newest = epoch(night, chance.choice(ZONES)) + chance.choice((0, -1, 1, 5000, 86000))
        ago = (0, 1, 3600, chance.randint(0, 86400 * 3), chance.randint(0, 86400 * 40), chance.randint(0, 86400 * 900))
        yield newest, zone, [Play(wall_clock(newest - s, zone), TRACK, NOTHING, None, None) for s in ago]


def seconds(play: Play) -> int:
    return int((play.shown - EPOCH).total_seconds())


def mask_of(play: Play, newest: int, zone: str) -> int:
    stretches = window_masks(wall_clock(newest, zone).date())
    return next((mask for first, mask in reversed(stretches) if first <= seconds(play)), 0)


def bucket_of(stats_range: str, play: Play) -> int:
    day = play.shown.date()
    if stats_range in MONTHLY:
        day = day.replace(day=1)
    elif stats_range not in DAILY:
        day = day.replace(month=1, day=1)
    return (day - FIRST_DAY).days


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 20))]


@pytest.mark.parametrize("seed", SEEDS)
def test_listening_activity(seed: int) -> None:
    for newest, zone, plays in moments(seed, 200):
        slots = [(play, activity_slots(mask_of(play, newest, zone))) for play in plays]
        for slot, name in enumerate(STATS_RANGES):
            shown = activity_window(name, newest, zone)
            inside = [play for play in plays if shown.holds(play.shown)]
            assert [play for play, of in slots if slot in of] == inside
            assert activity_bounds(name, newest, zone) == (shown.from_ts(zone), shown.to_ts(zone, newest))
            if inside:
                stored = sorted(Counter(bucket_of(name, play) for play in inside).items())
                found = activity([list(cell) for cell in stored], name, newest, zone)
                assert found == activities.listening_activity(inside, name, newest, zone)


@pytest.mark.parametrize("seed", SEEDS)
def test_daily_activity(seed: int) -> None:
    for newest, zone, plays in moments(seed, 200):
        slots = [(play, range_slots(mask_of(play, newest, zone))) for play in plays]
        for slot, name in enumerate(STATS_RANGES):
            inside = [play for play in plays if window(name, newest, zone).holds(play.shown)]
            assert [play for play, of in slots if slot in of] == inside
            if inside:
                hours = Counter((seconds(play) // 3600 + 72) % 168 for play in inside)
                found = daily_activity.answer([list(cell) for cell in sorted(hours.items())], name, newest, zone)
                assert found == activities.daily_activity(inside)
