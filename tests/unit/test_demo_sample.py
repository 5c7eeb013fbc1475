"""The invented listens of the demo: the first user has enough in every range, whatever day it runs, or runs again."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from commands.demo_sample import DAY, LISTENS, USERS, coming, note_sample, sample_end
from jobs.ranges import STATS_RANGES, parse_instant, periods

NOON = DAY // 2
Key = tuple[str, int, str]


def submitted(folder: Path, day: str, *, interrupted: bool = False) -> list[Key]:
    """What a run of the demo at noon of a day submits: (user, listened_at, track)."""
    sample = coming(folder, parse_instant(day) + NOON)
    found = [
        (name, listen["listened_at"], listen["track_metadata"]["track_name"])
        for name, heard in sample.listens.items()
        for listen in heard
    ]
    assert (len(sample.listens), sample.count) == (USERS, len(found))
    if not interrupted:
        note_sample(folder, sample)
    return found


def check_ranges(listens: Sequence[Key], day: str) -> None:
    """The first user has some in every range: by the newest listen, and all day long."""
    midnight, first_user = parse_instant(day), listens[0][0]
    first = [at for name, at, _ in listens if name == first_user]
    for moment in (max(at for _, at, _ in listens), midnight, midnight + DAY - 1):
        counts = [sum(period.from_ts <= at < period.until_ts for at in first) for period in periods(moment)]
        assert min(counts) >= 3, (day, moment, dict(zip(STATS_RANGES, counts, strict=True)))


@pytest.mark.parametrize(
    "day",
    [
        *(f"2026-11-{number}" for number in range(23, 30)),  # Monday to Sunday
        "2026-12-01", "2026-12-02", "2027-01-01", "2027-01-02", "2027-03-01", "2027-07-05", "2028-02-29",
    ],
)  # fmt: skip
def test_the_first_user_has_listens_in_every_range(day: str, tmp_path: Path) -> None:
    found = submitted(tmp_path, day)
    assert len(found) >= LISTENS - 100
    check_ranges(found, day)


@pytest.mark.parametrize(
    "later",
    [
        ("2026-11-25",),  # the day after
        ("2026-12-01",),  # a Tuesday: of its week there is Monday alone
        ("2026-12-02", "2027-01-02"),
        ("2026-11-27", "2026-11-28", "2026-11-29", "2026-11-30", "2026-12-01", "2026-12-02", "2026-12-03"),
        ("2027-02-10", "2027-06-30", "2027-07-01", "2028-01-02"),
        ("2031-05-06",),
    ],
)
def test_on_a_later_day_only_what_came_since_is_new_and_every_range_is_filled_again(
    later: tuple[str, ...], tmp_path: Path
) -> None:
    there, end = submitted(tmp_path, "2026-11-24"), parse_instant("2026-11-24")
    for day in later:
        new = submitted(tmp_path, day)
        assert new
        assert all(end <= at < parse_instant(day) for _, at, _ in new), "what is in does not come again, nor changes"
        there, end = there + new, parse_instant(day)
        check_ranges(there, day)


def test_on_the_same_day_nothing_comes_again_unless_the_first_run_was_interrupted(tmp_path: Path) -> None:
    first = submitted(tmp_path, "2026-11-24", interrupted=True)
    assert sample_end(tmp_path) is None
    assert submitted(tmp_path, "2026-11-24") == first
    assert submitted(tmp_path, "2026-11-24") == []


def test_a_clock_that_goes_back_brings_nothing_twice(tmp_path: Path) -> None:
    submitted(tmp_path, "2026-11-24")
    assert submitted(tmp_path, "2026-11-20") == []
    assert sample_end(tmp_path) == parse_instant("2026-11-24")
