"""Compaction, purge, vacuum: rows stay what they are, versions that are in use stay readable, what went is gone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet
import pytest
from delta.tables import DeltaTable
from deltalake import DeltaTable as Snapshot

from conf.postgres import Connection, transaction
from jobs import lake_files, upkeep
from jobs.lake import open_table
from jobs.land import Lander
from jobs.tables import TABLES
from tests.landing.conftest import NewLander
from tests.landing.listens import agree, listen, submit, table, wipe

pytestmark = pytest.mark.spark
WORD = "Quetzalcoatlus"
"""Nobody else uses this word."""
NOTHING = timedelta()


def test_a_month_of_many_files_becomes_one_and_its_rows_stay_the_same(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    for n in range(3):
        submit(connection, alice, listen(n), listen(n + 86400 * 40))
        lander.land()
    submit(connection, alice, listen(5))
    last = lander.land()
    assert last is not None
    assert upkeep.compact(lander, files=4) is None, "four files are not too many"
    assert upkeep.crowded_months(lander, 2) == [(2021, 1), (2021, 2)]

    landing = upkeep.compact(lander, files=3)

    assert landing is not None
    assert (landing.kind, landing.rows, landing.position) == ("compact", 0, last.position)
    assert landing.newest_listen_ts == last.newest_listen_ts
    assert landing.landing_id == last.landing_id + 1
    assert lake_files.newest(lake) == landing
    assert upkeep.crowded_months(lander, 1) == [(2021, 2)]
    assert agree(connection, lake) == 7
    assert len(open_table(lander.spark, lake, last, "listens").collect()) == 7
    with transaction(connection) as cursor:
        cursor.execute("SELECT kind FROM landing ORDER BY id DESC LIMIT 1")
        assert cursor.fetchall() == [("compact",)]


def test_orphans_are_purged_and_their_ids_never_given_out_again(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int, new_lander: NewLander
) -> None:
    submit(connection, alice, listen(1, "kept", media_player="kept"), listen(2, "shared"))
    submit(connection, bob, listen(3, "gone", media_player="gone"), listen(2, "shared"))
    lander.land()
    assert upkeep.purge(lander) is None, "every track is somebody's"
    wipe(connection, bob)
    lander.land()
    landing = upkeep.purge(lander)

    assert landing is not None
    assert (landing.kind, landing.track_count, landing.client_count) == ("purge", 3, 2)
    assert table(lake, "tracks", ["track_id", "track_name"], "track_id") == [(1, "kept"), (2, "shared")]
    assert table(lake, "clients", ["name"], "client_id") == [("kept",)]
    assert upkeep.purge(lander) is None

    for hand, second in ((lander, 11), (new_lander(), 12)):
        submit(connection, bob, listen(second, "gone", media_player="gone"))
        hand.land()
        assert table(lake, "tracks", ["track_id"], "track_id") == [(1,), (2,), (4,)]
        assert table(lake, "clients", ["client_id"], "client_id") == [(1,), (3,)]
    assert agree(connection, lake) == 4


def test_after_wipe_purge_and_vacuum_no_byte_of_it_is_left(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, listen(1, "kept"))
    submit(connection, bob, listen(1, f"{WORD} song", WORD, note=WORD, media_player=WORD), listen(2, "bob's other"))
    lander.land()
    assert len(holding(lake, WORD)) >= 3, "listens, tracks and clients hold it, so the search can find it"
    wipe(connection, bob)
    wiped = lander.land()
    purged = upkeep.purge(lander)
    assert wiped is not None
    assert purged is not None
    assert upkeep.vacuum(lander).tables == list(TABLES), "24 h have not passed: nothing goes yet"
    assert holding(lake, WORD)
    assert len(open_table(lander.spark, lake, wiped, "tracks").collect()) == 3

    assert upkeep.vacuum(lander, retention=NOTHING).tables == list(TABLES)

    assert holding(lake, WORD) == []
    assert agree(connection, lake) == 1
    assert lake_files.open_table(lake, purged, "tracks").to_pyarrow_table()["track_name"].to_pylist() == ["kept"]


def test_vacuum_keeps_what_a_running_request_and_the_newest_landing_name(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1), listen(2, "gone"))
    first = lander.land()
    wipe(connection, alice)
    submit(connection, alice, listen(3))
    lander.land()
    assert first is not None
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO request (id, query, params, params_key, state, started)"
            " VALUES (gen_random_uuid(), 'q', '{}', '{}', 'running', now() - interval '30 s')"
        )
    upkeep.vacuum(lander, retention=NOTHING)
    assert len(open_table(lander.spark, lake, first, "listens").collect()) == 2, "the request may read it"

    DeltaTable.forPath(lander.spark, f"{lake}/tracks").delete("track_id = 2")
    with transaction(connection) as cursor:
        cursor.execute("UPDATE request SET state = 'done'")
    vacuumed = upkeep.vacuum(lander, retention=NOTHING)
    done = vacuumed.tables
    assert vacuumed.before is None
    assert "tracks" not in done, "its newest version is in no landing row yet"
    assert len(open_table(lander.spark, lake, first, "tracks").collect()) == 2
    assert "listens" in done
    assert agree(connection, lake) == 1


@pytest.mark.slow
def test_landing_rows_are_kept_for_a_week_in_one_file(
    connection: Connection, lander: Lander, lake: str, alice: int, new_lander: NewLander
) -> None:
    now = datetime.now(UTC)
    for n, age in enumerate((9, 8, 2)):
        submit(connection, alice, listen(n))
        lander.land(now - timedelta(days=age))
    upkeep.tidy_landings(lander, now)

    assert table(lake, "landing", ["landing_id"], "landing_id") == [(3,)]
    assert len(Snapshot(f"{lake}/landing").file_uris()) == 1
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM landing")
        assert cursor.fetchall() == [(3,)]
    submit(connection, alice, listen(9))
    landing = new_lander().land()
    assert landing is not None
    assert landing.landing_id == 4
    assert agree(connection, lake) == 4


def holding(lake: str, word: str) -> list[str]:
    """The files below the lake that hold the word."""
    return [name for name, text in contents(lake) if word.encode() in text]


def contents(folder: str) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder: its bytes, and what Parquet compresses."""
    for path in Path(folder).rglob("*"):
        if not path.is_file():
            continue
        text = path.read_bytes()
        if path.suffix == ".parquet":
            read = pyarrow.parquet.ParquetFile(path)
            text += str([column.to_pylist() for column in read.read().columns]).encode() + str(read.metadata).encode()
        yield str(path.relative_to(folder)), text
