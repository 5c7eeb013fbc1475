"""Class B of the bad inputs: one listen, its time, its names, what else it says, and how things may be spelt."""

from typing import Any
from unicodedata import normalize

import pytest

from conf.postgres import Connection, transaction
from tests.corpus.conftest import Hold
from tests.corpus.oracle import drained
from tests.corpus.seed import AT, SOON_TOO_LATE, dumped, listen, numbered, single
from tests.corpus.wire import exchange
from tests.live_server import Server
from tests.webapi.conftest import Account

pytestmark = pytest.mark.servers

MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
NO_TIME = "JSON document must contain an int value for listened_at."
TOO_LOW = "Value for key listened_at is too low."
TOO_HIGH = "Value for key listened_at is too high."
NO_OBJECT = "Listen should be a json object."
NO_METADATA = "track_metadata should be a json object."
NO_INFO = "track_metadata.additional_info should be a json object."
NO_TAGS = "additional_info.tags should be a list of strings."
NO_DURATION = "Value for duration is invalid, should be a positive integer."
NO_MBID = "MBID format invalid."
NUL = "contains a unicode null"
TOO_LARGE = "Each listens may not be larger than 10240 bytes."
TRACK = listen()["track_metadata"]


def at(listened_at: Any) -> bytes:
    return single(listen(listened_at))


def about(**metadata: Any) -> bytes:
    return single(listen(**metadata))


def info(**fields: Any) -> bytes:
    return about(additional_info=fields)


def lacking(name: str) -> bytes:
    return single({"listened_at": AT, "track_metadata": {key: TRACK[key] for key in TRACK if key != name}})


def names(key: str) -> list[tuple[Any, ...]]:
    """Eight ways in which a name is none."""
    odd: tuple[Any, ...] = (None, 5, [], {})
    return [
        (f"no {key}", lacking(key), 400, f"does not contain required field track_metadata.{key}."),
        *((f"{key} {value}", about(**{key: value}), 400, f"{key} must be a single string.") for value in odd),
        *((f"{key} {text!r}", about(**{key: text}), 400, f"{key} is empty.") for text in ("", "   ", "\t")),
    ]


