"""Sessions and pairs in arrays, against the plain-Python oracle: hand-worked edges, then random histories."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.engines.session_pairs import (
    BLOCKS,
    HEARD,
    NO_GROUP,
    Chunks,
    least_listeners,
    partial_scores,
    total_scores,
)
from jobs.engines.sessions import KEPT, LISTENED, LISTENERS, NO_UNIT, kept_plays, listeners, mark
from tests.oracle.similarity import Heard, Rules, Scores, artist_scores, recording_scores

RECORDINGS = {"a": "XY", "b": "X", "c": "Z", "d": "", "e": "YX", "f": "W", "g": "V", "h": "ZW"}
"""With the artists they are credited to."""
ARTISTS = "VWXYZ"
FEATURED = {"a": "Y", "e": "", "h": "W"}
WHOLE, QUARTER = 4, 1
Rows = Sequence[Sequence[int]]


def table(names: Iterable[str], rows: Rows) -> Iterator[pa.RecordBatch]:
    """Two batches, so that a call sees several."""
    names, half = list(names), len(rows) // 2
    for part in (rows[:half], rows[half:]):
        columns = zip(*part, strict=True) if part else ((),) * len(names)
        yield pa.record_batch([pa.array(column, pa.int64()) for column in columns], names=names)


def values(batches: Iterable[pa.RecordBatch]) -> list[tuple[int, ...]]:
    return [tuple(row.values()) for batch in batches for row in batch.to_pylist()]


def by_users(rows: Rows, tasks: int) -> list[Rows]:
    """As Spark would hand them out: all rows of a user to one task."""
    return [[row for row in rows if row[0] % tasks == task] for task in range(tasks)]


def kept(listens: Iterable[Heard], units: dict[str, int], rules: Rules, tasks: int) -> list[Rows]:
    """Rows of KEPT, per task."""
    names = sorted(RECORDINGS)
    rows = [
        (one.user_id, one.listened_at, one.seconds, names.index(one.recording), units.get(one.recording, NO_UNIT))
        for one in listens
    ]
    return [
        values(kept_plays(table(LISTENED, part), session=rules.session, skip_threshold=rules.skip))
        for part in by_users(rows, tasks)
    ]


def scored(
    heard: Sequence[Rows], items: str, rules: Rules, unit: int, chunks: int, block: int, *, pruned: bool = True
) -> Scores:
    counts: dict[int, int] = {}
    for part in heard:
        for item, users in values(listeners(table(("user_id", "item_id"), [(row[0], row[3]) for row in part]))):
            counts[item] = counts.get(item, 0) + users
    least = least_listeners(rules.threshold, rules.contribution) if pruned else 1
    split = Chunks(len(items), chunks)
    blocks: list[pa.RecordBatch] = []
    for part in heard:
        rows = [row for row in part if counts[row[3]] >= least]
        cap = rules.contribution * unit
        blocks += partial_scores(table(HEARD, rows), cap=cap, chunks=split, block=block)
    blocks.sort(key=lambda batch: batch["chunk"][0].as_py())
    found = values(total_scores(blocks, threshold=rules.threshold, unit=unit))
    assert len({pair[:2] for pair in found}) == len(found)
    return {(items[first], items[second]): score for first, second, score in found}


def recordings(listens: Iterable[Heard], rules: Rules, tasks: int = 2, chunks: int = 3, block: int = 7, *,
               pruned: bool = True) -> Scores:  # fmt: skip
    names = "".join(sorted(RECORDINGS))
    units = {name: names.index(name) for name in names}
    heard = [
        [(user, session, NO_GROUP, item, plays) for user, session, item, plays in part]
        for part in kept(listens, units, rules, tasks)
    ]
    found = scored(heard, names, rules, 1, chunks, block, pruned=pruned)
    return {pair: score for pair, score in found.items() if not set(RECORDINGS[pair[0]]) & set(RECORDINGS[pair[1]])}


def artists(listens: Iterable[Heard], rules: Rules, tasks: int = 2, chunks: int = 3, block: int = 7, *,
            pruned: bool = True) -> Scores:  # fmt: skip
    credited = [name for name in RECORDINGS if RECORDINGS[name]]
    credit_of = {name: sorted(set(RECORDINGS.values())).index(RECORDINGS[name]) for name in credited}
    heard = [
        [
            (user, session, credit_of[credited[unit]], ARTISTS.index(artist), plays * weight)
            for user, session, unit, plays in part
            for artist, weight in weights(credited[unit])
        ]
        for part in kept(listens, {name: number for number, name in enumerate(credited)}, rules, tasks)
    ]
    return scored(heard, ARTISTS, rules, WHOLE * WHOLE, chunks, block, pruned=pruned)


def weights(recording: str) -> list[tuple[str, int]]:
    featured = FEATURED.get(recording, "")
    return [(artist, QUARTER if artist in featured else WHOLE) for artist in RECORDINGS[recording]]


LISTEN = st.builds(
    lambda user_id, pause, seconds, recording: (user_id, pause, seconds, recording),
    st.integers(1, 5),
    st.sampled_from([-250, -31, -30, -1, 0, 1, 300, 301, 5000]),
    st.sampled_from([0, 30, 180, 251]),
    st.sampled_from(sorted(RECORDINGS)),
)
RULES = st.builds(
    Rules,
    session=st.sampled_from([0, 300]),
    skip=st.sampled_from([0, 30]),
    contribution=st.integers(1, 5),
    threshold=st.integers(0, 12),
)


@st.composite
def histories(draw: st.DrawFn) -> list[Heard]:
    """Listens of some users that follow each other at the edges of what a session and a skip is."""
    ends: dict[int, int] = {}
    found = []
    for user_id, pause, seconds, recording in draw(st.lists(LISTEN, max_size=60)):
        begin = max(0, ends.get(user_id, 1000) + pause)
        found.append(
            Heard(user_id, begin, seconds, recording, tuple(RECORDINGS[recording]),
                  frozenset(FEATURED.get(recording, "")))
        )  # fmt: skip
        ends[user_id] = begin + seconds
    # Listens of one second and one recording are told apart by nothing else: the table has them once.
    once = {(one.user_id, one.listened_at, one.recording): one for one in found}
    return draw(st.permutations(list(once.values())))


@given(histories(), RULES, st.integers(1, 3), st.integers(1, 9), st.sampled_from([1, 5, 10_000]))
@settings(max_examples=120, deadline=None)
def test_recordings_are_scored_as_the_oracle_does_however_the_work_is_split(
    listens: list[Heard], rules: Rules, tasks: int, chunks: int, block: int
) -> None:
    assert recordings(listens, rules, tasks, chunks, block) == recording_scores(listens, rules)


@given(histories(), RULES, st.integers(1, 3), st.integers(1, 6), st.sampled_from([1, 5, 10_000]))
@settings(max_examples=120, deadline=None)
def test_artists_are_scored_as_the_oracle_does_however_the_work_is_split(
    listens: list[Heard], rules: Rules, tasks: int, chunks: int, block: int
) -> None:
    assert artists(listens, rules, tasks, chunks, block) == artist_scores(listens, rules)


@given(histories(), RULES)
@settings(max_examples=60, deadline=None)
def test_dropping_items_of_too_few_listeners_changes_no_score(listens: list[Heard], rules: Rules) -> None:
    assert recordings(listens, rules) == recordings(listens, rules, pruned=False)
    assert artists(listens, rules) == artists(listens, rules, pruned=False)


@pytest.mark.parametrize(
    ("threshold", "contribution", "least"), [(10, 5, 3), (9, 5, 2), (0, 5, 1), (4, 1, 5), (5, 5, 2)]
)
def test_an_item_needs_as_many_listeners_as_could_just_reach_the_threshold(
    threshold: int, contribution: int, least: int
) -> None:
    assert least_listeners(threshold, contribution) == least
    assert least * contribution > threshold >= (least - 1) * contribution
    rules = Rules(threshold=threshold, contribution=contribution)
    often = [replace(one, user_id=user) for user in range(least) for one in many("c", "g", contribution)]
    assert recordings(often, rules) == {("c", "g"): least * contribution}
    assert not recordings([one for one in often if one.user_id], rules)


def many(one: str, other: str, times: int) -> list[Heard]:
    """So many plays of one recording, then one of another, in one session."""
    return [
        Heard(0, 180 * n, 180, recording, tuple(RECORDINGS[recording]))
        for n, recording in enumerate([*[one] * times, other])
    ]


def test_listens_are_marked_with_their_session_and_whether_they_were_skipped() -> None:
    user_id = np.array([1, 1, 1, 1, 2, 2])
    listened_at = np.array([0, 480, 550, 1051, 1060, 1060])
    marks = mark(user_id, listened_at, np.full(6, 180), session=300, skip_threshold=30)
    # 300 s of pause are none too many; 110 s too early is a skip; 321 s end a session; of one second the last stays.
    assert marks.session.tolist() == [0, 0, 0, 1, 2, 2]
    assert marks.skipped.tolist() == [False, True, False, False, True, False]


def test_no_listen_is_skipped_by_one_that_begins_exactly_as_early_as_allowed() -> None:
    marks = mark(np.ones(2, np.int64), np.array([0, 150]), np.full(2, 180), session=300, skip_threshold=30)
    assert marks.skipped.tolist() == [False, False]


def test_a_listen_that_counts_for_nothing_keeps_a_session_together_and_skips() -> None:
    rows = [(7, 0, 180, 3, 30), (7, 180, 180, 4, NO_UNIT), (7, 360, 180, 5, 50), (7, 400, 180, 6, NO_UNIT)]
    assert values(kept_plays(table(LISTENED, rows), session=60, skip_threshold=30)) == [(7, 0, 30, 1)]
    assert values(kept_plays(table(LISTENED, rows[:3]), session=60, skip_threshold=30)) == [
        (7, 0, 30, 1),
        (7, 0, 50, 1),
    ]


def test_sessions_are_counted_from_nought_for_every_user_and_plays_in_them_once_per_unit() -> None:
    rows = [(9, 5000, 10, 1, 1), (9, 0, 10, 1, 1), (9, 10, 10, 1, 1), (8, 0, 10, 1, 1)]
    found = values(kept_plays(table(LISTENED, rows), session=60, skip_threshold=30))
    assert found == [(8, 0, 1, 1), (9, 0, 1, 2), (9, 1, 1, 1)]


def test_of_no_listens_there_is_nothing() -> None:
    assert not list(kept_plays(iter(()), session=1, skip_threshold=1))
    assert not list(listeners(iter(())))
    assert not list(partial_scores(iter(()), cap=1, chunks=Chunks(1, 1)))
    assert not list(total_scores(iter(()), threshold=1, unit=1))


def test_what_leaves_a_call_has_the_types_that_spark_is_told() -> None:
    rows = [(1, 0, 10, 0, 0), (1, 10, 10, 1, 1)]
    [found] = kept_plays(table(LISTENED, rows), session=60, skip_threshold=30)
    assert found.schema == KEPT
    [users] = listeners(table(("user_id", "item_id"), [(1, 0)]))
    assert users.schema == LISTENERS
    heard = [(1, 0, NO_GROUP, 0, 1), (1, 0, NO_GROUP, 1, 1)]
    [block] = partial_scores(table(HEARD, heard), cap=5, chunks=Chunks(2, 1))
    assert block.schema == BLOCKS
