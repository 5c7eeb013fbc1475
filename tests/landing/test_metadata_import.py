"""Metadata in the lake: made equal to what came, judged before anything changes, visible all at once or not at all."""

import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from conf.broker import Broker, open_broker
from conf.postgres import Connection, Pool, transaction
from conf.settings import Settings
from jobs import lake_files, land_delta, upkeep
from jobs.catalog import catalog
from jobs.engines.plays import Moment
from jobs.frames import Frames
from jobs.import_run import ImportRun, run_import
from jobs.job import ImportRefusedError
from jobs.lake import open_table
from jobs.land import Lander
from jobs.landing import Landing
from jobs.lock import LakeLock
from jobs.query import QueryFailedError, run_query
from request_consumer import request_rows, requests
from request_consumer.attempt import attempt
from request_consumer.landing import LandingLoop
from request_consumer.part import Part
from request_consumer.request_rows import RequestRow
from tests.landing.conftest import NewLander
from tests.landing.listens import agree, listen, submit

pytestmark = pytest.mark.spark
QUERY = "import.pg_metadata_tables"
A, B, C = (f"0b1a2c3d-0000-4000-8000-00000000000{n}" for n in "abc")
ARTISTS: list[dict[str, Any]] = [
    {"artist_mbid": A, "artist_name": "Björk", "country_code": "IS"},
    {"artist_mbid": B, "artist_name": "Air", "country_code": "FRA"},
    {"artist_mbid": C, "artist_name": "Nobody", "country_code": None},
]
GENRES: list[dict[str, Any]] = [
    {"recording_mbid": A, "genre": genre, "genre_count": 1} for genre in ("pop", "trip hop")
]
Import = Callable[..., str]


def put(folder: Path, **tables: list[dict[str, Any]]) -> None:
    """The tables as files, instead of those that are there."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows), folder / f"{name}.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two tables."""
    put(tmp_path / "metadata", artist_country_code=ARTISTS, recording_genre=GENRES)
    return tmp_path / "metadata"


@pytest.fixture
def bring(spark: SparkSession, settings: Settings, lander: Lander, folder: Path) -> Import:
    """Import the folder; `conclude` instead of the landing row."""

    def run(conclude: Callable[[Mapping[str, int]], Landing] = lander.conclude_import) -> str:
        [job], params = catalog().check(QUERY, {"from": str(folder)})
        return run_import(job, ImportRun(spark, settings, lander.lock, params, conclude, lambda _: None))

    return run


def rows(spark: SparkSession, lake: str, landing: Landing, name: str) -> list[dict[str, Any]]:
    """A table as a data version has it."""
    return sorted((row.asDict() for row in open_table(spark, lake, landing, name).collect()), key=str)


def changes(lake: str, name: str, since: int) -> list[tuple[str, str]]:
    """(kind, artist) of the change feed after a version."""
    feed = pa.table(DeltaTable(f"{lake}/{name}").load_cdf(since + 1))
    return sorted(zip(feed["_change_type"].to_pylist(), feed["artist_name"].to_pylist(), strict=True))


def test_an_import_is_a_data_version_of_its_own_at_the_same_position(
    connection: Connection, bring: Import, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1))
    before = lander.land()
    assert before is not None

    said = bring()

    landing = lake_files.newest(lake)
    assert said.startswith("imported: artist_country_code (3 rows), recording_genre (2 rows); absent: artist_cr")
    assert (landing.landing_id, landing.kind, landing.rows) == (before.landing_id + 1, "import", 0)
    assert (landing.position, landing.newest_listen_ts) == (before.position, before.newest_listen_ts)
    assert set(landing.versions) - set(before.versions) == {"artist_country_code", "recording_genre"}
    assert rows(lander.spark, lake, landing, "artist_country_code") == [
        {"artist_mbid": A, "artist_name": "Björk", "country_code": "ISL", "artist_key": "björk"},
        {"artist_mbid": B, "artist_name": "Air", "country_code": "FRA", "artist_key": "air"},
        {"artist_mbid": C, "artist_name": "Nobody", "country_code": None, "artist_key": "nobody"},
    ]
    assert not (Path(lake) / "imports").exists()
    with transaction(connection) as cursor:
        cursor.execute("SELECT kind, position FROM landing ORDER BY id DESC LIMIT 1")
        assert cursor.fetchall() == [("import", before.position)]
    submit(connection, alice, listen(2))
    later = lander.land()
    assert later is not None
    assert later.versions["recording_genre"] == landing.versions["recording_genre"]
    assert agree(connection, lake) == 2