TIME = [
    ("number", single(1), 400, NO_OBJECT),
    ("null", single(None), 400, "Listen is empty and cannot be validated."),
    ("list", single([]), 400, NO_OBJECT),
    ("string", single("listened_at"), 400, NO_OBJECT),
    ("no listened_at", single({"track_metadata": TRACK}), 400, "must contain the key listened_at"),
    ("listened_at null", at(None), 400, NO_TIME),
    ("listened_at empty", at(""), 400, NO_TIME),
    ("listened_at abc", at("abc"), 400, NO_TIME),
    ("listened_at true", at(True), 400, NO_TIME),
    ("listened_at -1", at(-1), 400, TOO_LOW),
    ("listened_at 0", at(0), 400, TOO_LOW),
    ("listened_at before the first", at(1033410599), 400, TOO_LOW),
    ("listened_at too far ahead", at("HERE").replace(b'"HERE"', SOON_TOO_LATE), 400, TOO_HIGH),
    ("listened_at in milliseconds", at(10**12), 400, TOO_HIGH),
    ("listened_at in nanoseconds", at(10**18), 400, TOO_HIGH),
    ("listened_at of 40 digits", at(10**39), 400, "number beyond 64 bits"),
    ("listened_at of 5000 digits", at("9" * 5000), 400, NO_TIME),
    ("listened_at inf", at("inf"), 400, NO_TIME),
    ("listened_at list", at([]), 400, NO_TIME),
    ("listened_at object", at({}), 400, NO_TIME),
    ("third key", single({**listen(), "x": 1}), 400, "only contain listened_at and track_metadata"),
    (
        "listened_at while playing",
        dumped({"listen_type": "playing_now", "payload": [listen()]}),
        400,
        "must not contain listened_at while submitting playing_now.",
    ),
]
LENIENT = [
    ("fraction", at(1.7e9 + 0.9), 200),
    ("text", at("1700000001"), 200),
    ("padded", at("  1700000002 "), 200),
    ("Arabic digits", at("١٧٠٠٠٠٠٠٠٣"), 200),
]
METADATA = [
    ("track_metadata null", single({"listened_at": AT, "track_metadata": None}), 400, "track_metadata with null value"),
    ("track_metadata number", single({"listened_at": AT, "track_metadata": 5}), 400, NO_METADATA),
    ("track_metadata list", single({"listened_at": AT, "track_metadata": []}), 400, NO_METADATA),
    ("track_metadata string", single({"listened_at": AT, "track_metadata": "track_name"}), 400, NO_METADATA),
    ("track_metadata of keys", single({"listened_at": AT, "track_metadata": ["track_name"]}), 400, NO_METADATA),
    *names("track_name"),
    *names("artist_name"),
    ("zero-width name", about(track_name="\u200b"), 400, "track_name is empty."),
    ("release_name number", about(release_name=5), 400, "release_name must be a single string."),
    ("listen above 10240 bytes", info(x="x" * 10_240), 400, TOO_LARGE),
    ("NUL in a name", about(track_name="a\0b"), 400, NUL),
    ("NUL in a key", info(**{"a\0": 1}), 400, NUL),
    ("NUL in a list", info(x=["a\0"]), 400, NUL),
    ("NUL in an object of a list", info(x=[{"y": "a\0"}]), 400, NUL),
    ("NUL in a list of a list", info(x=[["a\0"]]), 400, NUL),
    ("lone surrogate", about(track_name="\ud800"), 400, "Cannot parse JSON document"),
]
ADDITIONAL_INFO = [
    ("null", about(additional_info=None), 400, NO_INFO),
    ("number", about(additional_info=5), 400, NO_INFO),
    ("string", about(additional_info="tags"), 400, NO_INFO),
    ("tags null", info(tags=None), 400, NO_TAGS),
    ("tags number", info(tags=5), 400, NO_TAGS),
    ("tags string", info(tags="abc"), 400, NO_TAGS),
    ("tags object", info(tags={}), 400, NO_TAGS),
    ("tags of numbers", info(tags=[5]), 400, NO_TAGS),
    ("tags of null", info(tags=[None]), 400, NO_TAGS),
    ("51 tags", info(tags=["x"] * 51), 400, "may not contain more than 50 items"),
    ("tag of 65", info(tags=["x" * 65]), 400, "longer than 64 characters."),
    ("duration 0", info(duration=0), 400, NO_DURATION),
    ("duration -1", info(duration=-1), 400, NO_DURATION),
    ("duration inf", info(duration="inf"), 400, NO_DURATION),
    ("duration 1e309", info(duration="1e309"), 400, NO_DURATION),
    ("duration nan", info(duration="nan"), 400, NO_DURATION),
    ("duration list", info(duration=[]), 400, NO_DURATION),
    ("duration true", info(duration=True), 400, NO_DURATION),
    ("duration too long", info(duration=2073601), 400, "max permitted value is 2073600"),
    ("both durations", info(duration=1, duration_ms=1000), 400, "both duration and duration_ms"),
    ("recording_mbid number", info(recording_mbid=5), 400, NO_MBID),
    ("recording_mbid list", info(recording_mbid=[]), 400, NO_MBID),
    ("recording_mbid x", info(recording_mbid="x"), 400, NO_MBID),
    ("artist_mbids number", info(artist_mbids=5), 400, NO_MBID),
    ("artist_mbids object", info(artist_mbids={}), 400, NO_MBID),
    ("artist_mbids of lists", info(artist_mbids=[[]]), 400, NO_MBID),
    ("artist_mbids of x", info(artist_mbids=["x"]), 400, NO_MBID),
    ("10,000 keys", info(**{f"k{n}": 1 for n in range(10_000)}), 400, TOO_LARGE),
]
SPELLINGS = [
    ("upper case", info(recording_mbid=MBID.upper()), 200),
    ("braces", info(recording_mbid=f"{{{MBID}}}"), 200),
    ("urn", info(recording_mbid=f"urn:uuid:{MBID}"), 200),
    ("no hyphens", info(recording_mbid=MBID.replace("-", "")), 200),
    ("full-width digit", info(recording_mbid="\uff12" + MBID[1:]), 400, NO_MBID),
    (
        "composed and decomposed",
        dumped(
            {
                "listen_type": "import",
                "payload": [listen(AT + 1, track_name=normalize(form, "Sigur Rós")) for form in ("NFC", "NFD")],
            }
        ),
        200,
    ),
]
HOSTILE = [
    "<script>alert(1)</script>",
    '"><svg onload=alert(1)>',
    "'; DROP TABLE listen; --",
    "${jndi:ldap://listenlake.test/x}",
    "{{7*7}}",
    "\u202eabc",
    "e" + "\u0301" * 1500,  # 3 kB in UTF-8, 9 kB as it is sent: a single listen may be 10 kB
    "a\r\nSet-Cookie: session=x",
]
REFUSED = [*numbered("B1.", TIME), *numbered("B3.", METADATA), *numbered("B4.", ADDITIONAL_INFO)]


