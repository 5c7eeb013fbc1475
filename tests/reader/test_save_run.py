from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from conf.postgres import Connection, Pool, transaction
from jobs.listens.account_deletion import delete_account
from jobs.messages import COLUMNS, Manifest, Part, Switch, inline_digest, inline_part, new_run_id
from spark_reader.load import Page, load_compared_page, load_page
from spark_reader.parts import PoisonManifestError
from spark_reader.reader import save_run
from spark_reader.store import BadRowsError, BaseGoneError, prune_entities, save_entities, saving
from tests.reader.results import Lists, entity, file_parts, inline_parts, manifest

pytestmark = pytest.mark.usefixtures("users")
OLD: Lists = {1: [(11, 5), (12, 3)], 2: [(-9, 1)]}


def page(connection: Connection, key: int, offset: int = 0, count: int = 25, stats_range: str = "week") -> Page | None:
    with transaction(connection) as cursor:
        return load_page(cursor, "user_artists", stats_range, key, offset, count)


def counts(connection: Connection, key: int) -> list[int] | None:
    found = page(connection, key)
    return None if found is None else [item.listen_count for item in found.items]


def everything(connection: Connection) -> list[Any]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT l.*, l.xmin::text FROM result_list l ORDER BY statistic, stats_range, key")
        lists = cursor.fetchall()
        cursor.execute("SELECT r.*, r.xmin::text FROM run r ORDER BY statistic, stats_range")
        return [lists, cursor.fetchall()]


@pytest.mark.parametrize("as_files", [False, True])
def test_a_run_is_read_as_it_was_sent(connection: Connection, pool: Pool, tmp_path: Path, as_files: bool) -> None:
    parts = file_parts(tmp_path, inline_parts(OLD)) if as_files else inline_parts(OLD)
    sent = manifest(OLD, parts=parts)

    assert save_run(pool, sent) == [("user_artists", "week")]

    found = page(connection, 1)
    assert found is not None
    assert (found.run.run_id, found.run.data_version, found.run.from_ts, found.run.to_ts) == (
        sent.run_id,
        1,
        1000,
        2000,
    )
    assert found.run.newest_listen_ts == 1500
    assert found.run.last_updated > 1_700_000_000
    assert found.total == 2
    assert [(item.struct, item.listen_count) for item in found.items] == [
        ({"artist_name": 'Artist \\ "11"\t\n', "artist_mbid": None}, 5),
        ({"artist_name": 'Artist \\ "12"\t\n', "artist_mbid": None}, 3),
    ]


@pytest.mark.parametrize(
    ("offset", "count", "expected"),
    [(0, 2, [9, 8]), (1, 1, [8]), (2, 25, [7]), (3, 25, []), (10**12, 25, []), (0, 0, []), (0, 10**12, [9, 8, 7])],
)
def test_a_page_is_a_slice_in_the_lists_order(
    connection: Connection, pool: Pool, offset: int, count: int, expected: list[int]
) -> None:
    save_run(pool, manifest({1: [(3, 9), (1, 8), (2, 7)]}))

    found = page(connection, 1, offset, count)

    assert found is not None
    assert ([item.listen_count for item in found.items], found.total) == (expected, 3)


def test_there_is_no_page_without_a_run_or_without_a_row(connection: Connection, pool: Pool) -> None:
    assert page(connection, 1) is None
    save_run(pool, manifest({1: [(11, 5)]}))
    assert page(connection, 2) is None
    assert page(connection, 1, stats_range="month") is None


def test_a_new_run_changes_what_changed_and_removes_what_left(connection: Connection, pool: Pool) -> None:
    save_run(pool, manifest(OLD))
    save_run(pool, manifest({1: [(12, 6), (11, 5)], 3: [(11, 1)]}, data_version=2))

    assert counts(connection, 1) == [6, 5]
    assert counts(connection, 2) is None
    assert counts(connection, 3) == [1]


def test_a_list_that_did_not_change_is_not_written_again(connection: Connection, pool: Pool) -> None:
    save_run(pool, manifest(OLD))
    before = everything(connection)[0]

    save_run(pool, manifest(OLD, data_version=2))

    assert everything(connection)[0] == before


def test_the_same_manifest_twice_changes_nothing(connection: Connection, pool: Pool) -> None:
    sent = manifest(OLD)
    save_run(pool, sent)
    before = everything(connection)

    assert save_run(pool, sent) == []
    assert everything(connection) == before


