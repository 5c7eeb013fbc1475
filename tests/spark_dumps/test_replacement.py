"""The law of full dumps: what is there after a history of imports is what the last ones alone would have left."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from conf.settings import Settings
from dumps.load.spark import importer
from jobs.listens.users import create_user
from tests.spark_dumps.archives import MSID, NOON, Row, full, incremental, mapped, play
from tests.spark_dumps.conftest import Bring, listens, query, state, submit


def test_what_a_later_full_dump_tells_differently_is_written_anew(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1), play(2, artist_name="old"), play(3, release_name="old"))
    bring("full")
    old: dict[int, int] = dict(query(connection, "SELECT listened_at, position FROM listen"))
    full(folder, 2, play(1), play(2, artist_name="new"), play(3, release_name=None))

    answer = bring("full")

    assert (answer["new"], answer["changed"], answer["duplicate"], answer["removed"]) == (0, 2, 1, 0)
    assert query(connection, "SELECT artist_name, release_name, dump_id FROM listen ORDER BY listened_at") == [
        ("The Beatles", None, 1), ("new", None, 2), ("The Beatles", None, 2),
    ]  # fmt: skip
    deletes = query(connection, "SELECT listened_at, position FROM listen_delete")
    new: dict[int, int] = dict(query(connection, "SELECT listened_at, position FROM listen"))
    assert sorted(listened_at for listened_at, _ in deletes) == [NOON + 2, NOON + 3]
    assert all(old[at] < position < new[at] for at, position in deletes), "the lake removes the old row only"


def test_of_rows_with_one_key_the_first_counts_and_it_is_no_change_next_time(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1, artist_name="first"), play(1, artist_name="second"), play(1, artist_name="third"))
    first, again = bring("full"), bring("full")

    assert (first["new"], first["duplicate"]) == (1, 2)
    assert (again["new"], again["changed"], again["duplicate"]) == (0, 0, 3)
    assert query(connection, "SELECT artist_name FROM listen") == [("first",)]


def test_what_left_comes_back_with_the_dump_that_has_it(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1), play(2))
    full(folder, 2, play(2))
    for dump_id, seconds in ((1, [1, 2]), (2, [2]), (1, [1, 2])):
        bring("full", dump_id=dump_id)
        assert [row[1] for row in listens(connection)] == seconds
    assert state(connection)["totals"] == [("user_7", 2, NOON + 1, NOON + 2)]


def test_other_sources_and_users_lose_nothing(bring: Bring, folder: Path, connection: Connection) -> None:
    alice = create_user(connection, "alice")
    submit(connection, alice, 1)
    full(folder, 1, play(1), play(2))
    bring("full")
    bring("full", source="elsewhere")
    full(folder, 2, play(2))

    assert bring("full", source="elsewhere")["removed"] == 1

    assert [(row[0], row[1], row[3]) for row in listens(connection)] == [
        ("alice", 1, None),
        ("user_7", 1, "listenbrainz"),
        ("user_7", 2, "listenbrainz"),
        ("user_7 of elsewhere", 2, "elsewhere"),
    ]


def test_many_rows_leave_in_batches(
    bring: Bring, folder: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.listens.dump.listens.BATCH", 10)
    monkeypatch.setattr("jobs.listens.dump.mapping.BATCH", 10)
    monkeypatch.setattr("jobs.listens.dump.accounts.BATCH", 3)
    full(folder, 1, *(mapped(n, n % 9 + 1, n % 7 + 1, say=n % 5 + 1) for n in range(55)))
    bring("full")
    assert len(listens(connection)) == 55
    full(folder, 2, mapped(0))
    answer = bring("full")
    assert (answer["new"], answer["removed"]) == (1, 55)
    assert [row[:2] for row in listens(connection)] == [("user_7", 0)]
    assert [row[:2] for row in state(connection)["totals"]] == [*((f"user_{n}", 0) for n in range(1, 7)), ("user_7", 1)]
    assert query(connection, "SELECT count(*) FROM mapping") == [(1,)]


ROWS = st.lists(
    st.one_of(
        st.builds(mapped, st.integers(0, 3), st.integers(1, 3), st.integers(7, 8), say=st.integers(1, 3)),
        st.builds(
            lambda second, track, user, artist: play(second, track, user, artist_name=artist),
            st.integers(0, 3), st.integers(1, 3), st.integers(7, 8), st.sampled_from(["A", "B", " ", "a\0b"]),
        ),
    ),
    min_size=1,
    max_size=8,
)  # fmt: skip
STEPS = st.lists(st.tuples(st.sampled_from(["full", "incremental"]), ROWS), min_size=1, max_size=4)
_EMPTY = (
    "DELETE FROM mapping; DELETE FROM listen; DELETE FROM listen_delete; DELETE FROM rejected_listen;"
    " DELETE FROM dump_import; DELETE FROM message_seen; DELETE FROM users"
)


Numbered = list[tuple[int, tuple[str, list[Row]]]]


def after(settings: Settings, connection: Connection, steps: Numbered) -> dict[str, Any]:
    """What is there after these imports into an empty store that has both users; users come first, with listens."""
    with transaction(connection) as cursor:
        cursor.execute(_EMPTY)
    for foreign_id in (7, 8):
        user = create_user(connection, f"u{foreign_id}", source="s", foreign_id=foreign_id)
        submit(connection, user, 0, "hers", MSID(1))
    with TemporaryDirectory() as name:
        for dump_id, (kind, rows) in steps:
            (full if kind == "full" else incremental)(Path(name), dump_id, *rows)
            run = importer.import_full if kind == "full" else importer.import_incremental
            run(settings, {"folder": name, "source": "s", "dump_id": dump_id}, lambda text: None)
    return state(connection)


@rounds(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_what_came_before_a_full_dump_leaves_no_trace(
    steps: list[tuple[str, list[Row]]], settings: Settings, connection: Connection
) -> None:
    last = max((n for n, (kind, _) in enumerate(steps) if kind == "full"), default=0)
    numbered = list(enumerate(steps, 1))
    everything = after(settings, connection, numbered)
    assert everything == after(settings, connection, numbered[last:])
    assert everything == after(settings, connection, [*numbered, *numbered[last:]]), "and again they change nothing"
