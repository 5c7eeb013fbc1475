"""Runs of periodic playlists become playlists: the two newest days of a kind stay, and what others have."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from conf.postgres import Connection, Pool, transaction
from jobs.jspf import Playlist, bare_track, named_track
from jobs.listens.account_deletion import delete_account
from jobs.listens.playlists import (
    NewPlaylist,
    create_playlist,
    entries_of,
    find_playlist,
    kept_playlists,
    playlists_for,
)
from jobs.messages import Manifest, inline_part, new_run_id
from spark_reader.reader import save_run
from tests.reader.results import manifest

MBIDS = [f"8f3471b5-7e6a-48da-86a9-c1c07a0f47a{n}" for n in range(3)]
NOW = 1_700_000_000.0


def track(mbid: str) -> dict[str, Any]:
    return {
        "recording_mbid": mbid, "track_name": "Song \\ 'é'", "artist_name": "Artist", "artist_mbids": [MBIDS[0]],
        "release_name": None, "release_mbid": None, "artists": None, "caa_id": None, "caa_release_mbid": None,
    }  # fmt: skip


def run(day: str, *users: int, slug: str = "weekly-jams", now: float = NOW, mbids: list[str] = MBIDS) -> Manifest:
    """A run that makes this playlist of these users."""
    document = {
        "slug": slug, "day": day, "title": f"{slug} of {day}", "annotation": "<p>x</p>",
        "tracks": [track(mbid) for mbid in mbids],
    }  # fmt: skip
    statistic = f"playlist_{slug.replace('-', '_')}"
    rows = [[user, orjson.dumps(document).decode(), None] for user in users]
    made = manifest({}, statistic=statistic, stats_range="all_time", rows=len(rows), parts=[])
    return replace(
        made, run_id=new_run_id(now), parts=[inline_part("document", statistic, "all_time", rows)] if rows else []
    )


def found(connection: Connection, user: int) -> list[Playlist]:
    with transaction(connection) as cursor:
        return playlists_for(cursor, user, None, 0)[0]


def remembered(connection: Connection, user: int) -> dict[str, UUID]:
    """By the day it is for, all that a user has, whoever may find it."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT made_for_day::text, mbid FROM playlist WHERE created_for_id = %s", (user,))
        return dict(cursor.fetchall())


def titles(connection: Connection, user: int) -> list[str]:
    return [one.title for one in found(connection, user)]


def test_a_run_becomes_playlists_with_their_names(pool: Pool, connection: Connection, users: list[int]) -> None:
    assert save_run(pool, run("2026-11-30", 1, 2)) == [("playlist_weekly_jams", "all_time")]

    [playlist] = found(connection, 1)
    with transaction(connection) as cursor:
        entries = entries_of(cursor, playlist.id)
        cursor.execute("SELECT expires FROM playlist WHERE id = %s", (playlist.id,))
        [(expires,)] = cursor.fetchall()
        cursor.execute("SELECT count(*) FROM result_document")
        assert cursor.fetchone() == (0,)
    assert (playlist.creator, playlist.created_for, playlist.public) == (None, "user_1", True)
    assert playlist.additional_metadata is not None
    assert orjson.loads(playlist.additional_metadata) == {"algorithm_metadata": {"source_patch": "weekly-jams"}}
    assert [str(entry.recording_mbid) for entry in entries] == MBIDS
    told = [named_track(bare_track(entry), entry.known) for entry in entries]
    assert {(one["title"], one["creator"]) for one in told} == {("Song \\ 'é'", "Artist")}
    assert abs(expires - datetime.now(UTC) - timedelta(days=14)) < timedelta(minutes=5)
    assert titles(connection, 2) == ["weekly-jams of 2026-11-30"]
    assert titles(connection, users[2]) == []


def test_the_two_newest_days_of_a_kind_stay_and_who_is_in_no_run_keeps_hers(
    pool: Pool, connection: Connection, users: list[int]
) -> None:
    del users
    save_run(pool, run("2026-11-16", 1, 2))
    save_run(pool, run("2026-11-20", 1, slug="daily-jams", now=NOW + 1))
    save_run(pool, run("2026-11-23", 1, now=NOW + 2))
    save_run(pool, run("2026-11-30", 1, now=NOW + 3))
    save_run(pool, run("2026-11-30", now=NOW + 4))
    assert titles(connection, 1) == [
        "weekly-jams of 2026-11-30", "weekly-jams of 2026-11-23", "daily-jams of 2026-11-20",
    ]  # fmt: skip
    assert titles(connection, 2) == ["weekly-jams of 2026-11-16"]


def test_the_same_day_again_replaces_it_and_a_message_that_comes_again_changes_nothing(
    pool: Pool, connection: Connection, users: list[int]
) -> None:
    del users
    save_run(pool, run("2026-11-23", 1))
    again = run("2026-11-30", 1, now=NOW + 2, mbids=MBIDS[:1])
    save_run(pool, run("2026-11-30", 1, now=NOW + 1))
    save_run(pool, again)
    before = found(connection, 1)
    assert save_run(pool, again) == []
    assert found(connection, 1) == before
    assert [one.title for one in before] == ["weekly-jams of 2026-11-30", "weekly-jams of 2026-11-23"]
    with transaction(connection) as cursor:
        assert len(entries_of(cursor, before[0].id)) == 1


def test_a_day_for_which_there_was_nothing_is_remembered_and_nobody_finds_it(
    pool: Pool, connection: Connection, users: list[int]
) -> None:
    del users
    days = ("2026-11-16", "2026-11-23")
    for after, day in enumerate(days):
        save_run(pool, run(day, 1, now=NOW + after))
    save_run(pool, run("2026-11-30", 1, now=NOW + 2, mbids=[]))

    there = ["weekly-jams of 2026-11-23", "weekly-jams of 2026-11-16"]
    found = remembered(connection, 1)
    assert found.keys() == {*days, "2026-11-30"}
    assert titles(connection, 1) == there
    assert [playlist.title for playlist, _ in kept_playlists(connection, 1)] == there[::-1], "an export has neither"
    with transaction(connection) as cursor:
        assert find_playlist(cursor, found["2026-11-30"], 1) is None

    save_run(pool, run("2026-12-07", 1, now=NOW + 3, mbids=[]))
    assert remembered(connection, 1).keys() == {*days, "2026-12-07"}
    save_run(pool, run("2026-12-07", 1, now=NOW + 4))
    assert titles(connection, 1) == ["weekly-jams of 2026-12-07", "weekly-jams of 2026-11-23"]
    save_run(pool, run("2026-12-07", 1, now=NOW + 5, mbids=[]))
    assert remembered(connection, 1).keys() == {"2026-12-07", "2026-11-23"}
    assert titles(connection, 1)[0] == "weekly-jams of 2026-12-07", "what was made for that day stays"


def test_what_people_made_and_who_is_gone_are_left_alone(pool: Pool, connection: Connection, users: list[int]) -> None:
    with transaction(connection) as cursor:
        kept = NewPlaylist("a bot's", public=True, created_for=1, source_patch="weekly-jams")
        create_playlist(cursor, users[2], kept)
    delete_account(connection, 2, 1)
    save_run(pool, run("2026-11-30", 1, 2))
    assert sorted(titles(connection, 1)) == ["a bot's", "weekly-jams of 2026-11-30"]
    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM playlist")
        assert cursor.fetchone() == (2,)
