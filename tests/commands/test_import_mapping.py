"""listens import of dump and export lines: what `mbid_mapping` says is what the user's listens are about."""

import zipfile
from pathlib import Path
from typing import Any

import orjson
import psycopg2.errors
import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.write import delete_listen
from tests.commands.conftest import CommandLine, rows
from webapi import create_app

AT = 1_400_000_000
X, Y, Z = (f"{digit * 8}-0000-4000-8000-00000000000a" for digit in "123")


def line(second: int, mapping: object, track: str = "t", **info: Any) -> bytes:
    """A line of a user export."""
    metadata = {"artist_name": "A", "track_name": track, "mbid_mapping": mapping, "additional_info": info}
    return orjson.dumps({"inserted_at": 1.5, "listened_at": AT + second, "track_metadata": metadata}) + b"\n"


def mapping(recording: object = X, release: object = Y, artists: object = (Z,), **more: object) -> dict[str, object]:
    return {"recording_mbid": recording, "release_mbid": release, "artist_mbids": artists, **more}


@pytest.fixture(autouse=True)
def people(cli: CommandLine) -> None:
    for name in ("alice", "bob"):
        assert cli("user", "create", name).status == 0


@pytest.fixture
def client(settings: Settings) -> FlaskClient:
    return create_app(settings).test_client()


def shown(client: FlaskClient, name: str = "alice") -> dict[int, Any]:
    """The seconds of a user's listens after AT, and the mapping the API shows of each."""
    page = client.get(f"/1/user/{name}/listens?count=1000").get_json()["payload"]["listens"]
    return {row["listened_at"] - AT: row["track_metadata"].get("mbid_mapping") for row in page}


def kept(connection: Connection) -> list[tuple[Any, ...]]:
    """Every mapping row but for its time."""
    return rows(
        connection,
        "SELECT user_id, recording_msid::text, recording_mbid::text, release_mbid::text, artist_mbids::text[], source,"
        " position FROM mapping ORDER BY position",
    )


def last_position(connection: Connection) -> int:
    [(position,)] = rows(connection, "SELECT last_value FROM change_position")
    return int(position)


