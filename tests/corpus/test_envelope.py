"""Class A of the bad inputs: the body of submit-listens as a whole."""

import gzip
import io

import pytest

from tests.corpus.conftest import Hold
from tests.corpus.seed import BEARER, PATH, Seed, dumped, http, listen, numbered, single

pytestmark = pytest.mark.servers

CAP = 10_240_000
PARSE = "Cannot parse JSON document"
NOT_AN_OBJECT = "Top level of JSON document should be a json object."
NO_LIST = "The payload in the JSON document should be a list of listens."
TYPE = "JSON document requires a valid listen_type key."
GOOD = single(listen())


def with_value(json_text: bytes) -> bytes:
    """A good listen, but for this value in its additional_info."""
    return single(listen(additional_info={"x": "HERE"})).replace(b'"HERE"', json_text)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


def typed(listen_type: object) -> bytes:
    return dumped({"listen_type": listen_type, "payload": [listen()]})


def holding(payload: object) -> bytes:
    return dumped({"listen_type": "import", "payload": payload})


def chunked(piece: bytes, count: int) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in BEARER)
    start = f"POST {PATH} HTTP/1.1\r\nHost: x\r\n{head}Transfer-Encoding: chunked\r\n\r\n".encode()
    return start + (b"%x\r\n%b\r\n" % (len(piece), piece)) * count + b"0\r\n\r\n"


def bomb() -> bytes:
    """200 kB that would be 200 MB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(200):
            file.write(b"[" * 1_000_000)
    return packed.getvalue()


SEEDS = [
    *numbered("A", [
        ("empty", b"", 400, PARSE),
        ("null", b"null", 400, NOT_AN_OBJECT),
        ("list", b"[]", 400, NOT_AN_OBJECT),
        ("number", b"5", 400, NOT_AN_OBJECT),
        ("string", b'"x"', 400, NOT_AN_OBJECT),
        ("empty object", b"{}", 400, "Invalid JSON document submitted."),
        ("open object", b"{", 400, PARSE),
        ("trailing comma", GOOD[:-1] + b",}", 400, PARSE),
        ("two documents", GOOD + GOOD, 400, PARSE),
        ("byte order mark", b"\xef\xbb\xbf" + GOOD, 400, PARSE),
        ("UTF-16", GOOD.decode().encode("utf-16"), 400, PARSE),
        ("bad UTF-8", GOOD.replace(b"Song", b"S\xffng"), 400, PARSE),
        ("NaN", with_value(b"NaN"), 400, PARSE),
        ("Infinity", with_value(b"-Infinity"), 400, PARSE),
        ("1e309", with_value(b"1e309"), 400, PARSE),
        ("1000 deep", with_value(deep(1000)), 400, "nested deeper than"),
        ("100,000 deep", lambda: with_value(deep(100_000)), 400),
        ("10 MB of [", lambda: b"[" * 10_000_000, 400, PARSE),
        ("payload twice", GOOD[:-1] + b',"payload":[]}', 400, "the key payload occurs twice"),
        ("key of 1 MB", lambda: dumped({"k" * 1_000_000: 1}), 400, "Invalid JSON document submitted."),
        ("payload null", holding(None), 400, NO_LIST),
        ("payload number", holding(5), 400, NO_LIST),
        ("payload string", holding("ab"), 400, NO_LIST),
        ("payload object", holding({}), 400, NO_LIST),
        ("payload empty", holding([]), 400, "JSON document does not contain any listens"),
        ("payload of 1001", lambda: holding([listen()] * 1001), 400, "Too many listens."),
        ("type missing", dumped({"payload": [listen()]}), 400, "Invalid JSON document submitted."),
        ("type null", typed(None), 400, TYPE),
        ("type number", typed(5), 400, TYPE),
        ("type list", typed([]), 400, TYPE),
        ("type Single", typed("Single"), 400, TYPE),
        ("single with two", dumped({"listen_type": "single", "payload": [listen()] * 2}), 400, "more than listen"),
        ("above the cap", lambda: b" " * (CAP + 1), 400, "Payload too large."),
    ]),
    Seed("A34", "chunked above the cap", lambda: chunked(b" " * 65_536, CAP // 65_536 + 1), 400, "Payload too large."),
    Seed(
        "A35",
        "gzip bomb",
        lambda: http("POST", PATH, (*BEARER, ("Content-Encoding", "gzip")), bomb()),
        415,
        "Content-Encoding gzip is not supported",
    ),
]  # fmt: skip


def test_every_bad_envelope_is_refused(all_hold: Hold) -> None:
    assert [seed.id for seed in SEEDS] == [f"A{number}" for number in range(1, 36)]
    all_hold(SEEDS)
