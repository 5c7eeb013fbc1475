"""A deleted account: nothing of it stays in PostgreSQL, nothing of anybody else goes, nothing of it comes later."""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg2 import sql

from conf.broker import INCOMING, SPARK_RESULT, Broker, open_broker
from conf.postgres import Connection, connect, transaction
from conf.settings import Settings
from jobs.jspf import TRACK_EXTENSION, bare_track
from jobs.listens import account_deletion, traces
from jobs.listens.account_deletion import UserGoneError, delete_account, find_receipt
from jobs.listens.changes import read_increment
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.playlists import entries_of
from jobs.listens.rejected import list_rejected, retry_rejected
from jobs.listens.removal import remove_listens
from jobs.listens.user_settings import set_zone
from jobs.listens.users import create_token, create_user, find_user
from jobs.listens.write import delete_history, delete_listen, write_submissions
from tests.reader.results import manifest
from tests.writer.conftest import Submit
from tests.writer.listens import listen, stored, totals

MSID = UUID("0b1a2c3d-0000-4000-8000-000000000001")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEPT = {"user_delete", "account_deletion"}
"""Tables that remember the number of a deleted user."""
_FULL = """
INSERT INTO playing_now VALUES (%(user)s, '{}', now(), now());
INSERT INTO web_session VALUES (decode(%(secret)s, 'hex'), %(user)s, now(), now(), now());
INSERT INTO lastfm_token VALUES (decode(%(secret)s, 'hex'), 'key', %(user)s);
INSERT INTO lastfm_session (sha256, user_id, api_key) VALUES (decode(%(secret)s, 'hex'), %(user)s, 'key');
INSERT INTO audioscrobbler_session SELECT decode(%(secret)s, 'hex'), user_id, id, 'x' FROM token
    WHERE user_id = %(user)s;
INSERT INTO audioscrobbler_handshake VALUES (%(user)s, 1, 'x');
INSERT INTO recording_feedback (user_id, recording_msid, score) VALUES (%(user)s, gen_random_uuid(), 1);
INSERT INTO recommendation_feedback (user_id, recording_id, msid, rating)
    VALUES (%(user)s, gen_random_uuid(), true, 'like');
INSERT INTO latest_import (user_id, service) VALUES (%(user)s, 'lastfm');
INSERT INTO user_import (id, user_id, file_name, format, state, bytes)
    VALUES (gen_random_uuid(), %(user)s, 'history.zip', 'auto', 'waiting', 1);
INSERT INTO run VALUES ('user_artists', 'week', gen_random_uuid(), 1, 1, 2, 2, now(), 2) ON CONFLICT DO NOTHING;
INSERT INTO result_list VALUES ('user_artists', 'week', %(user)s, '{7}', '{3}');
INSERT INTO span (user_id, statistic, from_ts, to_ts, run_id, data_version, newest_listen_ts, last_updated)
    VALUES (%(user)s, 'user_artists', 0, 86400, gen_random_uuid(), 1, 2, now());
WITH made AS (INSERT INTO playlist (creator_id, created_for_id, title, public)
              VALUES (%(user)s, %(user)s, 'mine', true), (NULL, %(user)s, 'jams', true), (NULL, NULL, 'ours', true)
              RETURNING id),
     filled AS (INSERT INTO playlist_recording (playlist_id, position, recording_mbid, added_by_id)
                SELECT id, 0, gen_random_uuid(), %(user)s FROM made)
INSERT INTO playlist_collaborator (playlist_id, user_id) SELECT id, %(user)s FROM made;
"""


def _now() -> int:
    return time.time_ns() // 1000


@pytest.fixture
def other(connection: Connection) -> int:
    return create_user(connection, "bob")


@pytest.fixture
def broker(settings: Settings) -> Iterator[Broker]:
    opened = open_broker(settings)
    yield opened
    opened.close()


