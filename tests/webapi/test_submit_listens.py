"""POST /1/submit-listens: every check in order, all or nothing, and what 200 promises."""

import gzip
import io
import time
from typing import Any

import orjson
import pytest
from flask.testing import FlaskClient

from conf.broker import INCOMING, open_broker
from conf.settings import Settings
from tests.webapi.conftest import Account, Drain, listen, submission

URL = "/1/submit-listens"


def depth(settings: Settings) -> int:
    broker = open_broker(settings)
    try:
        return broker.depth(INCOMING)
    finally:
        broker.close()


def refused(client: FlaskClient, rob: Account, body: bytes, code: int = 400) -> str:
    answer = client.post(URL, data=body, headers=rob.headers)
    assert answer.status_code == code, answer.text
    document = answer.get_json()
    assert document["code"] == code
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["X-RateLimit-Remaining"].isdigit()
    return str(document["error"])


def dumped(document: Any) -> bytes:
    return orjson.dumps(document)


@pytest.mark.parametrize("content_type", [None, "application/json", "text/plain", "multipart/form-data"])
def test_a_listen_is_queued_whatever_the_content_type(
    client: FlaskClient, rob: Account, drain: Drain, content_type: str | None
) -> None:
    before = time.time_ns() // 1000
    answer = client.post(URL, data=dumped(submission(listen())), headers=rob.headers, content_type=content_type)
    assert (answer.status_code, answer.get_json()) == (200, {"status": "ok"})
    [message] = drain()
    assert message.user_id == rob.id
    assert before <= message.submitted_at <= time.time_ns() // 1000
    assert message.listens == (
        {
            "listened_at": 1443521965,
            "track_metadata": {"artist_name": "Artist", "track_name": "Song", "additional_info": {}},
        },
    )


def test_a_thousand_listens_are_one_message(client: FlaskClient, rob: Account, drain: Drain) -> None:
    body = dumped(submission(*(listen(1443521965 + n) for n in range(1000))))
    assert client.post(URL, data=body, headers=rob.headers).status_code == 200
    [message] = drain()
    assert len(message.listens) == 1000


def test_unknown_keys_beside_payload_are_ignored(client: FlaskClient, rob: Account) -> None:
    body = dumped({**submission(listen()), "comment": 1})
    assert client.post(URL, data=body, headers=rob.headers).status_code == 200


def test_the_batch_is_refused_whole_with_the_bad_listen_echoed(
    client: FlaskClient, rob: Account, settings: Settings
) -> None:
    bad = {"listened_at": "abc", "track_metadata": {"x": 1}}
    answer = client.post(URL, data=dumped(submission(listen(), bad)), headers=rob.headers)
    assert answer.status_code == 400
    assert answer.get_json() == {
        **bad,
        "code": 400,
        "error": "JSON document must contain an int value for listened_at.",
        "item": 1,
    }
    assert depth(settings) == 0


NOT_JSON: dict[str, bytes] = {
    "empty": b"",
    "open": b"{",
    "trailing comma": b'{"listen_type":"single","payload":[],}',
    "two documents": b"{}{}",
    "byte order mark": b"\xef\xbb\xbf{}",
    "utf-16": "{}".encode("utf-16"),
    "bad utf-8": b'{"a":"\xff"}',
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":-Infinity}',
    "1e309": b'{"a":1e309}',
    "5000 digits": b'{"a":' + b"9" * 5000 + b"}",
    "100k deep": b"[" * 100_000 + b"]" * 100_000,
    "many brackets": b"[" * 10_000_000,
    "lone surrogate": b'{"a":"\\ud800"}',
    "payload twice": b'{"listen_type":"single","payload":[],"payload":[1]}',
    "type twice": b'{"listen_type":"single","listen_type":"import","payload":[1]}',
}
NOT_AN_OBJECT: dict[str, bytes] = {
    "null": b"null",
    "list": b"[]",
    "number": b"5",
    "string": b'"x"',
    "1000 deep": b"[" * 1000 + b"]" * 1000,
}


@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON)
def test_what_is_no_strict_json_is_refused(standing_client: FlaskClient, standing_rob: Account, body: bytes) -> None:
    assert refused(standing_client, standing_rob, body).startswith("Cannot parse JSON document: ")


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_the_top_level_is_an_object(standing_client: FlaskClient, standing_rob: Account, body: bytes) -> None:
    assert refused(standing_client, standing_rob, body) == (
        "Invalid JSON document submitted. Top level of JSON document should be a json object."
    )


