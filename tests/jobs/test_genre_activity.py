"""Genres by hour on Spark: ten an hour in a total order, identity of the user's own mapping, local hours."""

import pytest

from tests.jobs.clock_lake import BERLIN, KATHMANDU, LONDON, MAPPER, Clock
from tests.jobs.served import Payloads

pytestmark = pytest.mark.spark


def cells(served: Payloads, key: int, stats_range: str) -> list[tuple[str, int, int]]:
    found = served["user_genre_activity", stats_range, key]["genre_activity"]
    return [(cell["genre"], cell["hour"], cell["listen_count"]) for cell in found]


def test_an_hour_keeps_the_ten_most_heard_ties_the_greatest_by_bytes(clock: Clock) -> None:
    found = cells(clock.served, LONDON, "all_time")
    by_hour = {hour: [(genre, count) for genre, at, count in found if at == hour] for hour in (0, 8, 23)}

    # At 8 twelve styles, rock and Élan, once each: É goes behind all letters.
    assert by_hour[8] == [*((f"style {number:02}", 1) for number in range(3, 12)), ("Élan", 1)]
    # At 0 the styles twice.
    assert by_hour[0] == [(f"style {number:02}", 2) for number in range(2, 12)]
    assert by_hour[23] == by_hour[8]
    assert len(found) == 30
    assert found == sorted(found, key=lambda cell: (cell[0].encode(), cell[1]))


def test_hours_are_those_of_the_user(clock: Clock) -> None:
    assert cells(clock.served, KATHMANDU, "all_time") == [
        ("rock", 0, 1),
        ("rock", 23, 1),
        ("Élan", 0, 1),
        ("Élan", 23, 1),
    ]
    assert cells(clock.served, -KATHMANDU, "all_time") == [("rock", 18, 2), ("Élan", 18, 2)]
    assert {hour for _, hour, _ in cells(clock.served, BERLIN, "all_time")} == {0, 2}


def test_the_users_own_mapping_decides(clock: Clock) -> None:
    assert cells(clock.served, MAPPER, "all_time") == [("jazz", 10, 1), ("jazz", 12, 1)]


def test_without_genres_there_is_no_answer(clock: Clock) -> None:
    assert ("user_genre_activity", "month", LONDON) not in clock.served
    assert ("user_listening_activity", "month", LONDON) in clock.served