def furnish(connection: Connection, submit: Submit, user_id: int) -> None:
    """Something of the user in every table that has anything of users."""
    write_submissions(connection, [submit(listen(1), listen(2), "bad", user_id=user_id, at=_now())])
    delete_listen(connection, user_id, 1609459202, MSID, 1)
    put_mapping(connection, MappingRow(user_id, str(MSID), "manual"))
    put_mapping(connection, MappingRow(user_id, str(MSID), "automatic"))
    delete_mapping(connection, user_id, MSID, "automatic")
    with transaction(connection) as cursor:
        create_token(cursor, user_id, "phone", None)
        set_zone(cursor, user_id, "Asia/Kathmandu")
        for name in ("Abba", "Queen"):
            add_exclusion(cursor, user_id, exclusion_of("artist", name))
        remove_exclusion(cursor, user_id, exclusion_of("artist", "Queen"))
        cursor.execute(_FULL, {"user": user_id, "secret": f"{user_id:04x}"})


def rows_of(connection: Connection, user_id: int) -> dict[str, int]:
    """How many rows every table with a user's number has of this user."""
    found: dict[str, int] = {}
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
            " AND (column_name IN ('user_id', 'creator_id', 'created_for_id', 'added_by_id')"
            " OR (table_name, column_name) IN (('users', 'id'), ('result_list', 'key')))"
        )
        for table, column in cursor.fetchall():
            query = sql.SQL("SELECT count(*) FROM {} WHERE {} = %s")
            cursor.execute(query.format(sql.Identifier(table), sql.Identifier(column)), (user_id,))
            found[table] = found.get(table, 0) + cursor.fetchall()[0][0]
    return found


def test_every_row_of_the_account_goes_and_none_of_anybody_else(
    connection: Connection, submit: Submit, user: int, other: int
) -> None:
    furnish(connection, submit, user)
    furnish(connection, submit, other)
    put_mapping(connection, MappingRow(None, str(MSID), "automatic"))
    before = rows_of(connection, other)
    mine = rows_of(connection, user)
    assert {table for table, count in mine.items() if not count} == KEPT, "the account has something everywhere"
    assert mine == before

    deleted = delete_account(connection, user, _now())

    assert (deleted.user_id, deleted.listens, len(deleted.uploads)) == (user, 2, 1)
    left = rows_of(connection, user)
    assert {table for table, count in left.items() if count} == KEPT
    assert rows_of(connection, other) == before
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM mapping WHERE user_id IS NULL")
        assert cursor.fetchone() == (1,)


def test_what_she_put_into_others_playlists_stays_there_without_her_name(
    connection: Connection, user: int, other: int
) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO playlist (creator_id, title, public) VALUES (%s, 'x', false) RETURNING id", (other,)
        )
        [(playlist,)] = cursor.fetchall()
        cursor.execute("INSERT INTO playlist_collaborator VALUES (%s, %s)", (playlist, user))
        for place, adder in enumerate((user, other)):
            cursor.execute(
                "INSERT INTO playlist_recording (playlist_id, position, recording_mbid, added_by_id)"
                " VALUES (%s, %s, %s, %s)",
                (playlist, place, MSID, adder),
            )
    delete_account(connection, user, _now())
    with transaction(connection) as cursor:
        told = [bare_track(entry)["extension"][TRACK_EXTENSION] for entry in entries_of(cursor, playlist)]
        assert [one["added_by"] for one in told] == ["deleted_lb_user", "bob"]
        cursor.execute("SELECT count(*) FROM playlist_collaborator")
        assert cursor.fetchone() == (0,)


def test_the_name_is_free_again_and_a_new_user_of_it_starts_with_nothing(
    connection: Connection, submit: Submit, user: int
) -> None:
    queued = submit(listen(1), at=_now())
    delete_account(connection, user, _now())
    with transaction(connection) as cursor:
        assert find_user(cursor, "alice") is None
    again = create_user(connection, "ALICE")
    assert again > user
    [outcome] = write_submissions(connection, [queued])
    assert outcome.suppressed == 1
    assert stored(connection) == []
    assert totals(connection, again) == (0, None, None)


