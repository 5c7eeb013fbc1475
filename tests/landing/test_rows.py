"""One landing: every column of what arrives in the lake, against rows worked out by hand."""

from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import orjson
import pytest
from deltalake import DeltaTable

from conf.postgres import Connection, transaction
from jobs.land import Lander
from jobs.listens.msid import msid_of
from tests.landing.listens import NOON, agree, in_postgres, listen, submit, table

pytestmark = pytest.mark.spark

MBID = "0b1a2c3d-0000-4000-8000-00000000000{}".format
INFO = {
    "recording_mbid": MBID(1).upper(), "release_mbid": MBID(2), "release_group_mbid": MBID(3), "track_mbid": MBID(4),
    "artist_mbids": [MBID(6), MBID(5)], "submission_client": "  navidrome ", "media_player": "mpv",
    "duration": 215.5, "duration_played": 200, "tags": ["a", "ü"], "ключ": {"nested": [1, 2.5, None]},
}  # fmt: skip


def test_one_listen_arrives_whole(connection: Connection, lander: Lander, lake: str, alice: int) -> None:
    item = listen(5, " Straße ", "Ärzte", **INFO)
    item["track_metadata"]["release_name"] = "Debil"
    submit(connection, alice, item, source="a dump")
    [(*_, position, inserted_at, _, _, _, info, _, _)] = in_postgres(connection)

    landing = lander.land()

    assert landing is not None
    assert agree(connection, lake) == 1
    whole = DeltaTable(f"{lake}/listens").to_pyarrow_table().to_pylist()
    msid = str(msid_of(item["track_metadata"]))
    assert whole == [{
        "user_id": alice, "track_id": 1, "client_id": 1, "played_ms": 200_000, "duration_ms": 215_500,
        "position": position, "listened_at": datetime(2021, 1, 1, 12, 0, 5, tzinfo=UTC), "inserted_at": inserted_at,
        "recording_msid": msid, "artist_name": "Ärzte", "track_name": " Straße ", "release_name": "Debil",
        "additional_info": info, "source": "a dump", "dump_id": None,
        "year": 2021, "month": 1,
    }]  # fmt: skip
    assert orjson.loads(info) == INFO
    [track] = DeltaTable(f"{lake}/tracks").to_pyarrow_table().to_pylist()
    assert len(track.pop("track_key")) == 32
    assert track == {
        "track_id": 1, "recording_msid": msid, "artist_name": "Ärzte", "track_name": " Straße ",
        "release_name": "Debil", "recording_mbid": MBID(1), "release_mbid": MBID(2), "release_group_mbid": MBID(3),
        "track_mbid": MBID(4), "artist_mbids": [MBID(6), MBID(5)],
        "artist_key": "ärzte", "track_name_key": "strasse", "release_key": "debil",
    }  # fmt: skip
    assert table(lake, "clients", ("client_id", "name"), "client_id") == [(1, "navidrome")]


