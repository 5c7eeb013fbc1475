"""What MusicBrainz says of the music: made by an import, each table whole; absent, and then read as empty, before.

Of the tables of jobs.md 2.2 recording_feedback is not among them: it is no metadata but what users of that server said,
under its own user ids. Love and hate are in PostgreSQL here, where they come in over the API and from exports, and what
makes recommendations reads them there; a copy in the lake would be a second truth, and one more place to erase.

Their names and columns are those of the files; keys are folded names, which the import adds.
"""

from jobs.tables.listens import BIGINT_MAX, INT_MAX
from jobs.tables.rules import Between, EachArtist, EachUuid, Matches, NoNul, NotBlank, NotNull, Rule, Uuid
from jobs.tables.table import Column, Table

ARTISTS = "array<struct<artist_credit_name:string,join_phrase:string,artist_mbid:string>>"
"""A credit: the name as credited, the phrase after it, the artist; in the order of the credit."""
_FOLDED = "NFC, trimmed, case-folded"


def _missing(columns: tuple[Column, ...]) -> tuple[Rule, ...]:
    return tuple(NotNull(column.name) for column in columns if not column.nullable)


def _table(
    name: str,
    about: str,
    key: tuple[str, ...],
    columns: tuple[Column, ...],
    rules: tuple[Rule, ...],
    *,
    folded: tuple[tuple[str, str], ...] = (),
    newer: tuple[str, ...] = (),
    change_feed: bool = True,
) -> Table:
    """A table of this kind: no two rows of one key, every column that must have a value judged first."""
    judged = (*_missing(columns), *rules)
    return Table(
        name, about, columns, judged, change_feed=change_feed, statistics=key, key=key, folded=folded, newer=newer
    )


ARTIST_COUNTRY_CODE = _table(
    "artist_country_code",
    "One row per (artist, name): where the artist is from. Artists whose area lies in no country are absent.",
    ("artist_mbid", "artist_name"),
    (
        Column("artist_mbid", "string", False, "the artist"),
        Column("artist_name", "string", False, "as MusicBrainz has it"),
        Column("country_code", "string", True, "ISO 3166 alpha-3; null: not known"),
        Column("artist_key", "string", False, f"artist_name, {_FOLDED}"),
    ),
    (
        Uuid("artist_mbid"),
        NotBlank("artist_name"),
        NoNul("artist_name"),
        Matches("country_code", "[A-Z]{3}", "three capital letters"),
    ),
    folded=(("artist_key", "artist_name"),),
)

ARTIST_CREDIT_MBID = _table(
    "artist_credit_mbid",
    "One row per artist of a credit.",
    ("artist_credit_id", "position"),
    (
        Column("artist_credit_id", "int", False, "MusicBrainz artist credit"),
        Column("artist_mbid", "string", False, "the artist at this place of the credit"),
        Column("position", "smallint", False, "place in the credit, from 0"),
        Column("join_phrase", "string", False, "what stands after the artist, blanks included; empty after the last"),
    ),
    (Between("artist_credit_id", 1, INT_MAX), Uuid("artist_mbid"), Between("position", 0, 9_999)),
)

RECORDING_LENGTH = _table(
    "recording_length",
    "One row per recording MBID, merged ones included: how long the recording is.",
    ("recording_mbid",),
    (
        Column("recording_mbid", "string", False, "the recording, or an MBID that was merged into it"),
        Column("length", "int", True, "milliseconds; null: not known"),
        Column("recording_id", "int", False, "MusicBrainz row id, of a merged one that of its target"),
        Column("is_redirect", "boolean", False, "the MBID was merged into another"),
    ),
    (Uuid("recording_mbid"), Between("length", 0, INT_MAX), Between("recording_id", 1, INT_MAX)),
)

RECORDING_ARTIST = _table(
    "recording_artist",
    "One row per recording: its artists in the order of the credit.",
    ("recording_mbid",),
    (
        Column("recording_mbid", "string", False, "the recording"),
        Column("artist_mbids", "array<string>", False, "in the order of the credit"),
        Column("artists", ARTISTS, False, "the same artists as they are credited"),
    ),
    (Uuid("recording_mbid"), EachUuid("artist_mbids"), EachArtist("artists")),
)

RELEASE_METADATA_CACHE = _table(
    "release_metadata_cache",
    "One row per release.",
    ("release_mbid",),
    (
        Column("release_mbid", "string", False, "the release"),
        Column("release_group_mbid", "string", False, "its release group"),
        Column("first_release_date_year", "smallint", True, "year in which the group first came out"),
        Column("release_name", "string", False, "as MusicBrainz has it"),
        Column("album_artist_name", "string", False, "the release's whole credit"),
        Column("caa_id", "bigint", True, "front cover in the Cover Art Archive, of the release, else of its group"),
        Column("caa_release_mbid", "string", True, "the release whose cover that is"),
        Column("artist_credit_mbids", "array<string>", False, "album artists in the order of the credit"),
        Column("artists", ARTISTS, False, "the same artists as they are credited"),
        Column("release_key", "string", False, f"release_name, {_FOLDED}"),
        Column("album_artist_key", "string", False, f"album_artist_name, {_FOLDED}"),
    ),
    (
        Uuid("release_mbid"),
        Uuid("release_group_mbid"),
        NotBlank("release_name"),
        NoNul("release_name"),
        NotBlank("album_artist_name"),
        NoNul("album_artist_name"),
        Between("caa_id", 1, BIGINT_MAX),
        Uuid("caa_release_mbid"),
        EachUuid("artist_credit_mbids"),
        EachArtist("artists"),
    ),
    folded=(("release_key", "release_name"), ("album_artist_key", "album_artist_name")),
)

