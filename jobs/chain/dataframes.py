"""Dataframes of the chain (reference jobs.md 8): who heard which recording how often, with dense ids, as Parquet.

users: one row per user with more than so many listens in the window. recordings: one per recording that one of them
heard; ids are dense from 1, for a recording is itself under whatever credits it was seen. playcounts: one per pair.
heard_below: what everybody else heard of these recordings. artist_names: what artists are called; other_ids: MSIDs and
merged MBIDs by which recordings are known too.

Dataframes are a cache of the lake: a job that finds those of another data version makes them anew with the settings
of the last ones, so that what was deleted, excluded or mapped since is in its results.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from pyspark.sql import DataFrame
from pyspark.sql import functions as F  # noqa: N812
from scipy.sparse import csr_matrix

from jobs.chain.kept import Kept, finish, home, kept, remove_older
from jobs.engines.interactions import UUID_TYPE, Interactions, Ints
from jobs.frames import Frames
from jobs.job import NothingToWorkOnError
from jobs.recommend.dataframes import DEFAULTS
from jobs.recording_credits import CREDITED_SQL, NAMED_SQL
from jobs.result_files import filesystem
from jobs.run_engine import DAY, EngineRun, Made

WHAT = "dataframes"
FORM = 3
"""Which columns there are and what they mean: what an older program left is made anew."""
_USERS = """
SELECT CAST(row_number() OVER (ORDER BY user_id) AS INT) AS spark_user_id, user_id, listen_count FROM {counted}
"""
_RECORDINGS = """
SELECT CAST(row_number() OVER (ORDER BY recording) AS INT) AS recording_id, recording, msid
  FROM (SELECT recording, bool_and(msid) AS msid
          FROM {plays} p LEFT SEMI JOIN {users} u ON u.user_id = p.user_id GROUP BY recording)
"""
_SPELLED = """
SELECT recording_id AS item_id, recording, msid, identity_id, listen_count, recording_msid, track_name, artist_name,
       artist_key, artist_mbids
  FROM (SELECT r.recording_id, r.recording, r.msid, p.identity_id, p.listen_count, i.recording_msid, i.track_name,
               i.artist_name, i.artist_key, i.artist_mbids, rank() OVER (PARTITION BY r.recording_id
                   ORDER BY CASE WHEN shiftright(p.identity_id, 32) = 0 THEN 0 ELSE 1 END) AS place
          FROM (SELECT identity_id, recording, sum(listen_count) AS listen_count
                  FROM {identity_plays} GROUP BY identity_id, recording) p
          JOIN {recordings} r ON r.recording = p.recording
          JOIN {identity} i ON i.identity_id = p.identity_id)
 WHERE place = 1
"""
"""What only a user's own mapping says of a recording counts where nothing else is known of it."""
_CREDITS = """
SELECT item_id, recording, artist_key, artist_mbids
  FROM (SELECT *, rank() OVER (PARTITION BY item_id ORDER BY size(artist_mbids) > 0 DESC) AS place FROM {spelled})
 WHERE place = 1
"""
"""A text says nothing of a recording of which any spelling names artists by MBID."""
_RECORDED = """
SELECT n.item_id AS recording_id, n.recording, n.msid, n.recording_name,
       coalesce(nullif(array_join(transform(r.artists, one -> concat(one.artist_credit_name, one.join_phrase)), ''),
                       ''), n.artist_credit_name) AS artist_credit_name,
       c.credits, array_sort(a.artists) AS artists
  FROM {named} n JOIN {credited} a ON a.item_id = n.item_id
  JOIN (SELECT item_id, array_sort(collect_set(artist_key)) AS credits FROM {spelled} GROUP BY item_id) c
    ON c.item_id = n.item_id
  LEFT JOIN {recording_artist} r ON r.recording_mbid = n.recording
 ORDER BY n.item_id
"""
_COLUMNS = ("recording", "msid", "recording_name", "artist_credit_name", "credits", "artists")
"""artists: MBIDs, or the folded name where none is known; credits: whole credits as they were submitted, folded."""
_ARTIST_NAMES = """
WITH here AS (SELECT DISTINCT explode(artists) AS artist FROM {credited})
SELECT artist, name
  FROM (SELECT artist_mbid AS artist, artist_name AS name FROM {artist_country_code}
         UNION
        SELECT one.artist_mbid, one.artist_credit_name
          FROM (SELECT explode(r.artists) AS one FROM {recording_artist} r
                  LEFT SEMI JOIN {recordings} c ON c.recording = r.recording_mbid)
         UNION
        SELECT artist_mbids[0], artist_name FROM {spelled} WHERE size(array_distinct(artist_mbids)) = 1) named
  LEFT SEMI JOIN here ON here.artist = named.artist
"""
_OTHER_IDS = """
SELECT recording_msid AS id, recording FROM {spelled} WHERE recording_msid <> recording
 UNION
SELECT m.recording_mbid, m.merged_into FROM {merged_recording} m
  LEFT SEMI JOIN {recordings} r ON r.recording = m.merged_into
"""
_PLAYCOUNTS = """
SELECT u.spark_user_id, r.recording_id, CAST(p.listen_count AS INT) AS playcount,
       CAST(CASE p.listen_count WHEN 1 THEN 20 ELSE 30 + least(p.listen_count, 20) END AS FLOAT)
           AS transformed_listencount,
       unix_seconds(p.latest) AS latest_listened_at
  FROM {plays} p JOIN {users} u ON u.user_id = p.user_id JOIN {recordings} r ON r.recording = p.recording
 ORDER BY spark_user_id, recording_id
"""
_HEARD_BELOW = """
SELECT p.user_id, r.recording_id, CAST(p.listen_count AS INT) AS playcount
  FROM {plays} p LEFT ANTI JOIN {users} u ON u.user_id = p.user_id JOIN {recordings} r ON r.recording = p.recording
 ORDER BY p.user_id, r.recording_id
"""
"""No model is made of it: it is what is not new to those users, nor to be recommended to them as such."""


