"""Time zone and exclusions: what can be set, what changes a position, what landing reads of it."""

from collections.abc import Iterator
from contextlib import closing

import psycopg2.errors
import pytest

from conf.postgres import Connection, connect, transaction
from jobs.listens import exclusions
from jobs.listens.changes import read_increment, waiting
from jobs.listens.exclusions import (
    Exclusion,
    InvalidExclusionError,
    TooManyExclusionsError,
    add_exclusion,
    exclusion_of,
    exclusions_of,
    remove_exclusion,
)
from jobs.listens.prune import prune_exclusion_deletes
from jobs.listens.user_settings import set_zone, zone_of
from jobs.listens.users import create_user
from jobs.zones import UnknownZoneError

MBID = "0b1a2c3d-0000-4000-8000-00000000000a"
ABBA = exclusion_of("artist", "ABBA")


@pytest.fixture
def reader(database_url: str) -> Iterator[Connection]:
    """A connection of its own: reading takes a snapshot, read only."""
    with closing(connect(database_url)) as opened:
        yield opened


def last_position(connection: Connection) -> int:
    with transaction(connection) as cursor:
        cursor.execute("SELECT last_value FROM change_position")
        [(position,)] = cursor.fetchall()
    return int(position)


@pytest.mark.parametrize(
    ("kind", "value", "stored", "key"),
    [
        ("artist", "  Björk ", "Björk", "björk"),
        ("artist", "Bjo\u0308rk", "Bjo\u0308rk", "björk"),
        ("artist", "STRASSE straße", "STRASSE straße", "strasse strasse"),
        ("artist", MBID.upper(), MBID.upper(), MBID),
        ("artist", "{0B1A2C3D000040008000-00000000000A}", "{0B1A2C3D000040008000-00000000000A}", MBID),
        ("recording", f"urn:uuid:{MBID.upper()}", f"urn:uuid:{MBID.upper()}", MBID),
        ("client", MBID.upper(), MBID.upper(), MBID),
        ("client", "Web Scrobbler", "Web Scrobbler", "web scrobbler"),
    ],
)
def test_the_key_is_a_uuid_in_lower_case_or_the_folded_name(kind: str, value: str, stored: str, key: str) -> None:
    assert exclusion_of(kind, value) == Exclusion(kind, stored, key)


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("album", "x", "kind: expected one of artist, recording, client"),
        (None, "x", "kind: expected one of"),
        (["artist"], "x", "kind: expected one of"),
        ("artist", None, "value: expected text"),
        ("artist", 7, "value: expected text"),
        ("artist", "", "value: expected at least one visible character, to name the artist"),
        ("client", " \u200b\u3000", "value: expected at least one visible character, to name the client"),
        ("artist", "a\0b", "value holds the character U\\+0000: expected what names the artist"),
        ("artist", "x" * 1001, "value is longer than 1000 bytes"),
        ("artist", "\U0001d160" * 250, "value_key is longer than 1000 bytes"),
        ("recording", "Dancing Queen", "value: Dancing Queen is neither an MBID nor an MSID of a recording"),
    ],
)
def test_what_names_nothing_is_refused_by_name(kind: object, value: object, said: str) -> None:
    with pytest.raises(InvalidExclusionError, match=said):
        exclusion_of(kind, value)


def test_only_another_zone_is_a_change(connection: Connection, user: int) -> None:
    with transaction(connection) as cursor:
        assert zone_of(cursor, user) == "UTC"
        assert not set_zone(cursor, user, "UTC"), "what it is without being set"
    before = last_position(connection)
    for zone, changed in (("Asia/Kathmandu", True), ("Asia/Kathmandu", False), ("UTC", True)):
        with transaction(connection) as cursor:
            assert set_zone(cursor, user, zone) is changed
            assert zone_of(cursor, user) == zone
    assert last_position(connection) == before + 2


@pytest.mark.parametrize(
    "name", ["", "Europe/berlin", "Mars/Olympus", "../etc/passwd", "EST", "Factory", "UTC\0", "\n"]
)
def test_an_unknown_zone_is_refused_by_name(connection: Connection, user: int, name: str) -> None:
    with transaction(connection) as cursor, pytest.raises(UnknownZoneError, match="expected a name of the IANA"):
        set_zone(cursor, user, name)


