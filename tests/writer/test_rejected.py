"""Listens set aside: listed with their reasons, tried again after a mend."""

from conf.postgres import Connection, transaction
from jobs.listens.msid import msid_of
from jobs.listens.rejected import Retried, list_rejected, retry_rejected
from jobs.listens.write import delete_listen, write_submissions
from tests.writer.conftest import Submit
from tests.writer.listens import YEAR, listen, stored, totals


def refuse_cursed(connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE listen ADD CONSTRAINT curse CHECK (track_name <> 'cursed')")


def lift_the_curse(connection: Connection) -> None:
    with transaction(connection) as cursor:
        cursor.execute("ALTER TABLE listen DROP CONSTRAINT curse")


def test_a_retry_after_the_mend_stores_what_was_set_aside(connection: Connection, submit: Submit, user: int) -> None:
    refuse_cursed(connection)
    write_submissions(connection, [submit(listen(1, "cursed"), listen(2), None, source="dump")])
    with transaction(connection) as cursor:
        nothing, cursed = list_rejected(cursor)
    assert (cursed.item, cursed.user_name, cursed.source, nothing.body) == (0, "alice", "dump", b"null")
    assert retry_rejected(connection) == Retried(tried=2, still_rejected=2)
    lift_the_curse(connection)
    assert retry_rejected(connection) == Retried(tried=2, inserted=1, still_rejected=1)
    assert stored(connection) == [(user, 1, "cursed"), (user, 2, "Help!")]
    assert totals(connection, user) == (2, 1, 2)
    with transaction(connection) as cursor:
        assert list_rejected(cursor) == [nothing]
        cursor.execute("SELECT DISTINCT source FROM listen")
        assert cursor.fetchall() == [("dump",)]


def test_only_the_ids_asked_for_are_tried_again(connection: Connection, submit: Submit, user: int) -> None:
    refuse_cursed(connection)
    write_submissions(connection, [submit(*(listen(second, "cursed") for second in range(3)))])
    lift_the_curse(connection)
    with transaction(connection) as cursor:
        [_, second, _] = list_rejected(cursor)
    assert retry_rejected(connection, [second.id]) == Retried(tried=1, inserted=1)
    assert stored(connection) == [(user, 1, "cursed")]


def test_a_retry_keeps_its_place_before_a_later_delete(connection: Connection, submit: Submit, user: int) -> None:
    refuse_cursed(connection)
    item = listen(1, "cursed")
    write_submissions(connection, [submit(item, at=100)])
    lift_the_curse(connection)
    delete_listen(connection, user, YEAR + 1, msid_of(item["track_metadata"]), 150)
    assert retry_rejected(connection) == Retried(tried=1, suppressed=1)
    assert stored(connection) == []


def test_a_listen_of_no_user_stays_set_aside(connection: Connection, submit: Submit) -> None:
    write_submissions(connection, [submit(listen(1), user_id=2**40)])
    assert retry_rejected(connection) == Retried(tried=1, still_rejected=1)
