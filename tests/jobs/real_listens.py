"""Real listening data as an oracle's world, with the artists MusicBrainz knows."""

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dumps.load.countries import alpha3
from tests.oracle.msid import msid
from tests.oracle.world import Listen, Metadata, Track, World


def real_world(folder: Path, name: str) -> World:
    """All listens of one set; T is the last of them."""
    world, ids = World(0), dict[str, int]()
    for line in _lines(folder / f"{name}.jsonl.gz"):
        user_id = ids.setdefault(line["user_name"], len(ids) + 1)
        world.add(Listen(user_id, line["listened_at"], _track(line["track_metadata"])))
    world.users = {user_id: name for name, user_id in ids.items()}
    world.newest = max(listened_at for _, listened_at, _ in world.listens)
    world.metadata = _known(folder)
    return world


def _track(sent: dict[str, Any]) -> Track:
    artist, title, release = (str(sent.get(key) or "").strip() for key in ("artist_name", "track_name", "release_name"))
    mbids = tuple(sent["additional_info"].get("artist_mbids", ()))
    return Track(msid(artist, title, release), artist, title, release or None, artist_mbids=mbids)


def _known(folder: Path) -> Metadata:
    with gzip.open(folder / "musicbrainz-artists-21k.csv.gz", "rt", encoding="utf-8", newline="") as file:
        artists = {(row["artist_mbid"], row["artist_name"]): row["country_alpha2"] for row in csv.DictReader(file)}
    return Metadata(artists={artist: alpha3(country) for artist, country in artists.items()})


def _lines(path: Path) -> Iterator[Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return iter([json.loads(text) for text in file])