def test_the_next_listen_that_a_run_left_out_is_that_of_the_run_served(connection: Connection, pool: Pool) -> None:
    def coming() -> object:
        with transaction(connection) as cursor:
            cursor.execute("SELECT next_listen_ts FROM run")
            [(moment,)] = cursor.fetchall()
            return moment

    save_run(pool, replace(manifest(OLD), next_listen_ts=1501))
    assert coming() == 1501
    save_run(pool, manifest(OLD, data_version=2))
    assert coming() is None


@pytest.mark.parametrize("older", [{"data_version": 1}, {"data_version": 2, "now": 1_600_000_000}])
def test_an_older_run_never_replaces_a_newer_one(connection: Connection, pool: Pool, older: dict[str, Any]) -> None:
    save_run(pool, manifest({1: [(11, 5)]}, data_version=2))

    assert save_run(pool, manifest(OLD, **older)) == []
    assert counts(connection, 1) == [5]


def test_two_runs_interleaved_leave_each_range_whole(connection: Connection, pool: Pool) -> None:
    first = manifest({1: [(11, 5)]}, stats_range="week")
    second = manifest({1: [(11, 6)]}, stats_range="month", data_version=2)
    save_run(pool, first)
    save_run(pool, second)
    save_run(pool, first)

    week, month = page(connection, 1, stats_range="week"), page(connection, 1, stats_range="month")
    assert week is not None
    assert month is not None
    assert (week.run.run_id, month.run.run_id) == (first.run_id, second.run_id)


def test_an_empty_result_replaces_the_old_one(connection: Connection, pool: Pool) -> None:
    save_run(pool, manifest(OLD))
    save_run(pool, manifest({}, data_version=2))

    assert page(connection, 1) is None
    with transaction(connection) as cursor:
        cursor.execute("SELECT row_count FROM run")
        assert cursor.fetchall() == [(0,)]


def test_a_continued_run_changes_only_users_it_touched(connection: Connection, pool: Pool) -> None:
    base = manifest({1: [(11, 5)], 2: [(11, 4)], 3: [(11, 3)], -3: [(11, 2)]})
    save_run(pool, base)
    save_run(pool, manifest({1: [(11, 6)]}, data_version=2, base=base, touched=(1, 3)))

    assert [counts(connection, key) for key in (1, 2, 3, -3)] == [[6], [4], None, None]


def test_a_continued_run_changes_only_entities_it_names(connection: Connection, pool: Pool) -> None:
    first, second, third = ("00000000-0000-4000-8000-00000000000" + digit for digit in "123")
    base = listeners_run([[first, "one"], [second, "two"], [third, "three"]])
    save_run(pool, base)
    save_run(pool, listeners_run([[first, "another"], [second, None]], base=base))

    with transaction(connection) as cursor:
        cursor.execute("SELECT entity::text, doc FROM result_entity_document ORDER BY entity")
        assert cursor.fetchall() == [(first, "another"), (third, "three")]


def test_without_a_base_an_entity_without_document_has_none(connection: Connection, pool: Pool) -> None:
    entity = "00000000-0000-4000-8000-000000000001"
    save_run(pool, listeners_run([[entity, "one"]]))
    save_run(pool, replace(listeners_run([[entity, None]]), data_version=2, run_id=new_run_id(1_700_000_002)))

    with transaction(connection) as cursor:
        cursor.execute("SELECT count(*) FROM result_entity_document")
        assert cursor.fetchone() == (0,)


def listeners_run(rows: list[list[Any]], base: Manifest | None = None) -> Manifest:
    """Of artist_listeners in all_time; with `base`, one that continues that."""
    size, sha256 = inline_digest(rows)
    part = Part("entity_document", "artist_listeners", "all_time", len(rows), None, size, sha256, rows)
    made = manifest(
        {}, parts=[part], stats_range="all_time", statistic="artist_listeners", rows=len(rows), replace="all"
    )
    if base is None:
        return made
    switch = replace(made.switches[0], replace="named")
    return replace(made, switches=[switch], data_version=2, run_id=new_run_id(1_700_000_001), base_run_id=base.run_id)