RELEASE_GROUP_METADATA_CACHE = _table(
    "release_group_metadata_cache",
    "One row per release group.",
    ("release_group_mbid",),
    (
        Column("release_group_mbid", "string", False, "the release group"),
        Column("title", "string", False, "as MusicBrainz has it"),
        Column("artist_credit_name", "string", False, "the group's whole credit"),
        Column("caa_id", "bigint", True, "front cover in the Cover Art Archive"),
        Column("caa_release_mbid", "string", True, "the release whose cover that is"),
        Column("artist_credit_mbids", "array<string>", False, "artists in the order of the credit"),
        Column("artists", ARTISTS, False, "the same artists as they are credited"),
        Column("first_release_date_year", "smallint", True, "year in which it first came out"),
        Column("primary_type", "string", True, "Album, Single, EP, Broadcast or Other; null: not known"),
        Column("release_group_key", "string", False, f"title, {_FOLDED}"),
        Column("artist_credit_key", "string", False, f"artist_credit_name, {_FOLDED}"),
    ),
    (
        Uuid("release_group_mbid"),
        NotBlank("title"),
        NoNul("title"),
        NotBlank("artist_credit_name"),
        NoNul("artist_credit_name"),
        Between("caa_id", 1, BIGINT_MAX),
        Uuid("caa_release_mbid"),
        EachUuid("artist_credit_mbids"),
        EachArtist("artists"),
        NotBlank("primary_type"),
        NoNul("primary_type"),
    ),
    folded=(("release_group_key", "title"), ("artist_credit_key", "artist_credit_name")),
    newer=("primary_type",),
)

RELEASES = _table(
    "releases",
    "One row per release that is just coming out, or was a short time ago.",
    ("release_mbid",),
    (
        Column("release_mbid", "string", False, "the release"),
        Column("release_name", "string", False, "as MusicBrainz has it"),
        Column("artist_credit_name", "string", False, "the release's whole credit"),
        Column("artist_mbids", "array<string>", False, "artists in the order of the credit"),
        Column("release_date", "string", False, "the day on which it comes out: YYYY-MM-DD"),
        Column("release_group_mbid", "string", False, "its release group"),
        Column("release_group_primary_type", "string", True, "Album, Single, ...; null: not known"),
        Column("release_group_secondary_type", "string", True, "Live, Compilation, ...; null: none, or not known"),
        Column("release_tags", "array<string>", True, "tags of the release, the most given first"),
        Column("listen_count", "bigint", True, "listens of the release on the server that made the table"),
        Column("caa_id", "bigint", True, "front cover in the Cover Art Archive"),
        Column("caa_release_mbid", "string", True, "the release whose cover that is"),
        Column("artist_credit_key", "string", False, f"artist_credit_name, {_FOLDED}"),
    ),
    (
        Uuid("release_mbid"),
        NotBlank("release_name"),
        NoNul("release_name"),
        NotBlank("artist_credit_name"),
        NoNul("artist_credit_name"),
        EachUuid("artist_mbids"),
        Matches("release_date", "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])", "a day, YYYY-MM-DD"),
        Uuid("release_group_mbid"),
        NotBlank("release_group_primary_type"),
        NoNul("release_group_primary_type"),
        NotBlank("release_group_secondary_type"),
        NoNul("release_group_secondary_type"),
        Between("listen_count", 0, BIGINT_MAX),
        Between("caa_id", 1, BIGINT_MAX),
        Uuid("caa_release_mbid"),
    ),
    folded=(("artist_credit_key", "artist_credit_name"),),
    newer=("release_group_secondary_type", "release_tags", "listen_count", "caa_id", "caa_release_mbid"),
    change_feed=False,
)


def _labels(owner: str, label: str, whose: str) -> Table:
    """A table of tags or genres; nothing that is counted reads tags, so their changes need no feed."""
    return _table(
        f"{owner}_{label}",
        f"One row per (recording, {label}): how often people gave the {label} to {whose}.",
        ("recording_mbid", label),
        (
            Column("recording_mbid", "string", False, "the recording"),
            Column(label, "string", False, f"the {label}'s name, as MusicBrainz has it"),
            Column(f"{label}_count", "int", False, "how often"),
        ),
        (Uuid("recording_mbid"), NotBlank(label), NoNul(label), Between(f"{label}_count", 1, INT_MAX)),
        change_feed=label == "genre",
    )


_WHOSE = (
    ("recording", "the recording itself"),
    ("artist", "its artists, summed"),
    ("release_group", "its release groups and releases, summed"),
)

METADATA_TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        ARTIST_COUNTRY_CODE,
        ARTIST_CREDIT_MBID,
        RECORDING_LENGTH,
        RECORDING_ARTIST,
        RELEASE_METADATA_CACHE,
        RELEASE_GROUP_METADATA_CACHE,
        RELEASES,
        *(_labels(owner, label, whose) for label in ("tag", "genre") for owner, whose in _WHOSE),
    )
}
"""By name. A landing names the versions of those that were imported, and only of those."""
