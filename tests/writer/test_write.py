"""The one write function: what it stores, counts, suppresses, sets aside."""

from uuid import UUID, uuid4

import orjson
import psycopg2
import pytest

from conf.postgres import Connection, transaction
from jobs.listens.msid import msid_of
from jobs.listens.write import Outcome, delete_history, delete_listen, write_submissions
from tests.writer.conftest import Submit
from tests.writer.listens import YEAR, listen, stored, totals


def msid(track: str = "Help!") -> UUID:
    return msid_of(listen(0, track)["track_metadata"])


def counts(outcome: Outcome) -> tuple[int, int, int, int, int, bool]:
    """consumed, inserted, duplicate, suppressed, rejected, replayed"""
    return (
        outcome.consumed,
        outcome.inserted,
        outcome.duplicate,
        outcome.suppressed,
        outcome.rejected,
        outcome.replayed,
    )


def test_a_listen_is_stored_as_submitted(connection: Connection, submit: Submit, user: int) -> None:
    item = listen(5, zebra=1, apple={"b": "\u00e4"}, tags=[])
    item["track_metadata"]["release_name"] = "Help! (Deluxe)"
    write_submissions(connection, [submit(item)])
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT user_id, listened_at, recording_msid, artist_name, track_name, release_name, additional_info,"
            " source, inserted_at <= clock_timestamp() FROM listen"
        )
        assert cursor.fetchall() == [
            (
                user,
                YEAR + 5,
                msid_of(item["track_metadata"]),
                "The Beatles",
                "Help!",
                "Help! (Deluxe)",
                '{"zebra":1,"apple":{"b":"\u00e4"},"tags":[]}',
                None,
                True,
            )
        ]


def test_a_listen_submitted_again_is_a_duplicate(connection: Connection, submit: Submit, user: int) -> None:
    [first] = write_submissions(connection, [submit(listen(1), listen(2))])
    [again] = write_submissions(connection, [submit(listen(2), listen(3))])
    assert counts(first) == (2, 2, 0, 0, 0, False)
    assert counts(again) == (2, 1, 1, 0, 0, False)
    assert stored(connection) == [(user, 1, "Help!"), (user, 2, "Help!"), (user, 3, "Help!")]
    assert totals(connection, user) == (3, 1, 3)


def test_the_same_listen_twice_in_a_batch_is_one_row(connection: Connection, submit: Submit, user: int) -> None:
    one, two = write_submissions(connection, [submit(listen(1), listen(1)), submit(listen(1, "HELP! "), listen(2))])
    assert counts(one) == (2, 1, 1, 0, 0, False)
    assert counts(two) == (2, 1, 1, 0, 0, False)
    assert stored(connection) == [(user, 1, "Help!"), (user, 2, "Help!")]
    assert totals(connection, user) == (2, 1, 2)


def test_a_redelivered_message_changes_nothing(connection: Connection, submit: Submit, user: int) -> None:
    message = submit(listen(1), listen(1), "no listen")
    [first] = write_submissions(connection, [message])
    delete_listen(connection, user, YEAR + 1, msid(), 50)  # requested before it was submitted: no tombstone for it
    again, twice = write_submissions(connection, [message, message])
    assert counts(first) == (3, 1, 1, 0, 1, False)
    assert counts(again) == counts(twice) == (3, 1, 1, 0, 1, True)
    assert stored(connection) == []
    assert totals(connection, user) == (0, None, None)
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM rejected_listen")
        assert cursor.fetchone() == (1,)


def test_a_message_twice_in_one_batch_is_written_once(connection: Connection, submit: Submit) -> None:
    message = submit(listen(1), listen(2))
    first, again = write_submissions(connection, [message, message])
    assert counts(first) == (2, 2, 0, 0, 0, False)
    assert counts(again) == (2, 2, 0, 0, 0, True)


def test_a_delete_that_overtakes_its_queued_listen_wins(connection: Connection, submit: Submit, user: int) -> None:
    assert delete_listen(connection, user, YEAR + 1, msid(), 100) == 0
    [outcome] = write_submissions(connection, [submit(listen(1), listen(2), at=100)])
    assert counts(outcome) == (2, 1, 0, 1, 0, False)
    assert stored(connection) == [(user, 2, "Help!")]


