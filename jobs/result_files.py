"""Result files of a run, wherever the lake is: local folder or any object store that pyarrow knows. Spark-free."""

import hashlib
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

import pyarrow
import pyarrow.fs
import pyarrow.parquet

FOLDER = "results"
STATE = "state"
"""Folder of a run's sums, which the run that continues it starts from (jobs/everybody.py)."""
_BLOCK = 1 << 20
_BATCH_ROWS = 256
"""Lists are long: few of them are in memory at a time."""


def run_folder(lake: str, run_id: UUID) -> str:
    """URL of the folder of one run's files, beside the tables."""
    return f"{lake}/{FOLDER}/{run_id}"


def filesystem(url: str) -> tuple[pyarrow.fs.FileSystem, str]:
    """The file system of a path or URL, and the path inside it."""
    if "://" not in url and not url.startswith("file:"):
        return pyarrow.fs.LocalFileSystem(), url
    found: tuple[pyarrow.fs.FileSystem, str] = pyarrow.fs.FileSystem.from_uri(url.replace("s3a://", "s3://", 1))
    return found


def digest(url: str) -> tuple[int, str]:
    """(bytes, SHA-256 in hex) of a file. Raises FileNotFoundError."""
    files, path = filesystem(url)
    total, sha256 = 0, hashlib.sha256()
    with files.open_input_stream(path) as stream:
        while block := stream.read(_BLOCK):
            total += len(block)
            sha256.update(block)
    return total, sha256.hexdigest()


def write(url: str, table: pyarrow.Table) -> None:
    """One Parquet file, and the folder it is in."""
    files, path = filesystem(url)
    files.create_dir(path.rpartition("/")[0])
    with files.open_output_stream(path) as opened:
        pyarrow.parquet.write_table(table, opened)


@contextmanager
def writer(url: str, schema: pyarrow.Schema) -> Iterator[pyarrow.parquet.ParquetWriter]:
    """A Parquet file that is written bit by bit, and the folder it is in; whole only after the block."""
    files, path = filesystem(url)
    files.create_dir(path.rpartition("/")[0])
    with files.open_output_stream(path) as opened, pyarrow.parquet.ParquetWriter(opened, schema) as made:
        yield made


def row_count(url: str) -> int:
    """Rows of a Parquet file, from its footer."""
    files, path = filesystem(url)
    with files.open_input_file(path) as opened:
        count: int = pyarrow.parquet.ParquetFile(opened).metadata.num_rows
        return count


def rows(url: str, columns: tuple[str, ...]) -> Iterator[tuple[object, ...]]:
    """The rows of a Parquet file, a few at a time. Raises ArrowInvalid and KeyError for a file of other columns."""
    for batch in batches(url, columns):
        yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)


def batches(url: str, columns: tuple[str, ...]) -> Iterator[pyarrow.RecordBatch]:
    """The same as they are in memory."""
    files, path = filesystem(url)
    with files.open_input_file(path) as opened:
        yield from pyarrow.parquet.ParquetFile(opened).iter_batches(_BATCH_ROWS, columns=list(columns))


def table(urls: Iterable[str], columns: Iterable[str]) -> pyarrow.Table:
    """These columns of all these Parquet files, in their order, in memory. Raises ValueError for no file."""
    found, names = [], list(columns)
    for url in urls:
        files, path = filesystem(url)
        found.append(pyarrow.parquet.read_table(path, columns=names, filesystem=files))
    if not found:
        raise ValueError("there is no file to read")
    return pyarrow.concat_tables(found, promote_options="default")  # files may differ in what may be null


def copy_folder(source: str, target: str) -> None:
    """Copy the Parquet files of a folder into a new one. Raises FileExistsError when there is one."""
    files, path = filesystem(target)
    if files.get_file_info(path).type != pyarrow.fs.FileType.NotFound:
        raise FileExistsError(f"{target} exists: what is copied there would be counted twice")
    files.create_dir(path)
    for url in parquet_files(source):
        files.copy_file(filesystem(url)[1], f"{path}/{url.rpartition('/')[2]}")


def parquet_files(url: str) -> list[str]:
    """Every Parquet file below a folder, sorted, as URLs of the folder's own form."""
    files, path = filesystem(url)
    selector = pyarrow.fs.FileSelector(path, recursive=True, allow_not_found=True)
    found = sorted(info.path for info in files.get_file_info(selector) if info.path.endswith(".parquet"))
    return [url + name.removeprefix(path) for name in found]


def remove_run(lake: str, run_id: UUID) -> None:
    """Delete one run's files; no error if there are none."""
    remove_folder(run_folder(lake, run_id))


def remove_parts(lake: str, run_id: UUID, folders: Iterable[str]) -> None:
    """Delete some folders of one run's, and its own where nothing is left; no error if there are none."""
    home = run_folder(lake, run_id)
    for folder in folders:
        remove_folder(f"{home}/{folder}")
    files, path = filesystem(home)
    if not files.get_file_info(pyarrow.fs.FileSelector(path, allow_not_found=True)):
        remove_folder(home)


def remove_folder(url: str) -> None:
    """Delete a folder with all that is in it; no error if there is none."""
    files, path = filesystem(url)
    if files.get_file_info(path).type == pyarrow.fs.FileType.Directory:
        files.delete_dir(path)


def remove_sums(lake: str, keep: Collection[UUID]) -> None:
    """Delete what runs have kept for the run that continues them (STATE), but for those in `keep`."""
    for run_id in _runs(lake):
        if run_id not in keep:
            remove_parts(lake, run_id, (STATE,))


def remove_old_runs(
    lake: str, keep: Collection[UUID], older_than_seconds: float, now: float | None = None
) -> list[UUID]:
    """Delete the files of runs that nobody needs: not in `keep`, and made so long ago (their ids tell)."""
    latest = ((time.time() if now is None else now) - older_than_seconds) * 1000
    old = [run_id for run_id in _runs(lake) if run_id not in keep and run_id.int >> 80 < latest]
    for run_id in old:
        remove_run(lake, run_id)
    return old


def _runs(lake: str) -> list[UUID]:
    files, path = filesystem(f"{lake}/{FOLDER}")
    infos = files.get_file_info(pyarrow.fs.FileSelector(path, allow_not_found=True))
    return [UUID(info.base_name) for info in infos if _is_uuid(info.base_name)]


def _is_uuid(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True