def test_text_that_files_trip_over_arrives_byte_for_byte(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    odd = [
        'quote " and ""', "comma, semicolon; tab\tend", "line\nfeed\r\nboth\rends", "\\N", "\\.", "back\\slash \\n",
        "NULL", "''", '"', "🎵 坂本龍一", "e\u0301 is not é", "\u200f right to left", "\ufeff mark", "\x01\x1f\x7f",
        "x" * 9_000,
    ]  # fmt: skip
    items = [listen(n, text, text, note=text, **{text[:60]: n}) for n, text in enumerate(odd)]
    items[3]["track_metadata"]["release_name"] = "\\N"
    submit(connection, alice, *items)

    lander.land()

    assert agree(connection, lake) == len(odd)
    infos = table(lake, "listens", ["additional_info", "track_name", "release_name"], "position")
    assert [orjson.loads(info)["note"] for info, _, _ in infos] == odd
    assert [name for _, name, _ in infos] == odd
    assert infos[3][2] == "\\N"
    assert infos[0][2] is None


@pytest.mark.parametrize(
    ("info", "duration_ms", "played_ms"),
    [
        ({}, None, None),
        ({"duration_ms": 1000, "duration": 5}, 1000, None),
        ({"duration": "5", "duration_played": "1.5"}, 5000, 1500),
        ({"duration_ms": "x", "duration": 5}, None, None),
        ({"duration_ms": -1, "duration_played": 2_073_601}, None, None),
        ({"duration": True, "duration_played": [1]}, None, None),
        ({"duration": 1e308, "duration_played": 2_073_600}, None, 2_073_600_000),
    ],
)
def test_lengths_are_milliseconds_or_unknown(
    info: dict[str, object], duration_ms: int | None, played_ms: int | None
) -> None:
    from jobs.land_rows import duration_ms as length
    from jobs.land_rows import milliseconds

    assert length(info) == duration_ms
    assert milliseconds(info.get("duration_played"), 1000) == played_ms


def test_a_listen_lies_in_the_month_of_its_own_time_in_utc(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    edges = {
        "2020-12-31T23:59:59": (2020, 12), "2021-01-01T00:00:00": (2021, 1), "2020-02-29T23:59:59": (2020, 2),
        "2020-03-01T00:00:00": (2020, 3), "2002-10-01T00:00:00": (2002, 10), "2099-12-31T23:59:59": (2099, 12),
    }  # fmt: skip
    times = [int(datetime.fromisoformat(f"{edge}+00:00").timestamp()) for edge in edges]
    submit(connection, alice, *({**listen(0), "listened_at": time} for time in times))

    lander.land()

    assert agree(connection, lake) == len(edges)
    assert table(lake, "listens", ("year", "month"), "position") == list(edges.values())
    folders = {"/".join(unquote(uri).split("/")[-3:-1]) for uri in DeltaTable(f"{lake}/listens").file_uris()}
    assert folders == {f"year={year}/month={month}" for year, month in edges.values()}


def test_tracks_are_exact_spellings_with_dense_ids_that_are_used_again(
    connection: Connection, lander: Lander, lake: str, alice: int, bob: int
) -> None:
    submit(connection, alice, listen(1, "Help!"), listen(2, "HELP!"), listen(3, "Help!", recording_mbid=MBID(1)))
    lander.land()
    submit(connection, bob, listen(4, "HELP!"), listen(5, "Yesterday"), listen(6, "Help!", duration=99))
    landing = lander.land()

    assert landing is not None
    names = table(lake, "tracks", ("track_id", "track_name", "recording_mbid"), "track_id")
    assert names == [
        (1, "Help!", None), (2, "HELP!", None), (3, "Help!", MBID(1)), (4, "Yesterday", None), (5, "Help!", None),
    ]  # fmt: skip
    assert [track for (track,) in table(lake, "listens", ["track_id"], "position")] == [1, 2, 3, 2, 4, 5]
    assert landing.track_count == 5
    msids = [msid for (msid,) in table(lake, "tracks", ["recording_msid"], "track_id")]
    assert msids[0] == msids[1] == msids[2]
    assert msids[4] != msids[0], "another length is another MSID"


def test_clients_have_dense_ids_that_are_used_again(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    submit(connection, alice, listen(1, media_player="mpv"), listen(2), listen(3, submission_client="Web Scrobbler"))
    lander.land()
    submit(connection, alice, listen(4, submission_client="mpv"), listen(5, submission_client=7, media_player=" "))
    landing = lander.land()

    assert landing is not None
    assert table(lake, "clients", ("client_id", "name"), "client_id") == [(1, "mpv"), (2, "Web Scrobbler")]
    assert [client for (client,) in table(lake, "listens", ["client_id"], "position")] == [1, None, 2, 1, None]
    assert landing.client_count == 2


def test_users_land_without_their_secrets_and_as_last_changed(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    with transaction(connection) as cursor:
        cursor.execute("UPDATE users SET password_hash = 'planted-secret' WHERE id = %s", (alice,))
        cursor.execute(
            "INSERT INTO users (id, name, name_key, source, foreign_id, position)"
            " VALUES (77, 'user_5', 'user_5', 'old dump', 5, nextval('change_position'))"
        )
    lander.land()
    with transaction(connection) as cursor:
        cursor.execute("UPDATE users SET name = 'Five', position = nextval('change_position') WHERE id = 77")
        cursor.execute("SELECT id, name, created, source, foreign_id, position FROM users ORDER BY id")
        expected = cursor.fetchall()
    lander.land()

    columns = ("user_id", "name", "created", "source", "foreign_id", "position")
    assert table(lake, "users", columns, "user_id") == expected
    assert [name for _, name, *_ in expected] == ["alice", "Five"]
    written = b"".join(path.read_bytes() for path in Path(lake, "users").rglob("*") if path.is_file())
    assert b"planted-secret" not in written


def test_the_change_feed_of_listens_tells_what_came_and_what_went(
    connection: Connection, lander: Lander, lake: str, alice: int
) -> None:
    from jobs.listens.write import delete_listen

    submit(connection, alice, listen(1), listen(2))
    first = lander.land()
    delete_listen(connection, alice, NOON + 1, msid_of(listen(1)["track_metadata"]), 2**62)
    submit(connection, alice, listen(3))
    second = lander.land()

    assert first is not None
    assert second is not None
    feed = (
        lander.spark.read.format("delta").option("readChangeFeed", "true")
        .option("startingVersion", first.versions["listens"] + 1).option("endingVersion", second.versions["listens"])
        .load(f"{lake}/listens")
    )  # fmt: skip
    changes = [(row._change_type, int(row.listened_at.timestamp()) - NOON) for row in feed.collect()]
    assert sorted(changes) == [("delete", 1), ("insert", 3)]
