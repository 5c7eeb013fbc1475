"""Bad inputs to what says, reads and recommends: feedback, ratings, recommendations, similarity."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.corpus.conftest import Hold
from tests.corpus.seed import BEARER, Headers, Seed, dumped, http

pytestmark = pytest.mark.servers

SAY = "/1/feedback/recording-feedback"
ON = "/1/feedback/user/Rob/get-feedback-for-recordings"
RATE = "/1/recommendation/feedback/submit"
RATED = "/1/recommendation/feedback/user/Rob"
RECOMMENDED = "/1/cf/recommendation/user/Rob/recording"
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
NOT_ONE = "Invalid JSON document submitted: "
FORM = ("Content-Type", "multipart/form-data; boundary=x")


def posted(path: str, body: object, headers: Headers = BEARER) -> Callable[[], bytes]:
    return lambda: http("POST", path, headers, body if isinstance(body, bytes) else dumped(body))


def got(path: str) -> Callable[[], bytes]:
    return lambda: http("GET", path)


def uploaded(content: bytes, field: str = "file", name: str = "feedback.jsonl") -> Callable[[], bytes]:
    head = f'--x\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return posted("/1/feedback/import", head.encode() + content + b"\r\n--x--\r\n", (*BEARER, FORM))


SEEDS: list[tuple[str, Callable[[], bytes], int, str]] = [
    ("feedback without a body", posted(SAY, b""), 400, "Cannot parse JSON document"),
    ("feedback not UTF-8", posted(SAY, b'{"score": 1, "\xff": 1}'), 400, "Cannot parse JSON document"),
    ("nested deeply", posted(SAY, b'{"score": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"), 400, "Cannot parse"),
    ("feedback of 2 MB of keys", posted(SAY, {f"k{n}": n for n in range(150_000)}), 400, f"{NOT_ONE}k0 is not a key"),
    ("a key of 1 MB", posted(SAY, {"k" * 1_000_000: 1}), 400, f"{NOT_ONE}kkk"),
    ("score of 5000 digits", posted(SAY, b'{"score": ' + b"9" * 5000 + b"}"), 400, ""),
    ("score infinite", posted(SAY, b'{"score": Infinity}'), 400, "Cannot parse JSON document"),
    ("score twice, the last of which is none", posted(SAY, b'{"score": 1, "score": 5}'), 400, NOT_ONE),
    ("id with NUL", posted(SAY, {"recording_msid": MBID + "\0", "score": 1}), 400, "recording_msid format invalid"),
    ("id of SQL", posted(SAY, {"recording_mbid": "' OR 1=1 --", "score": 1}), 400, "recording_mbid format invalid"),
    ("id a list", posted(SAY, {"recording_mbid": [MBID], "score": 1}), 400, "recording_mbid format invalid"),
    ("id of a lone surrogate", posted(SAY, b'{"recording_mbid": "\\ud800", "score": 1}'), 400, "Cannot parse JSON"),
    ("feedback without a token", posted(SAY, {"recording_mbid": MBID, "score": 1}, ()), 401, "Authorization header"),
    ("GET where only POST is", got(SAY), 405, ""),
    ("score of a page 1e0", got("/1/feedback/user/Rob/get-feedback?score=1e0"), 400, "Score can have a value"),
    ("metadata NUL", got("/1/feedback/user/Rob/get-feedback?metadata=%00"), 400, "Invalid metadata argument"),
    ("feedback of a recording ..", got("/1/feedback/recording/../get-feedback"), 400, ".. msid format invalid."),
    ("feedback of a recording with a slash", got("/1/feedback/recording/a%2Fb/get-feedback"), 404, ""),
    ("feedback on nothing", got(ON), 400, "No valid recording msid or recording mbid found."),
    ("feedback on 50,000 ids", posted(ON, {"recording_msids": [MBID] * 50_000}, ()), 400, "at most 1000"),
    ("feedback on ids that are objects", posted(ON, {"recording_msids": [{}]}, ()), 400, "expected a list of UUIDs"),
    ("import of nothing", uploaded(b""), 200, '"total":0'),
    ("import without a file", uploaded(b"{}", field="other"), 400, "file: expected a file"),
    ("import, a broken form", posted("/1/feedback/import", b"--x\r\n", (*BEARER, FORM)), 400, "file: expected a file"),
    ("import of zeroes", uploaded(b"\0" * 1_000_000), 400, "Nothing in the file is love or hate."),
    ("import of a zip that ends early", uploaded(b"PK\x03\x04" + b"\0" * 50), 400, "The file cannot be read"),
    ("import of gzip that ends early", uploaded(b"\x1f\x8b\x08\0"), 400, "The file cannot be read"),
    ("import from a service", posted("/1/feedback/import", {"service": "lastfm", "user_name": "x"}), 400, "send a"),
    ("import from an address", posted("/1/feedback/import", {"service": "http://x", "user_name": "x"}), 400, "exist"),
    ("rating none", posted(RATE, {"recording_mbid": MBID, "rating": "LOVE"}), 400, f"{NOT_ONE}expected a rating"),
    ("rating an object", posted(RATE, {"recording_mbid": MBID, "rating": {}}), 400, f"{NOT_ONE}expected a rating"),
    ("rating of two", posted(RATE, {"recording_mbid": MBID, "recording_msid": MBID, "rating": "love"}), 400, "one of"),
    ("rating taken back of none", posted("/1/recommendation/feedback/delete", {}), 400, f"{NOT_ONE}expected one of"),
    ("ratings of a kind there is not", got(f"{RATED}?rating=%00"), 400, "Invalid rating: \0"),
    ("ratings on no ids", got(f"{RATED}/recordings?mbids=,,"), 400, "'mbids' is missing"),
    ("recommendations of a kind there is not", got(f"{RECOMMENDED}?artist_type=RAW"), 400, "Invalid artist type: RAW"),
    ("recommendations to nobody", got("/1/cf/recommendation/user/%00/recording"), 404, "Cannot find user: "),
    ("recommendations from 2^63 on", got(f"{RECOMMENDED}?offset={2**63}"), 400, "'offset' should be"),
    ("explain neither", got(f"{RECOMMENDED}?explain=maybe"), 400, "Invalid explain argument: maybe"),
    ("a model ..", got("/1/cf/models/.."), 400, ".. model id format invalid."),
    ("similar to nobody", got("/1/user/Rob/similar-to/%00"), 404, "Similar-to user not found"),
    ("similar recordings of NUL", got("/1/similarity/recordings/%00"), 400, "mbid format invalid."),
    ("similar artists of a name", got("/1/similarity/artists/Bj%C3%B6rk"), 400, "Björk mbid format invalid."),
    ("labs without ids", got("/similar-recordings/json"), 400, "is no UUID."),
    ("labs with a document", posted("/similar-artists/json", {"artist_mbids": [MBID]}, ()), 400, "expected a list of"),
    ("labs, 100,000 inputs", posted("/similar-artists/json", [{"artist_mbids": "x"}] * 100_000, ()), 400, "no UUID"),
]  # fmt: skip


def test_every_bad_word_is_refused_and_changes_nothing(all_hold: Hold) -> None:
    all_hold([Seed(f"F{number}", *seed) for number, seed in enumerate(SEEDS, 1)])


def test_a_word_of_the_same_form_is_taken(all_hold: Hold) -> None:
    """So that the seeds above are refused for what is wrong with them."""
    body: Any = {"recording_mbid": MBID, "score": 0}
    all_hold([Seed("F0", "neither", posted(SAY, body), 200, '"status":"ok"')])
