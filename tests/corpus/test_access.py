"""Class D of the bad inputs: who asks, and how HTTP itself may be bent."""

import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from conf.postgres import Connection, transaction
from conf.settings import Settings
from jobs.listens.account_deletion import delete_account
from jobs.listens.msid import msid_of
from jobs.listens.playlists import NewPlaylist, create_playlist
from jobs.listens.tokens import outlive_belief, remove_token
from jobs.listens.user_imports import Wish, add_import
from jobs.listens.users import create_token
from tests.corpus.conftest import Hold
from tests.corpus.oracle import RATE_LIMIT, counts, drained, shape
from tests.corpus.seed import AT, BEARER, PATH, Headers, Seed, dumped, http, listen, single
from tests.corpus.wire import Answer, exchange
from tests.live_server import Server, served
from tests.webapi.conftest import Account, make_account

pytestmark = pytest.mark.servers

GOOD = single(listen())
NO_HEADER = "You need to provide an Authorization header."
NO_WORD = "Provided Authorization header is invalid."
WRONG = "Invalid authorization token."
VALIDATE = "/1/validate-token"
FOREIGN: Headers = (("Origin", "https://evil.test"),)
GUESSES = 200
MBID = b"bf9e91ea-8029-4a04-a26a-224e00a83266"


def bearing(value: str) -> Callable[[], bytes]:
    """A good submission with this Authorization header."""
    return lambda: http("POST", PATH, (("Authorization", value),), GOOD)


def sent(method: str, path: str, headers: Headers = BEARER, body: bytes = b"", host: str = "x") -> Callable[[], bytes]:
    return lambda: http(method, path, headers, body, host)


SEEDS = [
    Seed("D1", "no header", sent("POST", PATH, (), GOOD), 401, NO_HEADER),
    Seed("D2", "one word", bearing("Token"), 401, NO_WORD),
    Seed("D3", "one word and a blank, which HTTP takes off", bearing("Token "), 401, NO_WORD),
    Seed("D4", "another scheme", bearing("Basic x"), 401, WRONG),
    Seed("D5", "two blanks", bearing("Token  TOKEN"), 401, WRONG),
    Seed(
        "D6",
        "scheme in lower case: only the second word counts",
        sent("GET", VALIDATE, (("authorization", "token TOKEN"),)),
        200,
        '"valid":true',
    ),
    Seed("D7", "token of 10 kB", bearing("Token " + "x" * 10_000), 401, WRONG),
    Seed("D8", "NUL in the token", bearing("Token TOKEN\0"), 400, "A header is not valid.", limited=False),
    Seed("D9", "token no ASCII", bearing("Token \xfc\xe9"), 401, WRONG),
    Seed("D10", "token of a deleted user", bearing("Token DELETED"), 401, WRONG),
    Seed("D11", "token that was changed", bearing("Token ROTATED"), 401, WRONG),
    Seed("D12", "token in the query", sent("POST", f"{PATH}?token=TOKEN", (), GOOD), 401, NO_HEADER),
    Seed(
        "D13",
        "another's private playlist",
        sent("GET", "/1/playlist/PLAYLIST"),
        404,
        "Cannot find playlist: ",
    ),
    # Pins and events have no routes yet: in their places what else is another's.
    Seed("D14", "another's file that comes in", sent("GET", "/1/import-listens/IMPORT"), 404, "Import not found"),
    Seed(
        "D15",
        "another's feedback: whose it is, the token says",
        sent(
            "POST",
            "/1/feedback/recording-feedback",
            body=b'{"recording_mbid": "' + MBID + b'", "score": 1, "user_id": 2}',
        ),
        400,
        "Invalid JSON document submitted: user_id is not a key of it.",
    ),
    Seed(
        "D17",
        "another's exclusions",
        sent("POST", "/1/user/Other/exclusions", body=b'{"kind": "artist", "value": "Artist"}'),
        403,
        "Exclusions are seen and changed only with a token of their user.",
    ),
    Seed(
        "D18",
        "OPTIONS of a foreign origin",
        sent("OPTIONS", PATH, (*FOREIGN, ("Access-Control-Request-Headers", "X-Evil"))),
        200,
        limited=False,
    ),
    Seed(
        "D19",
        "credentials of a foreign origin",
        sent("GET", VALIDATE, (*FOREIGN, ("Cookie", "session=x"))),
        400,
        "You need to provide an Authorization token.",
    ),
    Seed("D23", "TRACE", sent("TRACE", PATH), 405),
    Seed("D24", "another method", sent("PUT", PATH, body=GOOD), 405),
    Seed(
        "D25", "another host", sent("GET", "/1/user/nobody/listens", host="evil.test"), 404, "Cannot find user: nobody"
    ),
]


def other(store: Connection, name: str) -> Account:
    """A second user, whose name is not taken yet."""
    return make_account(store, name)


