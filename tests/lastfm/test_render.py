"""XML and JSON of one document: well-formed whatever the text, and saying the same."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lastfm.conftest import parsed, told_alike, value_of
from webapi.lastfm.errors import LastfmError
from webapi.lastfm.render import Element, failed, holdable, rendered

ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))


def test_the_example_of_the_contract() -> None:
    children = (
        Element("track", "t", {"corrected": "0"}),
        Element("timestamp", "1700000000"),
        Element("ignoredMessage", None, {"code": "0"}),
    )
    document = (
        Element("scrobbles", None, {"accepted": "1", "ignored": "0"}, (Element("scrobble", None, {}, children),)),
    )
    assert rendered(document, as_json=True).get_json() == {
        "scrobbles": {
            "accepted": "1",
            "ignored": "0",
            "scrobble": {
                "track": {"#text": "t", "corrected": "0"},
                "timestamp": "1700000000",
                "ignoredMessage": {"code": "0"},
            },
        }
    }
    assert rendered(document, as_json=False).get_data(as_text=True) == (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<lfm status="ok"><scrobbles accepted="1" ignored="0"><scrobble><track corrected="0">t</track>'
        '<timestamp>1700000000</timestamp><ignoredMessage code="0"></ignoredMessage></scrobble></scrobbles></lfm>'
    )


def test_several_of_a_name_are_a_list_and_so_is_what_shall_be_one() -> None:
    two = Element("list", children=(Element("item", "a"), Element("item", "b")))
    assert rendered((two,), as_json=True).get_json() == {"list": {"item": ["a", "b"]}}
    one = Element("list", None, {"total": "1"}, (Element("item", "a"),), listed=("item",), grouped=True)
    assert rendered((one,), as_json=True).get_json() == {"list": {"item": ["a"], "total": "1", "@attr": {"total": "1"}}}
    assert rendered((Element("list", listed=("item",)),), as_json=True).get_json() == {"list": {"item": []}}


def test_nothing_to_say_is_an_empty_answer() -> None:
    assert rendered((), as_json=True).get_json() == {}
    assert rendered((), as_json=False).get_data(as_text=True).endswith('<lfm status="ok"></lfm>')


@pytest.mark.parametrize("text", ["&", "<b>", "]]>", "\x01\x0b", "\ufffe", "a\r\nb\tc", '"', "\u202egnp", "&#0;"])
def test_what_markup_means_is_text(text: str) -> None:
    document = (Element("a", text, {"b": text}),)
    (element,) = parsed(rendered(document, as_json=False).data)
    assert (element.text, element.attrib["b"]) == (holdable(text), holdable(text))
    assert rendered(document, as_json=True).get_json() == {"a": {"#text": text, "b": text}}


@given(artist=ANY_TEXT, track=ANY_TEXT, album=ANY_TEXT)
def test_any_text_is_well_formed_and_both_forms_agree(artist: str, track: str, album: str) -> None:
    children = (
        Element("artist", artist, {"corrected": "0", "mbid": album}),
        Element("track", track),
        Element("album", album, {"corrected": "1"}),
    )
    document = (Element("nowplaying", children=children),)
    (xml,) = parsed(rendered(document, as_json=False).data)
    json = orjson.loads(rendered(document, as_json=True).data)["nowplaying"]
    assert told_alike(value_of(xml)) == told_alike(orjson.loads(_held(orjson.dumps(json))))


def _held(json: bytes) -> bytes:
    """The document with every text as XML can hold it."""

    def held(value: object) -> object:
        if isinstance(value, dict):
            return {key: held(one) for key, one in value.items()}
        return holdable(value) if isinstance(value, str) else value

    return orjson.dumps(held(orjson.loads(json)))


@given(message=ANY_TEXT.filter(bool))
def test_an_error_says_the_same_in_both_forms(message: str) -> None:
    problem = LastfmError(6, message)
    (error,) = parsed(failed(problem, as_json=False).data)
    assert (error.attrib, error.text) == ({"code": "6"}, holdable(message))
    assert failed(problem, as_json=True).get_json() == {"error": 6, "message": message}
