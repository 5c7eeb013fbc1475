"""Small files of each format, made by hand: what is kept, left out, refused, and where."""

import gzip
import io
from typing import Any

import orjson
import pytest

from dumps.load.arrays import array_elements
from dumps.load.services import UnknownFormatError, formats
from jobs.listens.items import DamagedFileError, Found, LovedTrack, Refused
from jobs.listens.msid import msid_of
from tests.files.conftest import BERLIN, Read, read_json, zipped

MBID = "8f3471b5-7e6a-48da-86a9-c1c07a0f47ae"
OTHER = "0a94fdbf-0b1d-4346-b43a-bb7354aad530"


def lines(*documents: object) -> bytes:
    return b"".join(orjson.dumps(document) + b"\n" for document in documents)


def listen(at: int, track: str = "Song", **more: Any) -> dict[str, Any]:
    return {"listened_at": at, "track_metadata": {"artist_name": "Artist", "track_name": track, **more}}


def test_the_folder_of_formats_is_the_registry() -> None:
    assert list(formats()) == [
        "audioscrobbler", "jsonl", "koito", "lastfm", "lastfm_loved", "lastfm_recent", "librefm", "listenbrainz",
        "maloja", "panoscrobbler", "spinitron", "spotify",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"[]", b"{}", b"hello\n", b"a,b,c\n1,2,3\n", b'[{"x": 1}]', b"\x89PNG\r\n", b"\x1f\x8b\x08"]
)
def test_a_file_of_no_service_is_not_taken_for_one(content: bytes) -> None:
    with pytest.raises(UnknownFormatError, match=r"not recognised.* one of audioscrobbler, jsonl, "):
        Read(content)


def test_an_unknown_name_is_refused_with_those_there_are() -> None:
    with pytest.raises(UnknownFormatError, match="no format 'deezer'; there are audioscrobbler, "):
        Read(b"", format_name="deezer")


def test_json_lines_are_recognised_behind_a_damaged_first_line_and_packed() -> None:
    content = b"{broken\n" + lines(listen(1_600_000_000), {"timestamp": 1_600_000_001, "track_metadata": {}})

    plain, packed = Read(content), Read(gzip.compress(content))

    assert plain.items == packed.items
    assert (plain.format, [item.place for item in plain.items]) == ("jsonl", ["line 1", "line 2", "line 3"])
    assert plain.refused[0][0] == "line 1"


def test_a_user_export_brings_listens_and_feedback_in_the_msids_of_here() -> None:
    content = zipped(
        {
            "feedback.jsonl": lines(
                {"recording_msid": OTHER, "recording_mbid": None, "score": 1, "created": "2024-01-01T00:00:00+00:00"},
                {"recording_msid": MBID, "recording_mbid": MBID, "score": -1, "created": 1_700_000_000},
            ),
            "listens/2020/9.jsonl": lines(
                listen(1_600_000_000, recording_msid=OTHER, mbid_mapping={"recording_mbid": MBID}), {"x": 1}
            ),
            "pinned_recording.jsonl": lines({"recording_mbid": MBID}),
            "user.json": b'{"user_id": 1, "username": "rob"}',
        }
    )

    read = Read(content)

    here = msid_of({"artist_name": "Artist", "track_name": "Song"})
    assert read.format == "listenbrainz"
    assert [row["track_metadata"]["track_name"] for row in read.listens] == ["Song"]
    assert [(str(one.recording_msid), one.recording_mbid, one.score) for one in read.loved] == [
        (str(here), None, 1),
        (MBID, MBID, -1),
    ]
    assert read.left_out == ["pinned recordings are not kept yet"]
    assert read.refused == [
        ("listens/2020/9.jsonl, line 2", "expected a listen: an object with listened_at and track_metadata")
    ]


