"""An import of metadata reaches whoever heard something that it says something else of, and nobody else."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from pyspark.sql import SparkSession

from conf.postgres import Connection, Pool
from conf.settings import Settings
from dumps.load.metadata import import_tables
from jobs import everybody, touched_by_metadata
from jobs.engines.plays import Moment
from jobs.import_run import ImportRun
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.msid import msid_of
from jobs.listens.users import create_user
from jobs.ranges import STATS_RANGES
from jobs.touched import Version, touched_users
from tests.jobs.metadata_files import write_metadata
from tests.landing.listens import NOON, exclude, listen, submit
from tests.landing.test_continued_runs import DAY, Site
from tests.oracle.world import Credited, Metadata, Release, ReleaseGroup

pytestmark = pytest.mark.spark
T = NOON + 3600
RECORDING, OTHER, ARTIST, SECOND, RELEASE, GROUP, LONE_GROUP, CREDITED = (
    f"00000000-0000-4000-8000-0000000000{number}" for number in range(10, 18)
)
MAPPED, OWN = listen(-60, "mapped", "Mùm"), listen(-2 * DAY, "own", "Zoë")
KNOWN = Metadata(
    artists={(ARTIST, "Mùm"): "ISL", (SECOND, "Zoë"): None},
    lengths={RECORDING: 200_000},
    credits={CREDITED: (Credited("Mùm", "", ARTIST),)},
    releases={RELEASE: Release(GROUP, "Yesterday", "Mùm", (ARTIST,), (Credited("Mùm", "", ARTIST),))},
    release_groups={
        GROUP: ReleaseGroup("Yesterday", "Mùm", (ARTIST,), (Credited("Mùm", "", ARTIST),), None, None, 2002, "Album"),
        LONE_GROUP: ReleaseGroup("Later", "Zoë", (SECOND,), (Credited("Zoë", "", SECOND),), None, None, 2009, "EP"),
    },
    genres={(RECORDING, "folktronica")},
)


class Users(NamedTuple):
    """Their ids, by how MBIDs come to what they heard. Each also has a listen without any."""

    mapping: int
    """Everybody's: RECORDING by ARTIST on RELEASE."""
    own: int
    """Her own: OTHER by SECOND."""
    sent: int
    """Sent with the listen: OTHER of LONE_GROUP, by SECOND."""
    nothing: int


@pytest.fixture
def users(connection: Connection) -> Users:
    made = Users(*(create_user(connection, name) for name in Users._fields))
    for user in made:
        submit(connection, user, listen(-5 * DAY, "plain", "Nobody"))
    submit(connection, made.mapping, MAPPED)
    submit(connection, made.own, OWN)
    sent = {"recording_mbid": OTHER, "artist_mbids": [SECOND], "release_group_mbid": LONE_GROUP}
    submit(connection, made.sent, listen(-40 * DAY, "sent", "Zoë", **sent))
    msid = str(msid_of(MAPPED["track_metadata"]))
    put_mapping(connection, MappingRow(None, msid, "automatic", RECORDING, RELEASE, (ARTIST,)))
    msid = str(msid_of(OWN["track_metadata"]))
    put_mapping(connection, MappingRow(made.own, msid, "manual", OTHER, None, (SECOND,)))
    exclude(connection, made.own, "artist", "Zoe")
    return made


Change = Callable[[Metadata], Metadata]
CHANGES: dict[str, tuple[Change, set[str]]] = {
    "a length": (lambda known: replace(known, lengths={RECORDING: 300_000}), {"mapping"}),
    "a length that there was not": (
        lambda known: replace(known, lengths={**known.lengths, OTHER: 100_000}),
        {"own", "sent"},
    ),
    "a country": (lambda known: replace(known, artists={**known.artists, (ARTIST, "Mùm"): "FRO"}), {"mapping"}),
    "a name that is excluded": (
        lambda known: replace(known, artists={**known.artists, (SECOND, "Zoe"): None}),
        {"own", "sent"},
    ),
    "a genre": (lambda known: replace(known, genres=set()), {"mapping"}),
    "a release": (
        lambda known: replace(known, releases={RELEASE: replace(known.releases[RELEASE], release_name="Finally")}),
        {"mapping"},
    ),
    "the release group of a release": (lambda known: _years(known, GROUP, 1999), {"mapping"}),
    "a release group that was sent": (lambda known: _years(known, LONE_GROUP, 2010), {"sent"}),
    "a credit that nobody heard": (
        lambda known: replace(known, credits={CREDITED: (Credited("múm", "", ARTIST),)}),
        set(),
    ),
}


def _years(known: Metadata, group: str, year: int) -> Metadata:
    groups = {**known.release_groups, group: replace(known.release_groups[group], first_release_date_year=year)}
    return replace(known, release_groups=groups)


def test_each_change_reaches_whom_it_is_about_and_what_is_stored_is_what_a_run_of_everything_stores(
    spark: SparkSession,
    settings: Settings,
    connection: Connection,
    pool: Pool,
    lander: Lander,
    users: Users,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(everybody, "KEPT_FROM", 1)
    monkeypatch.setattr(everybody, "MOST_TOUCHED", 1.0)
    site, known = Site(spark, settings, connection, pool), KNOWN
    lander.land()
    landing = imported(site, lander, tmp_path, known)
    site.run(landing, T, None)
    for what, (change, names) in CHANGES.items():
        known = change(known)
        newer = imported(site, lander, tmp_path, known)
        found = touched(site, landing, newer)
        assert found == sorted(getattr(users, name) for name in names), what
        landing = newer
    continued = site.run(landing, T, site.base)
    assert continued.base_run_id is not None
    assert continued.touched == sorted(users[:3])
    site.check(landing, T)


def test_the_first_credit_and_more_changes_than_are_followed_reach_everybody(
    spark: SparkSession,
    settings: Settings,
    connection: Connection,
    pool: Pool,
    lander: Lander,
    users: Users,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    site = Site(spark, settings, connection, pool)
    assert len(users) == 4
    lander.land()
    before = imported(site, lander, tmp_path, replace(KNOWN, credits={}))
    landing = imported(site, lander, tmp_path, KNOWN)
    assert touched(site, before, landing) is None

    monkeypatch.setattr(touched_by_metadata, "MOST_CHANGED", 1)
    before, landing = landing, imported(site, lander, tmp_path, replace(KNOWN, lengths={OTHER: 1, RECORDING: 2}))
    assert touched(site, before, landing) is None


def imported(site: Site, lander: Lander, folder: Path, metadata: Metadata) -> Landing:
    """The data version with exactly this metadata."""
    write_metadata(folder, metadata)
    import_tables(
        ImportRun(site.spark, site.settings, lander.lock, {"from": str(folder)}, lander.conclude_import, lambda _: None)
    )
    landing = lander.start()
    assert landing is not None
    return landing


def touched(site: Site, before: Landing, now: Landing) -> list[int] | None:
    then, later = (Version(landing, Moment(T, STATS_RANGES)) for landing in (before, now))
    return touched_users(site.spark, site.settings.lake, then, later, tables=now.versions, clock=datetime.now(UTC))
