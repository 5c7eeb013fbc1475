"""A run whose switches become visible together: all of them, or none."""

from dataclasses import replace
from typing import Any

import pytest

from conf.postgres import Connection, Pool, transaction
from jobs.messages import Manifest, Switch, inline_part, new_run_id
from spark_reader.load import load_documents
from spark_reader.reader import save_run
from spark_reader.store import BadRowsError

pytestmark = pytest.mark.usefixtures("users")
STATISTICS = ("year_in_music_day_of_week", "year_in_music_listen_count")


def report(docs: dict[str, list[list[Any]]], *, data_version: int = 1, now: float = 1_700_000_000) -> Manifest:
    """A run of 2021: rows (key, doc, applied) by statistic."""
    return Manifest(
        run_id=new_run_id(now),
        request_id=None,
        query="year_in_music",
        data_version=data_version,
        newest_listen_ts=1500,
        switches=[Switch(name, "2021", 1000, 2000, len(rows), "all") for name, rows in docs.items()],
        parts=[inline_part("document", name, "2021", rows) for name, rows in docs.items()],
        together=True,
    )


def told(connection: Connection) -> dict[str, Any]:
    with transaction(connection) as cursor:
        found = load_documents(cursor, STATISTICS, "2021", 1)
    return {name: document.doc for name, document in found.items()}


OLD = {STATISTICS[0]: [[1, "3", None]], STATISTICS[1]: [[1, "30", None]]}
NEW = {STATISTICS[0]: [[1, "4", None]], STATISTICS[1]: [[1, "40", None]]}


def test_all_sections_are_there_after_it(connection: Connection, pool: Pool) -> None:
    assert save_run(pool, report(OLD)) == [(name, "2021") for name in STATISTICS]
    assert told(connection) == {STATISTICS[0]: 3, STATISTICS[1]: 30}
    again = report(NEW, now=1_700_000_001)
    assert save_run(pool, again) == [(name, "2021") for name in STATISTICS], "another run of this data version"
    assert told(connection) == {STATISTICS[0]: 4, STATISTICS[1]: 40}
    assert save_run(pool, again) == [], "the message came twice"


def test_where_one_section_cannot_be_stored_none_of_them_is(connection: Connection, pool: Pool) -> None:
    save_run(pool, report(OLD))
    twice = NEW | {STATISTICS[1]: [[1, "40", None], [1, "41", None]]}

    with pytest.raises(BadRowsError):
        save_run(pool, report(twice, data_version=2))

    assert told(connection) == {STATISTICS[0]: 3, STATISTICS[1]: 30}
    assert save_run(pool, report(NEW, data_version=2)) == [(name, "2021") for name in STATISTICS]
    assert told(connection) == {STATISTICS[0]: 4, STATISTICS[1]: 40}


def test_without_it_what_came_before_the_bad_one_is_visible(connection: Connection, pool: Pool) -> None:
    save_run(pool, report(OLD))
    twice = replace(report(NEW | {STATISTICS[1]: [[1, "40", None], [1, "41", None]]}, data_version=2), together=False)

    with pytest.raises(BadRowsError):
        save_run(pool, twice)

    assert told(connection) == {STATISTICS[0]: 4, STATISTICS[1]: 30}


def test_a_section_that_a_newer_run_serves_stays(connection: Connection, pool: Pool) -> None:
    newer = {STATISTICS[0]: [[1, "6", None]]}
    save_run(pool, report(newer, data_version=3))

    assert save_run(pool, report(NEW, data_version=2)) == [(STATISTICS[1], "2021")]
    assert told(connection) == {STATISTICS[0]: 6, STATISTICS[1]: 40}


def test_it_survives_its_message() -> None:
    sent = report(OLD)

    assert Manifest.decode(sent.encode()) == sent
    assert not Manifest.decode(sent.encode().replace(b'"together":true,', b"")).together
