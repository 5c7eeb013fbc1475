"""The recommend job of one size in a process of its own: how long it takes, and the most memory that its blocks need.

It is `recommend` itself: discovery dates, candidate sets, what users leave out, all three lists and the blend. What it
would ask Spark for is in a small lake of files, the store is a real one. What it has read before the first block is
told apart from what blocks add: only that would grow with the number of lists, were they kept.
"""

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from conf.settings import load_settings
from jobs.chain import candidate_sets, dataframes, discovery, model_store
from jobs.chain.kept import finish, home
from jobs.chain.recommending import recommend
from jobs.engines import models
from jobs.engines.interactions import Ints
from jobs.engines.model_card import model_card
from jobs.frames import Frames
from jobs.landing import Landing
from jobs.recommend import recommendations
from jobs.recommend.candidate_sets import SIMILAR, TOP
from jobs.recommend.dataframes import RECORDINGS
from jobs.run_engine import EngineRun
from tests.bench.plays import NEWEST, plays_of

SEED = 6
PER_ARTIST = 10
"""Recordings of each."""
LEAVING_OUT = 10
"""Of so many users one leaves an artist and a recording out."""
RUN = UUID("0190a000-0000-7000-8000-000000000001")
KILOBYTES = 1024
T = TypeVar("T")


class Measured(NamedTuple):
    """Of one job; memory in MB."""

    seconds: float
    """Of its blocks."""
    lists: int
    written: int
    """Bytes of its documents."""
    read: float
    """Resident when everything is read, before the first block."""
    blocks: float
    """The most that blocks have added to that."""


