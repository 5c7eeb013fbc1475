from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from pyspark.sql import SparkSession

from conf.settings import Settings, load_settings
from jobs import result_files, runner
from jobs.catalog import catalog
from jobs.lake import Landing
from jobs.listens.mapping import MappingRow
from jobs.messages import COLUMNS, Manifest, new_run_id
from jobs.ranges import STATS_RANGES
from tests.jobs.histories import generated, mbid
from tests.jobs.lake import write_lake
from tests.jobs.oracle import Histories, Key, Row, Track, user_artists

pytestmark = pytest.mark.spark


def ts(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


MONDAY = ts("2021-11-22T12:00:00")
INSTANTS = [MONDAY, ts("2021-01-01T00:00:00"), ts("2024-02-29T23:59:59"), ts("2024-04-01T00:00:01")]
LANDED = ts("2024-05-15T10:00:00")


def lake_settings(lake: Path, inline_bytes: int = 1 << 30) -> Settings:
    environ = {"DATA_DIR": str(lake.parent), "LAKE_URL": str(lake), "RESULT_INLINE_BYTES": str(inline_bytes)}
    return load_settings(environ, env_file=None)


def run(spark: SparkSession, settings: Settings, landing: Landing, **params: Any) -> Manifest:
    _, checked = catalog().check("stats.user.entity", {"entity": "artists", **params})
    ordered = runner.Ordered("stats.user.entity", (catalog().jobs["user_artists"],), checked)
    return runner.run(spark, settings, ordered, landing, run_id=new_run_id(1.7e9), request_id=None)


def payload(manifest: Manifest) -> dict[Key, list[Row]]:
    """What a manifest says, by user and range."""
    documents: dict[int, dict[str, Any]] = {}
    found: dict[Key, list[Row]] = {}
    for part in sorted(manifest.parts, key=lambda part: part.kind):
        for row in rows_of(part.inline, part.path, part.kind):
            if part.kind == "entity":
                documents[row[0]] = orjson.loads(row[1])
            else:
                items = [(count, documents[i]) for i, count in zip(row[1], row[2], strict=True)]
                found[row[0], part.stats_range] = [(n, d["artist_name"], d["artist_mbid"]) for n, d in items]
    return found


def rows_of(inline: Sequence[Any] | None, path: str | None, kind: str) -> Sequence[Any]:
    if inline is not None:
        return inline
    return list(result_files.rows(str(path), COLUMNS[kind]))


@pytest.fixture(scope="module")
def worked(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Landing]:
    """User 1's three weeks; user 2 with ties and spellings; user 3 whose only listen is in the future; user 9 gone."""
    lake = tmp_path_factory.mktemp("worked") / "lake"
    a, b = mbid(1), mbid(2)
    tracks = [
        Track(1, mbid(11), "Low"),
        Track(2, mbid(12), "Low & Dirty Three", artist_mbids=(a, b, a)),
        Track(3, mbid(13), "LOW"),
        Track(4, mbid(14), "low", artist_mbids=(a,)),
        Track(5, mbid(15), "Zoë"),
        Track(6, mbid(16), "Abba"),
        Track(7, mbid(17), "Mapped"),
    ]
    histories = Histories(tracks, {1, 2, 3})
    histories.mapping = [
        MappingRow(None, mbid(17), "automatic", artist_mbids=(a,)),
        MappingRow(2, mbid(17), "manual", artist_mbids=(b,)),
        MappingRow(1, mbid(17), "dump-a", artist_mbids=(b,)),
    ]
    histories.listens = [
        (1, ts("2021-11-14T23:59:59"), 1),
        (1, ts("2021-11-15T00:00:00"), 1),
        (1, ts("2021-11-16T08:00:00"), 2),
        (1, ts("2021-11-21T23:59:59"), 3),
        (1, ts("2021-11-22T00:00:00"), 3),
        (1, ts("2021-11-22T11:59:59"), 7),
        (2, ts("2021-11-20T10:00:00"), 5),
        (2, ts("2021-11-20T11:00:00"), 6),
        (2, ts("2021-11-20T12:00:00"), 1),
        (2, ts("2021-11-20T13:00:00"), 3),
        (2, ts("2021-11-20T14:00:00"), 4),
        (2, MONDAY, 7),
        (3, MONDAY + 1, 1),
        (9, ts("2021-11-20T10:00:00"), 1),
    ]
    return lake_settings(lake), write_lake(spark, str(lake), histories, MONDAY)


@pytest.fixture(scope="module")
def manifest(spark: SparkSession, worked: tuple[Settings, Landing]) -> Manifest:
    """All nine ranges of `worked`."""
    return run(spark, *worked)


def test_a_week_worked_out_by_hand(manifest: Manifest) -> None:
    found = payload(manifest)

    # The week 15 to 22 November, half open. Low and LOW are one artist, once each: Low is the greater by bytes.
    assert found[1, "week"] == [
        (2, "Low", None),
        (1, "Low & Dirty Three", mbid(2)),
        (1, "Low & Dirty Three", mbid(1)),
    ]
    # All time: one more of each, and the mapped track by its automatic row, which goes before the user's dump row.
    assert found[1, "all_time"] == [
        (4, "Low", None),
        (1, "Mapped", mbid(1)),
        (1, "Low & Dirty Three", mbid(2)),
        (1, "Low & Dirty Three", mbid(1)),
    ]
    # `low` with an MBID is another artist than Low without; equal counts by name, descending; the manual row decides.
    assert found[2, "all_time"] == [
        (2, "Low", None),
        (1, "low", mbid(1)),
        (1, "Zoë", None),
        (1, "Mapped", mbid(2)),
        (1, "Abba", None),
    ]
    assert {user for user, _ in found} == {1, 2}
    assert manifest.newest_listen_ts == MONDAY
    assert [s.rows for s in manifest.switches if s.stats_range in ("week", "year")] == [2, 0]


def test_a_future_listen_counts_once_t_has_passed_it(spark: SparkSession, worked: tuple[Settings, Landing]) -> None:
    made = run(spark, *worked, at=MONDAY + 1, stats_range="all_time")

    assert payload(made)[3, "all_time"] == [(1, "Low", None)]
    assert made.next_listen_ts is None


def test_a_run_says_when_the_first_listen_that_it_left_out_comes_to_pass(
    spark: SparkSession, worked: tuple[Settings, Landing], manifest: Manifest
) -> None:
    assert manifest.next_listen_ts == MONDAY + 1
    earlier = run(spark, *worked, at=ts("2021-11-20T10:00:00"), stats_range="week")
    assert earlier.next_listen_ts == ts("2021-11-20T11:00:00")


def test_one_range_alone_is_what_it_is_among_nine(
    spark: SparkSession, worked: tuple[Settings, Landing], manifest: Manifest
) -> None:
    alone = run(spark, *worked, stats_range="week")
    among = payload(manifest)

    assert payload(alone) == {key: rows for key, rows in among.items() if key[1] == "week"}
    assert [switch.stats_range for switch in alone.switches] == ["week"]


def test_files_say_what_inline_rows_say_and_inline_leaves_no_files(
    spark: SparkSession, worked: tuple[Settings, Landing], manifest: Manifest
) -> None:
    settings, landing = worked
    inline, files = manifest, run(spark, replace(settings, result_inline_bytes=0), landing)

    assert all(part.path is None for part in inline.parts)
    assert all(part.path is not None for part in files.parts)
    assert payload(inline) == payload(files)
    assert not Path(result_files.run_folder(settings.lake, inline.run_id)).exists()


def test_the_same_data_version_gives_the_same_bytes(
    spark: SparkSession, worked: tuple[Settings, Landing], manifest: Manifest
) -> None:
    first, second = manifest, run(spark, *worked)

    assert sorted(p.sha256 for p in first.parts) == sorted(p.sha256 for p in second.parts)
    assert first.run_id != second.run_id


def test_a_lake_without_listens_gives_nine_empty_ranges(spark: SparkSession, tmp_path: Path) -> None:
    landing = write_lake(spark, str(tmp_path / "lake"), Histories([], {1}), MONDAY)

    manifest = run(spark, lake_settings(tmp_path / "lake"), landing)

    assert [(s.stats_range, s.rows, s.replace) for s in manifest.switches] == [(n, 0, "all") for n in STATS_RANGES]
    assert manifest.parts == []
    assert manifest.newest_listen_ts == MONDAY


@pytest.fixture(scope="module")
def three_hundred(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Histories, Settings, Landing]:
    """Three hundred generated histories in one lake."""
    histories = generated(seed=1, users=300, instants=INSTANTS)
    settings = lake_settings(tmp_path_factory.mktemp("three hundred") / "lake")
    return histories, settings, write_lake(spark, settings.lake, histories, LANDED)


@pytest.mark.parametrize(
    "at", [None, *INSTANTS[:2], *(pytest.param(at, marks=pytest.mark.slow) for at in INSTANTS[2:])]
)
def test_three_hundred_histories_equal_a_count_in_plain_python(
    spark: SparkSession, three_hundred: tuple[Histories, Settings, Landing], at: int | None
) -> None:
    histories, settings, landing = three_hundred
    expected = user_artists(histories, at if at is not None else int(landing.newest_listen_ts or 0))
    found = payload(run(spark, settings, landing, **({} if at is None else {"at": at})))
    different = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
    assert not different, (different[0], expected.get(different[0]), found.get(different[0]))


def test_results_have_no_row_twice(manifest: Manifest) -> None:
    seen: dict[Key, int] = defaultdict(int)
    for part in manifest.parts:
        for row in rows_of(part.inline, part.path, part.kind) if part.kind == "list" else ():
            seen[row[0], part.stats_range] += 1

    assert set(seen.values()) == {1}


def test_an_artist_is_left_out_by_the_name_that_lists_show(spark: SparkSession, tmp_path: Path) -> None:
    low, sigur_ros = mbid(1), mbid(2)
    tracks = [
        Track(1, mbid(11), "Sigur Ros", artist_mbids=(sigur_ros,)),
        Track(2, mbid(12), "Low feat. Sigur Ros", artist_mbids=(low, sigur_ros)),
        Track(3, mbid(13), "Low", artist_mbids=(low,)),
    ]
    histories = Histories(tracks, {1})
    histories.listens = [(1, MONDAY - second, second) for second in (1, 2, 3)]
    histories.beside = {
        "artist_country_code": [{"artist_mbid": sigur_ros, "artist_name": "Sigur Rós"}],
        "exclusions": [{"user_id": 1, "kind": "artist", "value": "SIGUR RÓS", "value_key": "sigur rós"}],
    }
    landing = write_lake(spark, str(tmp_path / "lake"), histories, MONDAY)

    found = payload(run(spark, lake_settings(tmp_path / "lake"), landing, stats_range="all_time"))

    assert found[1, "all_time"] == [(1, "Low", low)]
    # Low has no row: each credit is a name of its own.
    assert found[-1, "all_time"] == [
        (2, "Sigur Rós", sigur_ros),
        (1, "Low feat. Sigur Ros", low),
        (1, "Low", low),
    ]
