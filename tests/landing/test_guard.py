"""A lake and a database that do not belong together are refused by name, with the way out, and nothing is written."""

import shutil
from pathlib import Path
from uuid import uuid4

import pytest
from deltalake import DeltaTable

from conf.postgres import Connection, transaction
from jobs.land import Lander
from jobs.land_guard import EpochError
from jobs.tables import TABLES
from tests.landing.conftest import NewLander
from tests.landing.listens import agree, listen, submit

pytestmark = pytest.mark.spark
WAYS_OUT = r"serving rebuild.*LAKE_URL"


def versions(lake: str) -> dict[str, int]:
    return {name: DeltaTable(f"{lake}/{name}").version() for name in TABLES}


def refused(new_lander: NewLander, lake: str, reason: str) -> None:
    """A landing is refused for that reason, twice, and changes nothing."""
    before = versions(lake)
    lander = new_lander()
    for _ in range(2):
        with pytest.raises(EpochError, match=rf"{reason}.*{WAYS_OUT}") as told:
            lander.land()
        assert lake in str(told.value)
    assert versions(lake) == before


@pytest.fixture
def landed(connection: Connection, lander: Lander, lake: str, alice: int) -> Lander:
    """Two landings of two listens each."""
    for n in (0, 2):
        submit(connection, alice, listen(n), listen(n + 1))
        lander.land()
    return lander


def test_a_recreated_database_an_older_backup_and_a_mirror_behind_are_refused(
    connection: Connection, landed: Lander, lake: str, new_lander: NewLander, alice: int
) -> None:
    with transaction(connection) as cursor:
        cursor.execute("SELECT epoch, (SELECT max(position) FROM landing) FROM store")
        [(epoch, position)] = cursor.fetchall()

    # Recreated: another epoch; its positions may be behind the lake's or ahead of them.
    _do(connection, "UPDATE store SET epoch = %s", uuid4())
    refused(new_lander, lake, r"belongs to another database.*was the database recreated\?")
    submit(connection, alice, listen(9))
    refused(new_lander, lake, rf"its epoch is {epoch}")
    _do(connection, "UPDATE store SET epoch = %s", epoch)

    # Restored from before the second landing: fewer positions given out than the lake has.
    _do(connection, "SELECT setval('change_position', %s)", position - 1)
    refused(new_lander, lake, r"is ahead of the database: position .* older backup restored\?")

    # Restored, then written to until the positions passed the lake's: only the mirror tells.
    _do(connection, "SELECT setval('change_position', %s); DELETE FROM landing", position + 50)
    refused(new_lander, lake, r"the database knows of 0 at 0: an older backup of the database was restored")
    _do(connection, "INSERT INTO landing VALUES (2, %s, now(), NULL, 'land', 2)", position - 1)
    refused(new_lander, lake, r"has data version 2 at position .*the database knows of 2 at")


def test_a_mirror_that_lacks_the_newest_row_only_is_mended(
    connection: Connection, landed: Lander, lake: str, new_lander: NewLander
) -> None:
    _do(connection, "DELETE FROM landing WHERE id = 2")
    assert new_lander().land() is None
    with transaction(connection) as cursor:
        cursor.execute("SELECT id, rows FROM landing ORDER BY id")
        assert cursor.fetchall() == [(1, 2), (2, 2)]
    assert agree(connection, lake) == 4


def test_listens_of_another_database_without_any_data_version_are_refused(
    connection: Connection, landed: Lander, lake: str, new_lander: NewLander, empty_lake: Path
) -> None:
    shutil.rmtree(f"{lake}/landing")
    shutil.copytree(empty_lake / "landing", f"{lake}/landing")
    _do(connection, "UPDATE store SET epoch = %s; DELETE FROM landing", uuid4())
    refused(new_lander, lake, "holds listens of another database")


@pytest.mark.slow
def test_an_empty_folder_is_the_other_way_out(
    connection: Connection, landed: Lander, lake: str, new_lander: NewLander, empty_lake: Path
) -> None:
    _do(connection, "UPDATE store SET epoch = %s", uuid4())
    shutil.rmtree(lake)
    shutil.copytree(empty_lake, lake)
    landed.lock.release()
    assert landed.lock.acquire(), "the lock lies in the folder that was replaced"
    landing = new_lander().land()

    assert landing is not None
    assert landing.landing_id == 3, "ids go on, so that nobody takes it for the old version 1"
    assert agree(connection, lake) == 4


def _do(connection: Connection, statement: str, *values: object) -> None:
    with transaction(connection) as cursor:
        cursor.execute(statement, values)
