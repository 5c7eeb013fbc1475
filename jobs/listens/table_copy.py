"""An Arrow table into a table of PostgreSQL, by COPY."""

import io

import pyarrow as pa
import pyarrow.csv
from psycopg2 import sql
from psycopg2.extensions import cursor as Cursor  # noqa: N812


def copy_table(cursor: Cursor, table: str, rows: pa.Table) -> None:
    """COPY as CSV, by the names of the columns: null is nothing, empty text is quoted."""
    if rows.num_rows == 0:
        return
    buffer = io.BytesIO()
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(rows, buffer, options)
    buffer.seek(0)
    names = sql.SQL(", ").join(sql.Identifier(name) for name in rows.column_names)
    cursor.copy_expert(sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(sql.Identifier(table), names), buffer)
