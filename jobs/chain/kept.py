"""What the chain keeps below LAKE/recommend: a folder per thing made, whole once it has its metadata.json. Spark-free.

dataframes/ID, discovery/ID, candidate_sets/ID, models/ID. The metadata are written last, in one go: so a folder is
whole or passed over, on object stores too, where folders cannot be renamed. What was left half made goes after a day.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pyarrow.fs

from jobs import result_files
from jobs.result_files import filesystem

FOLDER = "recommend"
METADATA = "metadata.json"
OF_USERS = ("dataframes", "discovery", "candidate_sets")
"""What has rows of users."""
UNFINISHED_SECONDS = 86_400.0
"""A folder without metadata is younger than this while somebody may still be at it."""


@dataclass(frozen=True)
class Kept:
    """One thing that was made whole."""

    id: UUID
    """Of the run that made it: orders by time."""
    url: str
    metadata: Mapping[str, Any]


def home(lake: str, what: str) -> str:
    """URL of the folder of all things of a sort: dataframes, ..."""
    return f"{lake}/{FOLDER}/{what}"


def kept(lake: str, what: str) -> list[Kept]:
    """Those that are whole, newest first."""
    found = [Kept(made, url, metadata) for made, url, metadata in _folders(lake, what) if metadata is not None]
    return sorted(found, key=lambda one: (one.metadata["created"], one.id), reverse=True)


def finish(url: str, metadata: Mapping[str, Any]) -> None:
    """Make it whole: from now on it is found. `metadata`: JSON, with `created` in epoch seconds."""
    files, path = filesystem(url)
    files.create_dir(path, recursive=True)
    with files.open_output_stream(f"{path}/.{METADATA}") as opened:
        opened.write(orjson.dumps(dict(metadata), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
    files.move(f"{path}/.{METADATA}", f"{path}/{METADATA}")


def upload(folder: Path, url: str) -> None:
    """The files of a local folder, as they are."""
    files, path = filesystem(url)
    files.create_dir(path, recursive=True)
    pyarrow.fs.copy_files(
        str(folder), path, source_filesystem=pyarrow.fs.LocalFileSystem(), destination_filesystem=files
    )


def download(url: str, folder: Path) -> None:
    """Into a local folder."""
    files, path = filesystem(url)
    pyarrow.fs.copy_files(
        path, str(folder), source_filesystem=files, destination_filesystem=pyarrow.fs.LocalFileSystem()
    )


def remove_older(lake: str, what: str, keep: set[UUID], now: float) -> None:
    """Delete those that are whole and not to be kept, and what was left half made. `now`: epoch seconds."""
    for made, url, metadata in list(_folders(lake, what)):
        unfinished = metadata is None and (made.int >> 80) / 1000 > now - UNFINISHED_SECONDS
        if made not in keep and not unfinished:
            result_files.remove_folder(url)


def empty_older(lake: str, before: float) -> None:
    """Delete what was made before then (epoch seconds) and names users: all but models, whose rows are recordings.

    The metadata stay, for the settings that they tell, and say that it is of no data version: it is made anew.
    """
    for what in OF_USERS:
        for one in kept(lake, what):
            if one.metadata["created"] < before and one.metadata["data_version"] is not None:
                finish(one.url, {**one.metadata, "data_version": None, "users": None})
                _empty(one.url)


def _empty(url: str) -> None:
    files, path = filesystem(url)
    for info in files.get_file_info(pyarrow.fs.FileSelector(path)):
        if info.type == pyarrow.fs.FileType.Directory:
            files.delete_dir(info.path)
        elif info.base_name != METADATA:
            files.delete_file(info.path)


def _folders(lake: str, what: str) -> Iterator[tuple[UUID, str, Any]]:
    files, path = filesystem(home(lake, what))
    for info in files.get_file_info(pyarrow.fs.FileSelector(path, allow_not_found=True)):
        made = _uuid(info.base_name)
        if made is not None:
            yield made, f"{home(lake, what)}/{made}", _metadata(files, f"{info.path}/{METADATA}")


def _metadata(files: pyarrow.fs.FileSystem, path: str) -> Any:
    if files.get_file_info(path).type != pyarrow.fs.FileType.File:
        return None
    with files.open_input_stream(path) as opened:
        return orjson.loads(opened.read())


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
