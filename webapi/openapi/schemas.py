"""Schemas that operations share, as components of the document: what is sent, what comes back, errors.

What comes back is closed (`additionalProperties: false`) where we make the keys: a test sends requests and compares.
"""

from collections.abc import Mapping
from typing import Any

from jobs.listens.music_services import MUSIC_SERVICES
from jobs.listens.validator import (
    LISTEN_MINIMUM_TS,
    MAX_DURATION,
    MAX_DURATION_MS,
    MAX_TAG_SIZE,
    MAX_TAGS_PER_LISTEN,
)
from jobs.ranges import STATS_RANGES
from jobs.spans import CUSTOM
from webapi.bodies import MAX_LISTENS_PER_REQUEST
from webapi.openapi.declare import Schema
from webapi.parameters import MAX_ITEMS_PER_GET, MAX_TIMESTAMP

UUID: Schema = {"type": "string", "format": "uuid"}
MAYBE_UUID: Schema = {"anyOf": [UUID, {"type": "null"}]}
COUNT: Schema = {"type": "integer", "minimum": 0}
KNOWN_COUNT: Schema = {"type": ["integer", "null"], "minimum": 0}
"""Null where it is not known."""
SECONDS: Schema = {"type": "integer", "description": "Seconds since the epoch, UTC."}
AGE: Schema = {"type": ["integer", "null"], "description": "Seconds; null where it is not known."}
TEXT: Schema = {"type": "string"}
MAYBE_TEXT: Schema = {"type": ["string", "null"]}
SIGHTED: Schema = {"type": "string", "pattern": "[A-Za-z0-9]", "description": "Not blank; spaces around it go."}
"""A name as sent. The pattern is narrower than the rule, which asks for any character that can be seen."""

_MBID: Schema = {"anyOf": [UUID, {"type": "null"}, {"const": ""}]}
_MBIDS: Schema = {"anyOf": [{"type": "array", "items": _MBID}, {"type": "null"}]}


def component(name: str) -> dict[str, str]:
    """A reference to one of SCHEMAS."""
    return {"$ref": f"#/components/schemas/{name}"}


