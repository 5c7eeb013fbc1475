"""Users whose names are like a text: shared trigrams, as pg_trgm counts them, without needing it.

What is like a text is found by its trigrams one at a time, each giving CANDIDATES names at most. A rare trigram gives
all names that have it; of one that half of the users share it gives some. So the cost is bounded whatever the users are
called (100,000 of them: 60 ms for a dozen trigrams that most names share, 2 ms for rare ones), and what is missed are
names that share only what very many share.
"""

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.msid import fold
from jobs.listens.users import NAME_LIMIT, UNUSABLE

CANDIDATES = 200
LEAST = 0.3
"""Least similarity of a name that does not begin with the text: the limit of pg_trgm."""

_ALIKE = """
WITH candidate AS (
    SELECT DISTINCT u.name, u.name_key FROM unnest(%(trigrams)s::text[]) AS wanted CROSS JOIN LATERAL (
        SELECT name, name_key FROM users WHERE name_trigrams(name_key) @> ARRAY[wanted] LIMIT %(candidates)s
    ) AS u
), compared AS (
    SELECT name, starts_with(name_key, %(text)s) AS begins, cardinality(name_trigrams(name_key)) AS its,
        (SELECT count(*) FROM unnest(%(trigrams)s::text[]) AS t WHERE strpos('  ' || name_key || ' ', t) > 0) AS shared
    FROM candidate
), scored AS (
    SELECT name, begins, shared::float8 / (cardinality(%(trigrams)s::text[]) + its - shared) AS similarity FROM compared
)
SELECT name FROM scored WHERE begins OR similarity >= %(least)s ORDER BY similarity DESC, name LIMIT %(count)s
"""


def search_users(cursor: Cursor, text: str, count: int) -> list[str]:
    """Up to `count` names like the text, whatever its case, the most similar first; none for a blank text."""
    key = fold(text)[:NAME_LIMIT]
    if not key or UNUSABLE.search(key):
        return []
    given = {"trigrams": trigrams(key), "text": key, "candidates": CANDIDATES, "least": LEAST, "count": count}
    cursor.execute(_ALIKE, given)
    return [name for (name,) in cursor.fetchall()]


def trigrams(key: str) -> list[str]:
    """Those of a folded name, each once, as the function name_trigrams of the database makes them."""
    padded = f"  {key} "
    return list(dict.fromkeys(padded[start : start + 3] for start in range(len(padded) - 2)))
