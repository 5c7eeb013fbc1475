"""Where a request ends, whatever the pieces it arrives in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapi.arrival import AT_ONCE, HEAD_AT_ONCE, IN_MEMORY, TINY_AT_ONCE, Arrival, NoRoomError, Room
from webapi.framing import MOST_HEAD, Chunks, read_head

CHUNKED = b"Transfer-Encoding: chunked\r\n"
POST = b"POST /1/submit-listens HTTP/1.1\r\nHost: x\r\n"


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        (b"", 0),
        (b"Content-Length: 12\r\n", 12),
        (b"content-length:12\r\n", 12),
        (b"Transfer-Encoding: Chunked\r\n", None),
        (b"X-Content-Length: 12\r\n", 0),
    ],
)
def test_the_head_tells_the_length_of_the_body(headers: bytes, length: int | None) -> None:
    head = read_head(POST + headers + b"\r\nContent-Length: 99\r\n")
    assert head is not None
    assert (head.size, head.length, head.odd) == (len(POST + headers) + 2, length, False)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 2\r\nContent-Length: 3\r\n",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: -2\r\n",
        b"Content-Length: +2\r\n",
        b"Content-Length: x\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Expect: wonders\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_not_waited_for(headers: bytes) -> None:
    head = read_head(POST + headers + b"\r\n")
    assert head is not None
    assert head.odd


def test_a_head_that_has_not_ended_is_waited_for_unless_it_never_will() -> None:
    assert read_head(POST) is None
    assert read_head(b"") is None
    for never in (b"GET / HTTP/1.1\nHost: x\n\n", POST + b"X: " + b"x" * MOST_HEAD):
        head = read_head(never)
        assert head is not None
        assert head.odd


def chunked(pieces: list[bytes]) -> bytes:
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece) + b"0\r\nX: y\r\n\r\n"


@st.composite
def cut(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[a:b] for a, b in zip([0, *places], [*places, len(whole)], strict=True)]


@given(st.data(), st.lists(st.binary(max_size=40), max_size=4), st.booleans(), st.binary(max_size=10))
def test_a_request_ends_at_the_same_place_however_it_is_cut(
    data: st.DataObject, pieces: list[bytes], in_chunks: bool, behind: bytes
) -> None:
    body = chunked(pieces) if in_chunks else b"".join(pieces)
    framing = b"Transfer-Encoding: chunked" if in_chunks else b"Content-Length: %d" % len(body)
    head = POST + framing + b"\r\n\r\n"
    arrival = Arrival(Room())
    left = b""
    for piece in data.draw(cut(head + body + behind)):
        if arrival.whole:
            left += piece
        elif piece:
            arrival.feed(piece)
    assert arrival.whole
    assert arrival.head_bytes() == head
    assert b"".join(arrival.pieces) == body
    assert arrival.rest + left == behind


@given(st.binary(max_size=60))
def test_no_bytes_break_the_chunks(data: bytes) -> None:
    chunks = Chunks()
    assert 0 <= chunks.feed(data) <= len(data)


@pytest.mark.parametrize("body", [b"x\r\n", b"\r\n", b"5\nabcde\r\n", b"f" * 20 + b"\r\n", b"1" * 9000])
def test_what_is_not_chunked_is_not_waited_for(body: bytes) -> None:
    chunks = Chunks()
    chunks.feed(body)
    assert chunks.odd


def test_long_bodies_go_to_a_file_and_all_room_is_given_back() -> None:
    room = Room()
    short, long = Arrival(room), Arrival(room)
    for arrival, size in ((short, 1000), (long, IN_MEMORY + 5)):
        arrival.feed(POST + b"Content-Length: %d\r\n\r\n" % size)
        for _ in range(size // 1000):
            arrival.feed(b"x" * 1000)
        arrival.feed(b"x" * (size % 1000) or b"y")
        assert arrival.whole
    assert (room.memory, room.disk) == (1000 + IN_MEMORY, 5)
    assert short.rest == b"y"
    short.free()
    long.free()
    assert room == Room()


def test_without_room_a_body_is_refused() -> None:
    room = Room(memory=10**9, disk=10**9)
    arrival = Arrival(room)
    with pytest.raises(NoRoomError):
        arrival.feed(POST + b"Content-Length: 5\r\n\r\nabc")


def test_few_bytes_of_tiny_chunks_are_taken_at_once() -> None:
    tiny, large = b"1\r\nx\r\n" * 10, b"400\r\n" + b"x" * 1024 + b"\r\n"
    taken = []
    for framing, body in (
        (b"Content-Length: 99\r\n", b"x"),
        (CHUNKED, large),
        (CHUNKED, tiny),
        (CHUNKED, large + tiny),
    ):
        arrival = Arrival(Room())
        assert arrival.at_once == HEAD_AT_ONCE
        arrival.feed(POST + framing + b"\r\n")
        arrival.feed(body)
        taken.append(arrival.at_once)
    assert taken == [AT_ONCE, AT_ONCE, TINY_AT_ONCE, TINY_AT_ONCE]
