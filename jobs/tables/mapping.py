"""What MusicBrainz says a submitted recording is."""

from jobs.tables.listens import BIGINT_MAX, INT_MAX
from jobs.tables.rules import Between, EachUuid, NotBlank, NotNull, Uuid
from jobs.tables.table import Column, Table

MAPPING = Table(
    name="mapping",
    about="One row per (user or everybody, MSID, source). jobs/listens/mapping.py says which row counts.",
    columns=(
        Column("user_id", "int", True, "null: for everybody"),
        Column("recording_msid", "string", False, "the MSID it is about"),
        Column("recording_mbid", "string", True, "null: known to be none"),
        Column("release_mbid", "string", True, "null: not known"),
        Column("artist_credit_id", "bigint", True, "MusicBrainz artist credit"),
        Column("artist_mbids", "array<string>", False, "in the order of the credit; empty: not known"),
        Column("source", "string", False, "manual, automatic, or the name of a dump source"),
        Column("dump_id", "int", True, "the source's number of the dump that said so; null: no dump did"),
        Column("updated", "timestamp", False, "UTC"),
        Column("position", "bigint", False, "place of the last change in the order of all changes"),
    ),
    rules=(
        NotNull("recording_msid"),
        NotNull("artist_mbids"),
        NotNull("source"),
        NotNull("updated"),
        NotNull("position"),
        Between("user_id", 1, INT_MAX),
        Uuid("recording_msid"),
        Uuid("recording_mbid"),
        Uuid("release_mbid"),
        EachUuid("artist_mbids"),
        NotBlank("source"),
        Between("dump_id", 0, INT_MAX),
        Between("position", 1, BIGINT_MAX),
    ),
    change_feed=True,
    statistics=("user_id", "position"),
)
