"""What happens to a landed site, through the real write functions: a change of fixed size, and one more day.

The fixed change is the same at every scale because it touches the same people: one of each percentile of history
length (so as many listens per touched user as the site has on average). Each of them listens for an evening, deletes a
few old listens, and has tracks re-mapped that nobody else has heard; one more user deletes everything.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import numpy as np
import orjson

from conf import postgres
from jobs.listens.changes import landed_up_to, read_store
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import AUTOMATIC, MappingRow, put_mapping
from jobs.listens.write import delete_history, delete_listen, write_submissions
from jobs.ranges import DAY, epoch_of, moved
from jobs.touched import DAY_AND_ZONE_SECONDS
from tests.bench.duckdb_statistics import opened
from tests.bench.meter import Usage, measured
from tests.bench.system import Bench, wait

GAP = 200
"""Seconds between listens of a session."""
SESSION = 11
DAY_SHARE, DELETE_SHARE = 0.003, 0.0005
DAY_SECONDS, YEAR_SECONDS, YEARS = 86_400, 31_557_600, 20
MESSAGE, MESSAGES = 1000, 20

_RARE = """
SELECT t.recording_msid
  FROM (SELECT track_id, min(user_id) AS first, max(user_id) AS last FROM listens GROUP BY track_id) h
  JOIN tracks t USING (track_id)
 WHERE t.recording_msid NOT IN (SELECT recording_msid FROM mapping)
 GROUP BY t.recording_msid
