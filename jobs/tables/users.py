"""Who listened: ids inside, names at the edge."""

from jobs.tables.listens import BIGINT_MAX, INT_MAX
from jobs.tables.rules import Between, NoNul, NotBlank, NotNull
from jobs.tables.table import Column, Table

USERS = Table(
    name="users",
    about="One row per user, as last changed. No password, token or address ever lands.",
    columns=(
        Column("user_id", "int", False, "users.id of PostgreSQL"),
        Column("name", "string", False, "as registered"),
        Column("created", "timestamp", False, "UTC"),
        Column("source", "string", True, "null: a local user; else the foreign system of foreign_id"),
        Column("foreign_id", "bigint", True, "id in that system"),
        Column("position", "bigint", False, "place of the last change in the order of all changes"),
    ),
    rules=(
        NotNull("user_id"),
        NotNull("name"),
        NotNull("created"),
        NotNull("position"),
        Between("user_id", 1, INT_MAX),
        NotBlank("name"),
        NoNul("name"),
        NotBlank("source"),
        Between("position", 0, BIGINT_MAX),
    ),
    statistics=("user_id", "position"),
)