def test_jobs_and_queries_see_no_metadata_before_an_import_and_all_of_it_afterwards(
    connection: Connection, bring: Import, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1))
    before = lander.land()
    assert before is not None
    count = "SELECT count(*) AS n FROM {recording_genre}"
    assert Frames(lander.spark, lake, before, Moment(0, ()), {}, []).sql(count, ["recording_genre"]).collect()[0].n == 0
    with pytest.raises(QueryFailedError):
        run_query(lake, "SELECT count(*) FROM recording_genre")

    bring()

    after = lake_files.newest(lake)
    assert Frames(lander.spark, lake, after, Moment(0, ()), {}, []).sql(count, ["recording_genre"]).collect()[0].n == 2
    assert run_query(lake, "SELECT count(*) AS n FROM recording_genre").to_pylist() == [{"n": 2}]


def test_metadata_may_come_before_the_first_listen(
    connection: Connection, bring: Import, lander: Lander, lake: str, alice: int
) -> None:
    bring()
    first = lake_files.newest(lake)
    assert (first.landing_id, first.position, first.newest_listen_ts) == (1, 0, None)

    submit(connection, alice, listen(1))
    second = lander.land()

    assert second is not None
    assert second.versions["artist_country_code"] == first.versions["artist_country_code"]
    assert agree(connection, lake) == 1


def test_a_second_import_changes_only_what_differs(bring: Import, lander: Lander, lake: str, folder: Path) -> None:
    bring()
    first = lake_files.newest(lake)
    assert bring().startswith("unchanged: artist_country_code, recording_genre; absent")
    assert lake_files.newest(lake) == first, "the same content is no new data version"

    renamed = {"artist_mbid": B, "artist_name": "Air", "country_code": "JPN"}
    new = {"artist_mbid": B, "artist_name": "AIR", "country_code": "FRA"}
    put(folder, artist_country_code=[new, ARTISTS[0], renamed])
    said = bring()

    second = lake_files.newest(lake)
    assert said.startswith("imported: artist_country_code (3 rows); unchanged: recording_genre; absent")
    assert second.versions["recording_genre"] == first.versions["recording_genre"]
    assert changes(lake, "artist_country_code", first.versions["artist_country_code"]) == [
        ("delete", "Nobody"),
        ("insert", "AIR"),
        ("update_postimage", "Air"),
        ("update_preimage", "Air"),
    ]
    found = rows(lander.spark, lake, second, "artist_country_code")
    assert [(row["artist_name"], row["country_code"]) for row in found] == [
        ("Björk", "ISL"), ("AIR", "FRA"), ("Air", "JPN"),
    ]  # fmt: skip
    assert len(rows(lander.spark, lake, first, "artist_country_code")) == 3, "time travel"

    (folder / "artist_country_code.parquet").unlink()
    assert "absent: artist_country_code" in bring()
    assert lake_files.newest(lake) == second, "a table that is absent stays"
    empty = pa.Table.from_pylist(GENRES).slice(0, 0)
    pq.write_table(empty, folder / "recording_genre.parquet")
    assert bring().startswith("imported: recording_genre (0 rows)")
    assert rows(lander.spark, lake, lake_files.newest(lake), "recording_genre") == []


def test_rows_that_break_a_rule_are_counted_and_nothing_is_changed(
    bring: Import, lander: Lander, lake: str, folder: Path
) -> None:
    bad = [{"artist_mbid": "x", "artist_name": name, "country_code": "FR"} for name in (" ", "b")]
    put(folder, artist_country_code=[*ARTISTS, *bad], recording_genre=[*GENRES, GENRES[0], GENRES[1]])

    with pytest.raises(ImportRefusedError) as told:
        bring()

    assert str(told.value) == (
        "artist_country_code: artist_mbid is not a UUID in lower case with hyphens in 2 rows; "
        "artist_country_code: artist_name is blank in 1 rows; "
        "recording_genre: recording_mbid, genre not unique in 2 rows"
    )
    assert lander.start() is None
    assert not land_delta.exists(lander.spark, lake, "recording_genre")
    assert not (Path(lake) / "imports").exists()


