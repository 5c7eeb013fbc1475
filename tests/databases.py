"""Databases for tests: copies of a migrated template, emptied and lent again, for a new copy takes far longer."""

from contextlib import closing
from uuid import uuid4

from conf import postgres
from conf.embedded_postgres import EmbeddedPostgres, embedded_dsn

TEMPLATE = "schema_template"
_SHAPE = (
    "SELECT md5(string_agg(concat_ws(' ', c.relname, a.attname, a.atttypid, a.attnotnull), ','"
    " ORDER BY c.relname, a.attnum))"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " WHERE c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped"
)
_EMPTY = """
DO $$
DECLARE found record;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR found IN SELECT oid, oid::regclass::text AS name FROM pg_class WHERE relkind = 'r'
        AND relnamespace = 'public'::regnamespace AND relname NOT LIKE '%yoyo%' AND relname <> 'store'
    LOOP
        IF pg_relation_size(found.oid) > 200000 THEN
            EXECUTE 'TRUNCATE ' || found.name || ' CASCADE';
        ELSE
            EXECUTE 'DELETE FROM ' || found.name;
        END IF;
    END LOOP;
    PERFORM setval(seqrelid::regclass, seqstart, false) FROM pg_sequence;
END $$
"""


class Databases:
    """Lends out empty databases of one server, each with an epoch of its own."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self._server = server
        self._free: list[str] = []
        self.admin(f"CREATE DATABASE {TEMPLATE}")
        postgres.migrate(self.url(TEMPLATE))
        self._shape = self._shape_of(self.url(TEMPLATE))
        self._migrations = self._migrations_of(self.url(TEMPLATE))

    def url(self, name: str) -> str:
        return embedded_dsn(self._server.data_dir).replace("/listenlake?", f"/{name}?")

    def admin(self, statement: str) -> None:
        with (
            closing(postgres.connect(embedded_dsn(self._server.data_dir), autocommit=True)) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def lend(self) -> str:
        """The name of an empty database."""
        if self._free:
            return self._free.pop()
        name = f"test_{uuid4().hex[:12]}"
        self.admin(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY FILE_COPY")
        self._empty(self.url(name))
        return name

    def give_back(self, name: str) -> None:
        """Empty it for the next one; dropped when its tables, or what was migrated, are no longer the same."""
        self._empty(self.url(name))
        if self._shape_of(self.url(name)) == self._shape and self._migrations_of(self.url(name)) == self._migrations:
            self._free.append(name)
        else:
            self.admin(f"DROP DATABASE {name} WITH (FORCE)")

    @staticmethod
    def _empty(url: str) -> None:
        with closing(postgres.connect(url, autocommit=True)) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            cursor.execute(_EMPTY)
            cursor.execute("DELETE FROM store")
            cursor.execute("INSERT INTO store (epoch) VALUES (%s)", (uuid4(),))

    @staticmethod
    def _migrations_of(url: str) -> list[str]:
        with closing(postgres.connect(url)) as connection, postgres.transaction(connection) as cursor:
            cursor.execute("SELECT migration_id FROM _yoyo_migration ORDER BY migration_id")
            return [str(name) for (name,) in cursor.fetchall()]

    @staticmethod
    def _shape_of(url: str) -> str:
        with closing(postgres.connect(url)) as connection, postgres.transaction(connection) as cursor:
            cursor.execute(_SHAPE)
            row = cursor.fetchone()
        return str(row[0]) if row else ""
