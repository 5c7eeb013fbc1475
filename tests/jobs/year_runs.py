"""Runs of the year in music as values, and as what the API would say of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from pyspark.sql import SparkSession

from conf.settings import Settings
from jobs.catalog import catalog
from jobs.job import Job, Teller, YearDocument
from jobs.jspf import TRACK_EXTENSION
from jobs.lake import Landing
from jobs.messages import Manifest
from jobs.run_year import YearOrder, run_year
from jobs.years import range_of
from tests.jobs.results import Results
from tests.oracle.statistics import Oracle

RUN = UUID("018bcfe5-6800-7000-8000-000000000001")


def sections(*names: str) -> list[Job]:
    """Their jobs; of no names those of the whole report."""
    known = catalog()
    statistics = [f"year_in_music_{name}" for name in names] or known.bundles["year_in_music"].jobs
    return [known.jobs[statistic] for statistic in statistics]


def computed(
    spark: SparkSession, settings: Settings, landing: Landing, year: int, jobs: Sequence[Job], run_id: UUID = RUN
) -> Manifest:
    """One run."""
    ordered = YearOrder("year_in_music", jobs, year)
    return run_year(spark, settings, ordered, landing, run_id=run_id, request_id=None)


def data_of(manifest: Manifest, year: int, user_id: int, oracle: Oracle) -> dict[str, Any]:
    """`data` of a user's report; of playlists the recordings, as the oracle says them."""
    found = Results(manifest)
    told: dict[str, Any] = {}
    for switch in manifest.switches:
        job = catalog().jobs[switch.statistic]
        assert isinstance(job.output, YearDocument)
        stored = found.documents(job.statistic, range_of(year)).get(user_id)
        if stored is None:
            continue
        doc, applied = stored
        zone = orjson.loads(applied)["timezone"] if applied else "UTC"
        teller = Teller(oracle.world.users[user_id], year, zone, 1_700_000_000, oracle.world.users)
        told |= job.output.answer(orjson.loads(doc), teller)
    return {key: _recordings(value) if key.startswith("playlist") else value for key, value in told.items()}


def _recordings(playlist: dict[str, Any]) -> list[dict[str, Any]]:
    return [_recording(track) for track in playlist["track"]]


def _recording(track: dict[str, Any]) -> dict[str, Any]:
    beside = track["extension"][TRACK_EXTENSION]
    release = beside.get("release_identifier")
    return {
        "recording_mbid": _mbid(track["identifier"][0]),
        "title": track["title"],
        "creator": track["creator"],
        "artist_mbids": [_mbid(uri) for uri in beside["artist_identifiers"]],
        "album": track.get("album"),
        "release_mbid": None if release is None else _mbid(release),
        **beside["additional_metadata"],
    }


def _mbid(uri: str) -> str:
    return uri.rpartition("/")[2]
