"""The lake, read-only, without a JVM: through deltalake, at one data version."""

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from jobs.landing import Landing


class LakeEmptyError(LookupError):
    """Nothing has landed yet in this lake."""


def newest(lake: str) -> Landing:
    """The newest data version. Raises LakeEmptyError."""
    try:
        rows = DeltaTable(url(lake, "landing")).to_pyarrow_table().sort_by([("landing_id", "descending")]).slice(0, 1)
    except TableNotFoundError:
        rows = None
    if rows is None or rows.num_rows == 0:
        raise LakeEmptyError(f"the lake {lake} is empty: nothing has landed yet; `make up` lands what was submitted")
    return Landing.of(rows.to_pylist()[0])


def open_table(lake: str, landing: Landing, name: str) -> DeltaTable:
    """A table as the data version has it; `landing` itself as it is now."""
    return open_version(lake, name, None if name == "landing" else landing.versions[name])


def open_version(lake: str, name: str, version: int | None = None) -> DeltaTable:
    """A table at a version of its own; None: as it is now."""
    return DeltaTable(url(lake, name), version=version)


def url(lake: str, name: str) -> str:
    """A table's place as deltalake writes it: s3a is a Hadoop name of s3."""
    return f"{lake.replace('s3a://', 's3://', 1)}/{name}"
