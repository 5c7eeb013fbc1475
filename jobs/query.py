"""SQL over the lake, read-only, without a JVM: `spark_manage.py sql`. One SELECT at the newest data version."""

import re

import pyarrow as pa
from deltalake import QueryBuilder

from jobs import lake_files
from jobs.tables import LANDING, METADATA_TABLES, TABLES

_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_TEXT = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"")
_READS = ("select", "with", "values")
_WRITES = re.compile(
    r"\b(insert|update|delete|merge|create|drop|alter|truncate|copy|set|grant|load|attach|into)\b", re.IGNORECASE
)


class QueryRefusedError(ValueError):
    """Not one SELECT: says what is allowed."""


class QueryFailedError(ValueError):
    """The statement is a SELECT but cannot run: unknown column, wrong type; the engine's words."""


def run_query(lake: str, statement: str) -> pa.Table:
    """The rows of one SELECT over the tables of jobs/tables; of metadata, what was imported.

    Raises QueryRefusedError, QueryFailedError, LakeEmptyError.
    """
    checked = check_query(statement)
    landing = lake_files.newest(lake)
    builder = QueryBuilder()
    bare = _bare(checked).lower()
    known = [name for name in (*TABLES, *METADATA_TABLES) if name in (*landing.versions, LANDING.name)]
    for name in known:
        if re.search(rf"\b{name}\b", bare):
            builder = builder.register(name, lake_files.open_table(lake, landing, name))
    try:
        return pa.table(builder.execute(checked).read_all())
    except Exception as problem:  # noqa: BLE001 - the engine raises bare Exception for every wrong statement
        raise QueryFailedError(f"{str(problem).splitlines()[0]}; tables: {', '.join(known)}") from None


def check_query(statement: str) -> str:
    """The statement without its closing semicolon. Raises QueryRefusedError for anything but one SELECT."""
    text = statement.strip().rstrip(";").strip()
    bare = _bare(text)
    first = bare.split(None, 1)[0].lower().lstrip("(") if bare.split() else ""
    if ";" in bare:
        raise QueryRefusedError("one statement at a time: found a ; inside")
    if first not in _READS:
        raise QueryRefusedError(f"the lake is read-only here: expected SELECT ..., got {first.upper() or 'nothing'}")
    found = _WRITES.search(bare)
    if found:
        raise QueryRefusedError(
            f"the lake is read-only here: {found[0].upper()} is not allowed; quote it if it is a name"
        )
    return text


def _bare(text: str) -> str:
    """The statement without comments, texts and quoted names."""
    return _COMMENT.sub(" ", _TEXT.sub("''", text))
