"""An import killed between two tables: nothing of it is seen, and the request, given back, completes it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from jobs import lake_files
from jobs.tables import METADATA_TABLES
from request_consumer import requests
from tests.databases import Databases
from tests.faults.standing import at_work

MBID = "0b1a2c3d-0000-4000-8000-00000000000a"


@pytest.mark.slow
@pytest.mark.spark
def test_an_import_killed_between_two_tables_is_unseen_and_completed_by_its_request(
    databases: Databases, tmp_path: Path
) -> None:
    folder = tmp_path / "metadata"
    folder.mkdir()
    names = ("recording_tag", "artist_tag", "release_group_tag")
    for name in names:
        pq.write_table(
            pa.table({"recording_mbid": [MBID], "tag": ["rock"], "tag_count": [1]}), folder / f"{name}.parquet"
        )
    with at_work(databases, tmp_path) as running:
        lake = f"{running.system.environment['DATA_DIR']}/lake"
        running.consumer.stop()
        asked = requests.enqueue(running.connection, running.broker, "import.pg_metadata_tables", {"from": str(folder)})
        doomed = running.system.start("request_consumer", fault_point="import.replaced:2")
        assert doomed.died_of_its_fault_point(90), doomed.said()
        assert not METADATA_TABLES.keys() & lake_files.newest(lake).versions.keys()
        assert DeltaTable(f"{lake}/artist_tag").to_pyarrow_table().num_rows == 1, "half of it is there"

        running.consumer = running.system.start("request_consumer")
        running.silent_for("31 seconds")
        row = running.wait_for(asked.id, "done")

        assert row.attempts == 2
        landing = lake_files.newest(lake)
        assert landing.kind == "import"
        for name in names:
            assert lake_files.open_table(lake, landing, name).to_pyarrow_table().num_rows == 1
