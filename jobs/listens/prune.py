"""Forgetting what is kept for a while only: ids of written messages, deletes that have landed, periodic playlists."""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.removal import NEVER

KEEP_DAYS = 7


def prune_messages(cursor: Cursor) -> int:
    """Forget message ids written more than KEEP_DAYS ago; how many."""
    cursor.execute("DELETE FROM message_seen WHERE processed < now() - make_interval(days => %s)", (KEEP_DAYS,))
    return cursor.rowcount


def prune_tombstones(cursor: Cursor) -> int:
    """Forget deletes that are in the lake, older than KEEP_DAYS, and older than all listens set aside; how many.

    Those of a dump's user stay: the next dump may have what she deleted here.
    Only to be called while no message older than KEEP_DAYS waits in the queue or among its dead letters.
    """
    cursor.execute(
        "DELETE FROM listen_delete d WHERE created < now() - make_interval(days => %s)"
        " AND position <= (SELECT max(position) FROM landing)"
        " AND NOT EXISTS (SELECT FROM rejected_listen r"
        "   WHERE r.user_id = d.user_id AND r.submitted_at <= d.requested_at)"
        " AND (requested_at = %s OR NOT EXISTS (SELECT FROM users u WHERE u.id = d.user_id AND u.source IS NOT NULL))",
        (KEEP_DAYS, NEVER),
    )
    return cursor.rowcount


def prune_exclusion_deletes(cursor: Cursor) -> int:
    """Forget exclusions taken back that are in the lake, more than KEEP_DAYS ago; how many."""
    cursor.execute(
        "DELETE FROM exclusion_delete WHERE created < now() - make_interval(days => %s)"
        " AND position <= (SELECT max(position) FROM landing)",
        (KEEP_DAYS,),
    )
    return cursor.rowcount


def prune_playlists(cursor: Cursor) -> int:
    """Forget playlists that have expired: nobody finds them any more; how many."""
    cursor.execute("DELETE FROM playlist WHERE expires <= now()")
    return cursor.rowcount
