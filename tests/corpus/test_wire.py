"""Class D continued: requests that bend HTTP/1.1 itself. Two readings of one request are none."""

import pytest

from tests.corpus.conftest import Hold
from tests.corpus.seed import PATH, Seed, listen, single

pytestmark = pytest.mark.servers

GOOD = single(listen())
POST = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token TOKEN\r\n".encode()
GET = b"GET /1/user/Rob/listens HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
NO_HTTP = "The request is not valid HTTP."
NO_HEADER = "A header is not valid."
NO_BODY = "The body ended before its end, or is not properly chunked."
LARGE = "The headers are too large."

# Those that never become a request: no limit is counted, so none is told.
UNREAD = [
    ("bare line feeds", GET.replace(b"\r\n", b"\n") + b"\n", 400, NO_HTTP),
    ("folded header", GET + b"X: a\r\n b\r\n\r\n", 400, NO_HTTP),
    ("two hosts", GET + b"Host: y\r\n\r\n", 400, NO_HEADER),
    ("HTTP/0.9", b"GET /1/user/Rob/listens\r\n\r\n", 400, NO_HTTP),
    ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, NO_HTTP),
    ("method in lower case", GET.replace(b"GET", b"get") + b"\r\n", 400, NO_HTTP),
    ("path no ASCII", GET.replace(b"Rob", b"R\xff\xfe") + b"\r\n", 400, NO_HTTP),
    ("TLS", bytes.fromhex("16030100c8010000c40303") + b"\r\n\r\n" * 40, 400, NO_HTTP),
    ("NUL in a header's name", GET + b"X\0: y\r\n\r\n", 400, NO_HTTP),
    ("header's name of 40 kB", GET + b"X" * 40_000 + b": y\r\n\r\n", 431, LARGE),
    ("5000 headers", GET + b"X: y\r\n" * 5000 + b"\r\n", 431, LARGE),
    ("coding twice", POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n" + END, 400, NO_HEADER),
    ("coding and length", POST + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n" + END, 400, NO_HEADER),
    ("coding after a control", POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n" + END, 400, NO_HEADER),
    ("length with a sign", POST + b"Content-Length: +3\r\n\r\nabc", 400, NO_HEADER),
    ("length with a low line", POST + b"Content-Length: 1_0\r\n\r\n0123456789", 400, NO_HEADER),
    ("length of Arabic digits", POST + "Content-Length: ٣\r\n\r\nabc".encode(), 400, NO_HEADER),
    ("blank before the colon", POST + b"Content-Length : 3\r\n\r\nabc", 400, NO_HTTP),
    ("unknown expectation", POST + b"Expect: wonders\r\nContent-Length: 3\r\n\r\nabc", 417, "Expect"),
]
READ = [
    ("chunk of negative size", CHUNKED + b"-5\r\nhello\r\n" + END, 400, NO_BODY),
    ("chunk beyond 64 bits", CHUNKED + b"f" * 17 + b"\r\nx", 400, NO_BODY),
    ("chunk size with a prefix", CHUNKED + b"0x5\r\nhello\r\n" + END, 400, NO_BODY),
    ("chunk longer than it says", CHUNKED + b"5\r\nhelloXX\r\n" + END, 400, NO_BODY),
    ("chunk extension of 10 kB", CHUNKED + b"5;" + b"a" * 10_000 + b"\r\nhello\r\n" + END, 400, NO_BODY),
    ("20,000 trailers", CHUNKED + b"0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n", 400, NO_BODY),
    ("length beyond 64 bits", POST + b"Content-Length: " + b"9" * 21 + b"\r\n\r\nabc", 400, "Payload too large."),
    ("length under another name", POST + b"Content_Length: 3\r\n\r\nabc", 400, "Cannot parse JSON document"),
    (
        "two tokens",
        POST + b"Authorization: Token zzz\r\nContent-Length: 2\r\n\r\n{}",
        401,
        "Invalid authorization token.",
    ),
    (
        "5000 codings",
        POST + b"Content-Encoding: " + b"gzip," * 5000 + b"\r\nContent-Length: 3\r\n\r\nabc",
        415,
        "Content-",
    ),
    ("websocket", GET + b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 200, '"count":0'),
    ("6000 slashes", GET.replace(b"/1/user", b"/" * 6000 + b"1/user") + b"\r\n", 200, '"count":0'),
    ("3500 parameters", GET.replace(b"listens ", b"listens?" + b"a&" * 3500 + b" ") + b"\r\n", 200, '"count":0'),
    ("date of the year 99999", GET + b"If-Modified-Since: Mon, 99 Foo 99999 99:99:99 GMT\r\n\r\n", 200, '"count":0'),
    ("5000 entity tags", GET + b"If-None-Match: " + b'"a",' * 5000 + b"\r\n\r\n", 200, '"count":0'),
]


def seeds() -> list[Seed]:
    known = [(*seed, False) for seed in UNREAD] + [(*seed, True) for seed in READ]
    return [
        Seed(f"D{number}", name, lambda sent=sent: sent, code, says, limited)  # type: ignore[misc]
        for number, (name, sent, code, says, limited) in enumerate(known, 26)
    ]


def test_every_bent_request_is_refused_or_read_in_one_way(all_hold: Hold) -> None:
    all_hold(seeds())


def test_a_listen_in_chunks_of_one_byte_is_taken(all_hold: Hold) -> None:
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in GOOD)
    all_hold([Seed("D60", "chunks of one byte", lambda: CHUNKED + pieces + END, 200, "ok", queues=1)])
