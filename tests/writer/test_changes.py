"""What landing reads of PostgreSQL: no stored row may keep the changes behind it from being read."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pyarrow as pa
import pytest

from conf.postgres import Connection, connect, transaction
from jobs.listens.changes import Increment, read_increment, waiting
from jobs.listens.write import delete_history, delete_listen
from jobs.tables.listens import EARLIEST, LATEST

MSID = UUID("0b1a2c3d-0000-4000-8000-000000000001")


@pytest.fixture
def reader(database_url: str) -> Iterator[Connection]:
    """A connection of its own: reading takes a snapshot, read only."""
    opened = connect(database_url)
    yield opened
    opened.close()


def increment_after(connection: Connection, position: int) -> Increment:
    found = read_increment(connection, position, 1000)
    assert found is not None
    return found


def last_position(connection: Connection) -> int:
    with transaction(connection) as cursor:
        cursor.execute("SELECT last_value FROM change_position")
        [(position,)] = cursor.fetchall()
    return int(position)


@pytest.mark.parametrize("listened_at", [9999999999999, 2**62, -(2**62), EARLIEST - 1, LATEST])
def test_a_delete_of_a_second_no_listen_has_is_passed_over(
    connection: Connection, reader: Connection, user: int, listened_at: int
) -> None:
    start = increment_after(reader, 0).upto
    delete_listen(connection, user, listened_at, MSID, 1)
    alone = increment_after(reader, start)
    assert (alone.deletes.num_rows, alone.upto) == (0, last_position(connection))
    assert read_increment(reader, alone.upto, 1000) is None
    with transaction(connection) as cursor:
        assert waiting(cursor, start)
        assert not waiting(cursor, alone.upto)


def test_deletes_beside_it_are_read_and_so_is_the_wipe_of_a_user(
    connection: Connection, reader: Connection, user: int
) -> None:
    start = increment_after(reader, 0).upto
    other = uuid4()
    delete_listen(connection, user, 9999999999999, MSID, 1)
    delete_listen(connection, user, EARLIEST, other, 1)
    delete_listen(connection, user, LATEST - 1, other, 1)
    delete_history(connection, user, 1)
    deletes = increment_after(reader, start).deletes
    assert deletes["listened_at"].cast(pa.int64()).to_pylist() == [
        EARLIEST * 1_000_000, (LATEST - 1) * 1_000_000, None,
    ]  # fmt: skip
    assert deletes["recording_msid"].to_pylist() == [str(other), str(other), None]
