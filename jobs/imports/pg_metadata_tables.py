"""What MusicBrainz says of the music: its tables replaced by those of a folder or of a PostgreSQL."""

from pathlib import Path
from urllib.parse import urlsplit

from jobs.job import Command, Job, Param, Tables
from jobs.tables.metadata import METADATA_TABLES

SCHEMES = ("postgresql://", "postgres://")


def parse_origin(value: object) -> str:
    """A URL of a PostgreSQL, or the absolute path of a folder. Raises ValueError."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise ValueError("expected a folder, or postgresql://HOST/DATABASE")
    if not value.startswith(SCHEMES):
        return str(Path(value).expanduser().absolute())
    if urlsplit(value).password is not None or "password=" in value:
        raise ValueError(
            "a password would stay readable in the list of requests: leave it out, and give it to the request consumer "
            "in ~/.pgpass or PGPASSWORD"
        )
    return value


JOB = Job(
    name="import.pg_metadata_tables",
    statistic="pg_metadata_tables",
    select={},
    params=(
        Param(
            "from",
            about="folder, where the request consumer runs, of files such as artist_country_code.parquet, .csv or "
            ".csv.gz; or postgresql://HOST/DATABASE",
            parse=parse_origin,
            required=True,
            example="/data/metadata",
        ),
    ),
    inputs=(),
    run="dumps.load.metadata.import_tables",
    output=Tables(tuple(METADATA_TABLES)),
    about="What MusicBrainz says of recordings, releases, artists, tags and genres: its tables, each replaced whole",
    command=Command("request_import_pg_tables"),
)
