"""Names of users by id, for answers that name several of them."""

from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor  # noqa: N812


def names_of_users(cursor: Cursor, user_ids: Sequence[int]) -> dict[int, str]:
    """Id to name of those of these users who are there."""
    cursor.execute("SELECT id, name FROM users WHERE id = ANY(%s)", (list(user_ids),))
    return dict(cursor.fetchall())
