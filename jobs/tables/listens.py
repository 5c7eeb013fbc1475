"""The record: every listen, with everything it came with."""

from jobs.tables.rules import Between, JsonObject, MaxBytes, MonthOf, NoNul, NotBlank, NotNull, TimeBetween, Uuid
from jobs.tables.table import Column, Table

INT_MAX = 2**31 - 1
BIGINT_MAX = 2**63 - 1
EARLIEST = 1033430400
"""2002-10-01, the least listened_at the API takes."""
LATEST = 4102444800
"""2100-01-01: no listen is as late; the API's own bound is its clock plus an hour."""
MAX_TEXT_BYTES = 10_240_000
"""The API's limit of a whole body: nothing that it accepted is refused for its length."""
MAX_DURATION_MS = 2_073_600_000

LISTENS = Table(
    name="listens",
    about="One row per play: (user, second, MSID). The record; PostgreSQL's listen is a cache of it.",
    columns=(
        Column("user_id", "int", False, "users.user_id"),
        Column("track_id", "int", False, "tracks.track_id: the exact tuple submitted"),
        Column("client_id", "int", True, "clients.client_id; null: the player did not say"),
        Column("played_ms", "int", True, "time played, milliseconds, as submitted (duration_played)"),
        Column("duration_ms", "int", True, "length of the track, milliseconds, as submitted"),
        Column("position", "bigint", False, "place in the order of all changes"),
        Column("listened_at", "timestamp", False, "when it was played, UTC, whole seconds"),
        Column("inserted_at", "timestamp", False, "when it was written, UTC"),
        Column("recording_msid", "string", False, "MessyBrainz id: UUIDv5 of names, track number and length"),
        Column("artist_name", "string", False, "as submitted"),
        Column("track_name", "string", False, "as submitted"),
        Column("release_name", "string", True, "as submitted"),
        Column("additional_info", "string", False, "JSON object, byte for byte as in PostgreSQL"),
        Column("source", "string", True, "null: submitted here; else the import source"),
        Column("dump_id", "int", True, "the source's number of the dump that brought it"),
        Column("year", "int", False, "of listened_at, UTC"),
        Column("month", "int", False, "of listened_at, UTC"),
    ),
    rules=(
        *(
            NotNull(name)
            for name in (
                "user_id",
                "track_id",
                "position",
                "listened_at",
                "inserted_at",
                "recording_msid",
                "artist_name",
                "track_name",
                "additional_info",
                "year",
                "month",
            )
        ),
        Between("user_id", 1, INT_MAX),
        Between("track_id", 1, INT_MAX),
        Between("client_id", 1, INT_MAX),
        Between("played_ms", 0, MAX_DURATION_MS),
        Between("duration_ms", 0, MAX_DURATION_MS),
        Between("position", 1, BIGINT_MAX),
        TimeBetween("listened_at", EARLIEST, LATEST),
        Uuid("recording_msid"),
        NotBlank("artist_name"),
        NoNul("artist_name"),
        MaxBytes("artist_name", MAX_TEXT_BYTES),
        NotBlank("track_name"),
        NoNul("track_name"),
        MaxBytes("track_name", MAX_TEXT_BYTES),
        NoNul("release_name"),
        MaxBytes("release_name", MAX_TEXT_BYTES),
        NoNul("additional_info"),
        MaxBytes("additional_info", MAX_TEXT_BYTES),
        JsonObject("additional_info"),
        NotBlank("source"),
        Between("dump_id", 0, INT_MAX),
        MonthOf("month", "year", "listened_at"),
    ),
    partition_by=("year", "month"),
    change_feed=True,
    statistics=("user_id", "track_id", "position", "listened_at"),
)