class Heard(NamedTuple):
    """What one user heard in the window."""

    positions: Ints
    """Columns of `interactions`, ascending."""
    counts: Ints
    """Plays, aligned with positions."""


@dataclass(frozen=True)
class Dataframes:
    """Dataframes that were made."""

    kept: Kept

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What they are of: window, data version, counts."""
        return self.kept.metadata

    @cached_property
    def recordings(self) -> pa.Table:
        """One row per recording, in the order of `interactions`: _COLUMNS."""
        return _read(self.kept, "recordings", list(_COLUMNS))

    @cached_property
    def artist_names(self) -> pa.Table:
        """artist, name: what artists with an MBID are called, one row per name."""
        return _read(self.kept, "artist_names", ["artist", "name"])

    def other_ids(self, ids: Sequence[str]) -> pa.Table:
        """id, recording: of these ids those that are not a recording's own: merged MBIDs, MSIDs that it came with."""
        return _read(self.kept, "other_ids", ["id", "recording"], [("id", "in", list(ids))])

    def heard_below(self, user_ids: Sequence[int]) -> dict[int, Heard]:
        """By user what those of these users heard who have too few listens for a row of plays in `interactions`."""
        columns = ["user_id", "recording_id", "playcount"]
        rows = _read(self.kept, "heard_below", columns, [("user_id", "in", list(user_ids))])
        users, recordings, counts = (rows[name].to_numpy().astype(np.int64) for name in columns)
        order = np.lexsort((recordings, users))
        found, starts = np.unique(users[order], return_index=True)
        stretches = [order[start:end] for start, end in pairwise([*starts.tolist(), users.size])]
        return {
            user_id: Heard(recordings[own] - 1, counts[own])
            for user_id, own in zip(found.tolist(), stretches, strict=True)
        }

    def interactions(self, *, transformed: bool = False, everybody: Sequence[int] = ()) -> Interactions:
        """The play counts as a matrix; `transformed`: 20 for 1 and 30 + min(n, 20) for n in their place.

        `everybody`: ids of users who have a row, empty where the dataframes have nothing of them.
        """
        count = "transformed_listencount" if transformed else "playcount"
        users = _read(self.kept, "users", ["user_id"])["user_id"].to_numpy().astype(np.int64)
        pairs = _read(self.kept, "playcounts", ["spark_user_id", "recording_id", count, "latest_listened_at"])
        row, column = (pairs[name].to_numpy().astype(np.int64) - 1 for name in ("spark_user_id", "recording_id"))
        rows = np.union1d(users, np.asarray(everybody, np.int64))
        users, row = rows, np.searchsorted(rows, users)[row]
        order = np.lexsort((column, row))  # as they were written, unless files came in another order
        starts = np.append(0, np.cumsum(np.bincount(row, minlength=users.size)))
        counts = pairs[count].to_numpy().astype(np.float32)[order]
        size = (users.size, self.recordings.num_rows)
        return Interactions(
            csr_matrix((counts, column[order], starts), shape=size),
            users,
            np.array(self.recordings["recording"].to_pylist(), UUID_TYPE),
            self.recordings["msid"].to_numpy(zero_copy_only=False),
            pairs["latest_listened_at"].to_numpy()[order],
        )


def create(run: EngineRun) -> Made:
    """The job: dataframes of the window asked for. Raises NothingToWorkOnError for an empty window."""
    window, threshold = run.params["train_model_window"], run.params["minimum_listens_threshold"]
    assert isinstance(window, int)
    assert isinstance(threshold, int)
    made = made_of(run, str(run.params["job_type"]), window, threshold).metadata
    return Made(
        said=f"dataframes for {made['job_type']}: {made['users_count']} users, {made['recordings_count']} recordings, "
        f"{made['playcounts_count']} play counts of {made['listens_count']} listens, "
        f"from {made['from_date']} to {made['to_date']}"
    )


def current(run: EngineRun, job_type: str) -> Dataframes:
    """Those of this data version and T; else new ones of the last window and threshold, or of the defaults.

    Raises NothingToWorkOnError.
    """
    last = next((one for one in kept(run.settings.lake, WHAT) if one.metadata["job_type"] == job_type), None)
    if last is None:
        return made_of(run, job_type, *DEFAULTS[job_type])
    if is_of(last, run):
        return Dataframes(last)
    return made_of(run, job_type, last.metadata["train_model_window"], last.metadata["minimum_listens_threshold"])


