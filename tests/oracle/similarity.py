"""Similarity of recordings and of artists, counted in plain Python one pair of listens at a time: jobs.md 9.

Nothing here imports what it judges. Choices where the reference is open, or a fault of the original is not repeated:

 1. A session ends where more than `session` seconds pass between the end of a listen and the next; a listen is skipped
    when the next begins more than `skip` seconds before its end. A user's last listen is not skipped.
 2. Every listen counts for sessions and skips, whatever is known of it. Listens of one second are ordered by recording.
 3. Recordings that share an artist are no pair. Nor are artists of listens with the same credit.
 4. A pair of listens scores 1 for their recordings, and for each pair of their artists the product of the weights: a
    quarter for artists that are featured, one for all others. Once, not in both directions.
 5. Of a user a pair scores at most `contribution`. Scores are summed over users, then cut to a whole number, and count
    above `threshold`. A list has the `limit` greatest (score, id).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

Scores = dict[tuple[str, str], int]
"""By pair, the lesser id first."""


@dataclass(frozen=True)
class Heard:
    """A listen."""

    user_id: int
    listened_at: int
    seconds: int
    """How long the recording is."""
    recording: str
    artists: tuple[str, ...] = ()
    """In the order of the credit."""
    featured: frozenset[str] = frozenset()
    """Of these, those that are featured only."""

    def weight(self, artist: str) -> Fraction:
        """What this listen says of one of its artists."""
        return Fraction(1, 4) if artist in self.featured else Fraction(1)


@dataclass(frozen=True)
class Rules:
    """Options of the two jobs; seconds."""

    session: int = 300
    skip: int = 30
    contribution: int = 5
    threshold: int = 10
    limit: int = 100


def kept_sessions(listens: Iterable[Heard], rules: Rules) -> list[list[Heard]]:
    """The sessions of all users, without what was skipped; choices 1 and 2."""
    by_user: dict[int, list[Heard]] = defaultdict(list)
    for listen in listens:
        by_user[listen.user_id].append(listen)
    found = []
    for own in by_user.values():
        own.sort(key=lambda listen: (listen.listened_at, listen.recording))
        session: list[Heard] = []
        for listen, following in zip(own, [*own[1:], None], strict=True):
            pause = None if following is None else following.listened_at - listen.listened_at - listen.seconds
            if pause is None or pause >= -rules.skip:
                session.append(listen)
            if pause is None or pause > rules.session:
                found.append(session)
                session = []
    return found


def recording_scores(listens: Iterable[Heard], rules: Rules) -> Scores:
    """Scores of recordings above the threshold."""
    said: dict[tuple[str, str], dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for session in kept_sessions(listens, rules):
        for one, other in combinations(session, 2):
            if one.recording != other.recording and not set(one.artists) & set(other.artists):
                said[_pair(one.recording, other.recording)][one.user_id] += 1
    return _above(said, rules)


def artist_scores(listens: Iterable[Heard], rules: Rules) -> Scores:
    """Scores of artists above the threshold."""
    said: dict[tuple[str, str], dict[int, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for session in kept_sessions(listens, rules):
        for one, other in combinations(session, 2):
            if one.artists == other.artists:
                continue
            for first in set(one.artists):
                for second in set(other.artists) - {first}:
                    said[_pair(first, second)][one.user_id] += one.weight(first) * other.weight(second)
    return _above(said, rules)


def lists(scores: Scores, rules: Rules) -> dict[str, list[tuple[str, int]]]:
    """What is served: of each id those most like it, in order; choice 5."""
    found: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for (one, other), score in scores.items():
        found[one].append((score, other))
        found[other].append((score, one))
    return {
        item: [(other, score) for score, other in sorted(of, reverse=True)[: rules.limit]] for item, of in found.items()
    }


def _pair(one: str, other: str) -> tuple[str, str]:
    return min(one, other), max(one, other)


def _above(said: dict[tuple[str, str], dict[int, Fraction]], rules: Rules) -> Scores:
    most = Fraction(rules.contribution)
    totals = {pair: int(sum(min(part, most) for part in of.values())) for pair, of in said.items()}
    return {pair: total for pair, total in totals.items() if total > rules.threshold}
