"""What was played, as it was submitted: spellings and client-sent MBIDs with their MSID."""

from jobs.tables.listens import INT_MAX
from jobs.tables.rules import Between, EachUuid, Matches, NotBlank, NotNull, Uuid
from jobs.tables.table import Column, Table

TRACKS = Table(
    name="tracks",
    about="One row per exact tuple submitted; many tracks may share one MSID. Never changed, ids dense from 1.",
    columns=(
        Column("track_id", "int", False, "dense, from 1, in order of landing"),
        Column("track_key", "string", False, "hash of the exact tuple, 32 hex digits"),
        Column("recording_msid", "string", False, "MSID of the listen"),
        Column("artist_name", "string", False, "as submitted"),
        Column("track_name", "string", False, "as submitted"),
        Column("release_name", "string", True, "as submitted"),
        Column("recording_mbid", "string", True, "sent by the client"),
        Column("release_mbid", "string", True, "sent by the client"),
        Column("release_group_mbid", "string", True, "sent by the client"),
        Column("track_mbid", "string", True, "sent by the client"),
        Column("artist_mbids", "array<string>", False, "sent by the client, in its order; empty: none"),
        Column("artist_key", "string", False, "artist_name, NFC, trimmed, case-folded"),
        Column("track_name_key", "string", False, "track_name, NFC, trimmed, case-folded"),
        Column("release_key", "string", True, "release_name, NFC, trimmed, case-folded"),
    ),
    rules=(
        *(
            NotNull(name)
            for name in (
                "track_id",
                "track_key",
                "recording_msid",
                "artist_name",
                "track_name",
                "artist_mbids",
                "artist_key",
                "track_name_key",
            )
        ),
        Between("track_id", 1, INT_MAX),
        Matches("track_key", "[0-9a-f]{32}", "32 hex digits"),
        Uuid("recording_msid"),
        NotBlank("artist_name"),
        NotBlank("track_name"),
        Uuid("recording_mbid"),
        Uuid("release_mbid"),
        Uuid("release_group_mbid"),
        Uuid("track_mbid"),
        EachUuid("artist_mbids"),
    ),
    change_feed=True,
    statistics=("track_id",),
)
