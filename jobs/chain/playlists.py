"""The job of periodic playlists: lists as they are served, when things were last heard, names. A document per user."""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf.postgres import Connection, connect, dsn, transaction
from jobs.chain import discovery
from jobs.chain.catalogue import Catalogue
from jobs.chain.dataframes import Heard, current
from jobs.chain.people import exclusions_of
from jobs.chain.unwanted import unwanted_by
from jobs.engines.interactions import UUID_TYPE
from jobs.engines.jams import JAMS, Candidate, LocalDay, chosen, day_for, day_of, is_made
from jobs.recommend.dataframes import RECORDINGS
from jobs.recommend.playlists import DAILY, statistic_of
from jobs.run_engine import EngineRun, Made

BLOCK = 256
"""Users whose lists are in memory at a time."""
TITLES = {
    "weekly-jams": "Weekly Jams for {name}, week of {day:%Y-%m-%d %a}",
    "weekly-exploration": "Weekly Exploration for {name}, week of {day:%Y-%m-%d %a}",
    "daily-jams": "Daily Jams for {name}, {day:%Y-%m-%d %a}",
}
ANNOTATIONS = {
    "weekly-jams": "<p>Recordings that you have not heard for two months, and may like to hear again.</p>",
    "weekly-exploration": "<p>Recordings that you have not heard yet, and may like.</p>",
    "daily-jams": "<p>Recordings that you know, and have not heard this week.</p>",
}
_HAVE_LISTS = """
SELECT key FROM result_document WHERE statistic = 'recommendations_raw' AND stats_range = 'all_time'
"""
_LISTS = """
SELECT d.key, item ->> 'id', (item ->> 'score')::float8
  FROM result_document d, json_array_elements(d.doc::json -> 'items') AS item
 WHERE d.statistic = 'recommendations_raw' AND d.stats_range = 'all_time' AND d.key = ANY(%s)
   AND NOT (item ->> 'msid')::boolean
"""
_MADE = """
SELECT created_for_id, source_patch, made_for_day FROM playlist
 WHERE creator_id IS NULL AND made_for_day IS NOT NULL AND source_patch = ANY(%s)
"""
_KNOWN = """
WITH played AS (
    SELECT p.recording AS recording_mbid, i.track_name, i.artist_name, i.artist_mbids, i.release_name, i.release_mbid,
           sum(w.listen_count) AS listen_count
      FROM {windowed_track} w JOIN {identity} i ON i.identity_id = w.track_id
      JOIN {played_recording} p ON p.identity_id = i.identity_id
      LEFT SEMI JOIN {wanted} c ON c.recording_mbid = p.recording
     GROUP BY ALL
), named AS (
    SELECT recording_mbid, shown.*
      FROM (SELECT recording_mbid, max(struct(listen_count, track_name, artist_name, artist_mbids, release_name,
                                              release_mbid)) AS shown
              FROM played GROUP BY recording_mbid)
)
SELECT n.recording_mbid, n.track_name, n.artist_name, n.artist_mbids, n.release_name, n.release_mbid, a.artists,
       r.caa_id, r.caa_release_mbid
  FROM named n
  LEFT JOIN {recording_artist} a ON a.recording_mbid = n.recording_mbid
  LEFT JOIN {release_metadata_cache} r ON r.release_mbid = n.release_mbid
"""
"""What is shown of the recordings {wanted}: as they were played most, ties the greatest; by everybody's mapping."""


@dataclass(frozen=True)
class _Person:
    user_id: int
    name: str
    zone: str


@dataclass(frozen=True)
class _Listed:
    """A playlist before its recordings have names; where nothing fits it has none."""

    slug: str
    person: _Person
    today: LocalDay
    recordings: Sequence[str]


def make_weekly(run: EngineRun) -> Made:
    """Weekly jams and weekly exploration, or that one of them which is asked for. Raises NothingToWorkOnError."""
    asked = run.params.get("slug")
    return _made(run, [slug for slug, jam in JAMS.items() if jam.weekly and asked in (None, slug)])


def make_daily(run: EngineRun) -> Made:
    """Daily jams. Raises NothingToWorkOnError."""
    return _made(run, [DAILY])