def test_a_listen_submitted_after_its_delete_is_a_new_one(connection: Connection, submit: Submit, user: int) -> None:
    write_submissions(connection, [submit(listen(1), at=100)])
    assert delete_listen(connection, user, YEAR + 1, msid(), 200) == 1
    [late, new] = write_submissions(connection, [submit(listen(1), at=150), submit(listen(1), at=201)])
    assert counts(late) == (1, 0, 0, 1, 0, False)
    assert counts(new) == (1, 1, 0, 0, 0, False)
    with transaction(connection) as cursor:
        cursor.execute("SELECT d.position < l.position FROM listen l, listen_delete d")
        assert cursor.fetchall() == [(True,)]


def test_totals_follow_deletes_at_both_ends(connection: Connection, submit: Submit, user: int) -> None:
    write_submissions(connection, [submit(*(listen(second) for second in (1, 5, 9)))])
    delete_listen(connection, user, YEAR + 1, msid(), 200)
    assert totals(connection, user) == (2, 5, 9)
    delete_listen(connection, user, YEAR + 9, msid(), 201)
    assert totals(connection, user) == (1, 5, 5)
    delete_listen(connection, user, YEAR + 9, msid(), 202)
    assert totals(connection, user) == (1, 5, 5)


def test_a_wiped_history_stays_wiped_until_something_new_comes(
    connection: Connection, submit: Submit, user: int
) -> None:
    write_submissions(connection, [submit(listen(1), listen(2), 5, at=100)])
    assert delete_history(connection, user, 200) == 2
    assert totals(connection, user) == (0, None, None)
    [queued, new] = write_submissions(connection, [submit(listen(3), at=200), submit(listen(4), at=201)])
    assert (queued.suppressed, new.inserted) == (1, 1)
    assert stored(connection) == [(user, 4, "Help!")]
    assert totals(connection, user) == (1, 4, 4)
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM rejected_listen")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT listened_at, recording_msid, requested_at FROM listen_delete")
        assert cursor.fetchall() == [(None, None, 200)]


def test_listens_of_a_user_who_is_gone_are_suppressed(connection: Connection, submit: Submit, user: int) -> None:
    gone, here = write_submissions(connection, [submit(listen(1), user_id=user + 99), submit(listen(1))])
    assert counts(gone) == (1, 0, 0, 1, 0, False)
    assert counts(here) == (1, 1, 0, 0, 0, False)


def test_one_unstorable_listen_of_a_thousand_is_set_aside_and_the_rest_kept(
    connection: Connection, submit: Submit, user: int
) -> None:
    items = [listen(second) for second in range(1000)]
    items[500]["track_metadata"]["track_name"] = "Nu\0l"
    message = submit(*items)
    [outcome] = write_submissions(connection, [message])
    assert counts(outcome) == (1000, 999, 0, 0, 1, False)
    assert totals(connection, user) == (999, 0, 999)
    with transaction(connection) as cursor:
        cursor.execute("SELECT message_id, user_id, item, reason, body, submitted_at FROM rejected_listen")
        [(message_id, user_id, item, reason, body, submitted_at)] = cursor.fetchall()
    assert (message_id, user_id, item, submitted_at) == (message.message_id, user, 500, 100)
    assert reason == "track_name_no_nul: track_name holds the character U+0000"
    assert orjson.loads(bytes(body)) == items[500]


BAD_METADATA = {"artist_name": "A", "track_name": "T", "additional_info": {}}