def test_every_bad_listen_is_refused(all_hold: Hold) -> None:
    assert (len(TIME), len(METADATA), len(ADDITIONAL_INFO)) == (22, 30, 28)
    all_hold(REFUSED)


def test_times_in_odd_spellings_are_whole_seconds(
    all_hold: Hold, standing_live: Server, store: Connection, corpus_rob: Account
) -> None:
    all_hold(numbered("B2.", LENIENT))
    drained(standing_live, store)
    with transaction(store) as cursor:
        cursor.execute(
            "SELECT listened_at FROM listen WHERE user_id = %s AND listened_at >= 1700000000 ORDER BY 1",
            (corpus_rob.id,),
        )
        assert [second for (second,) in cursor.fetchall()] == [1700000000 + n for n in range(4)]


def test_every_spelling_comes_to_one_key(
    all_hold: Hold, standing_live: Server, store: Connection, corpus_rob: Account
) -> None:
    all_hold(numbered("B5.", SPELLINGS))
    *uuids, forms = drained(standing_live, store)
    spelt = [taken["track_metadata"]["additional_info"] for submission in uuids for taken in submission.listens]
    assert spelt == [{"recording_mbid": MBID}] * 4
    assert len(forms.listens) == 2
    with transaction(store) as cursor:
        cursor.execute("SELECT count(*) FROM listen WHERE user_id = %s AND listened_at = %s", (corpus_rob.id, AT + 1))
        assert cursor.fetchone() == (1,)


def test_hostile_text_is_taken_and_shown_and_does_nothing(
    all_hold: Hold, standing_live: Server, store: Connection
) -> None:
    seeds = [(text[:20], single(listen(AT + 10 + n, track_name=text)), 200) for n, text in enumerate(HOSTILE)]
    all_hold(numbered("B6.", seeds))
    drained(standing_live, store)
    status, answer, _ = standing_live.request("GET", f"/1/user/Rob/listens?min_ts={AT + 9}&max_ts={AT + 20}")
    shown = [taken["track_metadata"]["track_name"] for taken in answer["payload"]["listens"]]
    assert (status, shown) == (200, HOSTILE[::-1])
    page = exchange(standing_live.port, b"GET /user/Rob HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert page.status == 200
    html = page.body.decode()
    assert "&lt;script&gt;alert(1)" in html
    assert "{{7*7}}" in html
    assert "<script>alert" not in html
    assert "<svg onload" not in html
    assert "set-cookie" not in page.headers or "session=x" not in page.headers["set-cookie"]
