"""A deleted account: wherever a landing dies it leaves the lake; two days later no byte of it is left anywhere.

Reports of the rules never hold a value of a row to begin with: tests/landing/test_rules.py.
"""

import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import orjson
import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from conf.broker import INCOMING, Broker, open_broker
from conf.embedded_postgres import client_program
from conf.postgres import Connection, Pool, connect, transaction
from conf.settings import Settings
from jobs import land_changes, runner, upkeep
from jobs.catalog import catalog
from jobs.land import Lander
from jobs.land_delta import append
from jobs.landing import Landing
from jobs.listens import traces
from jobs.listens.account_deletion import Receipt, find_receipt, purge_wanted
from jobs.listens.changes import Increment, read_increment
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
from jobs.messages import Manifest, new_run_id
from jobs.tables import REJECTED_LISTENS
from request_consumer import erasure
from spark_reader.reader import save_run
from tests.landing.conftest import NewLander
from tests.landing.listens import agree, exclude, include, leave, listen, submit, table, zone
from tests.landing.test_upkeep import NOTHING, contents

pytestmark = pytest.mark.spark
KINDS = ("user", "artist", "track", "client", "note", "aside", "letter", "upload", "foreign", "excluded", "kept")
WORDS = {kind: f"zq{kind}xolotl" for kind in KINDS}
"""Planted, each where its name says; nobody else uses them, and folding leaves them as they are."""
PLANTED = listen(1, WORDS["track"], WORDS["artist"], note=WORDS["note"], media_player=WORDS["client"])
MSID = msid_of(PLANTED["track_metadata"])
OTHERS = '{"user_id":%d,"position":1,"artist_name":"Abba"}'


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    opened = open_broker(settings)
    yield opened
    opened.close()


def furnish(connection: Connection, broker: Broker, settings: Settings, user_id: int) -> None:
    """Plant what is not in the lake: set aside, given up on, handed in."""
    aside = {"listened_at": 1, "track_metadata": {"artist_name": WORDS["aside"]}}
    submission = Submission(new_message_id(), user_id, 1, (aside,))
    letter = replace(submission, listens=({"track_metadata": WORDS["letter"]},))
    broker.publish(INCOMING, [letter.encode()])
    [delivery] = broker.consume(INCOMING, 1, 5)
    broker.reject(delivery, "given up")
    upload = uuid4()
    folder = settings.data_dir / traces.UPLOADS
    folder.mkdir(parents=True)
    (folder / str(upload)).write_text(WORDS["upload"])
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO rejected_listen (message_id, user_id, item, reason, body, submitted_at)"
            " VALUES (gen_random_uuid(), %s, 0, 'bad', %s, 1)",
            (user_id, orjson.dumps(aside)),
        )
        cursor.execute(
            "INSERT INTO user_import (id, user_id, file_name, format, state, bytes)"
            " VALUES (%s, %s, %s, 'auto', 'waiting', 1)",
            (upload, user_id, WORDS["upload"]),
        )


def set_aside_in_lake(lander: Lander, alice: int, user_id: int) -> None:
    """Rows of a dump that were refused: one of each."""
    bodies = [OTHERS % alice, orjson.dumps({"user_id": user_id, "artist_name": WORDS["foreign"]}).decode()]
    rows = {
        "rejected_at": pa.array([datetime.now(UTC)] * 2, pa.timestamp("us", "UTC")),
        "source": pa.array(["dump"] * 2),
        "reason": pa.array(["bad"] * 2),
        "body": pa.array(bodies),
    }
    append(lander.spark, lander.lake, REJECTED_LISTENS, pa.table(rows))


def computed(spark: SparkSession, settings: Settings, landing: Landing) -> Manifest:
    """Top artists of everybody, as files."""
    jobs, params = catalog().check("stats.user.entity", {"entity": "artists", "stats_range": "all_time"})
    as_files = replace(settings, result_inline_bytes=0)
    ordered = runner.Ordered("stats.user.entity", tuple(jobs), params)
    return runner.run(spark, as_files, ordered, landing, run_id=new_run_id(1.0), request_id=None)


def found(settings: Settings, connection: Connection) -> set[str]:
    """The planted words that are anywhere in the data folder or in the database."""
    dumped = subprocess.run(
        [client_program("pg_dump"), "--inserts", f"--dbname={settings.database_url}"], capture_output=True, check=True
    ).stdout
    words = [*WORDS.values(), str(MSID)]
    hexed = {word: word.encode().hex().encode() for word in words}
    in_database = {word for word in words if word.encode() in dumped or hexed[word] in dumped}
    in_files = {word for _, text in contents(str(settings.data_dir)) for word in words if word.encode() in text}
    return in_database | in_files


