"""serving rebuild: an emptied database gets everything back from the lake, and landing simply goes on."""

import pytest
from psycopg2 import sql

from conf.postgres import Connection, transaction
from jobs.lake_files import LakeEmptyError
from jobs.land import Lander
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.users import create_token, create_user, find_user
from jobs.rebuild import DatabaseNotEmptyError, Rebuilt, rebuild
from tests.landing.conftest import NewLander
from tests.landing.listens import (
    Row,
    agree,
    delete,
    exclude,
    include,
    leave,
    listen,
    settings_agree,
    submit,
    wipe,
    zone,
)

pytestmark = pytest.mark.spark
MBID = "00000000-0000-4000-8000-00000000000{}".format
KEPT = {
    "store": "epoch", "users": "id, name, name_key, created, source, foreign_id, position", "listen": "*",
    "user_settings": "user_id, zone, position", "exclusion": "*",
    "listen_totals": "user_id, listen_count, oldest_listened_at, newest_listened_at", "landing": "*",
    "mapping": "user_id, recording_msid, recording_mbid, release_mbid, artist_credit_id, artist_mbids, source, dump_id,"
               " updated, position",
}  # fmt: skip
"""Tables that come back, and their columns: all but passwords, the numbers that mapping rows have of their own, and
when settings were last changed."""


def contents(connection: Connection) -> dict[str, list[Row]]:
    """Every row of the tables that come back."""
    found = {}
    with transaction(connection) as cursor:
        for name, columns in KEPT.items():
            query = sql.SQL("SELECT {} FROM {} AS t ORDER BY t::text")
            cursor.execute(query.format(sql.SQL(columns), sql.Identifier(name)))
            found[name] = cursor.fetchall()
    return found


def empty(connection: Connection) -> None:
    """As `createdb` and `init_db` leave it, with an epoch of its own."""
    with transaction(connection) as cursor:
        cursor.execute(
            "TRUNCATE users, token, listen, listen_delete, listen_totals, message_seen, rejected_listen, mapping,"
            " mapping_delete, user_delete, account_deletion, landing RESTART IDENTITY CASCADE;"
            " ALTER SEQUENCE change_position RESTART; UPDATE store SET epoch = gen_random_uuid()"
        )


def test_an_emptied_database_gets_every_byte_back_and_landing_goes_on(
    connection: Connection, lander: Lander, lake: str, new_lander: NewLander, alice: int
) -> None:
    bob = create_user(connection, "Bob Ünlü", source="dump", foreign_id=12)
    odd = listen(1, 'x\r\n"\\N,', "é\u0301 🎵", note="\\.", **{"": [None, 1.5, {}]})
    odd["track_metadata"]["release_name"] = '""'
    submit(connection, alice, odd, listen(-86400 * 400, "plain"), listen(2), listen(3, "NULL", "\\N"))
    submit(connection, bob, listen(1), listen(2), source="dump 7")
    delete(connection, alice, listen(2))
    put_mapping(connection, MappingRow(None, MBID(1), "automatic", MBID(2), None, (MBID(4), MBID(3)), 9))
    put_mapping(connection, MappingRow(bob, MBID(1), "manual"))
    zone(connection, alice, "Asia/Kathmandu")
    exclude(connection, alice, "artist", 'Sigur Rós, "live"')
    exclude(connection, bob, "client", "mpv")
    include(connection, bob, "client", "mpv")
    lander.land()
    submit(connection, bob, listen(5))
    lander.land()
    with transaction(connection) as cursor:
        create_token(cursor, alice, "lost with the database", None)
    gone = create_user(connection, "gone")
    submit(connection, gone, listen(1))
    zone(connection, gone, "Asia/Tokyo")
    lander.land()
    leave(connection, gone)
    lander.land()
    before = contents(connection)

    with pytest.raises(DatabaseNotEmptyError, match="table users has rows"):
        rebuild(connection, lake)
    empty(connection)
    told: list[int] = []
    assert rebuild(connection, lake, told.append) == Rebuilt(data_version=4, users=2, listens=6, mapping=2, settings=2)

    assert sum(told) == 6
    assert contents(connection) == before
    with transaction(connection) as cursor:
        cursor.execute("SELECT DISTINCT version FROM listen_totals")
        assert cursor.fetchall() == [(before["landing"][-1][1],)], "no answer of before is fresh"
    assert new_lander().land() is None, "nothing waits"

    assert create_user(connection, "carol") > gone, "no id of a deleted user is given out again"
    with transaction(connection) as cursor:
        assert find_user(cursor, "BOB ünlü") is not None
    submit(connection, alice, listen(3, "NULL", "\\N"), listen(7))
    wipe(connection, bob)
    include(connection, alice, "artist", 'sigur rós, "live"')
    landing = new_lander().land()
    assert landing is not None
    assert (landing.landing_id, landing.rows) == (5, 1)
    assert landing.position > before["landing"][-1][1]
    assert agree(connection, lake) == 4
    assert settings_agree(connection, lake) == 1


def test_an_empty_lake_and_a_failure_half_way_leave_the_database_as_it_was(connection: Connection, lake: str) -> None:
    with transaction(connection) as cursor:
        cursor.execute("SELECT epoch FROM store")
        epoch = cursor.fetchall()
    with pytest.raises(LakeEmptyError, match="nothing has landed yet"):
        rebuild(connection, lake)
    with transaction(connection) as cursor:
        cursor.execute("SELECT epoch FROM store")
        assert cursor.fetchall() == epoch
