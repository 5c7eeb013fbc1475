"""One recording, one MSID, however it is spelled."""

import json
from typing import Any
from unicodedata import normalize
from uuid import UUID, uuid5

from hypothesis import given
from hypothesis import strategies as st

from jobs.listens.msid import NAMESPACE, fold, msid_of, recording_msid

WORDS = st.text(max_size=20)
CASELESS = st.text(st.sampled_from("aéñöжяωçő -'19"), min_size=1, max_size=20)


def track(**info: Any) -> dict[str, Any]:
    return {
        "artist_name": "Rick Astley",
        "track_name": "Never Gonna Give You Up",
        "release_name": "Whenever you need somebody",
        "additional_info": info,
    }


def test_the_msid_of_known_fields_never_changes() -> None:
    plain = {"artist_name": "Rick Astley", "track_name": "Never Gonna Give You Up"}
    assert msid_of(plain) == recording_msid("rick astley", "never gonna give you up", None, None, None)
    assert msid_of(plain) == UUID("5b6fa16f-2e97-5989-833f-8a577673912c")
    assert msid_of(track(duration_ms=222000)) == UUID("79f6017c-661d-5cc1-b8be-806fc99cde9f")


def test_the_msid_is_the_uuid5_of_the_json_array() -> None:
    fields = ["björk", "jóga", "homogenic", "2", 305000]
    text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    assert recording_msid("Björk", "Jóga", "Homogenic", "2", 305000) == uuid5(NAMESPACE, text)


def test_each_of_the_five_fields_makes_another_recording() -> None:
    fields: list[tuple[str, str, str | None, str | None, int | None]] = [
        ("a", "t", "r", "1", 5),
        ("b", "t", "r", "1", 5),
        ("a", "u", "r", "1", 5),
        ("a", "t", "s", "1", 5),
        ("a", "t", "r", "2", 5),
        ("a", "t", "r", "1", 6),
        ("a", "t", None, "1", 5),
        ("a", "t", "r", None, 5),
        ("a", "t", "r", "1", None),
    ]
    assert len({recording_msid(*five) for five in fields}) == len(fields)


def test_blank_optional_fields_are_the_same_as_none() -> None:
    assert recording_msid("a", "t", " ", "", None) == recording_msid("a", "t", None, None, None)


def test_seconds_and_milliseconds_of_one_duration_are_one_recording() -> None:
    assert msid_of(track(duration=222)) == msid_of(track(duration_ms=222000))


def test_the_track_number_counts_as_text_under_both_its_names() -> None:
    assert msid_of(track(tracknumber=3)) == msid_of(track(track_number="3")) == msid_of(track(tracknumber=" 3 "))
    assert msid_of(track(tracknumber=3)) != msid_of(track())
    assert msid_of(track(tracknumber=[3])) == msid_of(track(tracknumber=True)) == msid_of(track())


def test_other_information_does_not_change_the_msid() -> None:
    assert msid_of(track(media_player="x", tags=["y"])) == msid_of(track())


def test_composed_and_decomposed_text_are_one_recording() -> None:
    assert recording_msid(normalize("NFD", "Björk"), "Jóga", None, None, None) == recording_msid(
        "BJÖRK", normalize("NFD", "JÓGA"), None, None, None
    )


@given(CASELESS, CASELESS)
def test_case_and_padding_do_not_matter(artist: str, name: str) -> None:
    assert recording_msid(artist, name, None, None, None) == recording_msid(
        f" {artist.upper()}\t", name.title(), None, None, None
    )


@given(st.dictionaries(st.sampled_from(["tracknumber", "duration_ms", "media_player", "isrc"]), st.integers(1, 9)))
def test_key_order_does_not_matter(info: dict[str, int]) -> None:
    turned = {"additional_info": dict(reversed(info.items())), **dict(reversed(track().items()))}
    turned["additional_info"] = dict(reversed(info.items()))
    assert msid_of(turned) == msid_of(track(**info))


@given(WORDS)
def test_a_folded_text_is_its_own_key(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert fold(normalize("NFD", text)) == fold(text)