def _made(run: EngineRun, slugs: Sequence[str]) -> Made:
    """Of the users who have none yet of their day, or week. Raises NothingToWorkOnError for an empty window."""
    with closing(connect(dsn(run.settings), application="request_consumer")) as connection:
        seen_to = {} if run.params["create_all"] else _made_already(connection, slugs)
        due = _due(run, slugs, _have_lists(connection), seen_to)
        if not due:
            return Made(said="everybody with recommendations has that of the day on her clock")
        run.progress("choosing recordings")
        listed = list(_listed(run, connection, due))
    run.progress("naming recordings")
    known = _known(run, sorted({one for playlist in listed for one in playlist.recordings}))
    made = sum(any(mbid in known for mbid in one.recordings) for one in listed)
    # Those without recordings are given too, and kept where nobody finds them: who was seen to once is not due again in
    # every hour of that day, each time for dataframes of the whole lake.
    return Made(_batches(listed, known), said=f"{made} playlists of {len(due)} users")


def _have_lists(connection: Connection) -> set[int]:
    with transaction(connection) as cursor:
        cursor.execute(_HAVE_LISTS)
        return {user_id for (user_id,) in cursor.fetchall()}


def _made_already(connection: Connection, slugs: Sequence[str]) -> dict[tuple[int, str], list[date]]:
    """By user and slug the days of the playlists that are kept, and of those on which nothing fitted."""
    found: dict[tuple[int, str], list[date]] = {}
    with transaction(connection) as cursor:
        cursor.execute(_MADE, (list(slugs),))
        for user_id, slug, day in cursor.fetchall():
            found.setdefault((user_id, slug), []).append(day)
    return found


def _due(
    run: EngineRun, slugs: Sequence[str], users: Set[int], made: Mapping[tuple[int, str], Sequence[date]]
) -> dict[_Person, dict[str, LocalDay]]:
    """By user, of these, the playlists that are to be made, each with the day it is for; users ascending.

    Not only in the hour in which a day begins: where nothing ran then, it is made later in that day, or week.
    """
    at = run.params["at"]
    assert at is None or isinstance(at, int)
    moment = run.now if at is None else float(at)
    subjects = run.frames.named("subjects").where("key > 0").select("user_id", "zone")
    rows = subjects.join(run.frames.named("users").select("user_id", "name"), "user_id").collect()
    found = {}
    for person in sorted((_Person(row.user_id, row.name, row.zone) for row in rows), key=lambda one: one.user_id):
        if person.user_id not in users:
            continue
        if run.params["create_all"]:
            days = dict.fromkeys(slugs, day_of(moment, person.zone))
        else:
            begun = {slug: day_for(JAMS[slug], moment, person.zone) for slug in slugs}
            days = {
                slug: day
                for slug, day in begun.items()
                if not is_made(JAMS[slug], day, made.get((person.user_id, slug), ()))
            }
        if days:
            found[person] = days
    return found


def _listed(run: EngineRun, connection: Connection, due: Mapping[_Person, Mapping[str, LocalDay]]) -> Iterator[_Listed]:
    dataframes = current(run, RECORDINGS)
    catalogue = Catalogue(dataframes, dataframes.interactions(), exclusions_of(run))
    heard = discovery.current(run)
    people = [*due]
    for first in range(0, len(people), BLOCK):
        block = people[first : first + BLOCK]
        ids = [person.user_id for person in block]
        latest = discovery.latest_of(heard, ids)
        with transaction(connection) as cursor:
            lists = _lists(cursor, ids)
        unwanted = unwanted_by(connection, catalogue, ids)
        below = dataframes.heard_below(ids)
        for person in block:
            listed, left_out = lists.get(person.user_id, []), set(unwanted[person.user_id].tolist())
            own = below.get(person.user_id) or _heard(catalogue, person.user_id)
            candidates = list(_candidates(catalogue, person.user_id, listed, left_out, latest))
            for slug, today in due[person].items():
                jam = JAMS[slug]
                more = _heard_beside(catalogue, person.user_id, own, listed, left_out, latest) if jam.known else ()
                yield _Listed(slug, person, today, chosen(jam, person.user_id, today, [*candidates, *more]))


