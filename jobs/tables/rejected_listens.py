"""Foreign rows that broke a rule, kept with the reason."""

from jobs.tables.rules import NotBlank, NotNull
from jobs.tables.table import Column, Table

REJECTED_LISTENS = Table(
    name="rejected_listens",
    about="One row per listen of a dump that broke a rule: the whole row as JSON, and why it stayed out.",
    columns=(
        Column("rejected_at", "timestamp", False, "UTC"),
        Column("source", "string", True, "where the row came from"),
        Column("reason", "string", False, "name and reason of the first rule broken"),
        Column("body", "string", False, "the row as JSON"),
    ),
    rules=(NotNull("rejected_at"), NotNull("reason"), NotNull("body"), NotBlank("reason")),
    statistics=("rejected_at",),
)
