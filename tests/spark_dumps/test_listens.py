"""What becomes of a dump's listens: new, duplicate, deleted here, refused with a reason; users' own stay."""

from pathlib import Path

import orjson

from conf.postgres import Connection, transaction
from jobs.listens.prune import prune_tombstones
from jobs.listens.rejected import list_rejected, retry_rejected
from jobs.listens.users import create_user
from jobs.listens.write import delete_history, delete_listen
from tests.spark_dumps.archives import MSID, NOON, archive, full, incremental, msid, parquet, play, schema
from tests.spark_dumps.conftest import Bring, listens, query, state, submit

MICROS = 1_000_000


def test_rows_carry_their_source_and_dump_and_are_counted(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1), play(2), play(3, release_name=""), play(1, user_id=8))
    incremental(folder, 2, play(9))
    answer = bring("full", source="elsewhere")
    bring("incremental", source="elsewhere")

    assert (answer["read"], answer["new"], answer["users"]) == (4, 4, 2)
    assert listens(connection) == [
        ("user_7", 1, "track 1", "elsewhere", 1),
        ("user_7", 2, "track 1", "elsewhere", 1),
        ("user_7", 3, "track 1", "elsewhere", 1),
        ("user_7", 9, "track 1", "elsewhere", 2),
        ("user_8", 1, "track 1", "elsewhere", 1),
    ]
    assert state(connection)["totals"] == [("user_7", 4, NOON + 1, NOON + 9), ("user_8", 1, NOON + 1, NOON + 1)]
    assert query(connection, "SELECT count(DISTINCT position), count(release_name) FROM listen") == [(5, 0)]


def test_the_same_dump_again_brings_nothing_new(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1), play(2), play(2), play(3, artist_name=""))
    bring("full")
    positions = query(connection, "SELECT position FROM listen ORDER BY 1")
    before = state(connection)

    again = bring("full")

    assert (again["read"], again["new"], again["changed"], again["removed"], again["rejected"]) == (4, 0, 0, 0, 1)
    assert state(connection) == before
    assert query(connection, "SELECT position FROM listen ORDER BY 1") == positions


def test_a_listen_that_its_user_has_submitted_is_a_duplicate_and_stays_hers(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    user = create_user(connection, "rob", source="listenbrainz", foreign_id=7)
    submit(connection, user, 1, "as she spells it", MSID(1))
    submit(connection, user, 5, "only here", MSID(2))
    full(folder, 1, play(1), play(2))
    assert (bring("full")["new"], bring("full")["duplicate"]) == (1, 2)
    full(folder, 2, play(3))

    answer = bring("full")

    assert (answer["new"], answer["removed"]) == (1, 1)
    assert listens(connection) == [
        ("rob", 1, "as she spells it", None, None),
        ("rob", 3, "track 1", "listenbrainz", 2),
        ("rob", 5, "only here", None, None),
    ]


def test_a_listen_of_a_dump_that_its_user_submits_as_well_is_hers_from_then_on(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1), play(2))
    bring("full")
    [(user,)] = query(connection, "SELECT id FROM users")
    [(before,)] = query(connection, "SELECT max(position) FROM listen")
    submit(connection, user, 1, "as she spells it", MSID(1))
    submit(connection, user, 1, "as she spells it again", MSID(1))

    assert listens(connection)[0] == ("user_7", 1, "as she spells it", None, None)
    assert state(connection)["totals"] == [("user_7", 2, NOON + 1, NOON + 2)]
    [(position,)] = query(connection, "SELECT position FROM listen WHERE source IS NULL")
    assert query(connection, "SELECT position > %s AND position < %s FROM listen_delete", before, position) == [(True,)]
    full(folder, 2, play(3))
    assert bring("full")["removed"] == 1
    assert [row[1:4] for row in listens(connection)] == [(1, "as she spells it", None), (3, "track 1", "listenbrainz")]


