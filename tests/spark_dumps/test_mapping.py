"""What a dump says of its MSIDs counts by the one rule of identity; MSIDs stay as they are given."""

from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from conf.postgres import Connection, transaction
from jobs.listens.dump_mapping import Said, put_said
from jobs.listens.mapping import NAMES_ONLY, MappingRow, Resolved, put_mapping, resolve
from jobs.listens.positions import lock_writes
from jobs.listens.users import create_user
from tests.spark_dumps.archives import ARTIST, MBID, MSID, NOON, RELEASE, full, incremental, mapped, msid, play
from tests.spark_dumps.conftest import Bring, Rows, query


def said(connection: Connection) -> Rows:
    """(user, MSID, recording number, dump) of every mapping row of the source."""
    return query(
        connection,
        "SELECT u.name, right(m.recording_msid::text, 1)::int, right(m.recording_mbid::text, 1)::int, m.dump_id"
        " FROM mapping m LEFT JOIN users u ON u.id = m.user_id WHERE m.source = 'listenbrainz'"
        " ORDER BY 1 NULLS FIRST, 2",
    )


def resolved(connection: Connection, name: str, track: int) -> Resolved:
    [(user_id,)] = query(connection, "SELECT id FROM users WHERE name = %s", name)
    with transaction(connection) as cursor:
        return resolve(cursor, [(user_id, msid(track), {})])[0]


def of_recording(say: int) -> Resolved:
    return Resolved(MBID(say), RELEASE(say), (ARTIST(say),), 40 + say, "listenbrainz")


def test_the_msids_of_a_dump_stay_the_keys_of_its_listens(bring: Bring, folder: Path, connection: Connection) -> None:
    given = uuid4()
    full(folder, 1, play(1, recording_msid=str(given).upper()))
    bring("full")
    assert query(connection, "SELECT recording_msid, additional_info FROM listen") == [(given, "{}")]


def test_what_a_dump_says_is_what_its_listens_are(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, mapped(1, 1, say=1), play(2, 2))
    assert bring("full")["mapped"] == 1

    assert resolved(connection, "user_7", 1) == of_recording(1)
    assert resolved(connection, "user_7", 2) == NAMES_ONLY


def test_artists_keep_the_order_of_their_credit(bring: Bring, folder: Path, connection: Connection) -> None:
    credit = [ARTIST(3), ARTIST(1), ARTIST(2)]
    full(folder, 1, mapped(1, artist_credit_mbids=credit), mapped(2, 2, artist_credit_mbids=[]), play(3, 3))
    bring("full")
    assert resolved(connection, "user_7", 1).artist_mbids == tuple(credit)
    assert resolved(connection, "user_7", 2).artist_mbids == ()


def test_what_is_no_uuid_says_nothing_and_costs_no_listen(bring: Bring, folder: Path, connection: Connection) -> None:
    odd: dict[str, Any] = {
        "recording_mbid": "",
        "release_mbid": "none",
        "artist_credit_mbids": ["x", ARTIST(1).upper(), None],
    }
    full(folder, 1, mapped(1, **odd), mapped(2, 2, recording_mbid="x", release_mbid=None, artist_credit_mbids=[""]))

    answer = bring("full")

    assert (answer["new"], answer["mapped"]) == (2, 1)
    assert resolved(connection, "user_7", 1) == Resolved(None, None, (ARTIST(1),), 41, "listenbrainz")
    assert resolved(connection, "user_7", 2) == NAMES_ONLY


