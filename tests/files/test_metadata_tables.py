"""Metadata tables as files and as tables of a PostgreSQL: read alike whatever their types, refused by name."""

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conf.postgres import connect, transaction
from dumps.load.countries import ALPHA3, alpha3
from dumps.load.metadata import checked, opened, stage
from dumps.load.metadata_columns import conform
from jobs.imports.pg_metadata_tables import parse_origin
from jobs.job import ImportRefusedError
from jobs.tables import METADATA_TABLES
from tests.databases import Databases

A, B = "0b1a2c3d-0000-4000-8000-00000000000a", "0b1a2c3d-0000-4000-8000-00000000000b"
CREDIT = [
    {"artist_credit_name": "Ólafur", "join_phrase": " feat. ", "artist_mbid": A},
    {"artist_credit_name": "Björk", "join_phrase": "", "artist_mbid": B},
]
RELEASE = {
    "release_mbid": A, "release_group_mbid": B, "first_release_date_year": 1997, "release_name": " Homogenic ",
    "album_artist_name": "BJÖRK", "caa_id": 2**40, "caa_release_mbid": None, "artist_credit_mbids": [A, B],
    "artists": CREDIT,
}  # fmt: skip
LANDED = {**RELEASE, "release_key": "homogenic", "album_artist_key": "björk"}


def read(origin: Path | str, folder: Path) -> tuple[dict[str, list[dict[str, Any]]], Counter[str]]:
    """The rows of every table as staged, and the codes that are no country's."""
    with opened(str(origin)) as source:
        staged = stage(source, checked(source), str(folder / "staged"), lambda _: None)
    tables = {name: pq.read_table(folder / "staged" / name).to_pylist() for name in staged.tables}
    return tables, staged.unknown_countries


def column(name: str, column_name: str, values: pa.Array) -> list[Any]:
    """One column of a table as it comes out; the others are as they should be."""
    table = METADATA_TABLES[name]
    count = len(values)
    others = {c.name: pa.nulls(count) for c in table.columns}
    rows = pa.RecordBatch.from_pydict({**others, column_name: values})
    made: list[Any] = conform(table, rows, Counter()).column(column_name).to_pylist()
    return made


def test_parquet_comes_in_with_its_folded_keys(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([RELEASE]), tmp_path / "release_metadata_cache.parquet")

    assert read(tmp_path, tmp_path)[0] == {"release_metadata_cache": [LANDED]}


@pytest.mark.parametrize("ending", ["csv", "csv.gz"])
def test_csv_has_its_lists_as_json_and_nothing_for_null(tmp_path: Path, ending: str) -> None:
    texts = {name: orjson.dumps(v).decode() if isinstance(v, list) else v for name, v in RELEASE.items()}
    opener = gzip.open if ending.endswith("gz") else open
    with opener(tmp_path / f"release_metadata_cache.{ending}", "wt", newline="") as file:
        writer = csv.DictWriter(file, [*texts, "last_updated"])
        writer.writeheader()
        writer.writerow({**texts, "last_updated": "2024-01-01"})
        writer.writerow({**texts, "release_name": 'Two\nlines, "quoted"', "caa_id": None})

    found = read(tmp_path, tmp_path)[0]["release_metadata_cache"]

    assert found[0] == LANDED
    assert (found[1]["release_name"], found[1]["caa_id"]) == ('Two\nlines, "quoted"', None)


def test_days_come_as_dates_or_as_text() -> None:
    for values in (pa.array([date(2022, 4, 29), None]), pa.array(["2022-04-29", None])):
        assert column("releases", "release_date", values) == ["2022-04-29", None]


def test_a_folder_of_parquet_files_is_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "recording_tag.parquet"
    folder.mkdir()
    for at, tag in enumerate(("rock", "pop")):
        rows = [{"recording_mbid": A, "tag": tag, "tag_count": 1}]
        pq.write_table(pa.Table.from_pylist(rows), folder / f"part-{at}.parquet")

    assert [row["tag"] for row in read(tmp_path, tmp_path)[0]["recording_tag"]] == ["rock", "pop"]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([254_000, None], pa.int64()),
        pa.array([254_000, None], pa.uint32()),
        pa.array([254_000.0, None], pa.float64()),
        pa.array(["254000", None]),
        pa.array([timedelta(seconds=254), None], pa.duration("s")),
        pa.array([timedelta(seconds=254), None], pa.duration("ns")),
    ],
    ids=lambda values: str(values.type),
)
def test_widths_of_numbers_and_units_of_time_may_differ(values: pa.Array) -> None:
    assert column("recording_length", "length", values) == [254_000, None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([True, False, None]),
        pa.array(["t", "f", None]),
        pa.array(["true", "false", None]),
        pa.array([1, 0, None]),
    ],
    ids=lambda values: str(values[0]),
)
def test_truth_values_come_in_many_forms(values: pa.Array) -> None:
    assert column("recording_length", "is_redirect", values) == [True, False, None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([A, None], pa.large_string()),
        pa.array([A, None]).dictionary_encode(),
        pa.array([UUID(A).bytes, None], pa.uuid()),
    ],
    ids=lambda values: str(values.type),
)
def test_mbids_may_be_text_or_uuids(values: pa.Array) -> None:
    assert column("recording_length", "recording_mbid", values) == [A, None]


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[A, B], [], None], pa.list_(pa.field("element", pa.string()))),
        pa.array([[A, B], [], None], pa.large_list(pa.large_string())),
        pa.array([f'["{A}", "{B}"]', "[]", None]),
        pa.array([f'"[\\"{A}\\", \\"{B}\\"]"', "[]", "null"]),
    ],
    ids=lambda values: str(values.type),
)
def test_lists_may_be_their_json(values: pa.Array) -> None:
    assert column("recording_artist", "artist_mbids", values) == [[A, B], [], None]


