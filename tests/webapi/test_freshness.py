"""How far behind statistics are, from rows worked out by hand in a real PostgreSQL: what is served, what waits."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from psycopg2 import sql

from conf.postgres import Connection, transaction
from jobs.catalog import catalog
from jobs.listens.account_deletion import delete_account
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.removal import delete_history, delete_listen
from jobs.listens.user_settings import set_zone
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from jobs.ranges import STATS_RANGES
from tests.webapi.conftest import Account, listen
from webapi.freshness import Freshness, freshness

STATISTICS = [job.statistic for job in catalog().bundled(catalog().bundles["stats.all"])]
"""Those that are kept fresh."""
BOUND = 300
MSID = UUID(int=1)


def of_all(connection: Connection) -> dict[str, Freshness]:
    with transaction(connection) as cursor:
        return {one.statistic: one for one in freshness(cursor) if one.bundle is not None}


def lag(connection: Connection) -> int:
    """Of every statistic, which is the same of all."""
    [seconds] = {one.lag for one in of_all(connection).values()}
    return seconds


def serve(connection: Connection, data_version: int, *, t: float | None = None, position: int | None = None) -> UUID:
    """Every statistic in every range by one run; it continued another one, for three users."""
    run_id, moment = uuid4(), int(t or time.time())
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM run")
        for statistic in STATISTICS:
            for name in STATS_RANGES:
                cursor.execute(
                    "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
                    " row_count, position, seconds, cpu_seconds, base_run_id, touched_users, written_rows,"
                    " written_bytes) VALUES (%s, %s, %s, %s, 0, 1, %s, 1, %s, 14.25, 18.5, gen_random_uuid(), 3, 40,"
                    " 2000)",
                    (statistic, name, run_id, data_version, moment, position),
                )
    return run_id


def land(connection: Connection, number: int, *, position: int | None = None, kind: str = "land", ago: int = 0) -> None:
    """Everything that has been written, or what was up to a position."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " SELECT %s, coalesce(%s, last_value), now() - make_interval(secs => %s), 1, %s, 1 FROM change_position",
            (number, position, ago, kind),
        )


def write(connection: Connection, user_id: int, listened_at: int) -> None:
    write_submissions(connection, [Submission(new_message_id(), user_id, 1, (listen(listened_at),))])


TIMES = (
    ("store", "created"), ("listen", "inserted_at"), ("listen_delete", "created"), ("mapping", "updated"),
    ("mapping_delete", "created"), ("user_settings", "updated"), ("exclusion", "created"),
    ("exclusion_delete", "created"), ("account_deletion", "requested"), ("landing", "landed_at"),
)  # fmt: skip


def let_pass(connection: Connection, seconds: int) -> None:
    """As if everything had been done so much earlier."""
    with transaction(connection) as cursor:
        for table, column in TIMES:
            statement = sql.SQL("UPDATE {t} SET {c} = {c} - make_interval(secs => %s)")
            cursor.execute(statement.format(t=sql.Identifier(table), c=sql.Identifier(column)), (seconds,))


def test_where_nothing_was_ever_written_nothing_is_behind(connection: Connection) -> None:
    found = of_all(connection)
    assert sorted(found) == sorted(STATISTICS)
    assert {(one.lag, one.bound, one.late, one.age) for one in found.values()} == {(0, BOUND, False, None)}


def test_what_is_made_when_cron_asks_for_it_is_told_of_and_is_never_late(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    let_pass(connection, 5000)
    land(connection, 1)

    def told() -> dict[str, tuple[int, int | None, bool]]:
        with transaction(connection) as cursor:
            return {one.statistic: (one.lag, one.age, one.late) for one in freshness(cursor) if one.bundle is None}

    assert told()["similar_users"][0] >= 5000
    assert told()["similar_users"][1:] == (None, False)
    assert not {"recommendation_dataframes", "pg_metadata_tables"} & set(told()), "they have no results"
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " row_count)"
            " VALUES ('similar_users', 'all_time', gen_random_uuid(), 1, 0, 1, extract(epoch FROM now())::bigint, 1)"
        )
    assert told()["similar_users"] == (0, 0, False), "it has one range, and that is served"


