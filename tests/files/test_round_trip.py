"""An export that is imported into an empty account gives the same listens and feedback."""

import io
import time
import zipfile
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import psutil
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from dumps.load.services import format_of
from dumps.load.source import open_source
from dumps.load.zips import MOST_MEMBERS
from dumps.user_export import export_name, export_pieces
from jobs.listens.exclusions import add_exclusion, exclusion_of
from jobs.listens.history import moment
from jobs.listens.imported_feedback import Feedback, put_feedback
from jobs.listens.imports import Totals, import_items
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.playlists import NewPlaylist, create_playlist
from jobs.listens.recommendation_feedback import RATINGS, Rating, put_ratings
from jobs.listens.user_settings import set_zone
from jobs.listens.users import create_user
from jobs.listens.validator import InvalidListenError, validate_listen
from jobs.listens.write import write_submissions
from tests.commands.conftest import rows
from tests.files.conftest import BERLIN

NOW = 1_800_000_000.0
MBID = UUID("8f3471b5-7e6a-48da-86a9-c1c07a0f47ae")
KEPT = (
    "SELECT listened_at, recording_msid, artist_name, track_name, release_name, additional_info"
    " FROM listen WHERE user_id = %s ORDER BY 1, 2"
)
FELT = "SELECT recording_msid, recording_mbid, score, created FROM recording_feedback WHERE user_id = %s ORDER BY 4, 1"
RATED = "SELECT recording_id, msid, rating, created FROM recommendation_feedback WHERE user_id = %s ORDER BY 4, 1"
SAID = (
    "SELECT recording_msid, recording_mbid, release_mbid, artist_mbids::text FROM mapping WHERE user_id = %s ORDER BY 1"
)


def write(connection: Connection, user_id: int, *listens: dict[str, Any]) -> None:
    write_submissions(connection, [Submission(new_message_id(), user_id, 1, listens)])


def exported(url: str, user_id: int, name: str = "rob") -> bytes:
    with moment(url) as connection:
        return b"".join(export_pieces(connection, user_id, name, NOW))


def imported(connection: Connection, content: bytes, user_id: int) -> Totals:
    source = open_source(io.BufferedReader(io.BytesIO(content)), "export.zip")
    assert format_of(source).name == "listenbrainz"
    return [Totals(), *import_items(connection, format_of(source).read(source), user_id, now=NOW)][-1]


def listen(at: int, **metadata: Any) -> dict[str, Any]:
    return {"listened_at": at, "track_metadata": {"artist_name": "A", "track_name": "t", **metadata}}


def test_the_zip_has_the_form_of_a_user_export(connection: Connection, database_url: str) -> None:
    rob = create_user(connection, "rob")
    info = {"duration": 100, "recording_mbid": str(MBID)}
    write(connection, rob, listen(1_600_000_000, release_name="R", additional_info=info), listen(1_604_188_800))
    with transaction(connection) as cursor:
        put_feedback(cursor, rob, [Feedback(None, MBID, -1, datetime(2024, 1, 1, tzinfo=UTC))])
        put_ratings(cursor, rob, [Rating(MBID, True, "hate", datetime(2024, 1, 2, tzinfo=UTC))])
        set_zone(cursor, rob, "Asia/Kathmandu")
        add_exclusion(cursor, rob, exclusion_of("artist", "ABBA"))
        playlist = create_playlist(cursor, rob, NewPlaylist("Mine", public=False, recordings=[MBID]))

    archive = zipfile.ZipFile(io.BytesIO(exported(database_url, rob)))

    assert archive.testzip() is None
    assert archive.namelist() == [
        "user.json", "listens/2020/9.jsonl", "listens/2020/11.jsonl", "feedback.jsonl", "pinned_recording.jsonl",
        "recommendation_feedback.jsonl", "settings.json", "playlists.jsonl",
    ]  # fmt: skip
    read = {name: [orjson.loads(line) for line in archive.read(name).splitlines()] for name in archive.namelist()}
    assert read["user.json"] == [{"user_id": rob, "username": "rob"}]
    assert read["feedback.jsonl"] == [
        {"recording_msid": None, "recording_mbid": str(MBID), "score": -1, "created": "2024-01-01T00:00:00+00:00"}
    ]
    assert read["recommendation_feedback.jsonl"] == [
        {"recording_msid": str(MBID), "recording_mbid": None, "rating": "hate", "created": "2024-01-02T00:00:00+00:00"}
    ]
    assert read["pinned_recording.jsonl"] == []
    [settings] = read["settings.json"]
    assert settings["timezone"] == "Asia/Kathmandu"
    assert [(one["kind"], one["value"]) for one in settings["exclusions"]] == [("artist", "ABBA")]
    [document] = read["playlists.jsonl"]
    kept = document["playlist"]
    assert (kept["title"], kept["creator"]) == ("Mine", "rob")
    assert kept["identifier"].endswith(str(playlist))
    assert [track["identifier"] for track in kept["track"]] == [[f"https://musicbrainz.org/recording/{MBID}"]]
    [row] = read["listens/2020/9.jsonl"]
    [(_, msid, *_), _] = rows(connection, KEPT, rob)
    assert abs(row.pop("inserted_at") - time.time()) < 60
    assert row == {
        "listened_at": 1_600_000_000,
        "track_metadata": {
            "artist_name": "A",
            "track_name": "t",
            "release_name": "R",
            "recording_msid": str(msid),
            "additional_info": info,
            "mbid_mapping": {"recording_mbid": str(MBID)},
        },
    }


