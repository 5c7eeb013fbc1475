"""Every rule of a listen, with the contract's texts; sets of odd values as the reliability plan lists them."""

from itertools import product
from typing import Any

import orjson
import pytest

from jobs.listens.validator import (
    LISTEN_MINIMUM_TS,
    InvalidListenError,
    ListenType,
    canonical_uuid,
    validate_listen,
    validate_payload,
)

NOW = 1_700_000_000
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
OTHER = "db92a151-1ac2-438b-bc43-b82e149ddd50"


def listen(listened_at: Any = 1443521965, **metadata: Any) -> dict[str, Any]:
    track = {"artist_name": "Rick Astley", "track_name": "Never Gonna Give You Up", **metadata}
    return {"listened_at": listened_at, "track_metadata": track}


def playing(**more: Any) -> dict[str, Any]:
    return {"track_metadata": listen()["track_metadata"], **more}


def without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def info(**fields: Any) -> dict[str, Any]:
    return listen(additional_info=fields)


def refusal(document: object, listen_type: ListenType = "single") -> str:
    with pytest.raises(InvalidListenError) as caught:
        validate_listen(document, listen_type, NOW)
    assert caught.value.listen is document
    return caught.value.message


def normal_info(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = validate_listen(info(**fields), "single", NOW)["track_metadata"]["additional_info"]
    return found


def test_a_plain_listen_is_accepted_and_gets_an_empty_additional_info() -> None:
    valid = validate_listen(listen(release_name="Whenever"), "import", NOW)
    assert valid == listen(release_name="Whenever", additional_info={})


def test_a_payload_is_refused_at_its_first_bad_listen() -> None:
    with pytest.raises(InvalidListenError) as caught:
        validate_payload([listen(), None, 5], "import", NOW)
    assert caught.value.item == 1
    assert caught.value.message == "Listen is empty and cannot be validated."


@pytest.mark.parametrize("document", [1, [], "listened_at", True, 0.5])
def test_a_listen_that_is_no_object_is_refused(document: object) -> None:
    assert refusal(document) == "Listen should be a json object."


KEYS = {
    "third key": (
        "single",
        {**listen(), "x": 1},
        "JSON document may only contain listened_at and track_metadata top level keys",
    ),
    "no listened_at": (
        "import",
        playing(),
        "JSON document must contain the key listened_at at the top level.",
    ),
    "no track_metadata": (
        "single",
        {"listened_at": 1443521965},
        "JSON document must contain the key track_metadata at the top level.",
    ),
    "empty": ("single", {}, "JSON document must contain the key listened_at at the top level."),
    "null track_metadata": (
        "single",
        {"listened_at": 1443521965, "track_metadata": None},
        "JSON document may not have track_metadata with null value.",
    ),
    "listened_at while playing": (
        "playing_now",
        listen(),
        "JSON document must not contain listened_at while submitting playing_now.",
    ),
    "second key while playing": (
        "playing_now",
        playing(x=1),
        "JSON document may only contain track_metadata as top level key when submitting playing_now.",
    ),
    "nothing playing": (
        "playing_now",
        {},
        "JSON document must contain the key track_metadata at the top level.",
    ),
}


@pytest.mark.parametrize(("listen_type", "document", "text"), KEYS.values(), ids=KEYS)
def test_top_level_keys_are_exactly_those_of_the_type(listen_type: ListenType, document: Any, text: str) -> None:
    assert refusal(document, listen_type) == text


@pytest.mark.parametrize("listen_type", ["single", "import"])
def test_single_and_import_have_the_same_rules(listen_type: ListenType) -> None:
    assert validate_listen(listen(), listen_type, NOW)["listened_at"] == 1443521965


def test_playing_now_has_no_time() -> None:
    assert "listened_at" not in validate_listen(playing(), "playing_now", NOW)


@pytest.mark.parametrize(
    "value", [None, "", "abc", True, False, "inf", "nan", "1.7e9", [], {}, "9" * 5000, float("inf"), float("nan")]
)
def test_a_listened_at_that_is_no_number_is_refused(value: Any) -> None:
    assert refusal(listen(value)) == "JSON document must contain an int value for listened_at."


@pytest.mark.parametrize("value", [NOW + 3600, NOW + 3601, 1e12, 1e18, 10**40, "9" * 40])
def test_a_listened_at_beyond_the_clock_skew_is_refused(value: Any) -> None:
    assert refusal(listen(value)) == "Value for key listened_at is too high."


@pytest.mark.parametrize("value", [-1, 0, 1033410599, LISTEN_MINIMUM_TS - 1, "-5", 0.9])
def test_a_listened_at_before_the_first_listens_is_refused(value: Any) -> None:
    assert refusal(listen(value)) == (
        "Value for key listened_at is too low. listened_at timestamp should be greater than 1033410600 "
        "(2002-10-01 00:00:00 UTC)."
    )


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (LISTEN_MINIMUM_TS, LISTEN_MINIMUM_TS),
        (NOW + 3599, NOW + 3599),
        (1.6e9 + 0.9, 1600000000),
        ("1600000000", 1600000000),
        ("  1600000000 ", 1600000000),
        ("١٦٠٠٠٠٠٠٠٠", 1600000000),
    ],
)
def test_numeric_strings_and_fractions_become_whole_seconds(value: Any, stored: int) -> None:
    assert validate_listen(listen(value), "single", NOW)["listened_at"] == stored


