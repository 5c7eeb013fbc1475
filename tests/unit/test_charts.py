"""Geometry of charts: heights in proportion, everything inside the plot, round numbers at its lines."""

from hypothesis import given
from hypothesis import strategies as st

from dumps.load.countries import ALPHA3
from webapi.charts import LEAST, Chart, Counted, columns, pieces, short, stacks, strip
from webapi.country_names import NAMES, country_name

counts = st.lists(st.integers(0, 10**9), min_size=1, max_size=400)


def counted(*listens: int) -> list[Counted]:
    return [Counted(f"n{place}", count) for place, count in enumerate(listens)]


def top_of(chart: Chart) -> int:
    """What the uppermost line stands for."""
    assert chart.lines[-1].at == 0
    text = chart.lines[-1].text.replace(",", "")
    factor = {"k": 1000, "M": 1_000_000}.get(text[-1], 1)
    return round(float(text.rstrip("kM")) * factor)


def test_a_column_is_as_high_as_its_count_beside_the_lines() -> None:
    chart = columns(counted(50, 0, 100, 25), [], ["a", "", "c", "d"])
    assert [(line.at, line.text) for line in chart.lines] == [(50, "50"), (0, "100")]
    assert [(box.title, box.y, box.height) for box in chart.boxes] == [
        ("n0: 50 listens", 50, 50), ("n2: 100 listens", 0, 100), ("n3: 25 listens", 75, 25),
    ]  # fmt: skip
    assert [(box.x, box.width) for box in chart.boxes] == [(2.5, 20), (52.5, 20), (77.5, 20)]
    assert [(label.at, label.text) for label in chart.labels] == [(12.5, "a"), (62.5, "c"), (87.5, "d")]


def test_the_period_before_stands_behind_and_is_wider() -> None:
    chart = columns(counted(1), [Counted("before", 2, "before"), Counted("later", 1, "before")], ["", ""])
    assert [box.series for box in chart.boxes] == ["before", "before", "now"]
    behind, _, front = chart.boxes
    assert behind.x < front.x
    assert front.x + front.width < behind.x + behind.width < 50


def test_numbers_beside_a_chart_are_short() -> None:
    assert [short(count) for count in (1, 5000, 10_000, 500_000, 1_500_000, 2 * 10**9)] == [
        "1", "5,000", "10k", "500k", "1.5M", "2000M",
    ]  # fmt: skip


def test_one_listen_is_one_listen() -> None:
    (box,) = columns(counted(1), [], ["x"]).boxes
    assert (box.title, box.height, box.y) == ("n0: 1 listen", 100, 0)
    assert columns([], [], []).boxes == []


@given(counts, counts)
def test_every_box_is_inside_and_none_that_counts_is_too_low_to_be_seen(now: list[int], before: list[int]) -> None:
    chart = columns(counted(*now), counted(*before), [str(n) for n in range(max(len(now), len(before)))])
    assert len(chart.boxes) == sum(1 for count in (*now, *before) if count)
    for box in chart.boxes:
        assert box.height >= LEAST
        assert box.x >= 0
        assert -1e-6 <= box.y <= 100 - LEAST + 1e-6
        assert box.x + box.width <= 100.01
        assert box.y + box.height <= 100.01
    assert 1 <= len(chart.lines) <= 4
    assert top_of(chart) >= max(*now, *before)
    assert len(chart.labels) <= 8


@given(st.lists(counts, min_size=1, max_size=20))
def test_a_stack_has_no_gaps_and_is_as_high_as_its_sum(columns_of: list[list[int]]) -> None:
    chart = stacks([counted(*column) for column in columns_of], [""] * len(columns_of))
    top = top_of(chart)
    boxes = iter(chart.boxes)
    for column in columns_of:
        below = 0
        for count in filter(None, column):
            box = next(boxes)
            assert abs(100 - box.y - box.height - 100 * below / top) < 0.02
            assert box.height == LEAST or abs(box.height - 100 * count / top) < 0.02
            below += count


def test_pieces_lie_beside_each_other() -> None:
    assert [(box.x, box.width) for box in pieces(counted(10, 30), 80)] == [(0, 12.5), (12.5, 37.5)]
    assert pieces(counted(0), 0)[0].width == 0


def test_a_strip_is_the_stronger_the_more_was_heard_and_a_single_listen_is_seen() -> None:
    cells = strip(counted(0, 1, 500, 1000), 1000)
    assert [cell.x for cell in cells] == [0, 25, 50, 75]
    assert cells[0].strength == 0
    assert 0.1 < cells[1].strength < cells[2].strength < cells[3].strength == 1


def test_every_country_that_the_lake_may_hold_has_a_name() -> None:
    assert set(NAMES) == set(ALPHA3.values())
    assert len(set(NAMES.values())) == len(NAMES)
    assert [country_name(code) for code in ("ISL", "XKX", "ZZZ")] == ["Iceland", "Kosovo", "ZZZ"]