def is_of(one: Kept, run: EngineRun) -> bool:
    """Whether it was made of this data version, up to this T."""
    facts = (one.metadata["epoch"], one.metadata["data_version"], one.metadata["to_ts"], one.metadata.get("form"))
    return facts == (run.landing.epoch, run.landing.landing_id, run.newest, FORM)


def facts_of(run: EngineRun) -> dict[str, Any]:
    """What tells of which data version something is, for its metadata."""
    return {
        "created": run.now,
        "epoch": run.landing.epoch,
        "data_version": run.landing.landing_id,
        "to_ts": run.newest,
        "form": FORM,
    }


def made_of(run: EngineRun, job_type: str, window: int, threshold: int) -> Dataframes:
    """New dataframes, in place of those of the same sort: empty ones where no listen is left.

    Raises NothingToWorkOnError for any other empty window.
    """
    run.progress("counting plays")
    frames = run.within(window, reads=("recording_plays", "identity_plays", "identity", "identity", "merged_recording"))
    plays = frames.keep(frames.named("recording_plays"))
    counted_plays = plays.groupBy("user_id").agg(F.sum("listen_count").alias("listen_count"))
    users = frames.keep(frames.sql(_USERS, (), counted=counted_plays.where(F.col("listen_count") > threshold)))
    counted = users.count()
    if not counted and not run.nothing_left:
        until = datetime.fromtimestamp(run.newest, UTC).date()
        raise NothingToWorkOnError(
            f"empty window: nobody has more than {threshold} listens in the {window} days up to {until}; ask for more "
            "--days, or for an earlier --at"
        )
    recordings = frames.keep(frames.sql(_RECORDINGS, (), plays=plays, users=users))
    url = f"{home(run.settings.lake, WHAT)}/{run.run_id}"
    run.progress("writing dataframes")
    _write(users.orderBy("spark_user_id"), f"{url}/users")
    _write_recordings(frames, recordings, url)
    heard = {"plays": plays, "users": users, "recordings": recordings}
    _write(frames.sql(_PLAYCOUNTS, (), **heard), f"{url}/playcounts")
    _write(frames.sql(_HEARD_BELOW, (), **heard), f"{url}/heard_below")
    metadata = facts_of(run) | {
        "dataframe_id": str(run.run_id),
        "job_type": job_type,
        "train_model_window": window,
        "minimum_listens_threshold": threshold,
        "from_ts": max(0, run.newest - window * DAY),
        "from_date": f"{datetime.fromtimestamp(max(0, run.newest - window * DAY), UTC):%b %Y}",
        "to_date": f"{datetime.fromtimestamp(run.newest, UTC):%b %Y}",
        "users_count": counted,
        "listens_count": int(_total(users)),
        "recordings_count": _rows(f"{url}/recordings"),
        "playcounts_count": _rows(f"{url}/playcounts"),
    }
    finish(url, metadata)
    others = {one.id for one in kept(run.settings.lake, WHAT) if one.metadata["job_type"] != job_type}
    remove_older(run.settings.lake, WHAT, others | {run.run_id}, run.now)
    return Dataframes(Kept(run.run_id, url, metadata))


def _write_recordings(frames: Frames, recordings: DataFrame, url: str) -> None:
    """What recordings are: _COLUMNS in the order of recording_id; what their artists are called; their other ids."""
    spelled = frames.keep(frames.sql(_SPELLED, ("identity_plays", "identity"), recordings=recordings))
    credits_ = frames.sql(_CREDITS, (), spelled=spelled)
    credited = frames.keep(frames.sql(CREDITED_SQL, ("identity", "recording_artist"), spelled=credits_))
    named = frames.sql(NAMED_SQL, (), spelled=spelled)
    recorded = frames.sql(_RECORDED, ("recording_artist",), named=named, credited=credited, spelled=spelled)
    _write(recorded, f"{url}/recordings")
    known = {"spelled": spelled, "recordings": recordings}
    names = frames.sql(_ARTIST_NAMES, ("artist_country_code", "recording_artist"), credited=credited, **known)
    _write(names.coalesce(1), f"{url}/artist_names")
    _write(frames.sql(_OTHER_IDS, ("merged_recording",), **known).coalesce(1), f"{url}/other_ids")


def _total(users: DataFrame) -> int:
    rows = users.agg({"listen_count": "sum"}).collect()
    return int(rows[0][0] or 0)


def _write(rows: DataFrame, url: str) -> None:
    rows.write.parquet(url)


def _rows(url: str) -> int:
    files, path = filesystem(url)
    return int(pyarrow.parquet.ParquetDataset(path, filesystem=files).read(columns=[]).num_rows)


def _read(one: Kept, name: str, columns: list[str], filters: Any = None) -> pa.Table:
    files, path = filesystem(f"{one.url}/{name}")
    return pyarrow.parquet.read_table(path, columns=columns, filesystem=files, filters=filters)