def measured(users: int, recordings: int, pairs: int, database_url: str) -> Measured:
    """Files are made in one process and lists in another: the peak of each is its own. The database: a migrated one."""
    with tempfile.TemporaryDirectory() as folder:
        _apart(_make, folder, users, recordings, pairs, database_url)
        return _apart(_recommend, folder, users, database_url)


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _make(folder: str, users: int, recordings: int, pairs: int, database_url: str) -> None:
    """What the jobs before this one leave, and a blend fitted on it."""
    lake, plays = f"{folder}/lake", plays_of(users, recordings, pairs, SEED)
    names = [uuid.decode() for uuid in plays.items]
    artists = [f"artist {number // PER_ARTIST}" for number in range(recordings)]
    row = np.repeat(np.arange(users), np.diff(plays.matrix.indptr))
    column = plays.matrix.indices.astype(np.int64)
    facts = dataframes.facts_of(_run(folder, users, database_url))
    url = f"{home(lake, dataframes.WHAT)}/{RUN}"
    _write(f"{url}/users", spark_user_id=np.arange(1, users + 1), user_id=plays.user_ids)
    _write(
        f"{url}/recordings", recording=names, msid=plays.msid, artists=[[artist] for artist in artists],
        recording_name=[f"Song {number}" for number in range(recordings)],
        artist_credit_name=[artist.title() for artist in artists], credits=[[artist] for artist in artists],
    )  # fmt: skip
    _write(
        f"{url}/playcounts", spark_user_id=row + 1, recording_id=column + 1, playcount=plays.matrix.data,
        transformed_listencount=plays.matrix.data, latest_listened_at=plays.latest,
    )  # fmt: skip
    nobody = pa.array([], pa.int64())
    _write(f"{url}/heard_below", user_id=nobody, recording_id=nobody, playcount=nobody)
    _write(f"{url}/artist_names", artist=pa.array([], pa.string()), name=pa.array([], pa.string()))
    _write(f"{url}/other_ids", id=pa.array([], pa.string()), recording=pa.array([], pa.string()))
    finish(url, {**facts, "job_type": RECORDINGS})
    url = f"{home(lake, discovery.WHAT)}/{RUN}"
    heard = [names[at] for at in column]
    _write(f"{url}/latest", user_id=plays.user_ids[row], recording=heard, latest_listened_at=plays.latest)
    finish(url, facts)
    url = f"{home(lake, candidate_sets.WHAT)}/{RUN}"
    _write_candidates(url, plays.user_ids, recordings // PER_ARTIST)
    finish(url, {**facts, "users": None})
    model = models.fit("blend", plays, {}, SEED)
    card = model_card(
        str(RUN), model.kind, {}, data_version=1, created=NEWEST, seed=SEED, users=users, items=recordings,
        interactions=column.size, evaluation=None, said="Not measured",
    )  # fmt: skip
    model_store.save(lake, RUN, [model], {**card, "use_transformed_listencounts": False}, float(NEWEST))


def _write_candidates(url: str, users: Ints, artists: int) -> None:
    generator = np.random.default_rng(SEED)
    chosen = (generator.random((users.size, TOP + SIMILAR)) ** 3 * artists).astype(np.int64)
    _write(
        url, "artists.parquet", artist_type=(["top"] * TOP + ["similar"] * SIMILAR) * users.size,
        user_id=np.repeat(users, TOP + SIMILAR), artist=[f"artist {artist}" for artist in chosen.ravel()],
    )  # fmt: skip


def _write(folder: str, file: str = "part-0.parquet", **columns: Any) -> None:
    Path(folder).mkdir(parents=True)
    pq.write_table(pa.table(columns), f"{folder}/{file}")


class _Rows:
    """What the job asks of a table of the lake: of users and of what they leave out."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows

    def select(self, *_: str) -> "_Rows":
        return self

    where = select

    def collect(self) -> Sequence[tuple[Any, ...]]:
        return self._rows

    def toLocalIterator(self) -> Iterator[tuple[Any, ...]]:  # noqa: N802 - as Spark calls it
        return iter(self._rows)


class _Tables:
    """In place of frames: no Spark is near."""

    def __init__(self, users: int) -> None:
        out = range(0, users, LEAVING_OUT)
        self._tables = {
            "users": _Rows([(user,) for user in range(users)]),
            "excluded_key": _Rows([(user, kind, key) for user in out for kind, key in _left_out(user)]),
        }

    def named(self, name: str) -> _Rows:
        return self._tables[name]


def _left_out(user: int) -> list[tuple[str, str]]:
    return [("artist", f"artist {user}"), ("recording", f"{user:036d}")]


def _recommend(folder: str, users: int, database_url: str) -> Measured:
    made = recommend(_run(folder, users, database_url))
    _forget_peak()
    read, started, lists, written = _memory("VmRSS"), time.perf_counter(), 0, 0
    for batch in cast(Iterator[pa.RecordBatch], made.rows):
        lists += batch.num_rows
        written += pa.compute.sum(pa.compute.binary_length(batch["doc"])).as_py()
    return Measured(time.perf_counter() - started, lists, written, read, _memory("VmHWM") - read)


def _run(folder: str, users: int, database_url: str) -> EngineRun:
    environ = {"DATA_DIR": folder, "LAKE_URL": f"{folder}/lake", "DATABASE_URL": database_url}
    settings = load_settings(environ, env_file=None)
    job = recommendations.JOBS[0]
    return EngineRun(
        spark=cast(SparkSession, None),
        settings=settings,
        frames=cast(Frames, _Tables(users)),
        landing=Landing(1, 1, datetime.fromtimestamp(NEWEST, UTC), NEWEST, "land", "1", {}, 1, 1, 1),
        newest=NEWEST,
        params={"artist_type": None} | {param.name: param.check(None) for param in job.params},
        run_id=RUN,
        now=float(NEWEST),
        progress=lambda _: None,
        folder=folder,
        base=None,
    )


def _forget_peak() -> None:
    """From here on the peak is that of what comes: a process that is forked or spawned may begin with another's."""
    Path("/proc/self/clear_refs").write_text("5")


def _memory(name: str) -> float:
    """A line of /proc/self/status, in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / KILOBYTES