def test_the_fields_of_artists_may_stand_in_any_order() -> None:
    turned = [dict(reversed(artist.items())) for artist in CREDIT]

    for values in (pa.array([turned, None]), pa.array([orjson.dumps(turned).decode(), None])):
        assert column("recording_artist", "artists", values) == [CREDIT, None]


def test_a_phrase_that_is_nothing_is_empty() -> None:
    assert column("artist_credit_mbid", "join_phrase", pa.array([" & ", None, ""])) == [" & ", "", ""]


def test_a_newer_column_may_be_absent(tmp_path: Path) -> None:
    group = {
        "release_group_mbid": A, "title": "Debut", "artist_credit_name": "Björk", "caa_id": None,
        "caa_release_mbid": None, "artist_credit_mbids": [A], "artists": CREDIT, "first_release_date_year": 1993,
    }  # fmt: skip
    pq.write_table(pa.Table.from_pylist([group]), tmp_path / "release_group_metadata_cache.parquet")

    [found] = read(tmp_path, tmp_path)[0]["release_group_metadata_cache"]

    keys = {"release_group_key": "debut", "artist_credit_key": "björk"}
    assert found == {**group, "primary_type": None, **keys}


def test_countries_may_have_two_letters_and_unknown_ones_are_told(tmp_path: Path) -> None:
    codes = ["IS", "ISL", "SU", "XW", "XW", "is", "", None]
    rows = {"artist_mbid": [A] * 8, "artist_name": [f"artist {n}" for n in range(8)], "country_code": codes}
    pq.write_table(pa.table(rows), tmp_path / "artist_country_code.parquet")

    found, unknown = read(tmp_path, tmp_path)

    assert [row["country_code"] for row in found["artist_country_code"]] == ["ISL", "ISL", "SUN", *[None] * 5]
    assert unknown == {"XW": 2, "is": 1}


def test_every_country_has_a_code_of_its_own() -> None:
    assert len(ALPHA3) == len(set(ALPHA3.values())) == 249 + 7
    assert all(len(two) == 2 and len(three) == 3 and alpha3(three) == alpha3(two) for two, three in ALPHA3.items())


@pytest.mark.parametrize(
    ("name", "column_name", "values", "told"),
    [
        ("recording_length", "length", pa.array(["long"]), r"recording_length\.length: expected int, .*'long'"),
        ("recording_length", "length", pa.array([2**31]), r"recording_length\.length: expected int"),
        ("recording_length", "length", pa.array([1.5]), r"recording_length\.length: expected int"),
        ("recording_length", "length", pa.array([True]), r"recording_length\.length: expected int, found bool"),
        ("recording_length", "is_redirect", pa.array(["maybe"]), r"recording_length\.is_redirect: expected boolean"),
        ("recording_tag", "tag", pa.array([7]), r"recording_tag\.tag: expected string, found int64"),
        ("recording_artist", "artist_mbids", pa.array([7]), r"recording_artist\.artist_mbids: expected array<string>"),
        ("recording_artist", "artist_mbids", pa.array(["{a,b}"]), "'{a,b}' is not JSON"),
        ("recording_artist", "artist_mbids", pa.array(['{"a":1}']), "is not a list"),
        ("recording_artist", "artist_mbids", pa.array([[7]]), "a list with 7, which is no text"),
        ("recording_artist", "artists", pa.array([["Björk"]]), "a list with 'Björk', which is no artist"),
        ("release_metadata_cache", "first_release_date_year", pa.array([40_000]), "first_release_date_year: expected"),
    ],
)
def test_a_column_of_another_type_is_refused_by_name(name: str, column_name: str, values: pa.Array, told: str) -> None:
    with pytest.raises(ImportRefusedError, match=told):
        column(name, column_name, values)