@pytest.mark.parametrize("document", [{}, {"payload": [1]}, {"listen_type": "single"}, {"x" * 1_000_000: 1}])
def test_payload_and_type_are_required(standing_client: FlaskClient, standing_rob: Account, document: Any) -> None:
    assert refused(standing_client, standing_rob, dumped(document)) == "Invalid JSON document submitted."


@pytest.mark.parametrize("payload", [None, 5, "ab", {}, True])
def test_the_payload_is_a_list(standing_client: FlaskClient, standing_rob: Account, payload: Any) -> None:
    text = refused(standing_client, standing_rob, dumped({"listen_type": "nonsense", "payload": payload}))
    assert text == "The payload in the JSON document should be a list of listens."


def test_an_empty_payload_is_refused_before_its_type_is_looked_at(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    body = dumped({"listen_type": "nonsense", "payload": []})
    assert refused(standing_client, standing_rob, body) == "JSON document does not contain any listens"


def test_a_thousand_and_one_listens_are_too_many(standing_client: FlaskClient, standing_rob: Account) -> None:
    text = refused(standing_client, standing_rob, dumped(submission(*[None] * 1001)))
    assert text == "Too many listens. You may not submit more than 1000 listens at once."


def test_the_size_limit_is_an_average_over_the_listens(client: FlaskClient, rob: Account) -> None:
    big = listen(note="x" * 12_000)
    text = refused(client, rob, dumped(submission(big, listen_type="single")))
    assert text == "JSON document is too large. Each listens may not be larger than 10240 bytes."
    body = dumped(submission(big, listen()))
    assert client.post(URL, data=body, headers=rob.headers).status_code == 200


@pytest.mark.parametrize("listen_type", [None, 5, [], {}, "Single", "listens", ""])
def test_the_type_is_one_of_three(standing_client: FlaskClient, standing_rob: Account, listen_type: Any) -> None:
    text = refused(standing_client, standing_rob, dumped({"listen_type": listen_type, "payload": [None, None]}))
    assert text == "JSON document requires a valid listen_type key."


@pytest.mark.parametrize("listen_type", ["single", "playing_now"])
def test_only_an_import_has_several_listens(
    standing_client: FlaskClient, standing_rob: Account, listen_type: str
) -> None:
    text = refused(standing_client, standing_rob, dumped(submission(None, None, listen_type=listen_type)))
    assert text == "JSON document contains more than listen for a single/playing_now. It should contain only one."


@pytest.mark.parametrize("value", [1, None, [], "listened_at", {"code": 200, "error": "fine"}, 0.5])
def test_an_absurd_listen_is_refused_in_the_error_shape(
    standing_client: FlaskClient, standing_rob: Account, value: Any
) -> None:
    assert refused(standing_client, standing_rob, dumped(submission(value, listen_type="single"))) != "fine"


def test_the_index_of_the_bad_listen_is_named_and_in_texts_of_our_own_too(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    def answered(bad: object) -> dict[str, Any]:
        body = submission(*[listen()] * 17, bad, {"listened_at": "later"})
        document: dict[str, Any] = standing_client.post(URL, json=body, headers=standing_rob.headers).get_json()
        return document

    assert answered(5) == {"code": 400, "error": "payload[17]: Listen should be a json object.", "item": 17}
    assert answered(None) == {"code": 400, "error": "Listen is empty and cannot be validated.", "item": 17}
    named = answered({**listen(), "item": "x"})
    assert (named["item"], named["listened_at"]) == (17, 1443521965)


def test_a_deep_listen_is_refused_although_it_cannot_be_echoed(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    deep = b"[" * 900 + b"]" * 900
    body = dumped(submission(listen(x="HERE"))).replace(b'"HERE"', deep)
    assert refused(standing_client, standing_rob, body) == (
        "payload[0]: JSON document may not be nested deeper than 100 levels."
    )


@pytest.mark.parametrize(
    "number", ["123456789012345678901234567890", str(2**64), str(-(2**63) - 1), "[1, 99999999999999999999]"]
)
def test_a_number_beyond_64_bits_is_refused_and_not_made_a_rounded_one(
    standing_client: FlaskClient, standing_rob: Account, number: str
) -> None:
    body = dumped(submission(listen(x="HERE"))).replace(b'"HERE"', number.encode())
    assert refused(standing_client, standing_rob, body) == "JSON document contains a number beyond 64 bits."


def test_long_digits_that_are_no_number_beyond_64_bits_are_taken(
    client: FlaskClient, rob: Account, drain: Drain
) -> None:
    digits = b'[18446744073709551615, -9223372036854775808, 0.1234567890123456789012, "999999999999999999999999"]'
    body = dumped(submission(listen(x="HERE"))).replace(b'"HERE"', digits)
    assert client.post(URL, data=body, headers=rob.headers).status_code == 200
    [message] = drain()
    [taken] = message.listens
    kept = [2**64 - 1, -(2**63), 0.1234567890123456789012, "999999999999999999999999"]
    assert taken["track_metadata"]["additional_info"] == {"x": kept}


def test_deep_text_with_long_digits_is_refused_and_no_crash(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    deep = b"[" * 1000 + b"9" * 19 + b"]" * 1000
    body = dumped(submission(listen(x="HERE"))).replace(b'"HERE"', deep)
    assert refused(standing_client, standing_rob, body) == "JSON document may not be nested deeper than 100 levels."


def test_a_unicode_null_is_refused_in_the_error_shape(standing_client: FlaskClient, standing_rob: Account) -> None:
    assert (
        refused(standing_client, standing_rob, dumped(submission(listen(x=[["a\0"]])))) == "a\0 contains a unicode null"
    )


TOO_LARGE = "Payload too large. Payload cannot exceed 10240000 bytes"


def test_a_body_above_the_cap_is_refused(standing_client: FlaskClient, standing_rob: Account) -> None:
    assert refused(standing_client, standing_rob, b" " * 10_240_001) == TOO_LARGE
    assert refused(standing_client, standing_rob, b" " * 10_240_000).startswith("Cannot parse")


def test_a_body_without_a_length_is_read_no_further_than_the_cap(
    standing_client: FlaskClient, standing_rob: Account
) -> None:
    body = io.BytesIO(b" " * 30_000_000)
    answer = standing_client.post(
        URL, input_stream=body, headers=standing_rob.headers, environ_overrides={"wsgi.input_terminated": True}
    )
    assert (answer.status_code, answer.get_json()["error"]) == (400, TOO_LARGE)
    assert body.tell() < 12_000_000


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "identity, gzip"])
def test_compressed_bodies_are_refused_unread(
    standing_client: FlaskClient, standing_rob: Account, encoding: str
) -> None:
    body = gzip.compress(dumped(submission(listen())))
    answer = standing_client.post(URL, data=body, headers={**standing_rob.headers, "Content-Encoding": encoding})
    assert (answer.status_code, answer.get_json()["code"]) == (415, 415)


def test_without_a_token_nothing_of_the_body_is_judged(standing_client: FlaskClient) -> None:
    answer = standing_client.post(URL, data=b"{")
    assert answer.status_code == 401
    assert answer.get_json() == {"code": 401, "error": "You need to provide an Authorization header."}


def test_playing_now_is_visible_at_once_and_not_queued(client: FlaskClient, rob: Account, settings: Settings) -> None:
    body = submission({"track_metadata": listen(duration_ms=5000, a={"b": 1})["track_metadata"]})
    body["listen_type"] = "playing_now"
    answer = client.post(URL, data=dumped(body), headers=rob.headers)
    assert answer.get_json() == {"status": "ok"}
    assert client.get("/1/user/rob/playing-now").get_json() == {
        "payload": {
            "count": 1,
            "user_id": "rob",
            "playing_now": True,
            "listens": [
                {
                    "playing_now": True,
                    "user_name": "rob",
                    "track_metadata": {
                        "artist_name": "Artist",
                        "track_name": "Song",
                        "additional_info": {"duration_ms": 5000, "a.b": 1},
                    },
                }
            ],
        }
    }
    assert depth(settings) == 0


def test_playing_now_can_return_the_msid_the_listen_will_have(client: FlaskClient, rob: Account, drain: Drain) -> None:
    track = listen()["track_metadata"]
    body = dumped(submission({"track_metadata": track}, listen_type="playing_now"))
    answer = client.post(f"{URL}?return_msid=true", data=body, headers=rob.headers)
    single = dumped(submission(listen(), listen_type="single"))
    assert client.post(f"{URL}?return_msid=1", data=single, headers=rob.headers).get_json() == {"status": "ok"}
    drain()
    [stored] = client.get("/1/user/Rob/listens").get_json()["payload"]["listens"]
    assert answer.get_json() == {"status": "ok", "recording_msid": stored["recording_msid"]}
    assert client.post(URL, data=body, headers=rob.headers).get_json() == {"status": "ok"}