def test_names_of_exports_can_be_written_everywhere() -> None:
    assert export_name("Rob/ä..\n", 7.9) == "listenbrainz_Rob__.._.zip".replace(".zip", "_7.zip")


_TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
_VALUE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_INFO = st.dictionaries(_TEXT, _VALUE, max_size=4).flatmap(
    lambda info: st.fixed_dictionaries(
        {},
        optional={
            "duration_ms": st.integers(1, 10**9),
            "tracknumber": st.integers(1, 99) | _TEXT,
            "recording_mbid": st.uuids().map(str),
            "artist_mbids": st.lists(st.uuids().map(str), min_size=1, max_size=2),
            "recording_msid": st.uuids().map(str),
        },
    ).map(lambda known: {**info, **known})
)
_LISTEN = st.builds(
    lambda at, artist, track, release, info: {
        "listened_at": at,
        "track_metadata": {
            "artist_name": artist,
            "track_name": track,
            "release_name": release,
            "additional_info": info,
        },
    },
    st.integers(1033430400, int(NOW)),
    _TEXT,
    _TEXT,
    _TEXT,
    _INFO,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_listens=st.lists(_LISTEN, max_size=8), scores=st.lists(st.sampled_from((1, -1)), max_size=4))
def test_an_export_read_into_an_empty_account_gives_the_same(
    connection: Connection, database_url: str, given_listens: list[dict[str, Any]], scores: list[int]
) -> None:
    valid = []
    for one in given_listens:
        try:
            valid.append(validate_listen(one, "import", int(NOW)))
        except InvalidListenError:
            continue
    rob, kate = create_user(connection, f"rob {uuid4()}"), create_user(connection, f"kate {uuid4()}")
    write(connection, rob, *valid)
    msids = [row[1] for row in rows(connection, KEPT, rob)] + [None] * len(scores)
    felt = [
        Feedback(msid, None if msid else uuid4(), score, datetime(2024, 1, 1 + n, 1, 2, 3, 456, tzinfo=UTC))
        for n, (msid, score) in enumerate(zip(msids, scores, strict=False))
    ]
    rated = [
        Rating(msid or uuid4(), msid is not None, RATINGS[n % 5], datetime(2024, 2, 1 + n, 4, 5, 6, 789, tzinfo=UTC))
        for n, (msid, _) in enumerate(zip(msids, scores, strict=False))
    ]
    with transaction(connection) as cursor:
        put_feedback(cursor, rob, felt)
        put_ratings(cursor, rob, rated)

    totals = imported(connection, exported(database_url, rob), kate)

    assert rows(connection, KEPT, kate) == rows(connection, KEPT, rob)
    assert rows(connection, FELT, kate) == rows(connection, FELT, rob)
    assert rows(connection, RATED, kate) == rows(connection, RATED, rob) == [tuple(one) for one in rated]
    assert totals.feedback == len(felt) + len(rated)
    assert (totals.rejected, totals.duplicate) == (0, 0)


def test_listens_as_large_as_the_api_takes_them_come_back_with_what_a_dump_said_of_them(
    connection: Connection, database_url: str
) -> None:
    rob, kate = create_user(connection, "rob"), create_user(connection, "kate")
    write(connection, rob, listen(1_600_000_000, additional_info={"x": "y" * 4_000_000}))
    mapping = {"recording_mbid": str(MBID), "artist_mbids": [str(MBID)], "release_mbid": str(MBID)}
    line = orjson.dumps(listen(1_600_000_001, track_name="mapped", mbid_mapping=mapping))
    source = open_source(io.BufferedReader(io.BytesIO(line)), "x.jsonl")
    list(import_items(connection, format_of(source).read(source), rob, now=NOW))

    totals = imported(connection, exported(database_url, rob), kate)

    assert (totals.new, totals.mapped) == (2, 1)
    assert rows(connection, KEPT, kate) == rows(connection, KEPT, rob)
    assert rows(connection, SAID, kate) == rows(connection, SAID, rob) != []