def _lists(cursor: Cursor, users: Sequence[int]) -> dict[int, list[tuple[str, float]]]:
    """By user (MBID, score) of what is recommended to her, as it is served."""
    cursor.execute(_LISTS, (list(users),))
    found: dict[int, list[tuple[str, float]]] = {}
    for user_id, recording, score in cursor.fetchall():
        found.setdefault(user_id, []).append((recording, score))
    return found


def _candidates(
    catalogue: Catalogue,
    user_id: int,
    listed: Sequence[tuple[str, float]],
    left_out: Set[int],
    latest: Mapping[tuple[int, str], int],
) -> Iterator[Candidate]:
    """Without what nobody hears any more, and what the user has left out or hated since the list was made."""
    items = catalogue.plays.items
    if not items.size or not listed:
        return
    names = np.array([one for one, _ in listed], UUID_TYPE)
    places = np.minimum(np.searchsorted(items, names), items.size - 1)
    credits = catalogue.dataframes.recordings["artists"]
    for (recording, score), place, there in zip(listed, places.tolist(), items[places] == names, strict=True):
        if there and place not in left_out:
            yield Candidate(recording, score, latest.get((user_id, recording)), credits[place].as_py())


def _heard(catalogue: Catalogue, user_id: int) -> Heard:
    """By the row of plays of a user, if she has one."""
    plays = catalogue.plays
    row = int(np.searchsorted(plays.user_ids, user_id))
    if row == plays.user_ids.size or plays.user_ids[row] != user_id:
        return Heard(np.zeros(0, np.int64), np.zeros(0, np.int64))
    own = slice(plays.matrix.indptr[row], plays.matrix.indptr[row + 1])
    return Heard(plays.matrix.indices[own], plays.matrix.data[own])


def _heard_beside(  # noqa: PLR0917 - of what, then for whom
    catalogue: Catalogue,
    user_id: int,
    own: Heard,
    listed: Sequence[tuple[str, float]],
    left_out: Set[int],
    latest: Mapping[tuple[int, str], int],
) -> Iterator[Candidate]:
    """What a user has heard and her list lacks, behind all that is in it, the most heard first.

    A list is made for finding something new: by default it holds nothing of the model's window, so nothing that she
    heard a week or two months ago.
    """
    plays = catalogue.plays
    known = {one for one, _ in listed}
    behind = min((score for _, score in listed), default=0.0)
    credits = catalogue.dataframes.recordings["artists"]
    for place, count in zip(own.positions.tolist(), own.counts.tolist(), strict=True):
        recording = plays.items[place].decode()
        if plays.msid[place] or place in left_out or recording in known:
            continue
        yield Candidate(recording, behind - 1 / count, latest.get((user_id, recording)), credits[place].as_py())


def _known(run: EngineRun, mbids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By MBID what is shown of a recording."""
    if not mbids:
        return {}
    frames = run.within(None)
    wanted = run.spark.createDataFrame([(mbid,) for mbid in mbids], "recording_mbid string")
    reads = ("windowed_track", "identity", "played_recording", "recording_artist", "release_metadata_cache")
    rows = frames.sql(_KNOWN, reads, wanted=wanted).toArrow().to_pylist()
    return {row["recording_mbid"]: row for row in rows}


def _batches(listed: Sequence[_Listed], known: Mapping[str, Mapping[str, Any]]) -> Iterator[pa.RecordBatch]:
    for first in range(0, len(listed), BLOCK):
        block = listed[first : first + BLOCK]
        yield pa.record_batch(
            {
                "statistic": pa.array([statistic_of(one.slug) for one in block], pa.string()),
                "key": pa.array([one.person.user_id for one in block], pa.int64()),
                "doc": pa.array([_document(one, known) for one in block], pa.string()),
            }
        )


def _document(one: _Listed, known: Mapping[str, Mapping[str, Any]]) -> str:
    """As jobs/job.py UserPlaylist has it, without recordings that only some user's own mapping knows of."""
    document = {
        "slug": one.slug,
        "day": one.today.day.isoformat(),
        "title": TITLES[one.slug].format(name=one.person.name, day=one.today.day),
        "annotation": ANNOTATIONS[one.slug],
        "tracks": [known[mbid] for mbid in one.recordings if mbid in known],
    }
    return orjson.dumps(document).decode()
