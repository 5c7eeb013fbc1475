"""The data versions: which version of each table belongs together."""

from jobs.tables.listens import BIGINT_MAX
from jobs.tables.rules import Between, Matches, NotNull, Uuid
from jobs.tables.table import Column, Table

KINDS = ("land", "compact", "purge", "import")

LANDING = Table(
    name="landing",
    about="One row per data version. Jobs read the lake only through the newest row.",
    columns=(
        Column("landing_id", "bigint", False, "the data version, dense from 1"),
        Column("position", "bigint", False, "every change up to here is in"),
        Column("landed_at", "timestamp", False, "UTC"),
        Column("newest_listen_ts", "bigint", True, "T: latest listen not later than landed_at, epoch seconds"),
        Column("kind", "string", False, ", ".join(KINDS)),
        Column("epoch", "string", False, "of the PostgreSQL store these rows came from"),
        Column("versions", "map<string,bigint>", False, "Delta version of every other table"),
        Column("track_count", "bigint", False, "tracks, which is also the greatest track_id"),
        Column("client_count", "bigint", False, "clients, which is also the greatest client_id"),
        Column("rows", "bigint", False, "listens appended by this landing"),
    ),
    rules=(
        *(
            NotNull(name)
            for name in (
                "landing_id",
                "position",
                "landed_at",
                "kind",
                "epoch",
                "versions",
                "track_count",
                "client_count",
                "rows",
            )
        ),
        Between("landing_id", 1, BIGINT_MAX),
        Between("position", 0, BIGINT_MAX),
        Matches("kind", "|".join(KINDS), f"one of {', '.join(KINDS)}"),
        Uuid("epoch"),
        Between("track_count", 0, BIGINT_MAX),
        Between("client_count", 0, BIGINT_MAX),
        Between("rows", 0, BIGINT_MAX),
    ),
    statistics=("landing_id",),
)