def keys(connection: Connection) -> list[int]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT key FROM result_list ORDER BY key")
        return [key for (key,) in cursor.fetchall()]


def receipt_of(connection: Connection, number: UUID) -> Receipt:
    with transaction(connection) as cursor:
        known = find_receipt(cursor, number)
    assert known is not None
    return known


def waiting_changes(settings: Settings, after: int) -> Increment:
    with closing(connect(settings.database_url)) as reading:
        increment = read_increment(reading, after, 1000)
    assert increment is not None
    return increment


def reached(connection: Connection, number: UUID) -> list[str]:
    return [name for name, _, at in receipt_of(connection, number).stages() if at is not None]


@pytest.mark.timeout(600)
def test_two_days_after_an_account_was_deleted_no_byte_of_it_is_left(
    spark: SparkSession, connection: Connection, new_lander: NewLander, lander: Lander, lake: str, settings: Settings,
    broker: Broker, pool: Pool, alice: int, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    gone = create_user(connection, WORDS["user"])
    submit(connection, alice, listen(1), listen(2))
    submit(connection, gone, PLANTED, listen(1))
    put_mapping(connection, MappingRow(gone, str(MSID), "manual"))
    put_mapping(connection, MappingRow(alice, str(msid_of(listen(1)["track_metadata"])), "manual"))
    for user_id in (alice, gone):
        zone(connection, user_id, "Asia/Kathmandu")
        exclude(connection, user_id, "artist", "Abba")
    exclude(connection, gone, "artist", WORDS["kept"])
    exclude(connection, gone, "client", WORDS["excluded"])
    furnish(connection, broker, settings, gone)
    set_aside_in_lake(lander, alice, gone)
    before = lander.land()
    assert before is not None
    first = computed(spark, settings, before)
    save_run(pool, first)
    assert keys(connection) == [-gone, -alice, alice, gone]
    assert found(settings, connection) == {*WORDS.values(), str(MSID)}, "so the search can find it"

    include(connection, gone, "client", WORDS["excluded"])
    deleted = leave(connection, gone)
    traces.remove_traces(broker, settings.data_dir, [gone], deleted.uploads)
    assert reached(connection, deleted.receipt) == ["rows"]
    assert save_run(pool, replace(first, run_id=new_run_id(2.0))), "computed before the account was deleted"
    assert keys(connection) == [-alice, alice]

    # A landing that dies after each step it has; another process begins anew.
    increment = waiting_changes(settings, before.position)
    for steps in (1, 2):
        land_changes.merge_changes(spark, lake, lander.lock, increment)
        if steps > 1:
            land_changes.delete_listens(spark, lake, lander.lock, increment.deletes)
    hand = new_lander()
    after = hand.land()
    assert after is not None
    assert hand.land() is None
    assert agree(connection, lake) == 2
    assert table(lake, "users", ["user_id"], "user_id") == [(alice,)]
    assert table(lake, "mapping", ["user_id"], "user_id") == [(alice,)]
    assert table(lake, "user_settings", ["user_id"], "user_id") == [(alice,)]
    assert table(lake, "exclusions", ["user_id"], "user_id") == [(alice,)]
    assert table(lake, "rejected_listens", ["body"], "body") == [(OTHERS % alice,)]
    assert reached(connection, deleted.receipt) == ["rows"], "names of tracks are still there"
    assert receipt_of(connection, deleted.receipt).landed == after.landed_at

    with transaction(connection) as cursor:
        assert purge_wanted(cursor)
    assert upkeep.purge(hand) is not None
    assert reached(connection, deleted.receipt) == ["rows", "lake"]
    now = datetime.now(UTC)
    assert erasure.complete(settings, connection, now - upkeep.RETENTION, now) == 0, "nothing is a day old"
    assert WORDS["artist"] in found(settings, connection)

    later = datetime.now(UTC) + timedelta(hours=36)
    vacuumed = upkeep.vacuum(hand, later, retention=NOTHING)
    assert erasure.complete(settings, connection, vacuumed.before, later) == 1
    assert found(settings, connection) == set()
    assert not [word for word in WORDS.values() if word in caplog.text]
    last = receipt_of(connection, deleted.receipt)
    assert last.bytes_gone == later
    assert later < last.at_most_by
    assert agree(connection, lake) == 2
    assert keys(connection) == [-alice, alice]
