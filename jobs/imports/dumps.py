"""Spark dumps of other servers: `request_import_full`, `request_import_incremental`."""

from pathlib import Path

from jobs.job import Command, Job, Param, Tables
from jobs.listens.mapping import AUTOMATIC, MANUAL, NAMES, SUBMITTED

SOURCE_LIMIT = 64
"""Most characters of a source's name."""
_RESERVED = (AUTOMATIC, MANUAL, NAMES, SUBMITTED)


def source_name(value: object) -> str:
    """The name of a server that dumps come from. Raises ValueError."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable() or len(value) > SOURCE_LIMIT:
        raise ValueError(f"expected a name of 1 to {SOURCE_LIMIT} printable characters")
    if value.strip().lower() in _RESERVED:
        raise ValueError(f"{', '.join(_RESERVED)} mean something else; name the server that the dump is of")
    return value.strip()


def absolute_path(value: object) -> str:
    """A path that means the same to whoever asks and to the request consumer. Raises ValueError."""
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("expected a path")
    return str(Path(value).expanduser().absolute())


_PARAMS = (
    Param("folder", about="folder with the archives, or with folders of them", parse=absolute_path, option="from"),
    Param("dump_id", about="the dump with this id", kind=int, minimum=0, maximum=999_999_999, option="id"),
    Param("users", about="CSV file with the columns user_id,user_name: names of new users", parse=absolute_path),
    Param("source", default="listenbrainz", about="the server that the dump is of", parse=source_name),
    Param("local", about="accepted as the original does, and ignored: dumps are read from folders", kind=bool,
          option="use-local", ignored=True),
)  # fmt: skip

JOBS = (
    Job(
        name="import.dump.full",
        statistic="import_dump_full",
        select={},
        params=_PARAMS,
        inputs=(),
        run="dumps.load.spark.importer.full",
        output=Tables(()),
        about="Listens, users and mapping of a full Spark dump, in place of those of the dump before",
        command=Command("request_import_full"),
    ),
    Job(
        name="import.dump.incremental",
        statistic="import_dump_incremental",
        select={},
        params=_PARAMS,
        inputs=(),
        run="dumps.load.spark.importer.incremental",
        output=Tables(()),
        about="Listens, users and mapping of the incremental Spark dumps since the last full one",
        command=Command("request_import_incremental"),
    ),
)