def test_a_run_that_continues_another_than_the_served_one_is_refused(connection: Connection, pool: Pool) -> None:
    base = manifest({1: [(11, 5)], 2: [(11, 4)]})
    save_run(pool, base)
    save_run(pool, manifest({1: [(11, 7)], 2: [(11, 4)]}, data_version=2, base=base, touched=(1,)))
    late = manifest({2: [(11, 9)]}, data_version=3, base=base, touched=(2,))

    with pytest.raises(BaseGoneError, match="ask for it again"):
        save_run(pool, late)
    assert [counts(connection, key) for key in (1, 2)] == [[7], [4]]


@pytest.mark.parametrize(
    ("switch", "kind", "said"),
    [
        ({}, "document", "promised list, found document"),
        ({"replace": "keys"}, "list", "expected all, touched or named"),
        ({"replace": "named"}, "list", "none names what is gone"),
        ({"statistic": "sitewide_artists", "replace": "touched"}, "list", "its keys are no users"),
        ({"statistic": "pg_metadata_tables"}, "list", "no job makes 'pg_metadata_tables'"),
    ],
)
def test_rows_of_another_kind_and_replacements_that_cannot_be_are_refused(
    connection: Connection, pool: Pool, switch: dict[str, Any], kind: str, said: str
) -> None:
    save_run(pool, manifest(OLD))
    statistic = switch.get("statistic", "user_artists")
    parts = [
        replace(part, kind=kind, statistic=statistic) if part.kind == "list" else part for part in inline_parts(OLD)
    ]
    before = everything(connection)

    with pytest.raises(PoisonManifestError, match=said):
        save_run(pool, manifest(OLD, data_version=2, parts=parts, **switch))
    assert everything(connection) == before


def test_a_user_deleted_meanwhile_is_not_resurrected(connection: Connection, pool: Pool) -> None:
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM users WHERE id = 2")

    save_run(pool, manifest(OLD))

    assert page(connection, 2) is None
    assert counts(connection, 1) == [5, 3]


def entities(connection: Connection) -> set[int]:
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM result_entity")
        return {entity_id for (entity_id,) in cursor.fetchall()}


def test_a_run_of_before_does_not_bring_a_deleted_account_back_and_its_structs_are_pruned(
    connection: Connection, pool: Pool
) -> None:
    save_run(pool, manifest(OLD))
    delete_account(connection, 2, 1)
    assert page(connection, 2) is None

    late = manifest({1: [(11, 5)], 2: [(-9, 1), (11, 1)]}, now=1_800_000_000)
    assert save_run(pool, late) == [("user_artists", "week")]

    assert page(connection, 2) is None
    assert counts(connection, 1) == [5]
    assert entities(connection) == {11, 12, -9}
    with transaction(connection) as cursor:
        assert prune_entities(cursor) == 2, "what only she had, and what no list has any more"
        assert prune_entities(cursor) == 0
    assert entities(connection) == {11}
    assert counts(connection, 1) == [5]


def test_structs_that_wait_for_their_lists_are_not_pruned(connection: Connection, pool: Pool) -> None:
    with pool.session() as reading, saving(reading):
        with pool.transaction() as cursor:
            save_entities(cursor, [(11, entity(11))])
        with transaction(connection) as cursor:
            assert prune_entities(cursor) is None
    with transaction(connection) as cursor:
        assert prune_entities(cursor) == 1


