"""Which recordings are in a periodic playlist, when it is made, and for which day."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.engines.jams import DAY, JAMS, LENGTH, Candidate, LocalDay, chosen, day_for, day_of, is_made

MONDAY = LocalDay(date(2026, 11, 30), int(datetime(2026, 11, 30, tzinfo=UTC).timestamp()))
TUESDAY = LocalDay(date(2026, 12, 1), MONDAY.begins + DAY)


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def candidates(count: int, latest: int | None = None) -> list[Candidate]:
    """Each by an artist of its own, the first with the greatest score."""
    return [Candidate(f"recording {n}", float(-n), latest, [f"artist {n}"]) for n in range(count)]


@pytest.mark.parametrize(
    ("slug", "ago", "fits"),
    [
        ("weekly-jams", None, False),
        ("weekly-jams", 60 * DAY, False),
        ("weekly-jams", 60 * DAY + 1, True),
        ("weekly-exploration", None, True),
        ("weekly-exploration", 1000 * DAY, False),
        ("daily-jams", None, False),
        ("daily-jams", 7 * DAY, False),
        ("daily-jams", 7 * DAY + 1, True),
        ("daily-jams", -5, False),
    ],
)
def test_a_recording_fits_by_when_it_was_last_heard(slug: str, ago: int | None, fits: bool) -> None:
    found = chosen(JAMS[slug], 1, MONDAY, candidates(1, None if ago is None else MONDAY.begins - ago))
    assert found == ["recording 0"] * fits


def test_the_best_fifty_are_in_daily_jams_and_any_fifty_in_weekly_ones() -> None:
    best = {f"recording {n}" for n in range(LENGTH)}
    daily = chosen(JAMS["daily-jams"], 1, MONDAY, candidates(200, 0))
    weekly = chosen(JAMS["weekly-jams"], 1, MONDAY, candidates(200, 0))
    assert set(daily) == best
    assert (len(weekly), len(set(weekly))) == (LENGTH, LENGTH)
    assert set(weekly) != best
    assert daily != sorted(daily), "not by score, nor by name"


def test_chance_is_of_user_recording_and_day() -> None:
    jam, several = JAMS["weekly-exploration"], candidates(60)
    first = chosen(jam, 1, MONDAY, several)
    assert chosen(jam, 1, MONDAY, several[::-1]) == first
    assert chosen(jam, 2, MONDAY, several) != first
    assert chosen(jam, 1, TUESDAY, several) != first


def test_an_artist_has_two_recordings_at_most_the_best_ones() -> None:
    several = [
        Candidate("a1", 1.0, None, ["a"]),
        Candidate("ab", 5.0, None, ["a", "b"]),
        Candidate("a3", 3.0, None, ["a"]),
        Candidate("a2", 2.0, None, ["a"]),
        Candidate("b1", 0.5, None, ["b", "b"]),
        Candidate("b0", 0.1, None, ["b"]),
    ]
    assert set(chosen(JAMS["weekly-exploration"], 1, MONDAY, several)) == {"ab", "a3", "b1"}


@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.lists(st.sampled_from("abcdef"), min_size=1, max_size=3)),
        max_size=40,
    ),
    st.sampled_from([*JAMS]),
)
def test_no_artist_is_ever_there_more_than_twice_and_no_recording_twice(
    rows: list[tuple[int, list[str]]], slug: str
) -> None:
    latest = None if slug == "weekly-exploration" else 0
    several = [Candidate(str(n), float(score), latest, artists) for n, (score, artists) in enumerate(rows)]
    found = chosen(JAMS[slug], 1, MONDAY, several)
    artists = Counter(artist for one in found for artist in set(several[int(one)].artists))
    assert max(artists.values(), default=0) <= 2
    assert len(found) == len(set(found))
    assert bool(found) == bool(rows)


@pytest.mark.parametrize(
    ("slug", "at", "zone", "begins"),
    [
        ("daily-jams", "2026-12-01T00:00:00+00:00", "UTC", "2026-12-01T00:00:00+00:00"),
        ("daily-jams", "2026-12-01T23:59:59+00:00", "UTC", "2026-12-01T00:00:00+00:00"),
        ("daily-jams", "2026-11-30T23:59:59+00:00", "UTC", "2026-11-30T00:00:00+00:00"),
        ("daily-jams", "2026-11-30T18:20:00+00:00", "Asia/Kathmandu", "2026-12-01T00:00:00+05:45"),
        ("weekly-jams", "2026-11-30T00:30:00+00:00", "UTC", "2026-11-30T00:00:00+00:00"),
        ("weekly-jams", "2026-12-06T23:59:59+00:00", "UTC", "2026-11-30T00:00:00+00:00"),
        ("weekly-jams", "2026-11-29T23:59:59+00:00", "UTC", "2026-11-23T00:00:00+00:00"),
        ("weekly-exploration", "2026-11-29T11:30:00+00:00", "Pacific/Auckland", "2026-11-30T00:00:00+13:00"),
        ("weekly-jams", "2026-10-26T12:00:00+00:00", "Europe/London", "2026-10-26T00:00:00+00:00"),
        ("weekly-jams", "2026-10-25T12:00:00+00:00", "Europe/London", "2026-10-19T00:00:00+01:00"),
    ],
)
def test_one_is_for_the_day_or_the_week_that_it_is_on_the_users_clock(
    slug: str, at: str, zone: str, begins: str
) -> None:
    found = day_for(JAMS[slug], moment(at), zone)
    assert found == LocalDay(date.fromisoformat(begins[:10]), int(moment(begins)))


@pytest.mark.parametrize(
    ("slug", "days", "made"),
    [
        ("daily-jams", [], False),
        ("daily-jams", [date(2026, 11, 29), date(2026, 12, 1)], False),
        ("daily-jams", [date(2026, 11, 29), date(2026, 11, 30)], True),
        ("weekly-jams", [date(2026, 11, 29), date(2026, 12, 7)], False),
        ("weekly-jams", [date(2026, 11, 30)], True),
        ("weekly-jams", [date(2026, 12, 6)], True),
    ],
)
def test_a_day_has_one_of_that_day_and_a_week_has_one_of_any_day_of_it(slug: str, days: list[date], made: bool) -> None:
    assert is_made(JAMS[slug], MONDAY, days) is made


def test_a_day_begins_where_the_clock_says_so() -> None:
    found = day_of(moment("2026-11-30T18:20:00+00:00"), "Asia/Kathmandu")
    assert found == LocalDay(date(2026, 12, 1), int(moment("2026-12-01T00:00:00+05:45")))
