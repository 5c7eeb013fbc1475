"""Query, path and header parameters as they are documented; limits and defaults are those that the code applies."""

from jobs.ranges import ALL_TIME, STATS_RANGES
from jobs.years import FIRST_YEAR
from webapi.openapi.declare import Parameter, Schema
from webapi.parameters import DEFAULT_ITEMS_PER_GET, FLAGS, MAX_ITEMS_PER_GET, MAX_NAME, MAX_TIMESTAMP

_MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
YEAR: Schema = {"type": "integer", "minimum": FIRST_YEAR, "maximum": 9998}
EMPTY: Schema = {"const": ""}
"""An empty value is the same as none."""
_TIMESTAMP: Schema = {"anyOf": [{"type": "integer", "minimum": -MAX_TIMESTAMP, "maximum": MAX_TIMESTAMP}, EMPTY]}

COUNT = Parameter(
    "count",
    {
        "anyOf": [{"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, EMPTY],
        "default": DEFAULT_ITEMS_PER_GET,
    },
    f"How many items are wanted; more than {MAX_ITEMS_PER_GET} are the same as {MAX_ITEMS_PER_GET}.",
    example=2,
)
LISTENS_COUNT = Parameter(
    "count",
    {"anyOf": [{"type": "integer", "minimum": 0}, EMPTY], "default": DEFAULT_ITEMS_PER_GET},
    COUNT.about,
    example=2,
)
OFFSET = Parameter(
    "offset",
    {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 2**63 - 1}, EMPTY], "default": 0},
    "How many items are skipped; beyond the end the list is empty.",
)
MIN_TS = Parameter(
    "min_ts",
    _TIMESTAMP,
    "Only listens later than this second (epoch, UTC); the page then holds those closest above it.",
    example=1700000000,
)
MAX_TS = Parameter(
    "max_ts", _TIMESTAMP, "Only listens earlier than this second (epoch, UTC); greater than min_ts if both are given."
)
RANGE = Parameter(
    "range",
    {"type": "string", "enum": list(STATS_RANGES), "default": ALL_TIME},
    "The period that the statistic covers.",
    example="this_month",
)
COMPARE = Parameter(
    "compare",
    {"type": "string", "enum": ["previous", ""]},
    "Each item with its rank and count in the period before, and what is gone since. Not for all_time.",
)
GONE_OFFSET = Parameter(
    "gone_offset",
    OFFSET.schema,
    "With compare=previous: how many of what is gone are skipped, the most heard first. An answer has at most 100.",
)
MEASURE = Parameter(
    "measure",
    {"type": "string", "enum": ["listens", "time", ""], "default": "listens"},
    "time: the longest listened to first, with seconds, and how they are known. In everybody's statistics a user "
    "counts at most 500 times for an item, and with as large a part of her time.",
)
PLAIN = Parameter(
    "plain",
    {"type": "string", "enum": ["true", "false", ""], "default": "false"},
    "true: in UTC and without the user's exclusions.",
)
_MIDNIGHT: Schema = {"anyOf": [{"type": "integer", "minimum": 0, "multipleOf": 86400}, EMPTY]}
FROM_TS = Parameter(
    "from_ts",
    _MIDNIGHT,
    "Instead of a range, with to_ts: the first day, as the second at which it begins in UTC. With the user's time zone "
    "applied it is that day of her clock. Computed on request: 202 where that takes longer than 5 seconds.",
)
TO_TS = Parameter("to_ts", _MIDNIGHT, "With from_ts: the second at which the last day ends in UTC; tomorrow at most.")
IGNORED = {
    "force_recalculate": Parameter(
        "force_recalculate",
        {"type": "string", "enum": [*FLAGS, ""]},
        "Accepted, and of no effect: what is answered is never older than the newest run.",
    ),
}
"""Parameters of the documentation that change nothing here, by name."""
RETURN_MSID = Parameter(
    "return_msid",
    {"type": "string"},
    "Any value but an empty one: the answer to a playing_now also names the recording_msid.",
)
TOKEN = Parameter(
    "token",
    {"type": "string"},
    "The user token, where there is no Authorization header. No other operation reads it from the query.",
    example="YOUR-TOKEN",
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    {"type": "string"},
    "The ETag of the answer you have: if it is still the same, the answer is 304 without a body.",
    where="header",
)

PATH = {
    parameter.name: parameter
    for parameter in (
        Parameter(
            "user_name",
            {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
            "A user. Case does not matter, and a slash is written %2F. Answers repeat the name as it was asked for.",
            where="path",
            example="alice",
        ),
        Parameter("mbid", {"type": "string", "format": "uuid"}, "An MBID of MusicBrainz.", where="path", example=_MBID),
        Parameter(
            "recording_mbid", {"type": "string", "format": "uuid"}, "A recording's MBID.", where="path", example=_MBID
        ),
        Parameter(
            "recording_msid", {"type": "string", "format": "uuid"}, "A recording's MSID.", where="path", example=_MBID
        ),
        Parameter(
            "recording_id",
            {"type": "string", "format": "uuid"},
            "A recording's MBID, or its MSID where it has no MBID here.",
            where="path",
            example=_MBID,
        ),
        Parameter(
            "playlist_mbid",
            {"type": "string", "format": "uuid"},
            "A playlist's MBID, as `create` gave it.",
            where="path",
            example=_MBID,
        ),
        Parameter("model_id", {"type": "string", "format": "uuid"}, "A model's id.", where="path", example=_MBID),
        Parameter(
            "other_user_name",
            {"type": "string", "minLength": 1, "maxLength": MAX_NAME},
            "Another user. Case does not matter.",
            where="path",
            example="bob",
        ),
        Parameter("year", YEAR, "A year up to the one that it is now.", where="path", example=2025),
    )
}
"""Parameters of paths by name; one that is not here is documented from its converter alone."""
