from pathlib import Path
from shutil import copy

import pytest

from conf import postgres

FIRST = "0001_path_of_a_listen"
ROWS = """
    INSERT INTO store (epoch) VALUES ('00000000-0000-4000-8000-000000000001');
    INSERT INTO users (id, name, name_key, position) VALUES (1, 'Rob', 'rob', 1);
    INSERT INTO listen (user_id, listened_at, recording_msid, position, inserted_at, artist_name, track_name,
                        additional_info)
        VALUES (1, 1700000000, '00000000-0000-4000-8000-000000000002', 2, now(), 'Portishead', 'Strangers', '{}');
"""


@pytest.fixture
def empty_database(database_url: str) -> str:
    connection = postgres.connect(database_url, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    connection.close()
    return database_url


def _only_first(folder: Path) -> Path:
    for path in postgres.MIGRATIONS.glob(f"{FIRST}*"):
        copy(path, folder)
    return folder


def test_the_previous_schema_is_upgraded_with_its_rows_in_it(empty_database: str, tmp_path: Path) -> None:
    assert postgres.migrate(empty_database, _only_first(tmp_path)) == [FIRST]
    connection = postgres.connect(empty_database, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM store")
        cursor.execute(ROWS)
        with pytest.raises(postgres.SchemaError, match="init_db"):
            postgres.check_schema(empty_database)
        assert FIRST not in postgres.migrate(empty_database)
        postgres.check_schema(empty_database)
        cursor.execute("SELECT epoch::text, name, artist_name FROM store, users, listen")
        assert cursor.fetchall() == [("00000000-0000-4000-8000-000000000001", "Rob", "Portishead")]
    connection.close()


def test_init_db_twice_changes_nothing(empty_database: str) -> None:
    assert postgres.migrate(empty_database)
    connection = postgres.connect(empty_database, autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT epoch FROM store")
        epoch = cursor.fetchone()
        assert postgres.migrate(empty_database) == []
        cursor.execute("SELECT epoch FROM store")
        assert cursor.fetchone() == epoch
    connection.close()


def test_code_older_than_its_data_refuses_to_start(database_url: str, tmp_path: Path) -> None:
    older = _only_first(tmp_path)
    with pytest.raises(postgres.SchemaError, match="newer than this code"):
        postgres.check_schema(database_url, older)
    with pytest.raises(postgres.SchemaError, match="newer than this code"):
        postgres.migrate(database_url, older)


def test_every_migration_has_a_rollback() -> None:
    for path in postgres.MIGRATIONS.glob("[0-9]*.sql"):
        if ".rollback" not in path.name:
            assert path.with_suffix("").with_suffix(".rollback.sql").exists(), path.name


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(postgres.StoreUnavailableError) as problem:
        postgres.connect("postgresql://me:hidden@127.0.0.1:9/none")
    assert "DATABASE_URL" in str(problem.value)
    assert "hidden" not in str(problem.value)