SPOTIFY = {
    "ts": "2020-09-13T12:26:40Z",
    "ms_played": 200_500,
    "master_metadata_track_name": "Song",
    "master_metadata_album_artist_name": "Artist",
    "master_metadata_album_album_name": "Release",
    "spotify_track_uri": "spotify:track:3aJ2aJz5xL03hpaqdPS7Ah",
    "reason_end": "trackdone",
    "skipped": None,
    "incognito_mode": False,
}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({}, True),
        ({"incognito_mode": True}, False),
        ({"ms_played": 29_999, "skipped": True}, False),
        ({"ms_played": 29_999, "reason_end": "fwdbtn"}, False),
        ({"ms_played": 29_999}, True),
        ({"ms_played": 30_000, "skipped": True, "reason_end": "fwdbtn"}, True),
        ({"master_metadata_track_name": None, "episode_name": "News"}, False),
    ],
)
def test_what_spotify_calls_a_play(change: dict[str, Any], kept: bool) -> None:
    read = read_json([SPOTIFY | change])

    assert (len(read.listens), len(read.left_out), read.refused) == (int(kept), int(not kept), [])


def test_the_zip_of_spotify_is_read_by_its_audio_members_only() -> None:
    content = zipped(
        {
            "Spotify Extended Streaming History/ReadMeFirst.pdf": b"%PDF",
            "Spotify Extended Streaming History/Streaming_History_Audio_2020_1.json": orjson.dumps([SPOTIFY, 7]),
            "Spotify Extended Streaming History/Streaming_History_Video_2020.json": orjson.dumps([SPOTIFY]),
            "my/endsong_0.json": orjson.dumps([SPOTIFY | {"ts": "yesterday"}]),
        }
    )

    read = Read(content)

    assert (read.format, len(read.listens)) == ("spotify", 1)
    assert read.listens[0]["listened_at"] == 1_600_000_000
    assert read.refused == [
        (
            "Spotify Extended Streaming History/Streaming_History_Audio_2020_1.json, item 2",
            "expected a JSON object, found int",
        ),
        ("my/endsong_0.json, item 1", "ts: expected a date and time, got 'yesterday'"),
    ]


def test_what_is_playing_is_no_recent_track_and_pages_come_in_every_frame() -> None:
    track = {"artist": {"#text": "Artist", "mbid": ""}, "album": {"#text": ""}, "name": "Song", "mbid": ""}
    played = track | {"date": {"uts": "1600000000", "#text": "13 Sep 2020, 12:26"}}
    playing = track | {"@attr": {"nowplaying": "true"}}
    page = {"track": [playing, played], "@attr": {"page": "1"}}

    for document in (page, [page], {"recenttracks": page}, [{"recenttracks": page}], [[page["track"]]][0]):
        read = read_json(document)

        assert (read.format, len(read.listens), len(read.left_out)) == ("lastfm_recent", 1, 1)
        assert read.listens[0] == {
            "listened_at": 1_600_000_000,
            "track_metadata": {
                "artist_name": "Artist",
                "track_name": "Song",
                "additional_info": {"submission_client": "Last.fm Archive Importer"},
            },
        }


def test_loved_tracks_of_last_fm_are_known_by_their_names() -> None:
    artist = {"url": "https://www.last.fm/music/Broadcast", "name": "Broadcast", "mbid": OTHER}
    track = {"artist": artist, "date": {"uts": "1600000000", "#text": "13 Sep 2020"}, "mbid": MBID, "name": "Papercuts"}
    page = {"lovedtracks": {"track": [track, {"artist": artist, "name": "Pendulum"}, 5], "@attr": {"page": "1"}}}
    single = {"lovedtracks": {"track": track, "@attr": {"page": "2"}}}
    for content, count in ((page, 3), ([page, single], 4), (single, 1)):
        read = Read(orjson.dumps(content))
        assert (read.format, len(read.items)) == ("lastfm_loved", count)
    first, second, third = Read(orjson.dumps(page)).items
    assert first.brings == LovedTrack("Broadcast", "Papercuts", 1_600_000_000)
    assert second.brings == LovedTrack("Broadcast", "Pendulum", None)
    assert third.brings == Refused("expected a JSON object, found int")
    assert (first.place, third.place) == ("track 1", "track 3")