def test_what_was_queued_never_appears_nor_is_it_set_aside(connection: Connection, submit: Submit, user: int) -> None:
    queued = submit(listen(1), "bad", listen(2, "Nu\0l"), at=_now() + 10**9)
    delete_account(connection, user, _now())
    [outcome] = write_submissions(connection, [queued])
    assert (outcome.consumed, outcome.suppressed, outcome.rejected) == (3, 3, 0)
    assert delete_listen(connection, user, 1609459201, MSID, _now()) == 0
    assert delete_history(connection, user, _now()) == 0
    with transaction(connection) as cursor:
        assert list_rejected(cursor) == []
    assert {table for table, count in rows_of(connection, user).items() if count} == KEPT
    assert retry_rejected(connection).tried == 0


def test_what_was_queued_before_a_wipe_is_not_set_aside_after_it(
    connection: Connection, submit: Submit, user: int
) -> None:
    delete_history(connection, user, 200)
    old, new = write_submissions(connection, [submit("bad", at=200), submit("bad", at=201)])
    assert (old.suppressed, old.rejected) == (1, 0)
    assert (new.suppressed, new.rejected) == (0, 1)


def test_an_account_is_deleted_once(connection: Connection, user: int) -> None:
    delete_account(connection, user, _now())
    with pytest.raises(UserGoneError, match="was the account deleted already"):
        delete_account(connection, user, _now())
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM account_deletion")
        assert cursor.fetchone() == (1,)


def test_a_long_history_goes_slice_by_slice(connection: Connection, submit: Submit, user: int, other: int) -> None:
    for owner in (user, other):
        write_submissions(connection, [submit(*(listen(second) for second in range(7)), user_id=owner)])
    with transaction(connection) as cursor:
        assert remove_listens(cursor, user, rows=3) == 7
        assert remove_listens(cursor, user, rows=3) == 0
    assert len(stored(connection)) == 7


def test_landing_reads_the_deletion_as_a_wipe_and_a_user_who_is_gone(
    connection: Connection, database_url: str, submit: Submit, user: int
) -> None:
    write_submissions(connection, [submit(listen(1), at=_now())])
    delete_listen(connection, user, 1609459202, MSID, 1)
    delete_account(connection, user, _now())
    reader = connect(database_url)
    increment = read_increment(reader, 0, 1000)
    assert increment is not None
    reader.close()
    assert increment.user_deletes.to_pylist() == [{"user_id": user, "position": increment.upto}]
    assert increment.deletes.to_pylist() == [
        {"user_id": user, "listened_at": None, "recording_msid": None, "position": increment.upto}
    ]
    assert (increment.users.num_rows, increment.listens.num_rows) == (0, 0)


def test_a_receipt_learns_of_each_stage_in_order(connection: Connection, user: int) -> None:
    deleted = delete_account(connection, user, int(NOW.timestamp() * 1e6))
    with transaction(connection) as cursor:
        cursor.execute("SELECT position FROM account_deletion")
        [(position,)] = cursor.fetchall()
        receipt = find_receipt(cursor, deleted.receipt)
        assert receipt is not None
        assert [name for name, _, at in receipt.stages() if at] == ["rows"]
        assert receipt.at_most_by == NOW + timedelta(hours=48)

        later = [NOW + timedelta(hours=n) for n in range(4)]
        assert account_deletion.mark_landed(cursor, position - 1, later[1]) == 0
        assert account_deletion.mark_purged(cursor, position, later[1]) == 0, "not landed"
        assert not account_deletion.purge_wanted(cursor)
        assert account_deletion.mark_landed(cursor, position, later[1]) == 1
        assert account_deletion.purge_wanted(cursor)
        assert account_deletion.mark_bytes_gone(cursor, later[3], later[3]) == 0, "not purged"
        assert account_deletion.mark_purged(cursor, position, later[2]) == 1
        assert not account_deletion.purge_wanted(cursor)
        assert account_deletion.mark_bytes_gone(cursor, later[1], later[3]) == 0, "files of the purge are still there"
        assert account_deletion.open_deletions(cursor) == {user}
        assert account_deletion.mark_bytes_gone(cursor, later[2], later[3]) == 1
        assert account_deletion.open_deletions(cursor) == set()
        receipt = find_receipt(cursor, deleted.receipt)
        assert receipt is not None
        assert (receipt.landed, receipt.purged, receipt.bytes_gone) == (later[1], later[2], later[3])
        assert [stage["done"] for stage in receipt.document()["stages"]] == [True, True, True]
        assert find_receipt(cursor, uuid4()) is None