def poisoned(kind: str, tmp_path: Path) -> list[Part]:
    parts = file_parts(tmp_path, inline_parts(OLD))
    path = Path(str(parts[1].path))
    if kind == "a byte flipped":
        body = bytearray(path.read_bytes())
        body[len(body) // 2] ^= 1
        path.write_bytes(bytes(body))
    elif kind == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif kind == "missing":
        path.unlink()
    elif kind == "a part dropped":
        parts.pop()
    elif kind == "a part twice":
        parts.append(parts[1])
    elif kind == "rows of another range":
        parts.append(replace(inline_parts(OLD)[1], stats_range="month"))
    elif kind == "no Parquet":
        rows = [[1]]
        parts[1] = replace(parts[1], inline=rows)
    else:
        parts[0] = replace(parts[0], kind="pizza")
    return parts


@pytest.mark.parametrize(
    "kind",
    [
        "a byte flipped",
        "truncated",
        "missing",
        "a part dropped",
        "a part twice",
        "rows of another range",
        "no Parquet",
        "unknown kind",
    ],
)
def test_a_poisoned_run_is_refused_and_the_old_results_stay(
    connection: Connection, pool: Pool, tmp_path: Path, kind: str
) -> None:
    save_run(pool, manifest({1: [(11, 7)]}))
    before = everything(connection)

    with pytest.raises(PoisonManifestError):
        save_run(pool, manifest(OLD, data_version=2, parts=poisoned(kind, tmp_path)))

    assert everything(connection) == before


def bad_rows(rows: list[list[Any]], kind: str = "list") -> Part:
    size, sha256 = inline_digest(rows)
    what = ("user_artists", "week") if kind == "list" else ("", "")
    return Part(kind, *what, len(rows), None, size, sha256, rows)


@pytest.mark.parametrize(
    "part",
    [
        bad_rows([[1, [11], [5]], [1, [11], [5]]]),
        bad_rows([[1, [11, 12], [5]], [2, [11], [5]]]),
        bad_rows([[1, [], []], [2, [11], [5]]]),
        bad_rows([["x", [11], [5]], [2, [11], [5]]]),
    ],
)
def test_rows_that_are_no_lists_are_refused_and_the_old_results_stay(
    connection: Connection, pool: Pool, part: Part
) -> None:
    save_run(pool, manifest({1: [(11, 7)]}))
    before = everything(connection)

    with pytest.raises(BadRowsError):
        save_run(pool, manifest(OLD, data_version=2, parts=[part]))

    assert everything(connection) == before


def test_an_entity_with_two_documents_is_refused(pool: Pool) -> None:
    save_run(pool, manifest(OLD))
    clash = bad_rows([[11, entity(12)]], "entity")

    with pytest.raises(BadRowsError, match="entity 11 has two documents"):
        save_run(pool, manifest({}, data_version=2, parts=[clash]))


@pytest.mark.parametrize(
    "switches",
    [
        [Switch("pizza", "week", 1, 2, 0, "all")],
        [Switch("user_artists", "week", 1, 2, 0, "all"), Switch("user_artists", "week", 1, 2, 0, "all")],
    ],
)
def test_a_switch_of_no_job_or_twice_is_refused(pool: Pool, switches: list[Switch]) -> None:
    with pytest.raises(PoisonManifestError):
        save_run(pool, replace(manifest({}), switches=switches))


def test_a_request_is_done_when_its_results_are_readable(connection: Connection, pool: Pool) -> None:
    request_id = uuid4()
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO request (id, query, params, params_key, state) VALUES (%s, 'q', '{}', '{}', 'running')",
            (request_id,),
        )
    sent = manifest(OLD, request_id=request_id)

    save_run(pool, sent)

    with transaction(connection) as cursor:
        cursor.execute("SELECT state, run_id, data_version FROM request")
        assert cursor.fetchone() == ("done", sent.run_id, 1)


@pytest.mark.parametrize("as_files", [False, True])
def test_listening_time_may_be_longer_than_a_life(
    connection: Connection, pool: Pool, tmp_path: Path, as_files: bool
) -> None:
    entities, lists = inline_parts({1: [(11, 5)]})
    [row] = lists.inline or []
    row[COLUMNS["list"].index("seconds")] = [2**40]
    lists = inline_part("list", "user_artists", "week", [row])
    parts = file_parts(tmp_path, [entities, lists]) if as_files else [entities, lists]

    save_run(pool, manifest({1: [(11, 5)]}, parts=parts))

    with transaction(connection) as cursor:
        found = load_compared_page(cursor, "user_artists", "week", 1, 0, 1, by_time=True, gone=0)
    assert found is not None
    assert found.items[0].seconds == 2**40


def test_the_newest_listen_is_the_data_versions_however_far_a_run_counts(connection: Connection, pool: Pool) -> None:
    save_run(pool, manifest(OLD))
    unknown = page(connection, 1)
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " VALUES (7, 9, now() - interval '30 d', 1400, 'land', 1)"
        )
    save_run(pool, manifest(OLD, data_version=7))
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM landing")  # landings are forgotten, what is served is not

    found = page(connection, 1)

    assert unknown is not None
    assert found is not None
    assert (unknown.run.counted_to_ts, unknown.run.newest_listen_ts) == (1500, 1500)
    assert (found.run.counted_to_ts, found.run.newest_listen_ts) == (1500, 1400)