def test_a_missing_column_is_refused_by_name_before_anything_is_read(tmp_path: Path) -> None:
    pq.write_table(pa.table({"recording_mbid": [7]}), tmp_path / "recording_tag.parquet")
    (tmp_path / "artist_country_code.csv").write_text("artist_mbid,artist_name,country\n")

    with pytest.raises(ImportRefusedError) as told:
        read(tmp_path, tmp_path)

    assert "artist_country_code has no column country_code; recording_tag has no column tag, tag_count" in str(
        told.value
    )
    assert not (tmp_path / "staged").exists()


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "recording_tag.parquet"
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(ImportRefusedError, match=r"recording_tag\.parquet: cannot be read"):
        read(tmp_path, tmp_path)
    file.unlink()
    whole = gzip.compress(f"recording_mbid,tag,tag_count\n{A},rock,1\n".encode() * 1000)
    (tmp_path / "recording_tag.csv.gz").write_bytes(whole[:-20])
    with pytest.raises(ImportRefusedError, match=r"recording_tag\.csv\.gz: cannot be read"):
        read(tmp_path, tmp_path)


def test_a_folder_without_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match=r"nowhere is no folder on .* where the request consumer runs"):
        read(tmp_path / "nowhere", tmp_path)
    (tmp_path / "artist.csv").write_text("id\n")
    with pytest.raises(ImportRefusedError, match="has none of the tables artist_country_code, "):
        read(tmp_path, tmp_path)


def test_a_table_in_two_files_is_refused(tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        (tmp_path / f"recording_tag.{ending}").touch()
    with pytest.raises(ImportRefusedError, match=r"twice, as recording_tag\.csv and recording_tag\.parquet"):
        read(tmp_path, tmp_path)


def test_where_to_import_from_is_a_folder_or_a_url_without_a_password() -> None:
    assert parse_origin("metadata") == str(Path.cwd() / "metadata")
    assert parse_origin("postgresql://me@host/musicbrainz_db") == "postgresql://me@host/musicbrainz_db"
    for url in ("postgresql://me:secret@host/db", "postgres://host/db?password=secret"):
        with pytest.raises(ValueError, match=r"~/\.pgpass"):
            parse_origin(url)
    for value in ("", " ", 7, None, "a\0b"):
        with pytest.raises(ValueError, match="expected a folder"):
            parse_origin(value)


@pytest.fixture
def musicbrainz(databases: Databases) -> Iterator[str]:
    """URL of a database whose tables are in a schema of their own, which the search path names."""
    name = "test_musicbrainz"
    databases.admin(f"CREATE DATABASE {name}")
    with closing(connect(databases.url(name))) as connection, transaction(connection) as cursor:
        cursor.execute("CREATE SCHEMA mapping")
        cursor.execute("ALTER DATABASE test_musicbrainz SET search_path = mapping, public")
        cursor.execute(
            "CREATE TABLE mapping.release_metadata_cache (release_mbid uuid, release_group_mbid uuid,"
            " first_release_date_year smallint, release_name text, album_artist_name varchar, caa_id bigint,"
            " caa_release_mbid uuid, artist_credit_mbids uuid[], artists json, last_updated timestamptz)"
        )
        cursor.execute(
            "INSERT INTO mapping.release_metadata_cache SELECT * FROM json_populate_record("
            "NULL::mapping.release_metadata_cache, %s)",
            (orjson.dumps(RELEASE).decode(),),
        )
        cursor.execute(
            "CREATE VIEW mapping.recording_length AS SELECT %s::uuid AS recording_mbid, 254000::bigint AS length,"
            " 7::bigint AS recording_id, false AS is_redirect",
            (A,),
        )
    yield databases.url(name)
    databases.admin(f"DROP DATABASE {name} WITH (FORCE)")


def test_tables_and_views_of_a_postgresql_are_read_in_any_schema_of_the_search_path(
    musicbrainz: str, tmp_path: Path
) -> None:
    found, _ = read(musicbrainz, tmp_path)

    length = {"recording_mbid": A, "length": 254_000, "recording_id": 7, "is_redirect": False}
    assert found == {"recording_length": [length], "release_metadata_cache": [LANDED]}


def test_what_a_postgresql_lacks_or_refuses_is_told(musicbrainz: str, tmp_path: Path) -> None:
    with closing(connect(musicbrainz)) as connection, transaction(connection) as cursor:
        cursor.execute("CREATE VIEW mapping.recording_tag AS SELECT 1 AS recording_mbid, 1 AS tag, 1 / 0 AS tag_count")
    with pytest.raises(ImportRefusedError, match=r"test_musicbrainz.*, table recording_tag: division by zero"):
        read(musicbrainz, tmp_path)
    with closing(connect(musicbrainz)) as connection, transaction(connection) as cursor:
        cursor.execute("ALTER TABLE mapping.release_metadata_cache DROP COLUMN caa_id")
    with pytest.raises(ImportRefusedError, match="release_metadata_cache has no column caa_id"):
        read(musicbrainz, tmp_path)
    with pytest.raises(ImportRefusedError, match="nothing to import from: PostgreSQL cannot be reached"):
        read("postgresql:///nothing?host=/nowhere", tmp_path)