@pytest.mark.parametrize("metadata", [5, [], "track_name", ["track_name"]])
def test_track_metadata_that_is_no_object_is_refused(metadata: Any) -> None:
    document = {"listened_at": 1443521965, "track_metadata": metadata}
    assert refusal(document) == "track_metadata should be a json object."


@pytest.mark.parametrize("key", ["track_name", "artist_name"])
def test_names_are_required_strings_with_something_in_them(key: str) -> None:
    track = without(listen()["track_metadata"], key)
    missing = {"listened_at": 1443521965, "track_metadata": track}
    assert refusal(missing) == f"JSON document does not contain required field track_metadata.{key}."
    odd: tuple[Any, ...] = (None, 5, [], {}, True)
    for value in odd:
        assert refusal(listen(**{key: value})) == f"track_metadata.{key} must be a single string."
    for blank in ("", "  ", "\t", "\u200b", "\u200b \u2060", "\ufeff"):
        assert refusal(listen(**{key: blank})) == f"field track_metadata.{key} is empty."


def test_names_are_stripped_and_otherwise_kept() -> None:
    valid = validate_listen(listen(artist_name="  Sigur Rós\n", track_name=" (\u200b) "), "single", NOW)
    assert valid["track_metadata"]["artist_name"] == "Sigur Rós"
    assert valid["track_metadata"]["track_name"] == "(\u200b)"


def test_a_release_name_is_a_string_and_dropped_when_blank() -> None:
    odd: tuple[Any, ...] = (None, 5, [])
    for value in odd:
        assert refusal(listen(release_name=value)) == "track_metadata.release_name must be a single string."
    for blank in ("", "  "):
        assert "release_name" not in validate_listen(listen(release_name=blank), "single", NOW)["track_metadata"]


@pytest.mark.parametrize("value", [None, 5, "tags", []])
def test_additional_info_that_is_no_object_is_refused(value: Any) -> None:
    assert refusal(listen(additional_info=value)) == "track_metadata.additional_info should be a json object."


def test_unknown_information_is_kept_untouched() -> None:
    fields = {"tracknumber": "3", "x": {"y": [1, None, {"z": 0.5}]}, "listening_from": "", "isrc": None}
    assert normal_info(**fields) == fields


@pytest.mark.parametrize("tags", [None, 5, "abc", {}, [5], [None], [["a"]]])
def test_tags_that_are_no_list_of_strings_are_refused(tags: Any) -> None:
    assert refusal(info(tags=tags)) == "track_metadata.additional_info.tags should be a list of strings."


def test_tags_are_limited_in_number_and_length() -> None:
    assert normal_info(tags=["x" * 64] * 50) == {"tags": ["x" * 64] * 50}
    assert refusal(info(tags=["x"] * 51)) == (
        "JSON document may not contain more than 50 items in track_metadata.additional_info.tags."
    )
    assert refusal(info(tags=["x" * 65])) == (
        "JSON document may not contain track_metadata.additional_info.tags longer than 64 characters."
    )


@pytest.mark.parametrize("key", ["duration", "duration_ms"])
@pytest.mark.parametrize("value", [0, -1, "inf", "1e309", "nan", [], {}, True, None, "", "abc", "0.9", 0.5])
def test_a_duration_that_is_no_positive_number_is_refused(key: str, value: Any) -> None:
    assert refusal(info(**{key: value})) == f"Value for {key} is invalid, should be a positive integer."


def test_durations_are_limited_and_not_given_twice() -> None:
    assert normal_info(duration=2073600) == {"duration": 2073600}
    assert normal_info(duration_ms=2073600000) == {"duration_ms": 2073600000}
    assert refusal(info(duration=2073601)) == "Value for duration is too large, max permitted value is 2073600"
    assert refusal(info(duration_ms="2073600001")) == (
        "Value for duration_ms is too large, max permitted value is 2073600000"
    )
    both = "JSON document should not contain both duration and duration_ms."
    assert refusal(info(duration=1, duration_ms=1000)) == both


@pytest.mark.parametrize(("value", "stored"), [("300000", 300000), (300000.9, 300000), ("1.5e2", 150), (1, 1)])
def test_durations_become_whole(value: Any, stored: int) -> None:
    assert normal_info(duration_ms=value) == {"duration_ms": stored}


@pytest.mark.parametrize("key", ["recording_mbid", "release_mbid", "release_group_mbid", "track_mbid"])
def test_an_mbid_is_a_uuid_or_nothing(key: str) -> None:
    for nothing in (None, ""):
        assert normal_info(**{key: nothing}) == {}
    odd: tuple[Any, ...] = (5, [], "x", MBID[:-1], f" {MBID}", True, {})
    for bad in odd:
        assert refusal(info(**{key: bad})) == f"{key} MBID format invalid."
    assert normal_info(**{key: MBID.upper()}) == {key: MBID}


