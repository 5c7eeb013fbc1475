"""The invented listens of the demo: two years of them when it first runs, on a later day those of the days since.

Nothing of what is in is replaced, so that whatever people have added stays too; what is new fills the ranges that have
moved on. A calendar range is either one of those that a run of the demo has filled, or holds the last day before one.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

DAY = 86_400
SEED, USERS, LISTENS = 8, 5, 6000
"""With this seed the first user has listens in every range of the statistics, and on the last day but one, whatever the
date; on the last day nobody has any. So that one is left out: of a week, month or year that began yesterday, yesterday
is all there is."""


@dataclass(frozen=True)
class Coming:
    """What is not in yet."""

    listens: dict[str, list[dict[str, Any]]]
    """In API form by user; every user is there, who has nothing new with none."""
    metadata: Path
    """The folder of what MusicBrainz would say of the music."""
    until: int
    """The midnight UTC before which all of them were played, epoch seconds."""

    @property
    def count(self) -> int:
        """How many listens."""
        return sum(map(len, self.listens.values()))


def coming(folder: Path, now: float) -> Coming:
    """The listens of the two years before the last midnight, UTC, without those that are in. `now`: epoch seconds."""
    from dumps.generator import make_sample  # here: it brings numpy and pyarrow, which every part would carry
    from dumps.generator.files import write_tables

    since, until = sample_end(folder), int(now) // DAY * DAY
    made = make_sample(SEED, USERS, LISTENS, until=until + DAY)
    write_tables(folder / "metadata", made.metadata)
    listens = {
        name: [listen for listen in heard if (since or 0) <= listen["listened_at"] < until]
        for name, heard in made.listens.items()
    }
    return Coming(listens, folder / "metadata", until)


def sample_end(folder: Path) -> int | None:
    """The midnight before which listens are in, epoch seconds; None: none are."""
    kept = _kept(folder)
    return int(kept.read_text()) if kept.exists() else None


def note_sample(folder: Path, sample: Coming) -> None:
    """They are in: from here on only later ones come. Until this is noted, all come again, which changes nothing."""
    _kept(folder).write_text(str(max(sample.until, sample_end(folder) or 0)))


def _kept(folder: Path) -> Path:
    return folder / "sample_end"
