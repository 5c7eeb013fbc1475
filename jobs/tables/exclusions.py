"""What users leave out of their statistics."""

from jobs.tables.listens import BIGINT_MAX, INT_MAX
from jobs.tables.rules import Between, Matches, MaxBytes, NoNul, NotBlank, NotNull
from jobs.tables.table import Column, Table

EXCLUSION_KINDS = ("artist", "recording", "client")
MAX_VALUE_BYTES = 1000
"""Of a name, as given and folded: an index of PostgreSQL takes no more than 2,704 bytes."""

EXCLUSIONS = Table(
    name="exclusions",
    about="One row per thing a user leaves out: her listens of it do not count in her statistics.",
    columns=(
        Column("user_id", "int", False, "users.user_id"),
        Column("kind", "string", False, ", ".join(EXCLUSION_KINDS)),
        Column("value", "string", False, "as given: MBID or name of an artist, MBID or MSID of a recording, client"),
        Column("value_key", "string", False, "what is compared: UUID in lower case; name NFC, trimmed, case-folded"),
        Column("created", "timestamp", False, "UTC"),
        Column("position", "bigint", False, "place of the last change in the order of all changes"),
    ),
    rules=(
        *(NotNull(name) for name in ("user_id", "kind", "value", "value_key", "created", "position")),
        Between("user_id", 1, INT_MAX),
        Matches("kind", "|".join(EXCLUSION_KINDS), f"one of {', '.join(EXCLUSION_KINDS)}"),
        NotBlank("value"),
        NoNul("value"),
        MaxBytes("value", MAX_VALUE_BYTES),
        NotBlank("value_key"),
        NoNul("value_key"),
        MaxBytes("value_key", MAX_VALUE_BYTES),
        Between("position", 1, BIGINT_MAX),
    ),
    change_feed=True,
    statistics=("user_id", "position"),
)
