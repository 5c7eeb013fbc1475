"""When each user last heard each recording: Parquet of (user_id, recording, latest_listened_at), users ascending."""

from collections.abc import Sequence
from typing import Any

import pyarrow.parquet
from pyspark.sql import functions as F  # noqa: N812

from jobs.chain.dataframes import facts_of, is_of
from jobs.chain.kept import Kept, finish, home, kept, remove_older
from jobs.job import NothingToWorkOnError
from jobs.result_files import filesystem, remove_folder
from jobs.run_engine import EngineRun, Made

WHAT = "discovery"


def discovery(run: EngineRun) -> Made:
    """The job: of all listens up to T. Raises NothingToWorkOnError where all are later."""
    made = _made(run)
    return Made(said=f"the latest listens of {made.metadata['pairs']} pairs of user and recording")


def current(run: EngineRun) -> Kept:
    """That of this data version and T, else a new one."""
    last = next(iter(kept(run.settings.lake, WHAT)), None)
    return last if last is not None and is_of(last, run) else _made(run)


def latest_of(one: Kept, users: Sequence[int]) -> dict[tuple[int, str], int]:
    """(user id, recording uuid) to epoch seconds, of these users."""
    files, path = filesystem(f"{one.url}/latest")
    rows: Any = pyarrow.parquet.read_table(path, filesystem=files, filters=[("user_id", "in", list(users))])
    pairs = zip(rows["user_id"].to_pylist(), rows["recording"].to_pylist(), strict=True)
    return dict(zip(pairs, rows["latest_listened_at"].to_pylist(), strict=True))


def _made(run: EngineRun) -> Kept:
    run.progress("looking up when recordings were last heard")
    plays = run.within(None).named("recording_plays")
    latest = plays.select("user_id", "recording", F.unix_seconds("latest").alias("latest_listened_at"))
    url = f"{home(run.settings.lake, WHAT)}/{run.run_id}"
    latest.sort("user_id", "recording").write.parquet(f"{url}/latest")
    files, path = filesystem(f"{url}/latest")
    pairs = pyarrow.parquet.ParquetDataset(path, filesystem=files).read(columns=[]).num_rows
    if not pairs and not run.nothing_left:
        remove_folder(url)
        raise NothingToWorkOnError(f"empty window: nobody heard anything up to {run.newest}; ask for a later --at")
    metadata = {**facts_of(run), "pairs": pairs}
    finish(url, metadata)
    remove_older(run.settings.lake, WHAT, {run.run_id}, run.now)
    return Kept(run.run_id, url, metadata)