HAVING min(h.first) = max(h.last) AND bool_and(t.recording_mbid IS NULL) AND list_contains(?, min(h.first))
 ORDER BY hash(t.recording_msid) LIMIT ?"""
_REACHED = """
SELECT count(DISTINCT user_id) FROM listens WHERE track_id IN (
    SELECT track_id FROM (SELECT DISTINCT track_id FROM listens) ORDER BY hash(track_id) LIMIT ?)"""
_HISTORY = "SELECT user_id, listen_count FROM listen_totals WHERE listen_count > 0 ORDER BY listen_count, user_id"
_TRACKS = """
SELECT DISTINCT ON (recording_msid) artist_name, track_name, release_name, additional_info FROM listen
 WHERE user_id = %s ORDER BY recording_msid LIMIT %s"""
_OLD = """
SELECT listened_at, recording_msid FROM listen WHERE user_id = %s AND listened_at < %s
 ORDER BY recording_msid, listened_at LIMIT %s"""


@dataclass(frozen=True)
class Size:
    """Of the fixed change."""

    users: int = 100
    listens_each: int = 30
    deletes_each: int = 5
    remaps: int = 1000
    backdated: int = 20_000


@dataclass(frozen=True)
class Change:
    """What was written."""

    listens: int
    deletes: int
    remaps: int
    users: frozenset[int]
    """Whose results may be others."""


@dataclass(frozen=True)
class Landed:
    """A change, and what its landing took."""

    change: Change
    seconds: float
    usage: Usage


def landed(bench: Bench, write: Callable[[], Change]) -> Landed:
    """Write while the consumer is held, then let it land."""
    consumer = next(part for part in bench.system.parts if part.name == "request_consumer")
    consumer.pause()
    try:
        change = write()
    finally:
        consumer.resume()
    with postgres.transaction(bench.connection) as cursor:
        position = read_store(cursor).last_position
    with measured(bench.roots) as usage:
        started = time.monotonic()
        wait(lambda: _is_landed(bench, position), 7200, f"landed up to {position}")
        seconds = time.monotonic() - started
    return Landed(change, seconds, usage)


def fixed_change(bench: Bench, newest: int, size: Size, times: int, *, backdated: bool) -> Change:
    """The fixed change for the `times`-th time; with `backdated`, also a user who imports 20 years.

    `newest`: T, epoch seconds; what is new was listened to on its day, up to it.
    """
    history = [user for user, _ in _rows(bench, _HISTORY)]
    chosen = _percentiles(history, size.users, times)
    evening = newest - newest % DAY_SECONDS
    step = max(1, min(GAP, (newest - evening) // (size.listens_each + 2)))
    sessions = [(user, _plays(bench, user, newest - times, -step, size.listens_each)) for user in chosen]
    _submit(bench, sessions)
    deletes = sum(_delete(bench, user, evening, size.deletes_each) for user in chosen)
    remapped = _remap(bench, chosen, size.remaps)
    left = [user for user in history if user not in set(chosen)]
    wiped = left[len(left) // 2]
    delete_history(bench.connection, wiped, _now())
    users = {*chosen, wiped}
    listens = sum(len(plays) for _, plays in sessions)
    if backdated:
        users.add(_import(bench, newest, size.backdated, history[-1]))
        listens += size.backdated
    return Change(listens, deletes, remapped, frozenset(users))


def next_day(bench: Bench, newest: int) -> Change:
    """A day's share of new listens on the day after T, who listens much being more likely to; and deletes."""
    chance = np.random.default_rng(7)
    history = np.array(_rows(bench, _HISTORY))
    total, share = int(history[:, 1].sum()), history[:, 1] / history[:, 1].sum()
    starts = newest - newest % DAY_SECONDS + DAY_SECONDS
    listeners = chance.choice(history[:, 0], max(1, int(total * DAY_SHARE) // SESSION), p=share)
    at = chance.integers(starts, starts + DAY_SECONDS - SESSION * GAP, len(listeners))
    sessions = [(int(user), _plays(bench, int(user), int(start), GAP, SESSION))
                for user, start in zip(listeners, at, strict=True)]  # fmt: skip
    _submit(bench, sessions)
    deleting = Counter(chance.choice(history[:, 0], int(total * DELETE_SHARE), p=share).tolist())
    deletes = sum(_delete(bench, user, starts, count) for user, count in deleting.items())
    before = datetime.fromtimestamp(newest, UTC).date()
    edge = moved(before, before + DAY) or epoch_of(before + DAY)
    turned = _rows(bench, "SELECT DISTINCT user_id FROM listen WHERE listened_at >= %s", edge - DAY_AND_ZONE_SECONDS)
    users = {*listeners.tolist(), *deleting, *(user for (user,) in turned)}
    return Change(sum(len(plays) for _, plays in sessions), deletes, 0, frozenset(users))


def reached_at_random(bench: Bench, tracks: int) -> int:
    """How many users have heard at least one of so many tracks, drawn from all that were played."""
    with opened(bench.settings.lake) as connection:
        [(users,)] = connection.execute(_REACHED, [tracks]).fetchall()
    return int(users)


def share_of(bench: Bench, users: frozenset[int]) -> float:
    """Their part of all listens."""
    own = bench.value("SELECT sum(listen_count) FROM listen_totals WHERE user_id = ANY(%s)", sorted(users))
    return own / bench.value("SELECT sum(listen_count) FROM listen_totals")


def _percentiles(history: Sequence[int], users: int, times: int) -> list[int]:
    """Evenly spread over `history`; another time their neighbours."""
    places = (int((n + 0.5) / users * len(history)) + times for n in range(users))
    return sorted({history[min(place, len(history) - 1)] for place in places})


def _plays(bench: Bench, user: int, at: int, step: int, count: int) -> list[dict[str, Any]]:
    """Listens of what the user has heard before, and as the last one something new."""
    tracks = _rows(bench, _TRACKS, user, count)
    plays = []
    for n in range(count):
        artist, track, release, info = tracks[n % len(tracks)]
        name = f"{track} ({at})" if n == count - 1 else track
        told = {"artist_name": artist, "track_name": name, "additional_info": orjson.loads(info)}
        told |= {} if release is None else {"release_name": release}
        plays.append({"listened_at": at + n * step, "track_metadata": told})
    return plays


def _submit(bench: Bench, messages: Sequence[tuple[int, Sequence[Any]]]) -> None:
    for first in range(0, len(messages), MESSAGES):
        submissions = [Submission(new_message_id(), user, _now(), tuple(listens))
                       for user, listens in messages[first : first + MESSAGES]]  # fmt: skip
        outcomes = write_submissions(bench.connection, submissions)
        assert not any(outcome.rejected or outcome.suppressed for outcome in outcomes), outcomes


def _delete(bench: Bench, user: int, before: int, count: int) -> int:
    return sum(
        delete_listen(bench.connection, user, listened_at, UUID(str(msid)), _now())
        for listened_at, msid in _rows(bench, _OLD, user, before, count)
    )


def _remap(bench: Bench, users: list[int], count: int) -> int:
    """Tracks without MBIDs that only one of these users has heard get a recording and an artist."""
    with opened(bench.settings.lake) as connection:
        found = connection.execute(_RARE, [users, count]).fetchall()
    for (msid,) in found:
        recording, artist = (str(uuid5(NAMESPACE_URL, f"{of} {msid}")) for of in ("recording", "artist"))
        put_mapping(bench.connection, MappingRow(None, msid, AUTOMATIC, recording, None, (artist,)))
    return len(found)


def _import(bench: Bench, newest: int, listens: int, like: int) -> int:
    """A new user with so many listens over 20 years, of what another one has heard."""
    [user] = bench.create_users([f"importer {new_message_id()}"]).values()
    step = YEARS * YEAR_SECONDS // listens
    plays = _plays(bench, like, newest - listens * step, step, listens)
    _submit(bench, [(user, plays[first : first + MESSAGE]) for first in range(0, listens, MESSAGE)])
    return user


def _rows(bench: Bench, query: str, *parameters: object) -> list[Any]:
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(query, parameters)
        return cursor.fetchall()


def _is_landed(bench: Bench, position: int) -> bool:
    with postgres.transaction(bench.connection) as cursor:
        return landed_up_to(cursor, position)


def _now() -> int:
    """Epoch microseconds."""
    return time.time_ns() // 1000
