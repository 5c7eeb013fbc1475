"""What MusicBrainz does not know, and how popular everything is, on Spark: equal to plain counts, listen by listen."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool
from conf.settings import Settings, load_settings
from jobs.catalog import catalog
from jobs.job import NothingToWorkOnError
from jobs.lake import Landing
from jobs.land import Lander
from jobs.listens.mapping import MappingRow, Resolved, resolve_one
from jobs.listens.msid import recording_msid
from jobs.lock import LakeLock
from jobs.messages import Manifest, new_run_id
from jobs.popularity.popularity import ENTITIES, OF_ARTIST
from jobs.recommend.missing_mb_data import DAYS, MOST
from jobs.run_engine import DAY, EngineOrder, run_engines
from spark_reader.reader import save_run
from tests.jobs.histories import generated, mbid
from tests.jobs.lake import write_lake
from tests.jobs.lived import Lived
from tests.jobs.oracle import Histories, Track
from tests.jobs.results import Results
from tests.jobs.served import lake_settings
from tests.jobs.small_world import documents
from tests.oracle.steps import Delete, Insert
from tests.oracle.world import Listen, Metadata
from tests.oracle.world import Track as Sent
from webapi import create_app

pytestmark = pytest.mark.spark
NOON = 1637582400
MANY = 50
"""A user who hears more unknown things than are told."""
MERGED = {mbid(100): mbid(104)}
GROUPS = {mbid(301): mbid(401), mbid(302): mbid(401), mbid(303): mbid(402)}
TITLES = {mbid(401): ("Kid A", "Radiohead")}
CREDITS = {mbid(101): (mbid(1), mbid(9)), mbid(104): (mbid(9),)}
"""Of recordings in MusicBrainz: whose artists, where a listen names none."""
Ask = Callable[..., Results]
ANNE, BEA, CLEO = 1, 2, 3
WORDS, LIES, SOLO, ONCE = 1, 2, 3, 4
"""Of tracks: by an artist with an MBID, without any MBID, by another artist, heard once and deleted."""


def histories() -> Histories:
    made = generated(seed=11, users=40, instants=[NOON])
    made.tracks = [_released(track) for track in made.tracks]
    first = len(made.tracks) + 1
    made.users.add(MANY)
    for number in range(MOST + 2):
        made.tracks.append(Track(first + number, mbid(5000 + number), "Obscure", track_name=f"Take {number}"))
        made.listens.append((MANY, NOON - 60 * number, first + number))
    lengths = [(old, number, True) for number, old in enumerate(MERGED, 1)]
    lengths += [(new, number, False) for number, new in enumerate(MERGED.values(), 1)]
    made.beside = {
        "recording_length": [
            {"recording_mbid": one, "length": 1000, "recording_id": number, "is_redirect": redirect}
            for one, number, redirect in lengths
        ],
        "recording_artist": [
            {"recording_mbid": one, "artist_mbids": list(artists), "artists": []} for one, artists in CREDITS.items()
        ],
        "release_metadata_cache": [
            {"release_mbid": one, "release_group_mbid": group, "release_name": "R", "album_artist_name": "A"}
            for one, group in GROUPS.items()
        ],
        "release_group_metadata_cache": [
            {"release_group_mbid": one, "title": title, "artist_credit_name": artist}
            for one, (title, artist) in TITLES.items()
        ],
    }
    return made


def _released(track: Track) -> Track:
    """Some with a release that has a group, some with one of their own, some without."""
    number = track.track_id
    return replace(
        track,
        track_name=("Idioteque", "IDIOTEQUE", "Treefingers")[number % 3],
        release_name=(None, "Kid A", "kid a", "Amnesiac")[number % 4],
        release_mbid=(None, mbid(301), mbid(302), mbid(303), mbid(304))[number % 5],
        release_group_mbid=(None, mbid(403))[number % 2],
    )


@dataclass(frozen=True)
class Heard:
    """A listen, and what it is about."""

    user_id: int
    listened_at: int
    track: Track
    about: Resolved


def heard(made: Histories, since: int, until: int) -> Iterator[Heard]:
    tracks = {track.track_id: track for track in made.tracks}
    mapping: dict[str, list[MappingRow]] = defaultdict(list)
    for row in made.mapping:
        mapping[row.recording_msid].append(row)
    for user_id, listened_at, track_id in made.listens:
        if user_id in made.users and since <= listened_at <= until:
            track = tracks[track_id]
            sent = MappingRow(
                None, track.recording_msid, "submitted", track.recording_mbid, track.release_mbid, track.artist_mbids
            )
            yield Heard(user_id, listened_at, track, resolve_one(sent, user_id, mapping[track.recording_msid]))


def _utf8(*texts: str | None) -> tuple[tuple[bool, bytes], ...]:
    return tuple((text is not None, (text or "").encode()) for text in texts)


def missing(listens: Iterator[Heard]) -> dict[int, list[dict[str, Any]]]:
    """By user, the last heard first."""
    spelled: dict[tuple[int, str], Counter[tuple[str, str, str | None]]] = defaultdict(Counter)
    latest: dict[tuple[int, str], int] = {}
    for one in listens:
        if one.about.recording_mbid is None:
            key = one.user_id, one.track.recording_msid
            spelled[key][one.track.track_name, one.track.artist_name, one.track.release_name] += 1
            latest[key] = max(latest.get(key, 0), one.listened_at)
    found: dict[int, list[tuple[int, int, str]]] = defaultdict(list)
    for (user_id, msid), names in spelled.items():
        found[user_id].append((sum(names.values()), latest[user_id, msid], msid))
    return {
        user_id: [
            {"listened_at": at, "recording_msid": msid, **_best(spelled[user_id, msid])}
            for at, msid in sorted(((at, msid) for _, at, msid in sorted(rows)[-MOST:]), reverse=True)
        ]
        for user_id, rows in found.items()
    }


def _best(names: Counter[tuple[str, str, str | None]]) -> dict[str, str | None]:
    best = max(names, key=lambda name: (names[name], _utf8(*name)))
    return dict(zip(("track_name", "artist_name", "release_name"), best, strict=True))


Things = dict[str, list[tuple[str, bool]]]


def things(one: Heard) -> Things:
    """By kind, what a listen counts for: id, and whether that is an MSID."""
    own = one.about.recording_mbid
    recording = (MERGED.get(own, own), False) if own is not None else (one.track.recording_msid, True)
    release = one.about.release_mbid
    group = GROUPS.get(release or "") or one.track.release_group_mbid
    artists = one.about.artist_mbids or CREDITS.get(recording[0], ())
    return {
        "recording": [recording],
        "release": [(release, False)] if release else [],
        "release_group": [(group, False)] if group else [],
        "artist": [(artist, False) for artist in dict.fromkeys(artists)],
    }


def popular(listens: Iterator[Heard]) -> dict[str, dict[str, list[int]]]:
    """By kind and id: listens, listeners; what was merged has those of what it was merged into."""
    counts: dict[str, dict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for one in listens:
        for kind, found in things(one).items():
            for thing, _ in found:
                counts[kind][thing][one.user_id] += 1
    told = {
        kind: {thing: [users.total(), len(users)] for thing, users in found.items()} for kind, found in counts.items()
    }
    told["recording"] |= {old: told["recording"][new] for old, new in MERGED.items() if new in told["recording"]}
    return told


def top(listens: Iterator[Heard], kind: str) -> dict[str, list[dict[str, Any]]]:
    """By artist: the most heard things of a kind, named."""
    counts: dict[tuple[str, str, bool], Counter[int]] = defaultdict(Counter)
    spelled: dict[str, Counter[tuple[str | None, str]]] = defaultdict(Counter)
    for one in listens:
        found = things(one)
        name = one.track.track_name if kind == "recording" else one.track.release_name
        for thing, msid in found[kind]:
            spelled[thing][name, one.track.artist_name] += 1
            for artist, _ in found["artist"]:
                counts[artist, thing, msid][one.user_id] += 1
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for artist, thing, msid in sorted(counts, key=lambda key: (counts[key].total(), key[1]), reverse=True):
        names, users = spelled[thing], counts[artist, thing, msid]
        shown = max(names, key=lambda one: (names[one], _utf8(*one)))
        if kind == "release_group":
            shown = TITLES.get(thing, shown)
        row = {"id": thing, "msid": msid, "name": shown[0], "artist_name": shown[1]}
        rows[artist].append(row | {"listen_count": users.total(), "user_count": len(users)})
    return rows


@pytest.fixture(scope="module")
def made() -> Histories:
    return histories()


@pytest.fixture(scope="module")
def newest(made: Histories) -> int:
    return max(at for _, at, _ in made.listens if at <= NOON)


@pytest.fixture(scope="module")
def ask(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, made: Histories) -> Ask:
    folder = tmp_path_factory.mktemp("popular") / "lake"
    landing: Landing = write_lake(spark, str(folder), made, NOON)

    return lambda query, **given: _made(spark, lake_settings(folder), landing, query, **given)


def _made(spark: SparkSession, settings: Settings, landing: Landing, query: str, **given: Any) -> Results:
    found = run_engines(
        spark, settings, EngineOrder(query, catalog().steps(query, given)), landing,
        run_id=new_run_id(1.7e9), request_id=None, now=1.7e9,
    )  # fmt: skip
    assert isinstance(found, Manifest)
    return Results(found)


@pytest.fixture
def lived(spark: SparkSession, settings: Settings, connection: Connection, tmp_path: Path) -> Iterator[Lived]:
    """A system in which nothing has landed yet."""
    Path(settings.lake).mkdir(parents=True)
    lock = LakeLock(settings.database_url, settings.lake)
    assert lock.acquire()
    yield Lived(spark, settings, connection, Lander(spark, settings, lock), tmp_path / "metadata")
    lock.release()


def test_what_musicbrainz_does_not_know_is_told_of_every_user(ask: Ask, made: Histories, newest: int) -> None:
    found = documents(ask("cf.missing_mb_data", days=DAYS), "missing_musicbrainz_data")

    assert found == missing(heard(made, newest - DAYS * DAY, newest))
    assert found != missing(heard(made, 0, newest))
    assert len(found[MANY]) == MOST
    assert len(found) > 10


def test_a_window_without_listens_is_refused_and_what_is_served_stays(ask: Ask) -> None:
    with pytest.raises(NothingToWorkOnError, match="days=1: there are no listens"):
        ask("cf.missing_mb_data", days=1, at=1_033_430_400 - 2 * DAY)


def test_popularity_counts_listens_and_listeners_of_everything(ask: Ask, made: Histories, newest: int) -> None:
    found = ask("popularity.popularity")
    expected = popular(heard(made, 0, newest))

    for kind in ENTITIES:
        assert expected[kind]
        assert found.entity_documents(f"popularity_{kind}") == expected[kind], kind
    assert {mbid(100), mbid(104)} <= {one.about.recording_mbid for one in heard(made, 0, newest)}, "merged, both heard"
    assert not {user for user, *_ in made.listens} <= made.users, "somebody deleted her account"


def test_a_merged_mbid_is_answered_with_the_counts_of_what_it_was_merged_into(
    ask: Ask, database_url: str, tmp_path: Path
) -> None:
    pool = Pool(database_url)
    save_run(pool, ask("popularity.popularity", entity="recording").manifest)
    pool.discard()
    settings = load_settings({"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url}, env_file=None)
    asked = {"recording_mbids": [mbid(100), mbid(104), mbid(9999)]}
    old, new, unknown = create_app(settings).test_client().post("/1/popularity/recording", json=asked).get_json()

    assert old == {**new, "recording_mbid": mbid(100)}
    assert new["total_listen_count"] > 0
    assert unknown["total_listen_count"] is None


@pytest.mark.slow
def test_an_artists_release_groups_are_told_by_popularity(ask: Ask, made: Histories, newest: int) -> None:
    found = ask("popularity.popularity_top", entity="release_group")
    expected = top(heard(made, 0, newest), "release_group")

    assert {switch.statistic for switch in found.manifest.switches} == {"popularity_top_release_group"}
    assert max(map(len, expected.values())) > 2
    assert found.entity_documents("popularity_top_release_group") == expected


@pytest.mark.slow
def test_all_of_it_is_made_in_one_run(ask: Ask, made: Histories, newest: int) -> None:
    found = ask("popularity.all")
    expected = popular(heard(made, 0, newest))

    for kind in ENTITIES:
        assert found.entity_documents(f"popularity_{kind}") == expected[kind], kind
    for kind in OF_ARTIST:
        assert found.entity_documents(f"popularity_top_{kind}") == top(heard(made, 0, newest), kind), kind


def _track(number: int, artist: str, name: str, **sent: Any) -> Track:
    msid = str(recording_msid(artist, name, None, None, None))
    return Track(number, msid, artist, track_name=name, **sent)


def _few() -> Histories:
    """What three users have heard at the first landing."""
    tracks = [
        _track(WORDS, "Low", "Words", recording_mbid=mbid(110), release_mbid=mbid(310), artist_mbids=(mbid(11),)),
        _track(LIES, "Low", "Lies"),
        _track(SOLO, "Bob", "Solo", recording_mbid=mbid(111), release_mbid=mbid(310), artist_mbids=(mbid(12),)),
        _track(ONCE, "Bob", "Once", recording_mbid=mbid(112), release_mbid=mbid(311), artist_mbids=(mbid(12),)),
    ]
    listens = [(ANNE, NOON - 60, WORDS), (BEA, NOON - 50, WORDS), (ANNE, NOON - 40, LIES), (BEA, NOON - 30, LIES),
               (BEA, NOON - 20, SOLO), (BEA, NOON - 10, ONCE)]  # fmt: skip
    return Histories(tracks, {ANNE, BEA, CLEO}, listens)


def _sent(made: Histories, *listens: tuple[int, int, int]) -> Insert:
    tracks = {
        track.track_id: Sent(
            track.recording_msid,
            track.artist_name,
            track.track_name,
            recording_mbid=track.recording_mbid,
            release_mbid=track.release_mbid,
            artist_mbids=track.artist_mbids,
        )
        for track in made.tracks
    }
    return Insert(tuple(Listen(user_id, at, tracks[track_id]) for user_id, at, track_id in listens))


def test_after_another_landing_who_deleted_her_only_listen_of_something_is_no_listener_of_it(lived: Lived) -> None:
    few, settings = _few(), replace(lived.settings, result_inline_bytes=1 << 30)
    lived.begin({ANNE: "anne", BEA: "bea", CLEO: "cleo"})
    lived.do([_sent(few, *few.listens)])
    first = _made(lived.spark, settings, lived.land(Metadata()), "popularity.popularity")
    before = {kind: first.entity_documents(f"popularity_{kind}") for kind in ENTITIES}
    assert before == {"release_group": {}} | popular(heard(few, 0, NOON))

    more = [(ANNE, NOON, WORDS), (CLEO, NOON - 5, SOLO), (ANNE, NOON - 400 * DAY, SOLO)]
    gone = [(BEA, NOON - 50, WORDS), (BEA, NOON - 30, LIES), (BEA, NOON - 10, ONCE)]
    msids = {track.track_id: track.recording_msid for track in few.tracks}
    lived.do([_sent(few, *more), *(Delete((user_id, at, msids[track])) for user_id, at, track in gone)])
    few.listens = [one for one in [*few.listens, *more] if one not in gone]
    again = _made(lived.spark, settings, lived.land(Metadata()), "popularity.popularity")
    after = {kind: again.entity_documents(f"popularity_{kind}") for kind in ENTITIES}

    assert after == {"release_group": {}} | popular(heard(few, 0, NOON))
    assert [(before["recording"][one], after["recording"].get(one)) for one in (mbid(110), msids[LIES])] == [
        ([2, 2], [2, 1]),
        ([2, 2], [1, 1]),
    ]
    assert (before["recording"][mbid(111)], after["recording"][mbid(111)]) == ([1, 1], [3, 3])
    assert mbid(112) in before["recording"].keys() - after["recording"].keys(), "nobody has heard it"
    assert (before["release"][mbid(310)], after["release"][mbid(310)]) == ([3, 2], [5, 3])
    assert (before["artist"][mbid(12)], after["artist"][mbid(12)]) == ([2, 1], [3, 3])
