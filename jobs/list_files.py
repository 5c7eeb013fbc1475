"""Lists as files of a run, written by whoever ranks them: Spark need not carry, sort and encode them. Spark-free."""

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from jobs import result_files
from jobs.engines.rank_lists import OUTPUT
from jobs.messages import COLUMNS

WRITTEN = pa.schema([("statistic", pa.string()), ("stats_range", pa.int32()), ("rows", pa.int64())])
"""One row per file."""


def write_lists(
    batches: Iterable[pa.RecordBatch], statistic: str, folder: str, part: int, applied: pa.Table | None
) -> Iterator[pa.RecordBatch]:
    """One file per batch (jobs/engines/rank_lists.py OUTPUT, of one range): what was written, as WRITTEN.

    `part`: tells the files of a statistic and range apart; who does the work again writes the same file. `applied`:
    key, ascending, and applied of those whose settings count (jobs/run_applied.py); None: of nobody.
    """
    for batch in batches:
        slot = batch.column("stats_range")[0].as_py()
        rows = pa.Table.from_batches([batch], OUTPUT)
        rows = rows.append_column("applied", _applied(rows["key"].to_numpy(), applied))
        url = f"{folder}/list/statistic={statistic}/stats_range={slot}/part-{part:05d}.parquet"
        result_files.write(url, rows.select(COLUMNS["list"]))
        yield pa.record_batch([[statistic], [slot], [rows.num_rows]], schema=WRITTEN)


def _applied(keys: "np.ndarray[tuple[int], np.dtype[np.int64]]", applied: pa.Table | None) -> pa.Array:
    if applied is None or not applied.num_rows:
        return pa.nulls(keys.size, pa.string())
    known = applied["key"].to_numpy()
    found = np.searchsorted(known, keys).clip(max=known.size - 1)
    return applied["applied"].take(pa.array(found, mask=known[found] != keys)).combine_chunks()
