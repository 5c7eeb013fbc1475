"""A good row of every table, and for every rule a row that breaks it and, as far as can be, no other."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

from jobs.tables import METADATA_TABLES, TABLES
from jobs.tables.rules import (
    Between,
    EachArtist,
    EachUuid,
    JsonObject,
    Matches,
    MaxBytes,
    MonthOf,
    NoNul,
    NotBlank,
    NotNull,
    Rule,
    TimeBetween,
    Uuid,
)

MSID = "0b1a2c3d-0000-4000-8000-000000000001"
MOMENT = datetime(2021, 1, 31, 23, 59, 59, tzinfo=UTC)
SECRET = "planted-value"
"""In every planted text: no reason, error or report may hold it."""

CREDIT = [{"artist_credit_name": "A", "join_phrase": "", "artist_mbid": MSID}]
EVERY_TABLE = TABLES | METADATA_TABLES

BEYOND_SPARK = [
    f'{{"{"k" * 60_000}":1}}',
    f'{{"a":[{{"{"k" * 60_000}":1}}]}}',
    '{"a":' * 1010 + "1" + "}" * 1010,
    f'{{"a":{"1" * 1100}}}',
    f'{{"a":0.{"1" * 1100}}}',
    "{" + ",".join(f'"{"".join(pairs)}":1' for pairs in product(("ab", "bA"), repeat=11)) + "}",
]
"""JSON objects beyond a limit of Jackson's: a key, a nested key, levels, digits of a whole number and of another, keys
of one hash."""
WITHIN_SPARK = [
    f'{{"{"k" * 40_000}":1}}',
    '{"a":' * 450 + "1" + "}" * 450,
    f'{{"a":0.{"1" * 900}}}',
    f'{{"a":"{"1" * 60_000}"}}',
    f'{{"a":[{"0," * 500_000}0]}}',
    "{" + ",".join(f'"{n}":1' for n in range(20_000)) + "}",
]
"""JSON objects that are odd, and within all of them."""

GOOD: dict[str, dict[str, Any]] = {
    "listens": {
        "user_id": 1, "track_id": 1, "client_id": 1, "played_ms": 0, "duration_ms": 1, "position": 1,
        "listened_at": MOMENT, "inserted_at": MOMENT, "recording_msid": MSID, "artist_name": "a", "track_name": "t",
        "release_name": "r", "additional_info": '{"a":1}', "source": "dump", "dump_id": 1,
        "year": 2021, "month": 1,
    },
    "tracks": {
        "track_id": 1, "track_key": "0" * 32, "recording_msid": MSID, "artist_name": "a", "track_name": "t",
        "release_name": "r", "recording_mbid": MSID, "release_mbid": MSID, "release_group_mbid": MSID,
        "track_mbid": MSID, "artist_mbids": [MSID], "artist_key": "a", "track_name_key": "t", "release_key": "r",
    },
    "clients": {"client_id": 1, "name": "mpv"},
    "users": {"user_id": 1, "name": "u", "created": MOMENT, "source": "dump", "foreign_id": 1, "position": 1},
    "mapping": {
        "user_id": 1, "recording_msid": MSID, "recording_mbid": MSID, "release_mbid": MSID, "artist_credit_id": 1,
        "artist_mbids": [MSID], "source": "manual", "dump_id": 1, "updated": MOMENT, "position": 1,
    },
    "user_settings": {"user_id": 1, "zone": "Europe/Berlin", "position": 1},
    "exclusions": {
        "user_id": 1, "kind": "artist", "value": "Abba", "value_key": "abba", "created": MOMENT, "position": 1,
    },
    "landing": {
        "landing_id": 1, "position": 1, "landed_at": MOMENT, "newest_listen_ts": 1, "kind": "land", "epoch": MSID,
        "versions": {"listens": 1}, "track_count": 1, "client_count": 1, "rows": 1,
    },
    "rejected_listens": {"rejected_at": MOMENT, "source": "dump", "reason": "r", "body": "{}"},
    "artist_country_code": {"artist_mbid": MSID, "artist_name": "A", "country_code": "ISL", "artist_key": "a"},
    "artist_credit_mbid": {"artist_credit_id": 1, "artist_mbid": MSID, "position": 0, "join_phrase": " & "},
    "recording_length": {"recording_mbid": MSID, "length": 0, "recording_id": 1, "is_redirect": False},
    "recording_artist": {"recording_mbid": MSID, "artist_mbids": [MSID], "artists": CREDIT},
    "release_metadata_cache": {
        "release_mbid": MSID, "release_group_mbid": MSID, "first_release_date_year": 1959, "release_name": "R",
        "album_artist_name": "A", "caa_id": 1, "caa_release_mbid": MSID, "artist_credit_mbids": [MSID],
        "artists": CREDIT, "release_key": "r", "album_artist_key": "a",
    },
    "release_group_metadata_cache": {
        "release_group_mbid": MSID, "title": "R", "artist_credit_name": "A", "caa_id": 1, "caa_release_mbid": MSID,
        "artist_credit_mbids": [MSID], "artists": CREDIT, "first_release_date_year": 1959, "primary_type": "Album",
        "release_group_key": "r", "artist_credit_key": "a",
    },
    "releases": {
        "release_mbid": MSID, "release_name": "R", "artist_credit_name": "A", "artist_mbids": [MSID],
        "release_date": "2021-01-31", "release_group_mbid": MSID, "release_group_primary_type": "Album",
        "release_group_secondary_type": "Live", "release_tags": ["rock"], "listen_count": 0, "caa_id": 1,
        "caa_release_mbid": MSID, "artist_credit_key": "a",
    },
    **{
        f"{owner}_{label}": {"recording_mbid": MSID, label: "rock", f"{label}_count": 1}
        for owner in ("recording", "artist", "release_group")
        for label in ("tag", "genre")
    },
}  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A row that breaks a rule."""

    table: str
    rule: Rule
    row: dict[str, Any]

    @property
    def names(self) -> str:
        """For the test's id."""
        return f"{self.table}.{self.rule.name}"