def test_maloja_with_all_it_can_say() -> None:
    scrobble = {
        "time": 1_600_000_000,
        "duration": 100,
        "origin": "client:cmus",
        "track": {"title": "Song", "artists": ["A", "B"], "length": 200, "album": {"albumtitle": "R", "artists": None}},
    }

    read = read_json({"maloja": {}, "scrobbles": [scrobble, {"time": 1, "track": {"artists": "A"}}]})

    assert read.refused == [("item 2", "track.artists: expected a list of names")]
    assert read.listens[0]["track_metadata"] == {
        "artist_name": "A, B",
        "track_name": "Song",
        "release_name": "R",
        "additional_info": {
            "submission_client": "Maloja Archive Importer",
            "media_player": "cmus",
            "duration": 200,
            "duration_played": 100,
        },
    }


def test_pano_scrobbler() -> None:
    row = {"timeMs": 1_600_000_000_999, "track": "Song", "artist": "Artist", "album": "R", "durationMs": 1500}
    player = {"albumArtist": "Various", "mediaPlayerName": "Poweramp", "mediaPlayerVersion": "9"}

    read = Read(lines(row | player, {**row, "event": "love"}, {**row, "timeMs": "x"}, {**row, "durationMs": -1}))

    assert (read.format, len(read.left_out)) == ("panoscrobbler", 1)
    assert read.refused == [("line 3", "timeMs: expected milliseconds, got x")]
    assert read.listens[0] == {
        "listened_at": 1_600_000_000,
        "track_metadata": {
            "artist_name": "Artist",
            "track_name": "Song",
            "release_name": "R",
            "additional_info": {
                "submission_client": "Pano Scrobbler Archive Importer",
                "media_player": "Poweramp",
                "media_player_version": "9",
                "release_artist_name": "Various",
                "duration_ms": 1500,
            },
        },
    }
    assert "duration_ms" not in read.listens[1]["track_metadata"]["additional_info"]


LOG = (
    b"#AUDIOSCROBBLER/1.1\n#TZ/%s\n#CLIENT/Rockbox h3xx 1.1\n"
    b"Metallica\tMetallica\tEnter Sandman\t1\t365\tL\t1600000000\t" + MBID.encode() + b"\n"
    b"Portishead\tPortishead\tCowboys\t2\t312\tS\t1600000365\t\n"
    b"Caf\xe9\t\tSong\t\t0\tL\t1600000400\n"
    b"too\tfew\n"
)


@pytest.mark.parametrize(("zone", "at"), [(b"UTC", 1_600_000_000), (b"UNKNOWN", 1_600_000_000 - 7200)])
def test_the_log_of_a_player_with_a_clock_in_berlin(zone: bytes, at: int) -> None:
    read = Read(LOG % zone, zone=BERLIN)

    assert (read.format, read.left_out) == ("audioscrobbler", ["skipped"])
    assert read.refused == [("line 7", "expected 7 or 8 fields with tabs between them, found 2")]
    assert [row["listened_at"] for row in read.listens] == [at, at + 400]
    assert read.listens[0]["track_metadata"]["additional_info"] == {
        "submission_client": "AudioScrobbler Archive Importer",
        "media_player": "Rockbox h3xx 1.1",
        "tracknumber": 1,
        "duration": 365,
        "track_mbid": MBID,
    }
    assert read.listens[1]["track_metadata"]["artist_name"] == "Café"


def test_libre_fm() -> None:
    content = b'Time,Artist,Track,Album\n1600000000,"A, B",Song,R\n\n2020-09-13 12:26:41,C,"two\nlines",\nnever,D,E,F\n'

    read = Read(content)

    assert read.format == "librefm"
    assert read.refused == [("line 6", "time: expected a date and time, got 'never'")]
    assert [(row["listened_at"], row["track_metadata"]["artist_name"]) for row in read.listens] == [
        (1_600_000_000, "A, B"),
        (1_600_000_001, "C"),
    ]
    assert read.listens[0]["track_metadata"]["release_name"] == "R"
    assert read.listens[0]["track_metadata"]["additional_info"]["music_service"] == "libre.fm"