def test_rows_that_break_a_rule_are_set_aside_with_the_reason_and_can_be_looked_at(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    rows = [
        play(1),
        play(2, user_id=None),
        play(3, user_id=0),
        play(4, recording_msid="none"),
        play(5, recording_msid=None),
        play(6, artist_name="a\0b"),
        play(7, artist_name=" \t"),
        play(8, recording_name=None),
        play(9, release_name="\0"),
        play(-NOON - 62),
        play(10, listened_at=5_000_000_000),
        play(11, listened_at=None),
    ]
    archive(folder, 3, "full", parquet(rows, schema("us")))

    answer = bring("full")

    assert (answer["read"], answer["new"], answer["rejected"]) == (12, 1, 11)
    assert [row[1] for row in listens(connection)] == [1]
    with transaction(connection) as cursor:
        rejected = list_rejected(cursor)
    reasons = sorted(row.reason.partition(":")[0] for row in rejected)
    assert reasons == [
        "a name holds the character U+0000", "a name holds the character U+0000", "artist_name_not_blank",
        "listened_at", "listened_at_time_between", "listened_at_time_between", "recording_msid", "recording_msid",
        "track_name", "user_id", "user_id",
    ]  # fmt: skip
    assert {(row.source, row.dump_id) for row in rejected} == {("listenbrainz", 3)}
    assert sorted(str(row.user_name) for row in rejected) == ["None"] * 2 + ["user_7"] * 9
    [nul] = [orjson.loads(row.body) for row in rejected if b"a\\u0000b" in row.body]
    assert (nul["listened_at"], nul["track_metadata"]["artist_name"]) == (NOON + 6, "a\0b")
    assert retry_rejected(connection).still_rejected == 11


def test_an_absurd_time_is_refused_alone(bring: Bring, folder: Path, connection: Connection) -> None:
    far = [play(n, listened_at=9_000_000_000_000, created=-9_000_000_000_000 * n) for n in (1, 2)]
    archive(folder, 1, "full", parquet([*far, play(3)], schema("ms")))

    answer = bring("full")
    assert (answer["new"], answer["rejected"]) == (1, 2)


def test_a_dump_again_replaces_what_it_had_set_aside(bring: Bring, folder: Path, connection: Connection) -> None:
    full(folder, 1, play(1, artist_name=""), play(2, artist_name=""))
    incremental(folder, 2, play(3, artist_name=""))
    bring("full")
    bring("incremental")
    bring("incremental", dump_id=2)
    assert query(connection, "SELECT dump_id FROM rejected_listen ORDER BY 1") == [(1,), (1,), (2,)]
    full(folder, 3, play(1), play(2, artist_name=""))
    bring("full")
    assert query(connection, "SELECT dump_id FROM rejected_listen") == [(3,)]


def test_what_was_deleted_here_after_the_dumps_server_had_it_stays_deleted(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    deleted_at = (NOON + 100) * MICROS
    rows = [play(1), play(2), play(3), play(4, created=NOON + 101)]
    full(folder, 1, *rows, play(5, user_id=8), play(6, user_id=8, created=NOON + 101))
    bring("full")
    users: dict[int, int] = dict(query(connection, "SELECT foreign_id, id FROM users"))
    delete_listen(connection, users[7], NOON + 1, msid(1), deleted_at)
    delete_listen(connection, users[7], NOON + 4, msid(1), deleted_at)
    delete_history(connection, users[8], deleted_at)

    answer = bring("full")

    assert (answer["new"], answer["deleted"], answer["duplicate"]) == (2, 2, 2)
    assert [row[:2] for row in listens(connection)] == [("user_7", 2), ("user_7", 3), ("user_7", 4), ("user_8", 6)]


def test_the_deletes_of_a_dumps_user_are_not_forgotten_those_of_an_import_are(
    bring: Bring, folder: Path, connection: Connection
) -> None:
    full(folder, 1, play(1), play(2), play(3))
    bring("full")
    [(user,)] = query(connection, "SELECT id FROM users")
    alice = create_user(connection, "alice")
    delete_listen(connection, user, NOON + 1, msid(1), 10**16)
    delete_listen(connection, alice, NOON + 1, msid(1), 10**16)
    full(folder, 2, play(2))
    assert bring("full")["removed"] == 1
    with transaction(connection) as cursor:
        cursor.execute("UPDATE listen_delete SET created = created - interval '8 days'")
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, kind, rows)"
            " SELECT 1, last_value, now(), 'land', 0 FROM change_position"
        )
        assert prune_tombstones(cursor) == 2
    assert query(connection, "SELECT user_id, listened_at FROM listen_delete") == [(user, NOON + 1)]