class CrashError(Exception):
    """Instead of SIGKILL."""


def crash(versions: Mapping[str, int]) -> Landing:
    raise CrashError


def test_half_an_import_is_never_seen_and_the_same_again_completes_it(
    connection: Connection, bring: Import, new_lander: NewLander, lake: str, folder: Path, alice: int
) -> None:
    bring()
    first = lake_files.newest(lake)
    put(folder, artist_country_code=ARTISTS[:1], artist_genre=GENRES)
    with pytest.raises(CrashError):
        bring(crash)
    assert DeltaTable(f"{lake}/artist_country_code").version() > first.versions["artist_country_code"]

    lander = new_lander()
    submit(connection, alice, listen(1))
    landing = lander.land()
    assert landing is not None
    assert landing.versions["artist_country_code"] == first.versions["artist_country_code"]
    assert "artist_genre" not in landing.versions
    vacuumed = upkeep.vacuum(lander)
    assert "artist_country_code" not in vacuumed.tables, "its newest version is in no landing row yet"
    assert "recording_genre" in vacuumed.tables
    assert vacuumed.before is not None, "metadata is no listener's: it holds no receipt up"
    assert len(rows(lander.spark, lake, landing, "artist_country_code")) == 3

    said = bring(new_lander().conclude_import)
    assert said.startswith("unchanged: artist_country_code, recording_genre, artist_genre; absent")
    whole = lake_files.newest(lake)
    assert whole.landing_id == landing.landing_id + 1
    assert len(rows(lander.spark, lake, whole, "artist_country_code")) == 1
    assert len(rows(lander.spark, lake, whole, "artist_genre")) == 2
    assert "artist_country_code" in upkeep.vacuum(new_lander()).tables
    assert len(rows(lander.spark, lake, first, "artist_country_code")) == 3, "24 h have not passed"


@pytest.fixture
def part(spark: SparkSession, settings: Settings, lake: str) -> Iterator[Part]:
    """A request consumer without its loop of requests: landing runs."""
    stop = threading.Event()
    made = Part(settings, Pool(settings.database_url), LakeLock(settings.database_url, lake), stop, spark)
    assert made.lock.acquire()
    made.landing = LandingLoop(spark, settings, made.lock, stop)
    made.landing.start()
    yield made
    stop.set()
    made.landing.join(60)
    assert not made.landing.is_alive()


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    opened = open_broker(settings)
    yield opened
    opened.close()


def test_a_request_imports_through_the_landing_thread_and_says_what_it_did(
    connection: Connection, part: Part, broker: Broker, folder: Path, lake: str
) -> None:
    def ask(path: Path) -> RequestRow:
        row = requests.enqueue(connection, broker, QUERY, {"from": str(path)})
        claimed = requests.claim(connection, row.id, part.worker)
        assert claimed is not None
        attempt(part, broker, claimed)
        found = request_rows.find(connection, row.id)
        assert found is not None
        return found

    done = ask(folder)

    assert (done.state, done.error) == ("done", None)
    assert str(done.progress).startswith("imported: artist_country_code (3 rows), recording_genre (2 rows)")
    assert lake_files.newest(lake).kind == "import"
    refused = ask(folder / "nowhere")
    assert (refused.state, refused.attempts) == ("failed", 1), "another try would not help"
    assert "is no folder on" in str(refused.error)


def test_real_artists_come_in_with_their_countries(
    bring: Import, lander: Lander, lake: str, folder: Path, shared_data: Path
) -> None:
    import gzip

    with gzip.open(shared_data / "musicbrainz-artists-21k.csv.gz", "rt") as real:
        header, _, rest = real.read().partition("\n")
    assert header == "artist_mbid,artist_name,country_alpha2"
    (folder / "artist_country_code.parquet").unlink()
    with gzip.open(folder / "artist_country_code.csv.gz", "wt") as file:
        file.write(f"artist_mbid,artist_name,country_code\n{rest}")

    said = bring()

    assert "artist_country_code (21,208 rows)" in said
    assert "country codes kept as null: XE (1 rows), XW (12 rows)" in said
    asked = "SELECT country_code, count(*) AS n FROM artist_country_code GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 3"
    assert [tuple(row.values()) for row in run_query(lake, asked).to_pylist()] == [
        (None, 6583), ("USA", 5466), ("GBR", 1814),
    ]  # fmt: skip
