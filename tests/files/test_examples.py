"""The example files of other services, with counts worked out here from their plain JSON."""

import io
import json
import zipfile
from collections.abc import Callable
from datetime import datetime

from tests.files.conftest import Read

Examples = Callable[[str], bytes]


def keys(read: Read) -> list[tuple[int, str, str]]:
    return [
        (row["listened_at"], row["track_metadata"]["artist_name"], row["track_metadata"]["track_name"])
        for row in read.listens
    ]


def epoch(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_a_month_of_an_official_last_fm_export(examples: Examples) -> None:
    content = examples("lastfm-official-export-2009-05.json")
    rows = json.loads(content)

    read = Read(content)

    assert (read.format, len(rows), read.refused, read.left_out) == ("lastfm", 337, [], [])
    assert keys(read) == [
        (row["timestamp"]["unixtimestamp"], row["track"]["artist"]["name"].strip(), row["track"]["name"].strip())
        for row in rows
    ]
    releases = [row["track_metadata"].get("release_name") for row in read.listens]
    assert releases == [row.get("album", {}).get("name") for row in rows]
    assert read.listens[0]["track_metadata"]["additional_info"] == {
        "submission_client": "Last.fm Archive Importer",
        "artist_mbids": ["4ddae0a9-bbb3-49ab-a9b4-d126d992ae93"],
        "lastfm_track_mbid": "cf17731d-d292-48be-a772-249738d50646",
    }


def test_a_page_of_recent_tracks(examples: Examples) -> None:
    content = examples("recenttracks-shoko2-1749776100.json")
    tracks = [track for page in json.loads(content) for track in page["track"]]

    read = Read(content)

    assert (read.format, len(tracks), read.refused, read.left_out) == ("lastfm_recent", 10, [], [])
    assert keys(read) == [(int(t["date"]["uts"]), t["artist"]["#text"], t["name"]) for t in tracks]


def test_spotify_extended_history(examples: Examples) -> None:
    content = examples("Streaming_History_Audio_spotify_import_test.json")
    rows = json.loads(content)
    kept = [
        row
        for row in rows
        if not row["incognito_mode"]
        and not (row["ms_played"] < 30000 and (row["skipped"] or row["reason_end"] in ("fwdbtn", "endplay")))
    ]

    read = Read(content)

    assert (read.format, len(rows), len(kept), read.refused) == ("spotify", 39, 22, [])
    assert read.left_out == ["skipped within 30 seconds"] * 17
    assert keys(read) == [
        (epoch(row["ts"]), row["master_metadata_album_artist_name"], row["master_metadata_track_name"]) for row in kept
    ]
    info = read.listens[0]["track_metadata"]["additional_info"]
    address = "https://open.spotify.com/track/" + kept[0]["spotify_track_uri"].rsplit(":", 1)[1]
    assert info == {
        "submission_client": "Spotify Archive Importer",
        "music_service": "spotify.com",
        "origin_url": address,
        "spotify_id": address,
        "duration_played": kept[0]["ms_played"] // 1000,
    }


def test_maloja(examples: Examples) -> None:
    content = examples("maloja_import_test.json")
    rows = json.loads(content)["scrobbles"]

    read = Read(content)

    assert (read.format, len(rows), read.refused) == ("maloja", 38, [])
    assert keys(read) == [(row["time"], ", ".join(row["track"]["artists"]), row["track"]["title"]) for row in rows]
    assert {str(row["track_metadata"]["additional_info"]) for row in read.listens} == {
        "{'submission_client': 'Maloja Archive Importer'}"
    }


def test_koito(examples: Examples) -> None:
    content = examples("koito_export_test.json")
    rows = json.loads(content)["listens"]

    def primary(aliases: list[dict[str, object]]) -> object:
        [name] = [alias["alias"] for alias in aliases if alias["is_primary"]]
        return name

    read = Read(content)

    assert (read.format, len(rows), read.refused) == ("koito", 13, [])
    assert keys(read) == [
        (
            epoch(row["listened_at"]),
            ", ".join(str(primary(artist["aliases"])) for artist in row["artists"]),
            primary(row["track"]["aliases"]),
        )
        for row in rows
    ]
    durations = [row["track_metadata"]["additional_info"].get("duration") for row in read.listens]
    assert durations == [354] * 4 + [287] * 3 + [None] * 5 + [218]
    last = read.listens[-1]["track_metadata"]["additional_info"]
    assert (last["recording_mbid"], last["media_player"]) == (rows[-1]["track"]["mbid"], "test client")


def test_both_listenbrainz_exports(examples: Examples) -> None:
    for name, member, count in (
        ("listenbrainz_shoko1_123456789.zip", "listens/2025/1.jsonl", 19),
        ("listenbrainz_shoko1_1749780844.zip", "listens/2025/6.jsonl", 5),
    ):
        content = examples(name)
        lines = zipfile.ZipFile(io.BytesIO(content)).read(member).splitlines()
        rows = [json.loads(line) for line in lines]

        read = Read(content)

        assert (read.format, len(rows), read.refused, read.loved) == ("listenbrainz", count, [], [])
        assert [item.place for item in read.items] == [f"{member}, line {n}" for n in range(1, count + 1)]
        assert keys(read) == [
            (row["listened_at"], row["track_metadata"]["artist_name"], row["track_metadata"]["track_name"])
            for row in rows
        ]
        infos = [row["track_metadata"]["additional_info"] for row in read.listens]
        assert infos == [row["track_metadata"]["additional_info"] for row in rows]