WRONG: list[tuple[object, str]] = [
    (None, "a listen is an object, this is nothing"),
    ([], "a listen is an object, this is list"),
    ({}, "track_metadata: expected an object, got nothing"),
    ({"track_metadata": BAD_METADATA}, "listened_at: expected a whole number, got nothing"),
    ({"listened_at": True, "track_metadata": BAD_METADATA}, "listened_at: expected a whole number, got bool"),
    ({"listened_at": 1.5, "track_metadata": BAD_METADATA}, "listened_at: expected a whole number, got float"),
    ({"listened_at": 0, "track_metadata": BAD_METADATA}, "listened_at_time_between"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "artist_name": 5}}, "artist_name: expected text"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "artist_name": " \u2003"}}, "artist_name_not_blank"),
    ({"listened_at": YEAR, "track_metadata": {"artist_name": "A"}}, "track_name: expected text, got nothing"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "release_name": 7}}, "release_name: expected text"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "additional_info": 5}}, "additional_info: expected"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "additional_info": {"x": ["\0"]}}}, "U+0000"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "track_name": "\ud800"}}, "cannot be written"),
    ({"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "additional_info": {"x": "\ud800"}}}, "surrogates"),
    (
        {"listened_at": YEAR, "track_metadata": {**BAD_METADATA, "additional_info": {"duration_ms": 10**30}}},
        "cannot be written",
    ),
    ({"listened_at": YEAR, "track_metadata": BAD_METADATA, "recording_msid": "x"}, "recording_msid_uuid"),
]


def test_listens_of_a_wrong_shape_are_set_aside_each_with_its_reason(connection: Connection, submit: Submit) -> None:
    [outcome] = write_submissions(connection, [submit(listen(1), *(bad for bad, _ in WRONG), listen(2))])
    assert counts(outcome) == (len(WRONG) + 2, 2, 0, 0, len(WRONG), False)
    with transaction(connection) as cursor:
        cursor.execute("SELECT item, reason FROM rejected_listen ORDER BY item")
        found = cursor.fetchall()
    assert [item for item, _ in found] == list(range(1, len(WRONG) + 1))
    for (_, reason), (bad, expected) in zip(found, WRONG, strict=True):
        assert expected in reason, bad


def test_text_about_nul_is_not_nul(connection: Connection, submit: Submit) -> None:
    [outcome] = write_submissions(connection, [submit(listen(1, note="a\\u0000b"))])
    assert outcome.inserted == 1


def test_a_listen_nested_too_deeply_is_set_aside(connection: Connection, submit: Submit) -> None:
    deep: list[object] = []
    for _ in range(5000):
        deep = [deep]
    [outcome] = write_submissions(connection, [submit(listen(1, x=deep), listen(2))])
    assert counts(outcome) == (2, 1, 0, 0, 1, False)


def test_what_postgresql_alone_refuses_is_found_by_halving(connection: Connection, submit: Submit) -> None:
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE listen ADD CHECK (track_name <> 'cursed')")
    good = [submit(*(listen(second) for second in range(n * 10, n * 10 + 10))) for n in range(3)]
    mixed = submit(listen(90, "cursed"), listen(91), listen(92, "cursed"))
    outcomes = write_submissions(connection, [good[0], mixed, good[1], good[2]])
    assert [counts(o)[1:5] for o in outcomes] == [(10, 0, 0, 0), (1, 0, 0, 2), (10, 0, 0, 0), (10, 0, 0, 0)]
    with transaction(connection) as cursor:
        cursor.execute("SELECT DISTINCT reason FROM rejected_listen")
        [(reason,)] = cursor.fetchall()
    assert reason.startswith('PostgreSQL refuses it: new row for relation "listen" violates check constraint')


def test_an_empty_message_is_remembered_and_an_empty_batch_is_nothing(connection: Connection, submit: Submit) -> None:
    message = submit()
    assert write_submissions(connection, []) == []
    [first] = write_submissions(connection, [message])
    [again] = write_submissions(connection, [message])
    assert (counts(first), counts(again)) == ((0, 0, 0, 0, 0, False), (0, 0, 0, 0, 0, True))


def test_a_listen_of_a_foreign_dump_keeps_its_msid(connection: Connection, submit: Submit) -> None:
    kept = uuid4()
    write_submissions(connection, [submit({**listen(1), "recording_msid": str(kept)}, source="dump")])
    with transaction(connection) as cursor:
        cursor.execute("SELECT recording_msid, source FROM listen")
        assert cursor.fetchall() == [(kept, "dump")]


def test_the_ledger_adds_up(connection: Connection, submit: Submit, user: int) -> None:
    delete_listen(connection, user, YEAR + 3, msid(), 1000)
    message = submit(listen(1), listen(1), listen(2), listen(3), None)
    write_submissions(connection, [message, submit(listen(2), listen(4), user_id=user)])
    write_submissions(connection, [message])
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT sum(consumed), sum(inserted), sum(duplicate), sum(suppressed), sum(rejected) FROM message_seen"
        )
        assert cursor.fetchone() == (7, 3, 2, 1, 1)
        cursor.execute("SELECT (SELECT count(*) FROM listen), (SELECT count(*) FROM rejected_listen)")
        assert cursor.fetchone() == (3, 1)


def test_a_message_postgresql_cannot_take_at_all_writes_nothing_of_the_batch(
    connection: Connection, submit: Submit
) -> None:
    with pytest.raises(psycopg2.DataError):
        write_submissions(connection, [submit(listen(1)), submit(None, at=2**64 - 1)])
    assert stored(connection) == []