def test_the_mapping_of_a_line_counts_for_the_user_of_the_import_and_for_nobody_else(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    cli("listens", "import", "-", "--user", "bob", stdin=line(1, None))
    ran = cli("listens", "import", "-", "--user", "alice", stdin=line(1, mapping(X.upper(), caa_id=5)) + line(2, None))

    assert ran.out.startswith("2 read: 2 new, 0 duplicate, 0 rejected, 1 mapped; ")
    found = {"recording_mbid": X, "release_mbid": Y, "artist_mbids": [Z]}
    assert shown(client) == {1: found, 2: found}
    assert shown(client, "bob") == {1: None}
    [row] = kept(connection)
    [msid] = set(rows(connection, "SELECT recording_msid::text FROM listen"))
    assert row[:6] == (1, *msid, X, Y, [Z], "listenbrainz")


def test_a_repeated_import_changes_nothing_not_even_after_its_messages_are_forgotten(
    cli: CommandLine, connection: Connection
) -> None:
    content = line(1, mapping(), "t1") + line(2, mapping(Y), "t2") + line(3, mapping(artists=[]), "t3")
    first = cli("listens", "import", "-", "--user", "alice", stdin=content)
    before = kept(connection)

    again = cli("listens", "import", "-", "--user", "alice", stdin=content)
    assert rows(connection, "DELETE FROM message_seen RETURNING true") == [(True,)]
    much_later = cli("listens", "import", "-", "--user", "alice", stdin=content)

    assert ", 3 mapped; " in first.out
    for ran in (again, much_later):
        assert ran.out.startswith("3 read: 0 new, 3 duplicate, 0 rejected; ")
    assert kept(connection) == before
    assert len({row[-1] for row in before}) == 3


def test_a_newer_export_puts_the_mapping_right_and_an_older_one_run_again_does_not_take_it_back(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    older, newer = line(1, mapping(X)), line(1, mapping(Z, artists=[Y, X]))
    cli("listens", "import", "-", "--user", "alice", stdin=older)
    position = last_position(connection)
    ran = cli("listens", "import", "-", "--user", "alice", stdin=newer)
    cli("listens", "import", "-", "--user", "alice", stdin=older)

    assert ran.out.startswith("1 read: 0 new, 1 duplicate, 0 rejected, 1 mapped; ")
    assert shown(client) == {1: {"recording_mbid": Z, "release_mbid": Y, "artist_mbids": [Y, X]}}
    [row] = kept(connection)
    assert row[-1] > position


def test_of_two_lines_about_one_track_the_last_counts(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    cli("listens", "import", "-", "--user", "alice", stdin=line(1, mapping(X)) + line(2, mapping(Z)))

    assert {said["recording_mbid"] for said in shown(client).values()} == {Z}
    assert len(kept(connection)) == 1


def test_a_listen_that_carries_the_same_mbids_needs_no_row(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    own = {"recording_mbid": X, "release_mbid": Y, "artist_mbids": [Z]}
    content = line(1, mapping(), "same", **own) + line(2, mapping(), "less", recording_mbid=X)
    ran = cli("listens", "import", "-", "--user", "alice", stdin=content)

    assert ", 1 mapped; " in ran.out
    assert len(kept(connection)) == 1
    assert shown(client) == {1: own, 2: own}


@pytest.mark.parametrize(
    "malformed",
    [
        None,
        5,
        "x",
        [],
        {},
        [X],
        {"recording_mbid": "x", "release_mbid": 5, "artist_mbids": Z},
        {"recording_mbid": {}, "release_mbid": X + "\n0", "artist_mbids": [None, "x", [X]]},
        {"recording_mbid": "\u0000", "artist_mbids": {X: Y}, "artists": 7},
    ],
)
def test_what_is_malformed_says_nothing_and_the_listen_comes_in(
    cli: CommandLine, connection: Connection, client: FlaskClient, malformed: object
) -> None:
    ran = cli("listens", "import", "-", "--user", "alice", stdin=line(1, malformed))

    assert ran.out.startswith("1 read: 1 new, 0 duplicate, 0 rejected; ")
    assert shown(client) == {1: None}
    assert kept(connection) == []


def test_what_the_user_mapped_by_hand_and_what_the_mapper_found_go_before_the_dump(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    cli("listens", "import", "-", "--user", "alice", stdin=line(1, mapping(X)))
    [(user_id, msid, *_)] = kept(connection)
    for owner, source, mbid in ((None, "automatic", Y), (user_id, "manual", Z)):
        put_mapping(connection, MappingRow(owner, msid, source, recording_mbid=mbid))
        assert shown(client)[1]["recording_mbid"] == mbid


def test_a_line_whose_listen_is_not_kept_leaves_no_mapping(
    cli: CommandLine, connection: Connection, client: FlaskClient
) -> None:
    cli("listens", "import", "-", "--user", "alice", stdin=line(1, None, "gone") + line(2, None, "stays"))
    [(msid,)] = rows(connection, "SELECT recording_msid FROM listen WHERE track_name = 'gone'")
    far = 32_503_680_000_000_000
    delete_listen(connection, 1, AT + 1, msid, far)

    ran = cli(
        "listens", "import", "-", "--user", "alice", stdin=line(1, mapping(), "gone") + line(2, mapping(Y), "stays")
    )

    assert ran.out.startswith("2 read: 0 new, 1 duplicate, 0 rejected, 1 mapped, 1 deleted meanwhile; ")
    assert [row[2] for row in kept(connection)] == [Y]


def test_a_mapping_and_its_listen_come_in_one_transaction(cli: CommandLine, connection: Connection) -> None:
    """A row that the database refuses: its listen is not there either, and its message is not recorded."""
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mapping ADD CONSTRAINT no_z CHECK (recording_mbid <> %s)", (Z,))
    with pytest.raises(psycopg2.errors.CheckViolation):
        cli("listens", "import", "-", "--user", "alice", stdin=line(1, mapping(Z)))
    with connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE mapping DROP CONSTRAINT no_z")

    assert rows(connection, "SELECT count(*) FROM listen") == [(0,)]
    assert rows(connection, "SELECT count(*) FROM message_seen") == [(0,)]
    assert ", 1 mapped; " in cli("listens", "import", "-", "--user", "alice", stdin=line(1, mapping(Z))).out


@pytest.mark.parametrize("name", ["listenbrainz_shoko1_123456789.zip", "listenbrainz_shoko1_1749780844.zip"])
def test_a_real_export_shows_the_mbids_it_came_with(
    cli: CommandLine, client: FlaskClient, shared_data: Path, name: str
) -> None:
    with zipfile.ZipFile(shared_data / "import-examples" / name) as export:
        content = b"".join(
            export.read(member).rstrip() + b"\n" for member in export.namelist() if member.endswith(".jsonl")
        )
    sent = [orjson.loads(text) for text in content.splitlines()]

    assert cli("listens", "import", "-", "--user", "alice", stdin=content).status == 0

    found = shown(client)
    mapped = [row for row in sent if row["track_metadata"]["mbid_mapping"]]
    assert mapped
    for row in mapped:
        said = row["track_metadata"]["mbid_mapping"]
        assert found[row["listened_at"] - AT]["recording_mbid"] == said["recording_mbid"]
        assert found[row["listened_at"] - AT]["artist_mbids"] == said["artist_mbids"]
    assert sum(said is not None for said in found.values()) >= len({row["listened_at"] for row in mapped})
