"""The players and scrobblers that sent listens."""

from jobs.tables.listens import INT_MAX
from jobs.tables.rules import Between, NotBlank, NotNull
from jobs.tables.table import Column, Table

CLIENTS = Table(
    name="clients",
    about="One row per name of additional_info.submission_client, else media_player. Never changed, ids dense from 1.",
    columns=(
        Column("client_id", "int", False, "dense, from 1, in order of landing"),
        Column("name", "string", False, "as submitted"),
    ),
    rules=(NotNull("client_id"), NotNull("name"), Between("client_id", 1, INT_MAX), NotBlank("name")),
    statistics=("client_id",),
)