def test_what_is_said_for_most_listens_is_said_to_everybody_and_the_rest_to_its_users(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(
        folder, 1,
        mapped(1, 1, 7, say=1), mapped(2, 1, 8, say=1), mapped(3, 1, 9, say=2), play(4, 1, 10),
        mapped(5, 2, 7, say=3), mapped(6, 2, 8, say=4),
    )  # fmt: skip
    assert bring("full")["mapped"] == 4

    assert said(connection) == [(None, 1, 1, 1), (None, 2, 4, 1), ("user_7", 2, 3, 1), ("user_9", 1, 2, 1)]
    for name, track, say in (("user_7", 1, 1), ("user_9", 1, 2), ("user_10", 1, 1), ("user_7", 2, 3), ("user_8", 2, 4)):
        assert resolved(connection, name, track) == of_recording(say)


def test_a_later_full_dump_replaces_all_that_dumps_of_its_source_have_said(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, mapped(1, 1, 7, say=1), mapped(2, 1, 7, say=1), mapped(3, 1, 8, say=2), mapped(4, 2, 7, say=3))
    bring("full")
    bring("full", source="elsewhere")
    elsewhere = query(connection, "SELECT * FROM mapping WHERE source = 'elsewhere' ORDER BY id")
    full(folder, 2, mapped(1, 1, 7, say=2), mapped(2, 1, 7, say=2), mapped(3, 1, 8, say=2), play(4, 2, 7))

    assert bring("full", source="listenbrainz")["mapped"] == 3

    assert said(connection) == [(None, 1, 2, 2)]
    gone = query(connection, "SELECT u.name, right(d.recording_msid::text, 1) FROM mapping_delete d"
                             " LEFT JOIN users u ON u.id = d.user_id ORDER BY 2, 1")  # fmt: skip
    assert gone == [("user_8", "1"), (None, "2")]
    assert query(connection, "SELECT * FROM mapping WHERE source = 'elsewhere' ORDER BY id") == elsewhere
    assert bring("full")["mapped"] == 0


def test_an_incremental_dump_takes_nothing_back_that_is_said_to_everybody(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, mapped(1, 1, 7, say=1), mapped(2, 1, 8, say=1))
    incremental(folder, 2, mapped(3, 1, 8, say=2), mapped(4, 2, 8, say=3))
    incremental(folder, 3, mapped(5, 1, 8, say=4))
    incremental(folder, 4, mapped(6, 1, 8, say=1))
    bring("full")
    bring("incremental", dump_id=3)
    assert bring("incremental", dump_id=2)["mapped"] == 1

    assert said(connection) == [(None, 1, 1, 1), (None, 2, 3, 2), ("user_8", 1, 4, 3)], "the newest dump says it"
    bring("incremental", dump_id=4)
    assert resolved(connection, "user_7", 1) == resolved(connection, "user_8", 1) == of_recording(1)
    assert bring("incremental", dump_id=4)["mapped"] == 0


def test_what_a_users_own_file_has_said_no_dump_changes_or_removes(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, mapped(1, 1, 7, say=1), mapped(2, 1, 8, say=2), mapped(3, 2, 7, say=3))
    bring("full")
    [(user_id,)] = query(connection, "SELECT id FROM users WHERE name = 'user_7'")
    own = [
        Said(NOON + 1, MappingRow(None, MSID(1), "listenbrainz", MBID(5))),
        Said(NOON + 3, MappingRow(None, MSID(2), "listenbrainz", MBID(6))),
    ]
    with transaction(connection) as cursor:
        lock_writes(cursor)
        assert put_said(cursor, user_id, own, replayed=False) == 2
    full(folder, 2, mapped(1, 1, 7, say=4), mapped(2, 1, 8, say=2))
    bring("full")

    assert [row for row in said(connection) if row[0] == "user_7"] == [("user_7", 1, 5, None), ("user_7", 2, 6, None)]


def test_who_listens_here_hears_a_dump_only_after_her_own_and_the_mappers_word(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    alice = create_user(connection, "alice")
    full(folder, 1, mapped(1, 1), mapped(2, 2, say=2))
    bring("full")
    put_mapping(connection, MappingRow(None, MSID(1), "automatic", MBID(8)))
    put_mapping(connection, MappingRow(alice, MSID(1), "manual", MBID(9)))

    assert resolved(connection, "alice", 1).recording_mbid == MBID(9)
    assert resolved(connection, "user_7", 1).recording_mbid == MBID(8)
    assert resolved(connection, "alice", 2) == of_recording(2)
    assert UUID(MSID(1)) == msid(1)
