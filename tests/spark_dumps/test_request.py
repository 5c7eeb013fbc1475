"""The requests as the request consumer runs them: from the catalog by dotted name; no Spark is needed."""

from pathlib import Path
from typing import Any, cast

import pytest

from conf.postgres import Connection
from conf.settings import Settings
from jobs.catalog import catalog
from jobs.import_run import ImportRun, run_import
from jobs.job import InvalidRequestError
from tests.spark_dumps.archives import full, incremental, play
from tests.spark_dumps.conftest import Answer, listens


def ask(settings: Settings, query: str, **given: Any) -> Answer:
    [job], params = catalog().check(query, given)
    told: list[str] = []
    nothing = cast(Any, None)
    return Answer.of(run_import(job, ImportRun(nothing, settings, nothing, params, nothing, told.append)), told)


def test_requests_as_the_original_sends_them_read_the_folder_of_the_data(
    settings: Settings, connection: Connection
) -> None:
    folder = settings.data_dir / "listenbrainz-export"
    folder.mkdir(parents=True)
    full(folder, 1, play(1))
    incremental(folder, 2, play(2))

    first = ask(settings, "import.dump.full", dump_id=None, local=True)
    second = ask(settings, "import.dump.incremental", dump_id=2)

    assert first.imported == ["listenbrainz-spark-dump-1-20210102-000000-full"]
    assert second.imported == ["listenbrainz-spark-dump-2-20210102-000000-incremental"]
    assert [row[1] for row in listens(connection)] == [1, 2]
    assert any("1 of 1 written" in text for text in first.told)


def test_what_is_refused_is_not_tried_again(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="no full dump is in it"):
        ask(settings, "import.dump.full", folder=str(tmp_path))
