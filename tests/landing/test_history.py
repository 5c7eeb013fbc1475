"""After any history the lake holds what PostgreSQL's `listen` holds: each listen once, every byte of it."""

import random

import pytest

from conf.postgres import Connection, transaction
from jobs.land import Lander
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
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
    table,
    wipe,
    zone,
)

pytestmark = pytest.mark.spark


def test_duplicates_within_and_across_landings_are_one_listen(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, listen(1), listen(1), listen(2))
    submit(connection, alice, listen(1))
    lander.land()
    submit(connection, alice, listen(1), listen(3))
    submit(connection, bob, listen(1))
    lander.land()

    assert agree(connection, lake) == 4


def test_what_comes_after_nothing_was_found_ahead_is_landed_and_what_was_found_is_not_landed_twice(
    connection: Connection, new_lander: NewLander, lake: str
) -> None:
    alice = create_user(connection, "alice")
    lander = new_lander(landing_batch=1)
    while lander.land() is not None:
        pass
    for second in (1, 2, 3):
        submit(connection, alice, listen(second))
        assert lander.land() is not None
    submit(connection, alice, listen(4), listen(5))
    assert lander.land() is not None  # 5 is read ahead meanwhile, and deleted after that
    delete(connection, alice, listen(5))
    while lander.land() is not None:
        pass
    agree(connection, lake)


def test_a_listen_deleted_before_its_landing_never_arrives_one_deleted_later_leaves_with_the_next(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, listen(1), listen(2), listen(1, "Yesterday"), listen(3))
    submit(connection, bob, listen(1))
    delete(connection, alice, listen(3))
    lander.land()
    assert agree(connection, lake) == 4

    delete(connection, alice, listen(1))
    lander.land()
    assert agree(connection, lake) == 3


def test_insert_delete_insert_comes_out_right_within_one_increment_and_across(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1, note="first"), listen(2, note="first"))
    delete(connection, alice, listen(1))
    submit(connection, alice, listen(1, note="second"))
    lander.land()
    assert agree(connection, lake) == 2

    delete(connection, alice, listen(2))
    submit(connection, alice, listen(2, note="second"))
    lander.land()
    assert agree(connection, lake) == 2

    delete(connection, alice, listen(2))
    lander.land()
    submit(connection, alice, listen(2, note="third"))
    lander.land()
    assert agree(connection, lake) == 2
    notes = [info for (info,) in table(lake, "listens", ["additional_info"], "position")]
    assert notes == ['{"note":"second"}', '{"note":"third"}']


def test_a_wiped_history_leaves_and_what_comes_after_stays(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, *(listen(n * 86400 * 20, f"Track {n}") for n in range(30)))
    submit(connection, bob, listen(1))
    lander.land()
    submit(connection, alice, listen(5))
    wipe(connection, alice)
    submit(connection, alice, listen(20 * 86400, "Track 1"))
    lander.land()

    assert agree(connection, lake) == 2


