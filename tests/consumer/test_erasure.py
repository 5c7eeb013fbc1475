"""What goes with a vacuum beside the lake's files, and which receipts are closed by it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from conf.broker import INCOMING, Broker
from conf.postgres import Connection, connect, transaction
from conf.settings import Settings, load_settings
from jobs import result_files
from jobs.listens.account_deletion import delete_account, find_receipt
from jobs.listens.traces import UPLOADS
from jobs.listens.users import create_user
from jobs.messages import new_run_id
from request_consumer import erasure
from spark_reader.store import ENTITIES_LOCK

NOW = datetime.now(UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def receipt(connection: Connection) -> UUID:
    """Of an account that was purged from the lake ten hours ago."""
    deleted = delete_account(connection, create_user(connection, "alice"), int(NOW.timestamp() * 1e6))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE account_deletion SET landed = %s, purged = %s", (NOW - 11 * HOUR, NOW - 10 * HOUR))
    return deleted.receipt


def bytes_gone(connection: Connection, number: UUID) -> datetime | None:
    with transaction(connection) as cursor:
        known = find_receipt(cursor, number)
    assert known is not None
    return known.bytes_gone


def test_what_nothing_refers_to_goes_with_each_vacuum(
    settings: Settings, connection: Connection, broker: Broker, receipt: UUID
) -> None:
    broker.publish(INCOMING, [b'{"user_id": 1}', b'{"user_id": 2}'])
    for delivery in broker.consume(INCOMING, 2, 5):
        broker.reject(delivery, "given up")
    (settings.data_dir / UPLOADS / "nobodys").mkdir(parents=True)
    run_id = new_run_id(NOW.timestamp())
    at_work = new_run_id((NOW - 24 * HOUR).timestamp())
    for run in (run_id, at_work):
        result_files.filesystem(settings.lake)[0].create_dir(result_files.run_folder(settings.lake, run))
    with transaction(connection) as cursor:
        cursor.execute("INSERT INTO result_entity VALUES (7, '{}')")

    assert erasure.complete(settings, connection, None, NOW + 2 * HOUR, {at_work}) == 0, (
        "a table was left for the next vacuum"
    )

    assert [letter.body for letter in broker.dead_letters(INCOMING)] == [b'{"user_id": 2}']
    assert list((settings.data_dir / UPLOADS).iterdir()) == []
    assert [folder.name for folder in (settings.data_dir / "lake" / "results").iterdir()] == [str(at_work)]
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM result_entity")
        assert cursor.fetchall() == [(0,)]
    assert bytes_gone(connection, receipt) is None


def test_a_receipt_is_closed_once_files_of_before_its_purge_are_gone(
    settings: Settings, connection: Connection, receipt: UUID
) -> None:
    assert erasure.complete(settings, connection, NOW - 11 * HOUR, NOW) == 0
    assert bytes_gone(connection, receipt) is None
    assert erasure.complete(settings, connection, NOW - 9 * HOUR, NOW) == 1
    assert bytes_gone(connection, receipt) == NOW
    assert erasure.complete(settings, connection, NOW - 9 * HOUR, NOW + HOUR) == 0
    assert bytes_gone(connection, receipt) == NOW


def test_no_receipt_is_closed_while_a_run_is_saved_or_the_broker_is_away(
    settings: Settings, connection: Connection, receipt: UUID, database_url: str
) -> None:
    saving = connect(database_url, autocommit=True)
    with saving.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s)", (ENTITIES_LOCK,))
    assert erasure.complete(settings, connection, NOW, NOW) == 0
    saving.close()

    nowhere = {"BROKER_URL": "amqp://guest:guest@127.0.0.1:1/", "DATA_DIR": str(settings.data_dir)}
    away = load_settings(nowhere | {"DATABASE_URL": database_url}, env_file=None)
    assert erasure.complete(away, connection, NOW, NOW) == 0
    assert bytes_gone(connection, receipt) is None
    assert erasure.complete(settings, connection, NOW, NOW) == 1
