"""Fresh releases as jobs.md 11 has them, counted in plain Python.

Choices: the window is 90 days before and after today, UTC, both included; a day that no calendar has is none. A listen
counts once for every artist of it that the release names; where it has none, for those of its recording. What an artist
whom the user excludes is part of, by MBID, by a name of its own or by the whole credit's, is not hers. Order:
confidence descending, ties the greater MBID.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from tests.oracle.statistics import Oracle
from tests.oracle.world import PLAIN, Mbid

WINDOW = 90


@dataclass(frozen=True)
class Coming:
    """A row of the table `releases`."""

    release_mbid: Mbid
    release_name: str
    artist_credit_name: str
    artist_mbids: tuple[Mbid, ...]
    release_date: str
    release_group_mbid: Mbid
    release_group_primary_type: str | None = None
    release_group_secondary_type: str | None = None
    release_tags: tuple[str, ...] | None = None
    listen_count: int | None = None
    caa_id: int | None = None
    caa_release_mbid: Mbid | None = None

    @property
    def day(self) -> date | None:
        try:
            return date.fromisoformat(self.release_date)
        except ValueError:
            return None


def fresh(now: float, releases: Iterable[Coming]) -> list[Coming]:
    """Those in the window about a moment (epoch seconds)."""
    today = datetime.fromtimestamp(now, UTC).date()
    return [one for one in releases if one.day is not None and abs((one.day - today).days) <= WINDOW]


def of_user(
    oracle: Oracle, user_id: int, releases: Iterable[Coming], now: float, threshold: int = 0
) -> list[tuple[int, Mbid]]:
    """(confidence, release) of those whose artists she has heard; oracle: of the listens that count."""
    heard = Counter(mbid for play in oracle.plays(user_id) for mbid in set(oracle.facts.artist_mbids(play.about)))
    left_out = oracle.world.settings.get(user_id, PLAIN).exclusions
    found = [
        (sum(heard[mbid] for mbid in set(one.artist_mbids)), one.release_mbid)
        for one in fresh(now, releases)
        if not oracle._plays.leaves_out(left_out, one.artist_credit_name, one.artist_mbids)
    ]
    return sorted([one for one in found if one[0] and one[0] >= threshold], reverse=True)