def planted() -> list[Planted]:
    """One or more rows per rule of every table. A kind of rule that nobody planted for is an error."""
    return [
        Planted(name, rule, GOOD[name] | change)
        for name, table in EVERY_TABLE.items()
        for rule in table.rules
        for change in breaking(rule, GOOD[name])
    ]


def breaking(rule: Rule, good: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Values that break the rule, each at an edge."""
    match rule:
        case NotNull():
            return [{rule.column: None}]
        case Between():
            values: list[Any] = [low for low in (rule.low - 1,) if abs(low) < 2**31]
            values += [rule.high + 1] if rule.high < 2**31 - 1 else []
        case TimeBetween():
            return [_at(rule.low - 1), _at(rule.high)]
        case NotBlank():
            values = ["", " \t\n\u00a0\u2003\u3000", "\u2028\x1f"]
        case NoNul():
            values = [f"{SECRET}\0", "\0"]
        case MaxBytes():
            values = ["é" * (rule.limit // 2) + "x"]
        case Uuid():
            values = [SECRET, MSID.upper(), f"{MSID}\n", MSID.replace("-", ""), "", "0b1a2c3d\u0660" + MSID[9:]]
        case EachUuid() | EachArtist():
            values = _lists(rule)
        case Matches():
            values = [SECRET, "", f"{good[rule.column]}\n"]
        case JsonObject():
            values = [
                SECRET,
                "[]",
                '"{}"',
                "",
                '{"a":1',
                '{"a":1} x',
                "null",
                "{} {}",
                "{}], [{}",
                '{}} , {"v":{}',
                "{'a':1}",
                "{}\x01",
                *BEYOND_SPARK,
            ]
        case MonthOf():
            return [{"month": 2}, {"year": 2020}, {"listened_at": MOMENT + timedelta(seconds=1)}]
        case _:
            raise NotImplementedError(f"plant a bad row for rules of kind {type(rule).__name__}")
    return [{rule.column: value} for value in values]


def _lists(rule: EachUuid | EachArtist) -> list[Any]:
    if isinstance(rule, EachUuid):
        return [[MSID, SECRET], [MSID, None], [""]]
    lacking = [{**CREDIT[0], name: None} for name in CREDIT[0]]
    return [[*CREDIT, artist] for artist in (*lacking, {**CREDIT[0], "artist_mbid": SECRET})]


def _at(seconds: int) -> dict[str, Any]:
    moment = datetime.fromtimestamp(seconds, UTC)
    return {"listened_at": moment, "year": moment.year, "month": moment.month}