def test_spinitron_under_a_title_with_the_times_of_its_station() -> None:
    content = b"My Show\r\n\r\nDate-time,Artist,Song,Release,Label\r\n2020-09-13 14:26:40,A,Song,R,L\r\n"
    own = b"Date-time\tSong\tArtist\n2020-09-13T12:26:40+0000\tSong\tA\n"

    read, with_zone = Read(content, zone=BERLIN), Read(own, zone=BERLIN)

    assert (read.format, with_zone.format) == ("spinitron", "spinitron")
    assert [row["listened_at"] for row in read.listens + with_zone.listens] == [1_600_000_000] * 2
    assert read.listens[0]["track_metadata"]["additional_info"] == {
        "submission_client": "Spinitron Archive Importer",
        "label": "L",
    }


def test_an_official_export_of_last_fm_may_be_a_zip() -> None:
    row = {"timestamp": {"unixtimestamp": 1_600_000_000}, "track": {"name": "Song", "artist": {"name": "A"}}}

    read = Read(zipped({"lastfm/2020.json": orjson.dumps([row]), "lastfm/notes.txt": b"hello"}))

    assert (read.format, len(read.listens)) == ("lastfm", 1)


@pytest.mark.parametrize(
    ("damaged", "whole", "said"),
    [
        (b'[{"a": 1}, {"a": 2}', 2, "damaged after item 2: expected a comma, the file ends"),
        (b'[{"a": 1}, {"a": ', 1, "damaged after item 1: the file ends within an item"),
        (b'[{"a": 1}, {"a": 2}{"a": 3}]', 2, "damaged after item 2: expected a comma, found '{'"),
        (b'[{"a": 1}, {"a": nope}' + b" " * 100 + b"]", 1, "damaged after item 1: not JSON: "),
        (b'[{"a": 1}, {"a": NaN}' + b" " * 100 + b"]", 1, "damaged after item 1: "),
        (b'[{"a": 1}, ' + b"[" * 100_000, 1, "damaged after item 1: nested too deeply"),
        (b'[{"a": 1}, {"a": ' + b"9" * 5000 + b"}]", 1, "damaged after item 1: a number has too many digits"),
        (b'[{"a": 1}, "' + b"x" * 9_000_000, 1, "damaged after item 1: an item is longer than 4000000 characters"),
        (b'{"a": 1, "b" 2}', 0, "expected a colon, found '2'"),
        (b'{"a": 1}', 0, "expected an object with an array under 'rows'"),
        (b'{"rows": 1}', 0, "expected a JSON array under 'rows'"),
        (b'["\xff"]', 0, "not UTF-8 text: "),
    ],
)
def test_a_damaged_array_gives_what_came_before(damaged: bytes, whole: int, said: str) -> None:
    values: list[Any] = []

    with pytest.raises(DamagedFileError) as problem:
        for element in array_elements(io.BytesIO(damaged), "rows"):
            values.append(element.value)

    assert said in str(problem.value)
    assert values == [{"a": 1}, {"a": 2}][:whole]


def test_numbers_and_texts_cut_by_the_window_are_read_whole() -> None:
    rows: list[dict[str, Any]] = [
        {
            "timestamp": {"unixtimestamp": 1_600_000_000 + n},
            "track": {"name": 'é\\"' * (n % 700), "artist": {"name": "A"}},
        }
        for n in range(1, 1500)
    ]

    read = read_json(rows)

    assert [i.brings.listen["track_metadata"]["track_name"] for i in read.items if isinstance(i.brings, Found)] == [
        row["track"]["name"] for row in rows
    ]
