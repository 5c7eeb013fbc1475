"""Geometry of charts, drawn by templates/charts.html as SVG.

Places and sizes are percent of the plot, from its top left, so that a chart has the width of its page and its text the
reader's size: nothing is scaled, and no script is needed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

MOST_LABELS = 8
"""Under a chart: so many fit on a phone."""
MOST_LINES = 4
"""Across a chart."""
LONGEST = 100
"""Characters of a name in a title."""
GAP = 0.2
"""Of the place of a column: between it and the next."""
LEAST = 0.8
"""Height of the lowest box that stands for anything: lower ones could not be seen."""


@dataclass(frozen=True)
class Mark:
    """A text at a place: under a column, or at a line across."""

    at: float
    text: str


@dataclass(frozen=True)
class Box:
    """A rectangle, and what it says of itself when pointed at."""

    x: float
    y: float
    width: float
    height: float
    title: str
    series: str
    """CSS class: its colour."""


@dataclass(frozen=True)
class Chart:
    """Boxes, the lines across with their numbers, and the texts under the columns."""

    boxes: list[Box]
    lines: list[Mark]
    labels: list[Mark]


@dataclass(frozen=True)
class Cell:
    """A piece of a strip."""

    x: float
    width: float
    strength: float
    """Opacity, 0 to 1."""
    title: str


@dataclass(frozen=True)
class Counted:
    """What a box or a cell stands for."""

    name: str
    listen_count: int
    series: str = "now"

    @property
    def title(self) -> str:
        """As shown when pointed at; of a long name its beginning."""
        name = self.name if len(self.name) <= LONGEST else f"{self.name[: LONGEST - 1]}…"
        return f"{name}: {said(self.listen_count)}"


def said(listen_count: int) -> str:
    """`1 listen`, `4,120 listens`."""
    return f"{listen_count:,} listen{'' if listen_count == 1 else 's'}"


def short(count: int) -> str:
    """A round number beside a chart: `5,000`, `20k`, `1.5M`."""
    if count < 10_000:
        return f"{count:,}"
    return f"{count / 1000:g}k" if count < 1_000_000 else f"{count / 1_000_000:g}M"


def columns(now: Sequence[Counted], before: Sequence[Counted], labels: Sequence[str]) -> Chart:
    """A column each, those of `before` wider and behind them: the first with the first. As many labels as columns."""
    places = max(len(now), len(before))
    top, lines = _scale([counted.listen_count for counted in (*now, *before)])
    boxes = [
        _standing(_column(place, places, gap), counted, 0, top)
        for counts, gap in ((before, GAP / 4), (now, GAP if not before else 2 * GAP))
        for place, counted in enumerate(counts)
        if counted.listen_count
    ]
    return Chart(boxes, lines, _labels(labels))


def stacks(columns_of: Sequence[Sequence[Counted]], labels: Sequence[str]) -> Chart:
    """Columns of boxes, the first at the bottom."""
    top, lines = _scale([sum(counted.listen_count for counted in column) for column in columns_of])
    boxes = []
    for place, column in enumerate(columns_of):
        across = _column(place, len(columns_of), GAP)
        beneath = accumulate((counted.listen_count for counted in column), initial=0)
        boxes += [
            _standing(across, counted, below, top)
            for counted, below in zip(column, beneath, strict=False)
            if counted.listen_count
        ]
    return Chart(boxes, lines, _labels(labels))


def pieces(counts: Sequence[Counted], whole: int) -> list[Box]:
    """Boxes beside each other on one bar, whose full width is `whole`."""
    beneath = accumulate((counted.listen_count for counted in counts), initial=0)
    return [
        Box(share(left, whole), 0, share(counted.listen_count, whole), 100, counted.title, counted.series)
        for counted, left in zip(counts, beneath, strict=False)
    ]


def strip(counts: Sequence[Counted], most: int) -> list[Cell]:
    """Cells of equal width, the stronger the nearer to `most`."""
    width = 100 / len(counts)
    return [
        Cell(round(place * width, 3), round(width, 3), _strength(counted.listen_count, most), counted.title)
        for place, counted in enumerate(counts)
    ]


def weeks(days: Sequence[Counted], first_weekday: int) -> list[list[Cell]]:
    """A row of cells per weekday, Monday first, each a week beside the last, the stronger the nearer to the most.

    `days`: one after the other, the first on `first_weekday`, 0 for Monday.
    """
    most = max((day.listen_count for day in days), default=0)
    width = 100 / max(1, -(-(first_weekday + len(days)) // 7))
    rows: list[list[Cell]] = [[] for _ in range(7)]
    for place, day in enumerate(days, first_weekday):
        left, strength = round(place // 7 * width, 3), _strength(day.listen_count, most)
        rows[place % 7].append(Cell(left, round(width * (1 - GAP / 2), 3), strength, day.title))
    return rows


def share(part: int, whole: int) -> float:
    """In percent; 0 of nothing."""
    return round(100 * part / whole, 2) if whole else 0.0


def _strength(listen_count: int, most: int) -> float:
    """A single listen is seen beside a thousand."""
    return round(0.12 + 0.88 * listen_count / most, 3) if listen_count else 0.0


def _column(place: int, places: int, gap: float) -> tuple[float, float]:
    """(x, width)."""
    width = 100 / places
    return round((place + gap / 2) * width, 3), round(width * (1 - gap), 3)


def _standing(across: tuple[float, float], counted: Counted, beneath: int, top: int) -> Box:
    height = max(LEAST, share(counted.listen_count, top))
    return Box(
        across[0], round(100 - share(beneath, top) - height, 3), across[1], height, counted.title, counted.series
    )


def _scale(counts: Sequence[int]) -> tuple[int, list[Mark]]:
    """What the full height stands for, and the lines at round numbers up to it."""
    most = max(counts, default=0) or 1
    step = next(
        factor * 10**power
        for power in range(len(str(most)))
        for factor in (1, 2, 5)
        if factor * 10**power * MOST_LINES >= most
    )
    top = -(-most // step) * step
    return top, [Mark(round(100 - share(at, top), 3), short(at)) for at in range(step, top + 1, step)]


def _labels(texts: Sequence[str]) -> list[Mark]:
    """As many as fit, evenly."""
    width = 100 / max(1, len(texts))
    marks = [((place + 0.5) * width, text) for place, text in enumerate(texts) if text]
    kept = marks[:: -(-len(marks) // MOST_LABELS) or 1]
    return [Mark(round(at, 3), text) for at, text in kept]