def test_who_has_more_playlists_than_a_zip_may_have_members_reads_her_own_export_back(
    connection: Connection, database_url: str
) -> None:
    rob, kate = create_user(connection, "rob"), create_user(connection, "kate")
    write(connection, rob, listen(1_600_000_000))
    count = MOST_MEMBERS + 1
    with transaction(connection) as cursor:
        for number in range(count):
            create_playlist(cursor, rob, NewPlaylist(f"{number}", public=True))

    totals = imported(connection, exported(database_url, rob), kate)

    assert rows(connection, KEPT, kate) == rows(connection, KEPT, rob) != []
    assert (totals.new, totals.rejected, totals.left_out) == (1, 0, count + 1)
    assert {reason.split(" ")[0]: number for reason, number in totals.why.items()} == {
        "playlists": count,
        "settings": 1,
    }


def test_a_newer_word_about_a_recording_is_not_taken_back_by_an_old_file(
    connection: Connection, database_url: str
) -> None:
    rob = create_user(connection, "rob")
    old, new = (Feedback(MBID, None, score, datetime(2024, day, 1, tzinfo=UTC)) for score, day in ((1, 1), (-1, 2)))
    with transaction(connection) as cursor:
        put_feedback(cursor, rob, [old])
    content = exported(database_url, rob)
    with transaction(connection) as cursor:
        put_feedback(cursor, rob, [new])

    imported(connection, content, rob)

    assert rows(connection, FELT, rob) == [tuple(new)]


def test_a_newer_rating_of_a_recommendation_is_not_taken_back_by_an_old_file(
    connection: Connection, database_url: str
) -> None:
    rob = create_user(connection, "rob")
    old, new = (
        Rating(MBID, False, word, datetime(2024, day, 1, tzinfo=UTC)) for word, day in (("love", 1), ("hate", 2))
    )
    with transaction(connection) as cursor:
        put_ratings(cursor, rob, [old])
    content = exported(database_url, rob)
    with transaction(connection) as cursor:
        put_ratings(cursor, rob, [old, new, old])

    imported(connection, content, rob)

    assert rows(connection, RATED, rob) == [tuple(new)]


def test_the_export_of_many_listens_is_made_in_flat_memory(connection: Connection, database_url: str) -> None:
    rob = create_user(connection, "rob")
    rows(
        connection,
        "INSERT INTO listen SELECT %s, 1500000000 + n * 600, gen_random_uuid(), n, now(), 'Artist ' || n %% 500,"
        " 'Track ' || n %% 5000, 'Release', '{\"duration_ms\": 200000, \"x\": \"' || md5(n::text) || '\"}'"
        " FROM generate_series(1, 30000) n RETURNING 1",
        rob,
    )
    process, sizes, growth = psutil.Process(), [], 0
    with moment(database_url) as opened:
        pieces = export_pieces(opened, rob, "rob", NOW)
        sizes.append(len(next(pieces)))
        before = process.memory_info().rss
        for piece in pieces:
            sizes.append(len(piece))
            growth = max(growth, process.memory_info().rss - before)

    assert sum(sizes) > 1_000_000
    assert max(sizes) < 200_000
    assert growth < 30_000_000


def test_loved_tracks_come_in_with_a_history_of_files_too(connection: Connection) -> None:
    rob = create_user(connection, "rob")
    write(connection, rob, listen(1_600_000_000, release_name="R"))
    [(_, heard, *_)] = rows(connection, KEPT, rob)
    page = {"lovedtracks": {"track": [{"artist": {"name": "a"}, "name": "T", "date": {"uts": "1650000000"}}]}}
    source = open_source(io.BufferedReader(io.BytesIO(orjson.dumps(page))), "loved.json")

    totals = [*import_items(connection, format_of(source).read(source), rob, now=NOW)][-1]

    assert (totals.feedback, totals.rejected) == (1, 0)
    assert rows(connection, FELT, rob) == [(heard, None, 1, datetime.fromtimestamp(1_650_000_000, UTC))]


def test_a_file_read_again_in_another_time_zone_gives_other_listens_and_in_the_same_none(
    connection: Connection,
) -> None:
    rob = create_user(connection, "rob")
    content = (
        b"#AUDIOSCROBBLER/1.1\n#TZ/UNKNOWN\nA\tR\tt1\t1\t200\tL\t1600000000\t\nA\tR\tt2\t2\t200\tL\t1600000300\t\n"
    )
    told = []

    for zone in (UTC, BERLIN, BERLIN):
        source = open_source(io.BufferedReader(io.BytesIO(content)), ".scrobbler.log", zone)
        totals = [*import_items(connection, format_of(source).read(source), rob, now=NOW)][-1]
        told.append((totals.new, totals.duplicate))

    assert told == [(2, 0), (2, 0), (0, 2)]
    times = sorted(row[0] - 1_600_000_000 for row in rows(connection, KEPT, rob))
    assert times == [-7200, -6900, 0, 300]
    assert len(rows(connection, "SELECT FROM message_seen")) == 2, "what is the same again is known by its message"