def test_an_exclusion_is_there_once_under_its_first_spelling_and_users_are_apart(
    connection: Connection, user: int
) -> None:
    other = create_user(connection, "bob")
    before = last_position(connection)
    with transaction(connection) as cursor:
        assert add_exclusion(cursor, user, ABBA)
        assert not add_exclusion(cursor, user, exclusion_of("artist", "Abba"))
        assert add_exclusion(cursor, user, exclusion_of("client", "Abba")), "another kind"
        assert add_exclusion(cursor, other, exclusion_of("artist", "abba"))
        assert not remove_exclusion(cursor, other, exclusion_of("client", "abba"))
        found, total = exclusions_of(cursor, user)
    assert ([(one.kind, one.value) for one in found], total) == ([("client", "Abba"), ("artist", "ABBA")], 2)
    with transaction(connection) as cursor:
        assert exclusions_of(cursor, user, 1, 1)[0][0].value == "ABBA"
        assert remove_exclusion(cursor, user, exclusion_of("artist", " abba"))
        assert not remove_exclusion(cursor, user, ABBA)
        assert exclusions_of(cursor, user)[1] == 1
        assert exclusions_of(cursor, other)[1] == 1
    assert last_position(connection) == before + 4


def test_there_is_an_end_to_exclusions(connection: Connection, user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "MOST_EXCLUSIONS", 2)
    with transaction(connection) as cursor:
        for name in ("a", "b", "B"):
            add_exclusion(cursor, user, exclusion_of("artist", name))
        with pytest.raises(TooManyExclusionsError, match="there are 2 exclusions already, the most: remove one first"):
            add_exclusion(cursor, user, exclusion_of("artist", "c"))
        remove_exclusion(cursor, user, exclusion_of("artist", "a"))
        assert add_exclusion(cursor, user, exclusion_of("artist", "c"))


def test_a_name_as_long_as_can_be_is_stored(connection: Connection, user: int) -> None:
    for n, text in enumerate(("é" * 500, "ﬃ" * 333, "𝄞" * 250)):
        with transaction(connection) as cursor:
            assert add_exclusion(cursor, user, exclusion_of("artist", text)), n


def test_a_user_who_is_gone_sets_nothing(connection: Connection, user: int) -> None:
    with pytest.raises(psycopg2.errors.ForeignKeyViolation), transaction(connection) as cursor:
        set_zone(cursor, user + 1, "Asia/Tokyo")
    with pytest.raises(psycopg2.errors.ForeignKeyViolation), transaction(connection) as cursor:
        add_exclusion(cursor, user + 1, ABBA)


def test_landing_reads_what_was_set_and_what_was_taken_back(
    connection: Connection, reader: Connection, user: int
) -> None:
    start = last_position(connection)
    with transaction(connection) as cursor:
        set_zone(cursor, user, "Asia/Kathmandu")
        add_exclusion(cursor, user, ABBA)
        add_exclusion(cursor, user, exclusion_of("client", "mpv"))
        remove_exclusion(cursor, user, ABBA)
    ends = []
    after = start
    while (found := read_increment(reader, after, 1)) is not None:
        ends.append((found.user_settings.num_rows, found.exclusions.num_rows, found.exclusion_deletes.num_rows))
        after = found.upto
        with transaction(connection) as cursor:
            assert waiting(cursor, after) is (after < start + 4)
    assert ends == [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
    whole = read_increment(reader, start, 100)
    assert whole is not None
    assert whole.user_settings.to_pylist() == [{"user_id": user, "zone": "Asia/Kathmandu", "position": start + 1}]
    [row] = whole.exclusions.drop_columns("created").to_pylist()
    assert row == {"user_id": user, "kind": "client", "value": "mpv", "value_key": "mpv", "position": start + 3}
    assert whole.exclusion_deletes.to_pylist() == [
        {"user_id": user, "kind": "artist", "value_key": "abba", "position": start + 4}
    ]


def test_an_exclusion_taken_back_is_forgotten_days_after_it_has_landed(connection: Connection, user: int) -> None:
    with transaction(connection) as cursor:
        add_exclusion(cursor, user, ABBA)
        remove_exclusion(cursor, user, ABBA)
    position = last_position(connection)
    with transaction(connection) as cursor:
        cursor.execute("INSERT INTO landing VALUES (1, %s, now(), NULL, 'land', 0)", (position,))
        assert prune_exclusion_deletes(cursor) == 0, "just now"
        cursor.execute("UPDATE exclusion_delete SET created = created - interval '8 days'")
        cursor.execute("UPDATE landing SET position = position - 1")
        assert prune_exclusion_deletes(cursor) == 0, "the lake does not know"
        cursor.execute("UPDATE landing SET position = position + 1")
        assert prune_exclusion_deletes(cursor) == 1