@pytest.mark.parametrize("key", ["artist_mbids", "work_mbids"])
def test_lists_of_mbids_lose_their_empty_items(key: str) -> None:
    for nothing in (None, [], [None], ["", None]):
        assert normal_info(**{key: nothing}) == {}
    odd: tuple[Any, ...] = (5, {}, [[]], ["x"], [5], MBID, "")
    for bad in odd:
        assert refusal(info(**{key: bad})) == f"{key} MBID format invalid."
    assert normal_info(**{key: [MBID.upper(), None, "", OTHER]}) == {key: [MBID, OTHER]}


@pytest.mark.parametrize(
    "spelling", [MBID, MBID.upper(), f"{{{MBID}}}", f"urn:uuid:{MBID}", MBID.replace("-", ""), f"URN:UUID:{MBID}"]
)
def test_every_spelling_of_a_uuid_has_one_canonical_form(spelling: str) -> None:
    assert canonical_uuid(spelling) == MBID


@pytest.mark.parametrize("spelling", ["\uff12" + MBID[1:], MBID + "\n", "b_9e91ea" + MBID[8:], "", MBID * 2])
def test_what_only_looks_like_a_uuid_has_none(spelling: str) -> None:
    assert canonical_uuid(spelling) is None


NUL = {
    "name": listen(track_name="a\0b"),
    "only": listen(track_name="\0"),
    "release": listen(release_name="a\0"),
    "info": info(x="a\0"),
    "key": info(**{"a\0": 1}),
    "list": info(x=["a\0"]),
    "list dict": info(x=[{"y": "a\0"}]),
    "list dict key": info(x=[{"a\0": 1}]),
    "list list": info(x=[["a\0"]]),
    "tag": info(tags=["a\0"]),
}


@pytest.mark.parametrize("document", NUL.values(), ids=NUL)
def test_a_unicode_null_is_refused_at_any_depth(document: Any) -> None:
    assert refusal(document).endswith("contains a unicode null")


def test_the_text_of_an_escaped_null_is_no_null() -> None:
    assert normal_info(x="\\u0000") == {"x": "\\u0000"}


@pytest.mark.parametrize("document", [listen(track_name="\ud800"), info(x=["\udfff"]), info(**{"\ud800": 1})])
def test_lone_surrogates_are_refused_and_the_text_can_be_sent(document: Any) -> None:
    text = refusal(document)
    assert text.endswith("contains a lone surrogate")
    assert orjson.dumps(text)


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": [value]}
    return value


def test_nesting_has_a_limit_that_is_no_crash() -> None:
    assert normal_info(x=nested(40)) == {"x": nested(40)}
    for depth in (60, 500, 100_000):
        assert refusal(info(x=nested(depth))) == "JSON document may not be nested deeper than 100 levels."


def test_many_flat_containers_are_not_deep() -> None:
    assert len(normal_info(x=[[] for _ in range(1000)])["x"]) == 1000


def test_numbers_beyond_64_bits_are_refused() -> None:
    assert refusal(info(x=2**64)) == "JSON document contains a number beyond 64 bits."
    assert normal_info(x=2**64 - 1) == {"x": 2**64 - 1}


@pytest.mark.parametrize("key", ["k" * 50_001, "é" * 25_001, "🎵" * 12_501])
def test_a_key_longer_than_spark_reads_is_refused_at_any_depth(key: str) -> None:
    told = "JSON document may not contain a key longer than 50000 bytes."
    assert refusal(info(**{key: 1})) == told
    assert refusal(info(x=[{"y": {key: 1}}])) == told
    assert normal_info(**{key[:-1]: key}) == {key[:-1]: key}


def test_a_flood_of_keys_of_one_hash_is_refused_at_any_depth() -> None:
    flood = {"".join(pairs): 1 for pairs in product(("ab", "bA"), repeat=7)}  # "ab" and "bA": 33 * 97 + 98
    told = "JSON document contains more than 100 keys of the same hash."
    assert refusal(info(**flood)) == told
    assert refusal(info(x=[{"y": flood}])) == told
    few = dict(list(flood.items())[:100])
    assert normal_info(**few) == few


def test_ten_thousand_keys_are_no_problem() -> None:
    fields = {f"key {n}": n for n in range(10_000)}
    assert normal_info(**fields) == fields


@pytest.mark.parametrize(
    "text",
    [
        "<script>",
        '"><svg onload=x>',
        "'; DROP TABLE listen; --",
        "${jndi:x}",
        "{{7*7}}",
        "\u202eabc",
        "e" + "\u0301" * 5000,
        "a\r\nb",
    ],
)
def test_hostile_text_is_text(text: str) -> None:
    assert validate_listen(listen(track_name=text), "single", NOW)["track_metadata"]["track_name"] == text
