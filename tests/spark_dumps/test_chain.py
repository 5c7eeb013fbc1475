"""Which dumps a request means: the id rules."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from conf.postgres import Connection
from conf.settings import Settings
from dumps.load.spark import importer
from dumps.load.spark.names import NO_FULL, DumpRefusedError
from tests.spark_dumps.archives import archive, full, incremental, parquet, play
from tests.spark_dumps.conftest import Bring, listens, query


def day(number: int) -> datetime:
    return datetime(2021, 1, number, tzinfo=UTC)


def seconds(connection: Connection) -> list[int]:
    return [row[1] for row in listens(connection)]


def names(*dumps: tuple[int, str]) -> list[str]:
    return [f"listenbrainz-spark-dump-{dump_id}-20210102-000000-{kind}" for dump_id, kind in dumps]


def test_without_an_id_the_full_dump_with_the_highest_is_meant(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    for dump_id in (2, 10, 9):
        full(folder, dump_id, play(dump_id))

    assert bring("full").imported == names((10, "full"))
    assert seconds(connection) == [10]


def test_an_id_names_a_full_dump_also_an_older_one(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 2, play(2))
    full(folder, 10, play(10))
    bring("full")

    assert bring("full", dump_id=2).imported == names((2, "full"))
    assert seconds(connection) == [2], "it replaces the newer one"


@pytest.mark.parametrize("kind", ["full", "incremental"])
def test_an_id_that_is_not_there_is_refused_with_those_that_are(kind: str, bring: Bring, folder: Path) -> None:
    full(folder, 2, play(2))
    incremental(folder, 3, play(3))
    there = {"full": 2, "incremental": 3}[kind]

    with pytest.raises(DumpRefusedError, match=f"no {kind} dump with the id 7 is in it; ids that are: {there}"):
        bring(kind, dump_id=7)


def test_without_a_full_dump_only_the_newest_incremental_one_comes_and_it_is_told(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    for dump_id in (3, 4, 5):
        incremental(folder, dump_id, play(dump_id))

    answer = bring("incremental")

    assert (answer.imported, answer.errors) == (names((5, "incremental")), [NO_FULL])
    assert NO_FULL == "No previous full dump found, importing latest incremental dump"
    assert seconds(connection) == [5]


def test_after_a_full_dump_every_later_one_comes_once_though_ids_have_holes(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 4, play(4), end=day(4))
    incremental(folder, 3, play(3), start=day(2), end=day(3))
    incremental(folder, 5, play(5), start=day(4), end=day(5))
    incremental(folder, 8, play(8), start=day(5), end=day(6))
    (folder / "listenbrainz-dump-6-20210102-000000-db").mkdir()
    bring("full")

    first = bring("incremental")
    again = bring("incremental")
    incremental(folder, 12, play(12), start=day(6), end=day(7))
    later = bring("incremental")

    assert (first.imported, first.errors) == (names((5, "incremental"), (8, "incremental")), [])
    assert (again.imported, again.errors) == ([], [])
    assert again.counts == dict.fromkeys(first.counts, 0)
    assert (first["new"], again["new"]) == (2, 0)
    assert later.imported == names((12, "incremental"))
    assert seconds(connection) == [4, 5, 8, 12]


def test_where_no_dump_is_left_the_answer_begins_with_words_and_zeros(
    settings: Settings, bring: Bring, folder: Path
) -> None:
    full(folder, 4, play(4))
    bring("full")

    said = importer.import_incremental(settings, {"folder": str(folder), "source": "listenbrainz"}, lambda _: None)

    assert said.startswith("nothing imported: 0 read, 0 new, 0 changed, 0 duplicate, ")


def test_after_a_later_full_dump_those_after_it_come_again(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1), end=day(2))
    incremental(folder, 2, play(2), start=day(2), end=day(3))
    bring("full")
    bring("incremental")
    assert bring("full")["removed"] == 1

    assert bring("incremental").imported == names((2, "incremental"))
    assert seconds(connection) == [1, 2]


def test_a_dump_between_that_is_missing_is_told_by_the_times_and_comes_later(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1), end=day(2))
    incremental(folder, 5, play(5), start=day(3), end=day(4))
    bring("full")

    [error] = bring("incremental").errors
    assert "2-20210102-000000-incremental begins at 2021-01-03" not in error
    assert error.startswith(
        "listenbrainz-spark-dump-5-20210102-000000-incremental begins at 2021-01-03T00:00:00+00:00,"
    )
    assert "what is in ends at 2021-01-02" in error
    incremental(folder, 4, play(4), start=day(2), end=day(3))
    assert bring("incremental").imported == names((4, "incremental"))
    assert seconds(connection) == [1, 4, 5]


def test_one_that_is_refused_holds_up_no_other_and_fails_the_request(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1), end=day(2))
    archive(folder, 2, "incremental", b"none", start=day(2), end=day(3))
    incremental(folder, 3, play(3), start=day(3), end=day(4))
    bring("full")

    with pytest.raises(DumpRefusedError) as failed:
        bring("incremental")

    assert '"imported_dump":["listenbrainz-spark-dump-3-20210102-000000-incremental"]' in str(failed.value)
    assert "Error while importing incremental dump with ID 2: listenbrainz-spark-dump-2-20210102" in str(failed.value)
    assert seconds(connection) == [1, 3]
    incremental(folder, 2, play(2), start=day(2), end=day(3))
    assert bring("incremental").imported == names((2, "incremental"))
    assert seconds(connection) == [1, 2, 3]


def test_an_incremental_dump_may_be_empty(bring: Bring, folder: Path, connection: Connection) -> None:
    archive(folder, 1, "incremental", parquet([]))
    assert bring("incremental")["read"] == 0
    archive(folder, 2, "incremental")
    assert bring("incremental", dump_id=2)["read"] == 0
    assert len(query(connection, "SELECT FROM dump_import")) == 2


def test_an_id_brings_an_incremental_dump_again_and_nothing_twice(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    incremental(folder, 2, play(1), play(2))
    bring("incremental", dump_id=2)

    again = bring("incremental", dump_id=2)

    assert (again["new"], again["duplicate"], again.errors) == (0, 2, [])
    assert seconds(connection) == [1, 2]
