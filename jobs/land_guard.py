"""Is this lake the lake of this store? Asked before anything is landed; and the mirror of landing rows in PostgreSQL.

Positions mean something only together with the store that gave them out. A recreated or restored database would give
them out again, and Delta would take every landing for one it has seen.
"""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.landing import Landing
from jobs.listens.account_deletion import mark_landed
from jobs.listens.changes import Store

WAY_OUT = (
    "Ways out: run `spark_manage.py serving rebuild` into an emptied database, which takes users and listens from the "
    "lake; or point LAKE_URL at an empty folder, which lands what the database has into a new lake"
)


class EpochError(RuntimeError):
    """Lake and database do not belong together; nothing was written. Names both and the ways out."""


def check_epoch(lake: str, store: Store, last: Landing | None, lake_empty: bool) -> None:
    """Raises EpochError for the lake of another store, or one that is ahead of this store."""
    if last is None:
        if not lake_empty:
            raise EpochError(
                f"the lake {lake} holds listens of another database (this one's epoch is {store.epoch}) and no data "
                f"version yet. {WAY_OUT}."
            )
        return
    if last.epoch != str(store.epoch):
        raise EpochError(
            f"the lake {lake} belongs to another database: its epoch is {last.epoch}, this database's is "
            f"{store.epoch}; was the database recreated? {WAY_OUT}."
        )
    if last.position > store.last_position:
        raise EpochError(
            f"the lake {lake} is ahead of the database: position {last.position} against {store.last_position}; was an "
            f"older backup restored? {WAY_OUT}."
        )


def check_mirror(cursor: Cursor, lake: str, last: Landing | None) -> int:
    """Compare the mirror with the lake's newest row, add that row if it alone is missing; the greatest id of both.

    Raises EpochError when more is missing: an older backup was restored and has been written to since.
    """
    newest, position = newest_mirrored(cursor)
    if last is None:
        return int(newest)
    if newest < last.landing_id - 1 or (newest == last.landing_id and position != last.position):
        raise EpochError(
            f"the lake {lake} has data version {last.landing_id} at position {last.position}, the database knows of "
            f"{newest} at {position}: an older backup of the database was restored. {WAY_OUT}."
        )
    if newest < last.landing_id:
        mirror(cursor, last)
    return max(int(newest), last.landing_id)


def newest_mirrored(cursor: Cursor) -> tuple[int, int]:
    """(data version, position) of the newest landing that PostgreSQL knows of; (0, 0): none."""
    cursor.execute("SELECT id, position FROM landing ORDER BY id DESC LIMIT 1")
    row = cursor.fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def mirror(cursor: Cursor, landing: Landing) -> None:
    """Tell PostgreSQL of a data version, and the receipts of deleted accounts that it has; repeatable."""
    cursor.execute(
        "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO NOTHING",
        (
            landing.landing_id,
            landing.position,
            landing.landed_at,
            landing.newest_listen_ts,
            landing.kind,
            landing.rows,
        ),
    )
    mark_landed(cursor, landing.position, landing.landed_at)
