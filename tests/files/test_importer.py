"""The history importer: files that end it, that are damaged, or whose owner is gone; killed in the middle of a file."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import orjson
import pytest

from conf.postgres import Connection, connect, transaction
from conf.settings import Settings, environment
from dumps.load.importer import Importer
from dumps.load.uploads import ORPHAN_SECONDS, drop_orphans, keep_upload, upload_path
from jobs.listens.imports import BATCH
from jobs.listens.user_imports import UserImport, Wish, add_import, claim_import, find_import
from jobs.listens.users import create_user
from jobs.listens.write import delete_history
from tests.commands.conftest import rows
from tests.faults.parts import System, until
from tests.files.conftest import zipped

Queue = Callable[..., UUID]


def lines(count: int, first: int = 0) -> bytes:
    return b"".join(
        orjson.dumps({"listened_at": 1_500_000_000 + n, "track_metadata": {"artist_name": "A", "track_name": f"t{n}"}})
        + b"\n"
        for n in range(first, first + count)
    )


@pytest.fixture
def rob(connection: Connection) -> int:
    return create_user(connection, "rob")


@pytest.fixture
def queue(settings: Settings, connection: Connection, rob: int, tmp_path: Path) -> Queue:
    """queue(content) -> id of an import that waits."""

    def add(content: bytes, format_: str = "auto") -> UUID:
        import_id, file = uuid4(), tmp_path / "given"
        file.write_bytes(content)
        with file.open("rb") as opened:
            size = keep_upload(settings.data_dir, import_id, opened)
        with transaction(connection) as cursor:
            add_import(cursor, import_id, rob, name="f", size=size, wish=Wish(format_))
        return import_id

    return add


def found(connection: Connection, import_id: UUID, user_id: int = 1) -> UserImport:
    with transaction(connection) as cursor:
        row = find_import(cursor, user_id, import_id)
    assert row is not None
    return row


def listens(connection: Connection) -> int:
    return int(rows(connection, "SELECT count(*) FROM listen")[0][0])


def work_off(settings: Settings, seconds: float = 0.3) -> None:
    importer, stop = Importer(settings), threading.Event()
    threading.Timer(seconds, stop.set).start()
    importer.work(stop)
    importer.close()


@pytest.fixture
def system(settings: Settings, tmp_path: Path) -> Iterator[System]:
    running = System(environment(settings), tmp_path)
    yield running
    running.stop()


@pytest.mark.parametrize("point", ["importer.batch:3", "importer.finished:1"])
def test_killed_in_the_middle_of_a_file_it_goes_on_where_it_was(
    queue: Queue, system: System, settings: Settings, connection: Connection, point: str
) -> None:
    count = 3 * BATCH + 100
    import_id = queue(lines(count) + b"bad\n")

    doomed = system.start("history_importer", fault_point=point)
    assert doomed.died_of_its_fault_point(), doomed.said()
    had, told = listens(connection), found(connection, import_id)
    if point.startswith("importer.batch"):
        assert had == told.totals.new == 2 * BATCH
        assert (told.state, 0 < told.bytes_read < told.bytes) == ("running", True)
    system.start("history_importer")
    until(lambda: not found(connection, import_id).is_open, 30, "done")
    until(lambda: not found(connection, import_id).is_open, 30, "done")

    done = found(connection, import_id)
    assert (done.state, done.error, done.bytes_read) == ("done", None, done.bytes)
    assert listens(connection) == done.totals.new == count
    assert (done.totals.read, done.totals.duplicate, done.totals.rejected) == (count + 1, 0, 1)
    assert [problem["item"] for problem in done.problems] == [f"line {count + 1}"]


def test_stopped_in_order_it_leaves_the_file_to_the_next_start(
    queue: Queue, settings: Settings, connection: Connection
) -> None:
    import_id = queue(lines(2 * BATCH))
    stop = threading.Event()
    importer = Importer(settings)
    stop.set()

    other = connect(settings.database_url)
    claimed = claim_import(other)
    assert claimed is not None
    assert claim_import(connection) is None
    importer.work_off(other, claimed, stop)  # told to stop, as it is after the first batch
    other.close()
    left = found(connection, import_id)
    work_off(settings, 3)

    assert (left.state, left.totals.new) == ("running", BATCH)
    assert found(connection, import_id).state == "done"
    assert listens(connection) == found(connection, import_id).totals.new == 2 * BATCH


def test_a_damaged_file_fails_with_its_reason_and_what_came_before_it_stays(
    queue: Queue, settings: Settings, connection: Connection
) -> None:
    content = zipped({"listens/2020/9.jsonl": lines(50)})
    damaged = queue(content.replace(content[60:64], b"\0\0\0\0"))
    unknown, empty = queue(b"hello"), queue(b"[]", "spotify")
    gone = queue(lines(1))
    upload_path(settings.data_dir, gone).unlink()

    work_off(settings, 1.5)

    told = {name: found(connection, one) for name, one in
            (("damaged", damaged), ("unknown", unknown), ("empty", empty), ("gone", gone))}  # fmt: skip
    assert {name: one.state for name, one in told.items()} == {
        "damaged": "failed", "unknown": "failed", "empty": "done", "gone": "failed",
    }  # fmt: skip
    assert str(told["damaged"].error).endswith("; what came before it is in")
    assert "not recognised" in str(told["unknown"].error)
    assert "hand it in again" in str(told["gone"].error)
    assert list((settings.data_dir / "uploads").iterdir()) == []


def test_a_file_that_ends_the_importer_again_and_again_has_failed(
    queue: Queue, settings: Settings, connection: Connection
) -> None:
    import_id, after = queue(lines(10)), queue(lines(10, 100))
    rows(connection, "UPDATE user_import SET attempts = 3 WHERE id = %s RETURNING 1", import_id)

    work_off(settings)

    assert found(connection, import_id).state == "failed"
    assert "ended the importer 3 times after its beginning" in str(found(connection, import_id).error)
    assert found(connection, after).state == "done"
    assert listens(connection) == 10


def test_what_was_handed_in_before_a_history_was_deleted_does_not_bring_it_back(
    queue: Queue, settings: Settings, connection: Connection, rob: int
) -> None:
    import_id = queue(lines(10))
    delete_history(connection, rob, time.time_ns() // 1000)

    work_off(settings)

    assert listens(connection) == 0
    assert (found(connection, import_id).state, found(connection, import_id).totals.deleted) == ("done", 10)


def test_nothing_comes_in_of_a_file_whose_owner_left_meanwhile(
    queue: Queue, settings: Settings, connection: Connection, rob: int
) -> None:
    queue(lines(10))
    claimed = claim_import(connection)
    assert claimed is not None
    rows(connection, "DELETE FROM user_import RETURNING 1")

    Importer(settings).work_off(connection, claimed, threading.Event())

    assert listens(connection) == 0
    assert list((settings.data_dir / "uploads").iterdir()) == []


def test_files_that_nobody_asks_for_are_removed_but_not_one_that_may_still_be_arriving(
    queue: Queue, settings: Settings
) -> None:
    wanted, orphan, young = queue(b"x"), queue(b"y"), queue(b"z")
    now = time.time()
    for one in (wanted, orphan):
        os.utime(upload_path(settings.data_dir, one), (now, now - ORPHAN_SECONDS - 1))

    assert drop_orphans(settings.data_dir, {wanted}, now) == 1
    assert {path.name for path in (settings.data_dir / "uploads").iterdir()} == {str(wanted), str(young)}


def _misplaced_directory() -> bytes:
    content = bytearray(zipped({"a.json": b"[]"}))
    end = content.rfind(b"PK\x05\x06")
    content[end + 16 : end + 20] = (int.from_bytes(content[end + 16 : end + 20], "little") + 1000).to_bytes(4, "little")
    return bytes(content)


def test_files_that_no_reader_foresaw_fail_alone_and_the_next_one_comes_in(
    settings: Settings, connection: Connection, queue: Queue
) -> None:
    play = {
        "ts": "2020-01-01T00:00:00Z", "ms_played": 20, "reason_end": {}, "master_metadata_track_name": "t",
        "master_metadata_album_artist_name": "A", "spotify_track_uri": "spotify:track:1", "skipped": False,
    }  # fmt: skip
    bad = [
        queue(_misplaced_directory()),
        queue(b"[" * 900 + b"]" * 900, "lastfm_recent"),
        queue(orjson.dumps([play]), "spotify"),
        queue(b"#AUDIOSCROBBLER/1.1\n#TZ/UTC\nA\tR\tt\t" + b"9" * 5000 + b"\t200\tL\t1600000000\t\n", "audioscrobbler"),
    ]
    good = queue(lines(3))
    work_off(settings, 2)
    states = [found(connection, import_id).state for import_id in bad]
    assert found(connection, good).state == "done"
    assert listens(connection) >= 3
    assert set(states) <= {"failed", "done"}
    assert states[0] == "failed"
