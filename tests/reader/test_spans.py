"""What is kept of spans of days: apart from the ranges' results, the newest run of each, for a day, while its user is
there."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from conf.postgres import Connection, Pool, transaction
from jobs.listens.account_deletion import delete_account
from jobs.messages import Manifest, Part, inline_digest
from jobs.spans import Span
from spark_reader.load import load_compared_page, load_document, load_page
from spark_reader.parts import PoisonManifestError
from spark_reader.reader import save_run
from spark_reader.store import forget_spans, prune_entities
from tests.reader.results import Lists, manifest

pytestmark = pytest.mark.usefixtures("users")
SPAN = Span(date(2020, 1, 1), date(2020, 3, 1))
OTHER = Span(date(2020, 1, 1), date(2020, 3, 2))


def of_span(lists: Lists, user_id: int = 1, span: Span = SPAN, **more: Any) -> Manifest:
    made = manifest(lists, from_ts=span.from_ts, to_ts=span.to_ts, **more)
    return replace(made, span_of=user_id)


def counts(connection: Connection, key: int = 1, span: Span = SPAN) -> list[int] | None:
    with transaction(connection) as cursor:
        found = load_page(cursor, "user_artists", "custom", key, 0, 25, span=span)
    return None if found is None else [item.listen_count for item in found.items]


def tables(connection: Connection, *names: str) -> dict[str, int]:
    statements = {
        "span": "SELECT count(*) FROM span",
        "span_list": "SELECT count(*) FROM span_list",
        "run": "SELECT count(*) FROM run",
        "result_list": "SELECT count(*) FROM result_list",
    }
    found = {}
    with transaction(connection) as cursor:
        for name in names:
            cursor.execute(statements[name])
            row = cursor.fetchone()
            assert row is not None
            found[name] = row[0]
    return found


def test_a_span_is_kept_apart_from_the_ranges(connection: Connection, pool: Pool) -> None:
    save_run(pool, manifest({1: [(11, 50)]}))
    sent = of_span({1: [(11, 5), (12, 3)], -1: [(11, 6)]}, data_version=7)

    assert save_run(pool, sent) == [("user_artists", "week")]

    assert (counts(connection), counts(connection, -1)) == ([5, 3], [6])
    assert counts(connection, span=OTHER) is None
    assert counts(connection, 2) is None
    with transaction(connection) as cursor:
        ranged = load_page(cursor, "user_artists", "week", 1, 0, 25)
        found = load_compared_page(cursor, "user_artists", "custom", 1, 1, 1, by_time=False, gone=10, span=SPAN)
    assert ranged is not None
    assert [item.listen_count for item in ranged.items] == [50]
    assert found is not None
    assert [(item.listen_count, item.rank) for item in found.items] == [(3, 2)]
    run = found.run
    assert (run.run_id, run.data_version, run.from_ts, run.to_ts) == (sent.run_id, 7, SPAN.from_ts, SPAN.to_ts)
    assert tables(connection, "run", "result_list") == {"run": 1, "result_list": 1}


def test_a_span_says_the_newest_listen_of_its_data_version(connection: Connection, pool: Pool) -> None:
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " VALUES (7, 9, now(), 1400, 'land', 1)"
        )
    save_run(pool, of_span({1: [(11, 5)]}, data_version=7))

    with transaction(connection) as cursor:
        found = load_page(cursor, "user_artists", "custom", 1, 0, 25, span=SPAN)

    assert found is not None
    assert (found.run.counted_to_ts, found.run.newest_listen_ts) == (1500, 1400)


def test_the_newest_run_of_a_span_stays(connection: Connection, pool: Pool) -> None:
    save_run(pool, of_span({1: [(11, 5)]}, data_version=2))

    assert save_run(pool, of_span({1: [(11, 4)]}, data_version=1)) == []
    assert counts(connection) == [5]
    assert save_run(pool, of_span({1: [(11, 6)]}, data_version=2, now=1_700_000_001)) != []
    assert counts(connection) == [6]
    assert save_run(pool, of_span({}, data_version=3)) != []
    assert counts(connection) is None
    assert tables(connection, "span", "span_list") == {"span": 1, "span_list": 0}


def test_rows_of_another_user_are_not_taken(connection: Connection, pool: Pool) -> None:
    save_run(pool, of_span({1: [(11, 5)], 2: [(11, 9)]}))

    assert counts(connection) == [5]
    assert tables(connection, "span_list") == {"span_list": 1}


def test_of_who_is_gone_nothing_is_kept(connection: Connection, pool: Pool) -> None:
    save_run(pool, of_span({1: [(11, 5)]}))
    delete_account(connection, 1, 0)

    assert tables(connection, "span", "span_list") == {"span": 0, "span_list": 0}
    assert save_run(pool, of_span({1: [(11, 5)]}, now=1_700_000_009)) == []
    assert tables(connection, "span", "span_list") == {"span": 0, "span_list": 0}


def test_structs_that_a_span_names_are_not_pruned(connection: Connection, pool: Pool) -> None:
    save_run(pool, of_span({1: [(11, 5)]}))
    with transaction(connection) as cursor:
        assert prune_entities(cursor) == 0
    assert counts(connection) == [5]


def test_after_a_day_it_is_forgotten(connection: Connection, pool: Pool) -> None:
    save_run(pool, of_span({1: [(11, 5)]}))
    save_run(pool, of_span({2: [(11, 5)]}, user_id=2))
    with transaction(connection) as cursor:
        cursor.execute("UPDATE span SET last_updated = now() - interval '25 hours' WHERE user_id = 1")

    assert forget_spans(connection) == 1
    assert (counts(connection), counts(connection, 2)) == (None, [5])
    with transaction(connection) as cursor:
        assert prune_entities(cursor) == 0


@pytest.mark.parametrize("statistic", ["sitewide_artists", "artist_listeners"])
def test_a_span_is_of_one_statistic_of_users(pool: Pool, statistic: str) -> None:
    sent = of_span({}, statistic=statistic)
    with pytest.raises(PoisonManifestError, match="a span of user 1"):
        save_run(pool, sent)


def test_a_document_of_a_span_is_read_as_it_was_sent(connection: Connection, pool: Pool) -> None:
    made = of_span({}, statistic="user_daily_activity", rows=1)
    rows = [[1, "[[5,1]]", None]]
    part = Part("document", "user_daily_activity", "week", 1, None, *inline_digest(rows), rows)
    save_run(pool, replace(made, parts=[part]))
    with transaction(connection) as cursor:
        found = load_document(cursor, "user_daily_activity", "custom", 1, span=SPAN)
        assert load_document(cursor, "user_daily_activity", "custom", 1, span=OTHER) is None
    assert found is not None
    assert (found.doc, found.run.from_ts) == ([[5, 1]], SPAN.from_ts)
