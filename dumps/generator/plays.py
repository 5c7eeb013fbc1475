"""Who plays what and when: blocks of plays as int columns, drawn user by user.

Repertoires, bursts, sessions, skips and the day and week cycle follow reference performance.md section 7. The size of a
repertoire is calibrated: distinct (user, artist) pairs 0.06 to 0.12 of the listens, (user, recording) 0.3 to 0.45.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue
from dumps.generator.chance import Flags, Ids
from dumps.generator.listeners import Listeners

BLOCK = 500_000
"""Most listens of a block, unless one user has more."""
SAME_ARTIST, ALBUM_RUN = 0.35, 0.20
SKIPS, DUPLICATES, CASE_VARIANTS = 0.08, 0.005, 0.03
BACKDATED = 0.02
LONG_AGO = 100 * 30 * 86400
FAVOURITES = 0.5
"""A user likes size^0.5 of an artist's recordings: calibrated."""
DAY = 86400
EARLIEST = 1033430400
"""No listen is older than Last.fm's first ones."""
_HOURS = np.array([5, 3, 2, 1, 1, 1, 2, 4, 6, 7, 7, 7, 7, 7, 7, 8, 8, 9, 10, 11, 11, 11, 10, 8], dtype=np.float64)


@dataclass(frozen=True)
class Plays:
    """One row per listen as submitted, users together, each user's in order of time."""

    user: Ids
    recording: Ids
    listened_at: Ids
    """Epoch seconds UTC."""
    created: Ids
    """Epoch seconds when it was submitted: seconds later, or years later for what is backdated."""
    played_ms: Ids
    variant: Ids
    """Case of its names: 0 as printed, 1 lower, 2 upper."""

    def __len__(self) -> int:
        return len(self.user)


@dataclass(frozen=True)
class Span:
    """When each play's user listened: from `since` to `until`, epoch seconds."""

    user: Ids
    since: Ids
    until: int


def blocks(catalogue: Catalogue, listeners: Listeners, until: int) -> Iterator[Plays]:
    """All plays, a block of whole users at a time; the same seed gives the same blocks."""
    first = 0
    while first < len(listeners.ids):
        total = np.cumsum(listeners.listens[first:])
        last = first + max(1, int(np.searchsorted(total, BLOCK, side="right")))
        rng = np.random.default_rng([catalogue.seed, first])
        block = _block(catalogue, listeners, slice(first, last), until, rng)
        if len(block):
            yield block
        first = last