@pytest.mark.slow
def test_deletes_in_more_months_than_a_delete_names_one_by_one(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    items = [listen(-n * 86400 * 31, f"Track {n}") for n in range(40)]
    submit(connection, alice, *items)
    lander.land()
    for item in items[::2]:
        delete(connection, alice, item)
    lander.land()

    assert agree(connection, lake) == 20


def test_mapping_lands_as_last_said_and_leaves_when_taken_back(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    msid, other, mbid = (f"00000000-0000-4000-8000-00000000000{n}" for n in "123")
    from uuid import UUID

    put_mapping(connection, MappingRow(None, msid, "automatic", mbid, mbid, (mbid, msid), 7))
    put_mapping(connection, MappingRow(alice, msid, "manual"))
    put_mapping(connection, MappingRow(None, other, "automatic"))
    lander.land()
    assert _mapping(connection) == _landed_mapping(lake)

    put_mapping(connection, MappingRow(None, msid, "automatic", other))
    delete_mapping(connection, alice, UUID(msid), "manual")
    delete_mapping(connection, None, UUID(other), "automatic")
    put_mapping(connection, MappingRow(None, other, "automatic", mbid))
    lander.land()
    assert _mapping(connection) == _landed_mapping(lake)
    assert len(_landed_mapping(lake)) == 2

    delete_mapping(connection, None, UUID(msid), "automatic")
    lander.land()
    assert _mapping(connection) == _landed_mapping(lake)
    assert len(_landed_mapping(lake)) == 1


def _landed_mapping(lake: str) -> list[Row]:
    columns = (
        "user_id", "recording_msid", "recording_mbid", "release_mbid", "artist_credit_id", "artist_mbids", "source",
        "updated", "position",
    )  # fmt: skip
    return table(lake, "mapping", columns, "position")


def _mapping(connection: Connection) -> list[Row]:
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT user_id, recording_msid::text, recording_mbid::text, release_mbid::text, artist_credit_id,"
            " artist_mbids::text[], source, updated, position FROM mapping ORDER BY position"
        )
        return cursor.fetchall()


def test_time_zone_and_exclusions_land_as_last_set_and_leave_when_taken_back(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    mbid = "00000000-0000-4000-8000-00000000000a"
    zone(connection, alice, "Asia/Kathmandu")
    zone(connection, bob, "UTC")
    exclude(connection, alice, "artist", "  ABBA É  ")
    exclude(connection, alice, "recording", mbid.upper())
    exclude(connection, bob, "artist", "abba e\u0301")
    exclude(connection, bob, "client", "Web Player")
    include(connection, bob, "client", "web player")
    first = lander.land()
    assert settings_agree(connection, lake) == 4, "UTC is what bob has without setting it"
    assert table(lake, "exclusions", ("user_id", "kind", "value", "value_key"), "position") == [
        (alice, "artist", "ABBA É", "abba é"),
        (alice, "recording", mbid.upper(), mbid),
        (bob, "artist", "abba e\u0301", "abba é"),
    ]

    zone(connection, alice, "America/New_York")
    include(connection, alice, "artist", "Abba é")
    include(connection, bob, "artist", "abba é")
    exclude(connection, bob, "artist", "ABBA É")
    include(connection, bob, "artist", "abba é")
    exclude(connection, bob, "artist", "Abba É")
    second = lander.land()
    assert settings_agree(connection, lake) == 3
    assert first is not None
    assert second is not None
    assert (second.landing_id, second.rows) == (first.landing_id + 1, 0), "a data version of its own"
    assert second.versions["exclusions"] > first.versions["exclusions"]

    exclude(connection, bob, "artist", "abba é")
    zone(connection, alice, "America/New_York")
    include(connection, bob, "artist", "Queen")
    assert lander.land() is None, "nothing has changed"


SECONDS = (0, 1, 2, -3600 * 13, 86400 * 31)
"""Few, in three months, so that histories meet themselves."""


def live(chance: random.Random, connection: Connection, new_lander: NewLander, lake: str, steps: int) -> None:
    """Any history of submissions, deletes, wipes, accounts that leave and landings by writers old and new."""
    users = [create_user(connection, f"user {chance.random()}") for _ in range(3)]
    lander = new_lander(landing_batch=chance.choice((1, 3, 1000)))
    for _ in range(steps):
        user_id, item = (
            chance.choice(users),
            listen(chance.choice(SECONDS), chance.choice(("a", "b")), n=chance.random()),
        )
        acts = {"submit": 10, "delete": 6, "wipe": 1, "leave": 1, "zone": 1, "exclude": 3, "include": 2, "land": 2}
        act = chance.choices((*acts, "restart"), (*acts.values(), 1))[0]
        name = chance.choice(("a", "A", "b"))
        if act == "submit":
            put_mapping(connection, MappingRow(user_id, str(msid_of(item["track_metadata"])), "manual"))
            submit(connection, user_id, item, *(listen(chance.choice(SECONDS), "c") for _ in range(3)))
        elif act == "delete":
            delete(connection, user_id, item)
        elif act == "wipe":
            wipe(connection, user_id)
        elif act == "leave":
            put_mapping(connection, MappingRow(user_id, str(msid_of(item["track_metadata"])), "manual"))
            zone(connection, user_id, "Asia/Tokyo")
            leave(connection, user_id)
            users[users.index(user_id)] = create_user(connection, f"user {chance.random()}")
        elif act == "zone":
            zone(connection, user_id, chance.choice(("UTC", "Europe/Berlin", "Asia/Kathmandu")))
        elif act == "exclude":
            exclude(connection, user_id, "artist", name)
        elif act == "include":
            include(connection, user_id, "artist", name)
        elif act == "land":
            lander.land()
        else:
            lander = new_lander(landing_batch=chance.choice((1, 3, 1000)))
    while lander.land() is not None:
        pass
    agree(connection, lake)
    assert _mapping(connection) == _landed_mapping(lake)
    settings_agree(connection, lake)
    with transaction(connection) as cursor:
        cursor.execute("SELECT id, name FROM users ORDER BY position")
        assert cursor.fetchall() == table(lake, "users", ["user_id", "name"], "position")


def test_after_a_history_of_everything_the_lake_equals_postgresql(
    connection: Connection, new_lander: NewLander, lake: str
) -> None:
    live(random.Random(20210101), connection, new_lander, lake, steps=30)  # noqa: S311 - reproducible


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_after_any_history_the_lake_equals_postgresql(
    seed: int, connection: Connection, new_lander: NewLander, lake: str
) -> None:
    live(random.Random(seed), connection, new_lander, lake, steps=60)  # noqa: S311 - reproducible
