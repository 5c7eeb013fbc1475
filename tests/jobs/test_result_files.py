"""Result files: found, measured, read and removed, without Spark."""

import hashlib
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet
import pytest

from jobs import result_files
from jobs.messages import new_run_id


def written(lake: Path, run_id: UUID, rows: int = 3) -> Path:
    path = lake / "results" / str(run_id) / "list" / "a" / "stats_range=0" / "part.parquet"
    path.parent.mkdir(parents=True)
    table = {"key": pa.array(range(rows)), "ids": pa.array([[7, 8]] * rows), "counts": pa.array([[2, 1]] * rows)}
    pyarrow.parquet.write_table(pa.table(table), path)
    (path.parent / "_SUCCESS").touch()
    return path


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_is_found_measured_and_read_by_path_and_by_url(tmp_path: Path, scheme: str) -> None:
    run_id = new_run_id(1.7e9)
    path = written(tmp_path, run_id, rows=600)
    [url] = result_files.parquet_files(result_files.run_folder(f"{scheme}{tmp_path}", run_id))

    assert url == f"{scheme}{path}"
    assert result_files.digest(url) == (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest())
    assert result_files.row_count(url) == 600
    assert list(result_files.rows(url, ("key", "counts"))) == [(key, [2, 1]) for key in range(600)]


def test_a_run_without_files_has_none_and_can_be_removed(tmp_path: Path) -> None:
    run_id = new_run_id(1.7e9)
    assert result_files.parquet_files(result_files.run_folder(str(tmp_path), run_id)) == []
    result_files.remove_run(str(tmp_path), run_id)


def test_only_old_runs_that_nobody_needs_are_removed(tmp_path: Path) -> None:
    old, needed, young = new_run_id(1000), new_run_id(1000), new_run_id(5000)
    for run_id in (old, needed, young):
        written(tmp_path, run_id)
    (tmp_path / "results" / "notes").mkdir()

    removed = result_files.remove_old_runs(str(tmp_path), {needed}, older_than_seconds=3600, now=5000)

    assert removed == [old]
    left = {path.name for path in (tmp_path / "results").iterdir()}
    assert left == {str(needed), str(young), "notes"}


def test_of_runs_that_nobody_continues_the_sums_are_removed_and_nothing_else(tmp_path: Path) -> None:
    served, other = new_run_id(1000), new_run_id(5000)
    for run_id in (served, other):
        written(tmp_path, run_id)
        (tmp_path / "results" / str(run_id) / result_files.STATE / "lists").mkdir(parents=True)

    result_files.remove_sums(str(tmp_path), {served})

    left = [path.parent.name for path in (tmp_path / "results").glob(f"*/{result_files.STATE}")]
    assert left == [str(served)]
    assert result_files.parquet_files(result_files.run_folder(str(tmp_path), other)) != []


def test_a_run_of_which_every_part_is_removed_leaves_no_folder(tmp_path: Path) -> None:
    run_id = new_run_id(1000)
    written(tmp_path, run_id)

    result_files.remove_parts(str(tmp_path), run_id, ("list", "state"))

    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_folder_is_copied_once_and_read_as_one_table(tmp_path: Path, scheme: str) -> None:
    source, target = tmp_path / "source", f"{scheme}{tmp_path}/target/lists"
    source.mkdir()
    for number in (1, 2):
        pyarrow.parquet.write_table(pa.table({"id": [number], "left": ["out"]}), source / f"{number}.parquet")
    (source / "_SUCCESS").touch()

    result_files.copy_folder(f"{scheme}{source}", target)

    copied = result_files.parquet_files(target)
    assert [name.rpartition("/")[2] for name in copied] == ["1.parquet", "2.parquet"]
    assert result_files.table(copied, ("id",)).to_pydict() == {"id": [1, 2]}
    with pytest.raises(FileExistsError, match="counted twice"):
        result_files.copy_folder(f"{scheme}{source}", target)
    with pytest.raises(ValueError, match="no file"):
        result_files.table([], ("id",))