@pytest.fixture
def dead_tokens(store: Connection, corpus_rob: Account, standing_live: Server) -> dict[str, str]:
    """Tokens that were right a moment ago, and that a worker has believed."""
    gone = other(store, "Gone")
    with transaction(store) as cursor:
        rotated = create_token(cursor, corpus_rob.id, "rotated", None)
        cursor.execute("SELECT id FROM token WHERE label = 'rotated'")
        row = cursor.fetchone()
    assert row is not None
    for token in (gone.token, rotated):
        answer = standing_live.request("GET", VALIDATE, headers={"Authorization": f"Token {token}"})
        assert answer[1]["valid"]
    delete_account(store, gone.id, int(time.time() * 1_000_000))
    with transaction(store) as cursor:
        assert remove_token(cursor, corpus_rob.id, row[0])
    outlive_belief()
    return {"DELETED": gone.token, "ROTATED": rotated}


@pytest.fixture
def others_own(store: Connection, standing_live: Server) -> dict[str, str]:
    """What another user has for herself, which she is told."""
    owner, import_id = other(store, "Other"), uuid4()
    with transaction(store) as cursor:
        playlist = create_playlist(cursor, owner.id, NewPlaylist("Mine", public=False))
        add_import(cursor, import_id, owner.id, name="f", size=1, wish=Wish("auto"))
    for path in (f"/1/playlist/{playlist}", f"/1/import-listens/{import_id}"):
        assert standing_live.request("GET", path, headers=owner.headers)[0] == 200
    return {"PLAYLIST": str(playlist), "IMPORT": str(import_id)}


def test_every_bad_access_is_refused(all_hold: Hold, dead_tokens: dict[str, str], others_own: dict[str, str]) -> None:
    def living(seed: Seed) -> Seed:
        def request() -> bytes:
            made = seed.request()
            for name, value in (dead_tokens | others_own).items():
                made = made.replace(name.encode(), value.encode())
            return made

        return Seed(seed.id, seed.about, request, seed.code, seed.says, seed.limited)

    all_hold([living(seed) for seed in SEEDS])


def test_d16_nobody_deletes_what_another_listened_to(
    standing_live: Server, store: Connection, corpus_rob: Account
) -> None:
    evil = other(store, "Evil")
    standing_live.request("POST", PATH, GOOD, corpus_rob.headers)
    drained(standing_live, store)
    key = dumped({"listened_at": AT, "recording_msid": str(msid_of(listen()["track_metadata"]))})
    assert standing_live.request("POST", "/1/delete-listen", key, evil.headers)[0] == 200
    with transaction(store) as cursor:
        cursor.execute("SELECT user_id FROM listen WHERE listened_at = %s", (AT,))
        assert cursor.fetchall() == [(corpus_rob.id,)]


def test_neither_origin_nor_host_nor_what_trace_was_sent_comes_back(standing_live: Server) -> None:
    for request in (
        http("OPTIONS", PATH, FOREIGN),
        http("GET", "/1/user/nobody/listens", FOREIGN, host="evil.test"),
        http("GET", "/", FOREIGN, host="evil.test"),
        http("GET", "/profile", FOREIGN, host="evil.test"),
        http("TRACE", PATH, (("X-Sent", "evil.test"),)),
    ):
        answer = exchange(standing_live.port, request)
        assert b"evil.test" not in answer.body
        assert "evil.test" not in str(answer.headers)
        assert answer.headers.get("access-control-allow-origin") in (None, "*")
        assert "access-control-allow-credentials" not in answer.headers


def refused_at_last(answers: list[Answer]) -> None:
    last = answers[-1]
    assert last.status == 429
    assert shape(last, "You have exceeded your rate limit.") == []
    assert last.headers["x-ratelimit-remaining"] == "0"
    assert all(last.headers[name].isdigit() for name in RATE_LIMIT)


def test_d20_and_d22_a_limit_holds_whatever_address_is_claimed(settings: Settings, connection: Connection) -> None:
    rob = make_account(connection, "Rob")
    limits = {"RATE_LIMIT_PER_TOKEN": "5", "RATE_LIMIT_PER_ADDRESS": "7", "RATE_LIMIT_WINDOW": "3600"}
    bearer = {"Authorization": f"Token {rob.token}"}
    with served(settings, **limits) as server:

        def asked(count: int, headers: dict[str, str]) -> list[Answer]:
            claimed = (("X-Forwarded-For", f"10.0.0.{n}") for n in range(count))
            return [exchange(server.port, http("POST", PATH, (*headers.items(), address), b"{")) for address in claimed]

        before = counts(connection)
        by_token, by_address = asked(12, bearer), asked(12, {})
        assert counts(connection) == before
    assert [answer.status for answer in by_token] == [400] * 5 + [429] * 7
    assert [answer.status for answer in by_address] == [401] * 7 + [429] * 5
    refused_at_last(by_token)
    refused_at_last(by_address)


def test_d21_two_hundred_guesses_are_stopped_before_their_end(standing_live: Server, corpus_rob: Account) -> None:
    """A quota is for a minute: at worst two of them are used."""
    answers = [
        exchange(
            standing_live.port,
            http("GET", VALIDATE, (("Authorization", f"Token guess-{n}"), ("X-Forwarded-For", f"10.0.1.{n}"))),
        )
        for n in range(GUESSES)
    ]
    assert {answer.status for answer in answers} == {200, 429}
    refused_at_last([answer for answer in answers if answer.status == 429])
    status, document, _ = standing_live.request("GET", VALIDATE, headers=corpus_rob.headers)
    assert (status, document["valid"]) == (200, True)