def test_what_was_never_made_is_as_far_behind_as_the_first_listen_is_old(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    let_pass(connection, 200)
    write(connection, rob.id, 1_600_000_001)
    land(connection, 1)
    assert 200 <= lag(connection) <= 230
    assert not any(one.late for one in of_all(connection).values())
    let_pass(connection, 200)
    assert all(one.late for one in of_all(connection).values())


def test_what_is_served_is_behind_since_the_first_change_after_its_data_version(
    connection: Connection, rob: Account
) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    serve(connection, 1)
    let_pass(connection, 5000)
    assert lag(connection) == 0, "whatever its age: nothing has happened"
    write(connection, rob.id, 1_600_000_001)
    let_pass(connection, 250)
    write(connection, rob.id, 1_600_000_002)
    assert 250 <= lag(connection) <= 280, "though it has not landed"
    land(connection, 2)
    let_pass(connection, 100)
    assert 350 <= lag(connection) <= 380, "and once it has landed"
    assert all(one.late for one in of_all(connection).values())
    serve(connection, 2)
    assert lag(connection) == 0


def test_a_range_that_is_served_by_an_older_run_or_not_at_all_is_the_one_that_counts(
    connection: Connection, rob: Account
) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    let_pass(connection, 100)
    write(connection, rob.id, 1_600_000_001)
    land(connection, 2)
    let_pass(connection, 100)
    serve(connection, 2)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE run SET data_version = 1 WHERE (statistic, stats_range) = ('user_artists', 'week')")
        cursor.execute("DELETE FROM run WHERE (statistic, stats_range) = ('user_releases', 'year')")
    found = of_all(connection)
    assert 100 <= found["user_artists"].lag <= 102
    assert 200 <= found["user_releases"].lag <= 202
    assert {one.lag for name, one in found.items() if name not in ("user_artists", "user_releases")} == {0}


def _listen(connection: Connection, user_id: int) -> None:
    write(connection, user_id, 1_600_000_001)


def _delete(connection: Connection, user_id: int) -> None:
    assert delete_listen(connection, user_id, 1_600_000_000, _msid(connection), 2**50) == 1


def _wipe(connection: Connection, user_id: int) -> None:
    assert delete_history(connection, user_id, 2**50) == 1


def _map(connection: Connection, user_id: int) -> None:
    put_mapping(connection, MappingRow(user_id, str(UUID(int=2)), "manual"))


def _unmap(connection: Connection, user_id: int) -> None:
    assert delete_mapping(connection, user_id, MSID, "manual")


def _move(connection: Connection, user_id: int) -> None:
    with transaction(connection) as cursor:
        assert set_zone(cursor, user_id, "Europe/Berlin")


def _exclude(connection: Connection, user_id: int) -> None:
    with transaction(connection) as cursor:
        assert add_exclusion(cursor, user_id, exclusion_of("artist", "Queen"))


def _include(connection: Connection, user_id: int) -> None:
    with transaction(connection) as cursor:
        assert remove_exclusion(cursor, user_id, exclusion_of("artist", "Abba"))


def _leave(connection: Connection, user_id: int) -> None:
    delete_account(connection, user_id, 2**50)


def _import(connection: Connection, user_id: int) -> None:
    land(connection, 2, kind="import")


CHANGES = [_listen, _delete, _wipe, _map, _unmap, _move, _exclude, _include, _leave, _import]


@pytest.mark.parametrize("change", CHANGES)
def test_every_kind_of_change_waits(
    change: Callable[[Connection, int], None], connection: Connection, rob: Account
) -> None:
    write(connection, rob.id, 1_600_000_000)
    put_mapping(connection, MappingRow(rob.id, str(MSID), "manual"))
    with transaction(connection) as cursor:
        set_zone(cursor, rob.id, "UTC")
        add_exclusion(cursor, rob.id, exclusion_of("artist", "Abba"))
    land(connection, 1)
    serve(connection, 1)
    let_pass(connection, 1000)
    assert lag(connection) == 0
    change(connection, rob.id)
    if change is _leave:
        with transaction(connection) as cursor:
            cursor.execute("UPDATE account_deletion SET requested = now()")
    let_pass(connection, 50)
    assert 50 <= lag(connection) <= 80


def test_a_new_user_and_upkeep_of_the_lake_change_no_statistic(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    serve(connection, 1)
    create_user(connection, "someone new")
    land(connection, 2, kind="compact")
    let_pass(connection, 1000)
    assert lag(connection) == 0


def test_how_far_a_run_goes_is_known_after_its_landing_was_forgotten(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    with transaction(connection) as cursor:
        cursor.execute("SELECT last_value FROM change_position")
        [(position,)] = cursor.fetchall()
    serve(connection, 1, position=position)
    let_pass(connection, 1000)
    assert lag(connection) == 0
    write(connection, rob.id, 1_600_000_001)
    let_pass(connection, 10)
    assert 10 <= lag(connection) <= 40


def test_a_store_that_was_rebuilt_has_waited_no_longer_than_it_exists(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    let_pass(connection, 10**8)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE store SET created = now() - interval '20 seconds'")
    assert 20 <= lag(connection) <= 50


def test_a_listen_of_a_dump_waits_since_it_landed_here_not_since_its_server_took_it(
    connection: Connection, rob: Account
) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    serve(connection, 1)
    let_pass(connection, 1000)
    write(connection, rob.id, 1_600_000_001)
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE listen SET source = 'listenbrainz', inserted_at = now() - interval '3 years'"
            " WHERE listened_at = 1600000001"
        )
    assert lag(connection) <= 30
    land(connection, 2)
    let_pass(connection, 100)
    assert 100 <= lag(connection) <= 130


def test_when_a_day_has_turned_the_windows_are_behind_since_midnight(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
    serve(connection, 1, t=midnight - 1)
    with transaction(connection) as cursor:
        cursor.execute("UPDATE run SET last_updated = to_timestamp(%s)", (midnight - 1,))
    passed = int(time.time() - midnight)
    assert passed <= lag(connection) <= passed + 30
    serve(connection, 1, t=midnight)
    assert lag(connection) <= 30


def test_a_listen_dated_ahead_is_behind_once_time_has_passed_it(connection: Connection, rob: Account) -> None:
    """It landed, but the run's T was earlier; nothing else happens."""
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    now = int(time.time())
    serve(connection, 1, t=now - 500)

    def lag_where_next_is(moment: int) -> int:
        with transaction(connection) as cursor:
            cursor.execute(
                "UPDATE run SET next_listen_ts = %s, last_updated = to_timestamp(%s)"
                " WHERE (statistic, stats_range) = ('user_artists', 'week')",
                (moment, now - 500),
            )
        found = of_all(connection)
        assert {one.lag for name, one in found.items() if name != "user_artists"} == {0}
        return found["user_artists"].lag

    assert lag_where_next_is(now + 3600) == 0
    assert 400 <= lag_where_next_is(now - 400) <= 430
    assert of_all(connection)["user_artists"].late
    assert 500 <= lag_where_next_is(now - 9000) <= 530, "no longer than the run is served"


def test_a_run_as_of_long_ago_is_behind_since_it_came(connection: Connection, rob: Account) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    serve(connection, 1, t=1_600_000_000)
    assert lag(connection) <= 30


def test_a_run_tells_what_it_cost_and_the_status_of_the_service_has_it(
    client: FlaskClient, connection: Connection, rob: Account
) -> None:
    write(connection, rob.id, 1_600_000_000)
    land(connection, 1)
    run_id = serve(connection, 1)
    write(connection, rob.id, 1_600_000_001)
    let_pass(connection, 400)
    document = client.get("/1/status/service-status").get_json()
    [artists] = [one for one in document["statistics"] if one["name"] == "user_artists"]
    assert artists.pop("age") <= 2
    assert 400 <= artists.pop("lag") <= 402
    assert artists == {
        "name": "user_artists",
        "bound": BOUND,
        "late": True,
        "last_run": {
            "run_id": str(run_id),
            "data_version": 1,
            "seconds": 14.25,
            "cpu_seconds": 18.5,
            "continued": True,
            "touched_users": 3,
            "rows": 40,
            "bytes": 2000,
        },
    }
    [alarm] = [one for one in client.get("/health/ready").get_json()["alarms"] if one.startswith("statistics: ")]
    assert f"and {len(STATISTICS) - 1} more: a change has waited 40" in alarm
    metrics = client.get("/metrics").text
    gauges = {"lag_seconds": "40", "lag_bound_seconds": "300.0", "run_seconds": "14.25", "run_cpu_seconds": "18.5"}
    for name, value in (gauges | {"run_rows": "40.0", "run_bytes": "2000.0"}).items():
        assert f'\nlistenlake_result_{name}{{statistic="user_artists"}} {value}' in metrics


def _msid(connection: Connection) -> UUID:
    with transaction(connection) as cursor:
        cursor.execute("SELECT recording_msid FROM listen")
        [(msid,)] = cursor.fetchall()
    return UUID(str(msid))