def _block(catalogue: Catalogue, listeners: Listeners, part: slice, until: int, rng: np.random.Generator) -> Plays:
    listens = listeners.listens[part]
    user = np.repeat(listeners.ids[part], listens)
    starts = np.repeat(np.cumsum(listens) - listens, listens) == np.arange(len(user))
    recording = _choices(catalogue, user, np.repeat(listens, listens), starts, rng)
    skipped = rng.random(len(user)) < SKIPS
    length = catalogue.length_ms(recording)
    played = np.where(skipped, rng.integers(5000, 29000, len(user)), length)
    since = np.repeat(listeners.since[part], listens)
    span = Span(user, since, until)
    listened_at = _times(span, _session_starts(starts, user, listeners.bots, rng), played // 1000, rng)
    created = _created(span, listened_at, rng)
    variant = np.where(rng.random(len(user)) < CASE_VARIANTS, rng.integers(1, 3, len(user)), 0)
    plays = Plays(user, recording, listened_at, created, played, variant)
    return _take(plays, _order(plays, starts, rng))


def _choices(catalogue: Catalogue, user: Ids, listens: Ids, starts: Flags, rng: np.random.Generator) -> Ids:
    """Recordings: a new artist of the repertoire, the same artist again (35 %), or the album's next track (20 %)."""
    draw, count = rng.random(len(user)), len(user)
    again = (draw < SAME_ARTIST) & ~starts
    run = (draw >= SAME_ARTIST) & (draw < SAME_ARTIST + ALBUM_RUN) & ~starts
    at = np.arange(count)
    slots = np.maximum(1, np.rint(0.42 * listens**0.85))
    slot = np.floor(slots * rng.random(count) ** 2.2).astype(np.int64)
    artist = catalogue.popular_artist(chance.uniform(catalogue.seed, "repertoire", user << 24 | slot))
    artist = artist[np.maximum.accumulate(np.where(again | run, 0, at))]
    size = catalogue.first_recording[artist + 1] - catalogue.first_recording[artist]
    liked = np.ceil(size**FAVOURITES).astype(np.int64)
    taste = chance.uniform(catalogue.seed, "taste", user << 24 | artist) ** 2.5
    within = np.floor(taste * (size - liked + 1) + liked * rng.random(count) ** 2.5).astype(np.int64)
    anchor = np.maximum.accumulate(np.where(run, 0, at))
    return np.asarray(catalogue.first_recording[artist] + (within[anchor] + at - anchor) % size, dtype=np.int64)


def _session_starts(starts: Flags, user: Ids, bots: frozenset[int], rng: np.random.Generator) -> Flags:
    """Lengths log-normal with mean 11, one of a thousand above 200; a bot's first session does not end before 2,500."""
    lengths = np.maximum(1, rng.lognormal(np.log(11) - 0.72, 1.2, len(user) // 8 + 100)).astype(np.int64)
    flags = starts.copy()
    ends = np.cumsum(lengths)
    flags[ends[ends < len(user)]] = True
    for bot in bots:
        first, last = np.searchsorted(user, [bot, bot + 1])
        flags[first + 1 : min(last, first + 2500)] = False
    return flags


def _times(span: Span, sessions: Flags, played: Ids, rng: np.random.Generator) -> Ids:
    """Times of listens: sessions in order through the user's years, inside one song after the other."""
    first = np.flatnonzero(sessions)
    which = np.cumsum(sessions) - 1
    begun = span.since[first]
    share = rng.random(len(first))
    share = share[np.lexsort((share, span.user[first]))]
    begin = _lively(begun + (share * (span.until - begun)).astype(np.int64), rng)
    steps = played + rng.integers(0, 8, len(played))
    elapsed = np.cumsum(steps) - steps
    within = elapsed - elapsed[first][which]
    longest = within[np.append(first[1:], len(played)) - 1]
    begin = np.where(begin + longest >= span.until, begin - 7 * DAY, begin)
    begin = np.clip(begin, EARLIEST, np.maximum(EARLIEST, span.until - longest - 1))
    return np.asarray(begin[which] + within, dtype=np.int64)


def _lively(moments: Ids, rng: np.random.Generator) -> Ids:
    """Moments moved to lively hours, and some of the week's first days to its Saturday."""
    day = moments // DAY
    hours = rng.choice(24, len(moments), p=_HOURS / _HOURS.sum())
    weekday = (day + 3) % 7
    day = np.where((weekday < 4) & (rng.random(len(moments)) < 0.12), day + 5 - weekday, day)
    return np.asarray(day * DAY + hours * 3600 + rng.integers(0, 3600, len(moments)), dtype=np.int64)


def _created(span: Span, listened_at: Ids, rng: np.random.Generator) -> Ids:
    """Seconds after the listen; of histories longer than 100 months some listens came in one import, years later."""
    late = (span.until - span.since > LONG_AGO) & (rng.random(len(listened_at)) < BACKDATED * 2)
    soon = listened_at + rng.integers(1, 400, len(listened_at))
    return np.where(late, np.maximum(span.until - span.user % 1000 * (DAY // 4), soon), soon)


def _order(plays: Plays, starts: Flags, rng: np.random.Generator) -> Ids:
    """Rows in order of user and time; 0.5 % of them say again what the row before said."""
    order = np.lexsort((plays.listened_at, plays.user))
    again = (rng.random(len(order)) < DUPLICATES) & ~starts
    order[1:][again[1:]] = order[:-1][again[1:]]
    return order


def _take(plays: Plays, rows: Ids) -> Plays:
    return Plays(*(getattr(plays, field.name)[rows] for field in fields(Plays)))


def distinct_pairs(first: Ids, second: Ids) -> int:
    """How many different pairs two columns hold."""
    return len(np.unique(first << 32 | second))
