"""What a run of jobs gives to the API: payloads by statistic, range and key, without PostgreSQL in between."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import orjson
from pyspark.sql import SparkSession

from conf.settings import Settings, load_settings
from jobs import result_files, runner
from jobs.catalog import catalog
from jobs.lake import Landing
from jobs.messages import COLUMNS, Manifest, new_run_id
from spark_reader.load import Document, Run
from webapi.statistics import Asked, document_payload

EVERYBODY = 0
"""Key of sitewide documents."""
Payloads = dict[tuple[str, str, int], dict[str, Any]]
"""(statistic, stats_range, key) to payload; of who has no document there is none."""


def lake_settings(lake: Path) -> Settings:
    environ = {"DATA_DIR": str(lake.parent), "LAKE_URL": str(lake), "RESULT_INLINE_BYTES": str(1 << 30)}
    return load_settings(environ, env_file=None)


def payloads(
    spark: SparkSession, settings: Settings, landing: Landing, statistics: Sequence[str], **params: Any
) -> Payloads:
    """One run of these statistics, all documents."""
    jobs = tuple(catalog().jobs[name] for name in statistics)
    ordered = runner.Ordered(jobs[0].name, jobs, params)
    manifest = runner.run(spark, settings, ordered, landing, run_id=new_run_id(1.7e9), request_id=None)
    return _served(manifest)


def _served(manifest: Manifest) -> Payloads:
    found: Payloads = {}
    for part in manifest.parts:
        switch = next(
            s for s in manifest.switches if (s.statistic, s.stats_range) == (part.statistic, part.stats_range)
        )
        run = Run(
            manifest.run_id,
            manifest.data_version,
            switch.from_ts,
            switch.to_ts,
            manifest.newest_listen_ts,
            manifest.newest_listen_ts,
            1_700_000_000,
        )
        route = catalog().jobs[part.statistic].route
        assert route is not None
        rows: Iterable[Any] = (
            part.inline if part.inline is not None else result_files.rows(str(part.path), COLUMNS[part.kind])
        )
        for key, doc, applied in rows:
            document = Document(run, orjson.loads(doc), None if applied is None else orjson.loads(applied))
            found[part.statistic, part.stats_range, key] = document_payload(document, route, Asked(part.stats_range))
    return found
