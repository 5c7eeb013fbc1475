"""The time zone of a user's days."""

from jobs.tables.listens import BIGINT_MAX, INT_MAX
from jobs.tables.rules import Between, MaxBytes, NoNul, NotBlank, NotNull
from jobs.tables.table import Column, Table

MAX_ZONE_BYTES = 64

USER_SETTINGS = Table(
    name="user_settings",
    about="One row per user who has set something, as last set. No row is the same as UTC.",
    columns=(
        Column("user_id", "int", False, "users.user_id"),
        Column("zone", "string", False, "name in the IANA time zone database, one of jobs/zones.py"),
        Column("position", "bigint", False, "place of the last change in the order of all changes"),
    ),
    rules=(
        NotNull("user_id"),
        NotNull("zone"),
        NotNull("position"),
        Between("user_id", 1, INT_MAX),
        NotBlank("zone"),
        NoNul("zone"),
        MaxBytes("zone", MAX_ZONE_BYTES),
        Between("position", 1, BIGINT_MAX),
    ),
    change_feed=True,
    statistics=("user_id", "position"),
)
