"""Listens of the project's generator as an oracle's world: a size that no history written by hand has."""

import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq

from conf.settings import PROJECT
from tests.oracle.msid import msid
from tests.oracle.world import Listen, Metadata, Track, World

COUNTRIES = ("DEU", "ISL", "ZAF", None)
COLUMNS = (
    "user_id", "user_name", "listened_at", "recording", "played_ms", "client", "artist_name", "track_name",
    "release_name", "recording_mbid", "release_mbid", "artist_mbids", "duration_ms",
)  # fmt: skip


def generated_world(folder: Path, listens: int) -> World:
    """About so many; T is the last of them. Every third artist with an MBID has a country, every recording a length."""
    command = [sys.executable, "-m", "dumps.generator", "--listens", str(listens), "--no-json", "--no-metadata"]
    subprocess.run([*command, str(folder)], cwd=PROJECT, check=True, capture_output=True)
    world, tracks = World(0), dict[int, Track]()
    file = pq.ParquetFile(folder / "listens.parquet")
    for group in range(file.num_row_groups):
        columns = file.read_row_group(group, columns=list(COLUMNS)).to_pydict()
        for row in zip(*(columns[name] for name in COLUMNS), strict=True):
            _add(world, tracks, dict(zip(COLUMNS, row, strict=True)))
    world.newest = max(listened_at for _, listened_at, _ in world.listens)
    world.metadata = _known(world, tracks)
    return world


def _add(world: World, tracks: dict[int, Track], row: dict[str, object]) -> None:
    user_id, recording, duration, played = (
        int(str(row[name])) for name in ("user_id", "recording", "duration_ms", "played_ms")
    )
    if recording not in tracks:
        tracks[recording] = _track(row, duration)
    world.users[user_id] = str(row["user_name"])
    client = None if row["client"] is None else str(row["client"])
    # Players say seconds.
    world.add(Listen(user_id, int(str(row["listened_at"])), tracks[recording], client, played // 1000 * 1000, duration))


def _track(row: dict[str, object], duration: int) -> Track:
    artist, title = str(row["artist_name"]), str(row["track_name"])
    release, recording, of = (
        None if row[name] is None else str(row[name]) for name in ("release_name", "recording_mbid", "release_mbid")
    )
    mbids = row["artist_mbids"] if recording is not None else None
    artists = tuple(mbids) if isinstance(mbids, list) else ()
    return Track(
        msid(artist, title, release, duration), artist, title, release, recording, of if recording else None, artists
    )


def _known(world: World, tracks: dict[int, Track]) -> Metadata:
    found = Metadata()
    for number, track in sorted(tracks.items()):
        if track.recording_mbid is not None:
            found.lengths[track.recording_mbid] = 1000 * (120 + number % 240)
        if len(track.artist_mbids) == 1 and number % 3 == 0:
            found.artists.setdefault((track.artist_mbids[0], track.artist_name), COUNTRIES[number % len(COUNTRIES)])
    return found