def test_a_user_cannot_go_while_her_lists_are_being_switched(
    connection: Connection, database_url: str, user: int
) -> None:
    """S4.8: whoever writes lists has looked whose users are there; until that is committed nobody of them goes."""
    going = threading.Thread(target=delete_account, args=(connect(database_url), user, _now()))
    with transaction(connection) as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (account_deletion.LISTS_LOCK,))
        going.start()
        going.join(0.3)
        assert going.is_alive()
        cursor.execute("INSERT INTO run VALUES ('user_artists', 'week', gen_random_uuid(), 1, 1, 2, 2, now(), 1)")
        cursor.execute("INSERT INTO result_list VALUES ('user_artists', 'week', %s, '{7}', '{3}')", (user,))
    going.join(10)
    assert not going.is_alive()
    assert rows_of(connection, user)["result_list"] == 0


def dead_letters(broker: Broker, queue: str, *bodies: bytes) -> None:
    broker.publish(queue, bodies)
    for delivery in broker.consume(queue, len(bodies), 5):
        broker.reject(delivery, "given up")


def test_dead_letters_and_files_of_the_account_go_and_those_of_others_stay(
    connection: Connection, settings: Settings, broker: Broker, submit: Submit, user: int, other: int
) -> None:
    of_other = submit(listen(1), user_id=other).encode()
    odd = (b"not json", b"[1]", b"{}", b'{"parts": [1, {"kind": "list", "inline": [1, []]}]}', b'{"user_id": "x"}')
    dead_letters(broker, INCOMING, submit(listen(1)).encode(), of_other, submit("bad").encode(), *odd)
    results = [manifest({key: [(11, 5)]}).encode() for key in (user, other)]
    dead_letters(broker, SPARK_RESULT, *results)
    with transaction(connection) as cursor:
        imports = _imports(cursor, user, other)
    folder = settings.data_dir / traces.UPLOADS
    folder.mkdir(parents=True)
    for import_id in imports:
        (folder / str(import_id)).write_bytes(b"history")

    deleted = delete_account(connection, user, _now())
    for _ in range(2):
        traces.remove_traces(broker, settings.data_dir, [deleted.user_id], deleted.uploads)

    assert [letter.body for letter in broker.dead_letters(INCOMING)] == [of_other, *odd]
    assert [orjson.loads(letter.body) for letter in broker.dead_letters(SPARK_RESULT)] == [orjson.loads(results[1])]
    assert names(folder) == {str(imports[1])}


def _imports(cursor: Any, *users: int) -> list[UUID]:
    made = [uuid4() for _ in users]
    for import_id, user_id in zip(made, users, strict=True):
        cursor.execute(
            "INSERT INTO user_import (id, user_id, file_name, format, state, bytes)"
            " VALUES (%s, %s, 'x', 'auto', 'done', 1)",
            (import_id, user_id),
        )
    return made


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_files_nobody_removed_go_once_they_are_old_and_those_of_imports_stay(
    connection: Connection, tmp_path: Path, user: int
) -> None:
    folder = tmp_path / traces.UPLOADS
    with transaction(connection) as cursor:
        assert traces.remove_orphaned_uploads(cursor, tmp_path) == 0, "there is no folder"
        [kept] = _imports(cursor, user)
        (folder / "a folder").mkdir(parents=True)
        for name in (str(kept), str(uuid4())):
            (folder / name).write_bytes(b"x")
        assert traces.remove_orphaned_uploads(cursor, tmp_path) == 0, "they may be being handed in"
        assert traces.remove_orphaned_uploads(cursor, tmp_path, time.time() + 2 * traces.UPLOAD_SECONDS) == 2
    assert names(folder) == {str(kept)}