def closed(properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with these keys and no others; all are there but the optional ones."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def payload(properties: Mapping[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """{"payload": a closed object}."""
    return closed({"payload": closed(properties, optional)})


def list_of(items: Mapping[str, Any], most: int = MAX_ITEMS_PER_GET) -> dict[str, Any]:
    """A list of such items."""
    return {"type": "array", "items": dict(items), "maxItems": most}


def _positive(limit: int) -> dict[str, Any]:
    number = {"type": "number", "minimum": 1, "maximum": limit}
    return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?$"}]}


def _submission(listen_type: str, listen: str, most: int) -> dict[str, Any]:
    return {
        "type": "object",
        "title": listen_type,
        "required": ["listen_type", "payload"],
        "properties": {
            "listen_type": {"const": listen_type},
            "payload": {"type": "array", "items": component(listen), "minItems": 1, "maxItems": most},
        },
    }


_ADDITIONAL_INFO = {
    "type": "object",
    "description": "Anything a player knows of the track; it is kept as it is sent. Nested objects are given back with "
    "dotted keys.",
    "properties": {
        **dict.fromkeys(("recording_mbid", "release_mbid", "release_group_mbid", "track_mbid"), _MBID),
        **dict.fromkeys(("artist_mbids", "work_mbids"), _MBIDS),
        "tags": list_of({"type": "string", "maxLength": MAX_TAG_SIZE}, MAX_TAGS_PER_LISTEN),
        "duration": _positive(MAX_DURATION) | {"description": "Seconds; not together with duration_ms."},
        "duration_ms": _positive(MAX_DURATION_MS) | {"description": "Milliseconds."},
        **{
            name: {"description": about}
            for name, about in {
                "tracknumber": "Place on the release.",
                "isrc": "International Standard Recording Code.",
                "spotify_id": "Address of the track at Spotify.",
                "media_player": "Program that played the track.",
                "media_player_version": "Its version.",
                "submission_client": "Program that sends this.",
                "submission_client_version": "Its version.",
                "music_service": "Domain of the service that the track came from, not a name or address: "
                f"{', '.join(MUSIC_SERVICES)}.",
                "music_service_name": "Its name, where it has no domain.",
                "origin_url": "Where the track can be heard.",
            }.items()
        },
    },
    "not": {"required": ["duration", "duration_ms"]},
}
_TRACK_METADATA_SENT = {
    "type": "object",
    "required": ["artist_name", "track_name"],
    "properties": {
        "artist_name": SIGHTED,
        "track_name": SIGHTED,
        "release_name": TEXT,
        "additional_info": component("AdditionalInfo"),
    },
}
_LISTENED_AT = {
    "anyOf": [
        {"type": "number", "minimum": LISTEN_MINIMUM_TS},
        {"type": "string", "pattern": "^[0-9]+$", "minLength": 10},
    ],
    "description": "Seconds since the epoch, UTC, from 2002-10-01 to an hour from now.",
}
_MAPPING = closed(
    {"recording_mbid": UUID, "artist_mbids": {"type": "array", "items": UUID}, "release_mbid": UUID},
    optional=("release_mbid",),
)
_TRACK_METADATA = closed(
    {
        "artist_name": TEXT,
        "track_name": TEXT,
        "release_name": TEXT,
        "additional_info": {"type": "object"},
        "mbid_mapping": component("MbidMapping"),
    },
    optional=("release_name", "mbid_mapping"),
)
_PLAYING = {"playing_now": {"const": True}, "user_name": TEXT, "track_metadata": component("TrackMetadata")}
_LISTEN = {
    "listened_at": SECONDS,
    "inserted_at": SECONDS,
    "recording_msid": UUID,
    "user_name": TEXT,
    "track_metadata": component("TrackMetadata"),
}

SCHEMAS: dict[str, dict[str, Any]] = {
    "Error": closed(
        {
            "code": {"type": "integer", "minimum": 400, "maximum": 599, "description": "The status once more."},
            "error": {"type": "string", "description": "What was wrong, and with what."},
        }
    ),
    "EchoingError": {
        "description": "An error that repeats the keys of the listen it is about, and names its index in the payload.",
        "type": "object",
        "required": ["code", "error"],
        "properties": {"code": {"const": 400}, "error": {"type": "string"}, "item": COUNT},
    },
    "Ok": closed({"status": {"const": "ok"}}),
    "AdditionalInfo": _ADDITIONAL_INFO,
    "TrackMetadataSent": _TRACK_METADATA_SENT,
    "ListenSent": closed({"listened_at": _LISTENED_AT, "track_metadata": component("TrackMetadataSent")}),
    "PlayingNowSent": closed({"track_metadata": component("TrackMetadataSent")}),
    "Submission": {
        "oneOf": [
            _submission("single", "ListenSent", 1),
            _submission("import", "ListenSent", MAX_LISTENS_PER_REQUEST),
            _submission("playing_now", "PlayingNowSent", 1),
        ]
    },
    "MbidMapping": _MAPPING,
    "TrackMetadata": _TRACK_METADATA,
    "Listen": closed(_LISTEN),
    "PlayingNow": closed(_PLAYING),
    "Listens": payload(
        {
            "count": COUNT,
            "user_id": TEXT,
            "latest_listen_ts": SECONDS,
            "oldest_listen_ts": SECONDS,
            "listens": list_of(component("Listen")),
        }
    ),
    "PlayingNowPage": payload(
        {
            "count": {"enum": [0, 1]},
            "user_id": TEXT,
            "playing_now": {"const": True},
            "listens": list_of(component("PlayingNow"), 1),
        }
    ),
    "ListenCount": payload({"count": COUNT}),
    "ListenKey": {
        "type": "object",
        "required": ["listened_at", "recording_msid"],
        "properties": {
            "listened_at": {
                "anyOf": [
                    {"type": "number", "minimum": -MAX_TIMESTAMP, "maximum": MAX_TIMESTAMP},
                    {"type": "string", "pattern": "^[0-9]{1,11}$"},
                ],
                "description": "Seconds since the epoch, UTC.",
            },
            "recording_msid": UUID,
        },
    },
    "TokenState": {
        "oneOf": [
            closed(
                {
                    "code": {"const": 200},
                    "message": {"const": "Token valid."},
                    "valid": {"const": True},
                    "user_name": TEXT,
                }
            ),
            closed({"code": {"const": 200}, "message": {"const": "Token invalid."}, "valid": {"const": False}}),
        ]
    },
    "Range": {"type": "string", "enum": list(STATS_RANGES)},
    "RangeOrSpan": {
        "type": "string",
        "enum": [*STATS_RANGES, CUSTOM],
        "description": f"{CUSTOM}: the days from from_ts to to_ts, as asked for.",
    },
    "Later": closed({"code": {"const": 202}, "status": TEXT}),
    "ServiceStatus": closed(
        {
            "time": SECONDS,
            "dump_age": AGE,
            "stats_age": AGE,
            "stats": {"type": "array", "items": closed({"name": TEXT, "age": AGE})},
            "sitewide_stats_age": AGE,
            "incoming_listen_count": KNOWN_COUNT,
            "statistics": {"type": "array", "items": component("StatisticFreshness")},
        }
    ),
    "StatisticFreshness": closed(
        {
            "name": TEXT,
            "lag": COUNT,
            "bound": AGE,
            "late": {"type": "boolean"},
            "age": AGE,
            "last_run": {"anyOf": [component("RunCost"), {"type": "null"}]},
        }
    ),
    "RunCost": closed(
        {
            "run_id": {"type": "string", "format": "uuid"},
            "data_version": COUNT,
            "seconds": {"type": ["number", "null"], "minimum": 0},
            "cpu_seconds": {"type": ["number", "null"], "minimum": 0},
            "continued": {"type": "boolean"},
            "touched_users": KNOWN_COUNT,
            "rows": KNOWN_COUNT,
            "bytes": KNOWN_COUNT,
        }
    ),
}


def error_schema(code: int) -> dict[str, Any]:
    """The schema of an error of this status."""
    return {"allOf": [component("Error")], "properties": {"code": {"const": code}}}
