"""Proofs that ours, DuckDB and naive Spark came to the same statistics, before any time is compared."""

from contextlib import closing

import duckdb
import orjson
import pyarrow as pa

from conf import postgres
from jobs.listens.msid import fold
from tests.bench.duckdb_statistics import ENTITIES, Lists, artist_names, sums
from tests.bench.naive_statistics import TOP
from tests.bench.system import Bench

Fingerprint = tuple[int, int]
"""Rows, and the order-free hash of (user id, folded name, MBID, listen count)."""

_STORED = """
SELECT statistic, stats_range, count(*), sum(c), sum(c::numeric * c), sum(c::numeric * key)
  FROM result_list, unnest(counts) AS c WHERE statistic = ANY(%s) GROUP BY statistic, stats_range"""
_ARTISTS = """
SELECT key, id, listen_count FROM result_list, unnest(ids, counts) AS item (id, listen_count)
 WHERE statistic = 'user_artists' AND stats_range = 'all_time'"""
_NAMES = """
SELECT id, doc FROM result_entity WHERE id IN (
    SELECT unnest(ids) FROM result_list WHERE statistic = 'user_artists' AND stats_range = 'all_time')"""
_NAIVE = """
SELECT user_id, item ->> 'artist_key', item ->> 'artist_mbid', (item ->> 'listen_count')::bigint
  FROM naive_result, jsonb_array_elements(data -> 'items') AS item
 WHERE entity = 'artists' AND stats_range = 'all_time'"""
_FINGERPRINT = """
SELECT count(*), bit_xor(hash(user_id::BIGINT, artist_key, coalesce(artist_mbid, ''), listen_count::BIGINT))
  FROM listed"""
_ABOVE_CUT = """
WITH cut AS (
    SELECT user_id, listen_count FROM (
        SELECT user_id, listen_count, row_number() OVER (PARTITION BY user_id ORDER BY listen_count DESC) AS place
          FROM listed) WHERE place = ?)
SELECT l.* FROM listed l LEFT JOIN cut USING (user_id) WHERE l.listen_count > coalesce(cut.listen_count, 0)"""
"""Which of those with as many plays as the last one are in is open where ties are."""
_OF_PEER = """
SELECT user_id, artist_key, artist_mbid, listen_count
  FROM (SELECT user_id, unnest(items, recursive := true) FROM lists) JOIN names USING (item)"""


def same_artists(bench: Bench, peer: Lists) -> int:
    """All users' artists of all time are those of DuckDB; how many rows."""
    ours, theirs = _fingerprint(_ours(bench)), _fingerprint(_of_duckdb(bench, peer))
    assert ours == theirs, f"artists of all time: ours {ours}, DuckDB {theirs}: no times are compared"
    return ours[0]


def same_as_naive(bench: Bench) -> int:
    """Artists of all time are those of naive Spark, where it has not cut: how many rows."""
    with closing(duckdb.connect()) as connection:
        connection.register("listed", _ours(bench))
        expected = connection.sql(_ABOVE_CUT, params=[TOP]).to_arrow_table()
    with closing(duckdb.connect()) as connection:
        connection.register("listed", _table(bench, _NAIVE, ["user_id", "artist_key", "artist_mbid", "listen_count"]))
        found = connection.sql(_ABOVE_CUT, params=[TOP]).to_arrow_table()
    ours, theirs = _fingerprint(expected), _fingerprint(found)
    assert ours == theirs, f"artists of all time: ours {ours}, naive Spark {theirs}: no times are compared"
    return ours[0]


def same_sums(bench: Bench, peer: Lists, whose: str) -> int:
    """Of all lists of these entities (`whose`: user or sitewide): rows, listens, squares, listens by user; how many."""
    names = {f"{whose}_{entity}": entity for entity in ENTITIES}
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(_STORED, (list(names),))
        ours = {(names[row[0]], row[1]): tuple(map(int, row[2:])) for row in cursor.fetchall()}
    theirs = sums(peer)
    wrong = [key for key in ours | theirs if ours.get(key) != theirs.get(key)]
    assert not wrong, f"{whose} {wrong[0]}: ours {ours.get(wrong[0])}, DuckDB {theirs.get(wrong[0])}: no times"
    return len(ours)


def _ours(bench: Bench) -> pa.Table:
    """user_id, artist_key, artist_mbid, listen_count as stored."""
    documents = _table(bench, _NAMES, ["id", "doc"])
    told = [orjson.loads(doc) for doc in documents["doc"].to_pylist()]
    names = pa.table(
        {
            "id": documents["id"],
            "artist_key": pa.array([fold(doc["artist_name"]) for doc in told], pa.string()),
            "artist_mbid": pa.array([doc["artist_mbid"] for doc in told], pa.string()),
        }
    )
    return _table(bench, _ARTISTS, ["user_id", "id", "listen_count"]).join(names, "id").drop_columns(["id"])


def _of_duckdb(bench: Bench, peer: Lists) -> pa.Table:
    with closing(duckdb.connect()) as connection:
        connection.register("lists", peer["artists", "all_time"])
        connection.register("names", artist_names(bench.settings.lake))
        return connection.sql(_OF_PEER).to_arrow_table()


def _table(bench: Bench, query: str, columns: list[str]) -> pa.Table:
    with postgres.transaction(bench.connection) as cursor:
        cursor.execute(query)
        rows = cursor.fetchall()
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(columns)})


def _fingerprint(listed: pa.Table) -> Fingerprint:
    with closing(duckdb.connect()) as connection:
        connection.register("listed", listed)
        [(rows, digest)] = connection.execute(_FINGERPRINT).fetchall()
    return int(rows), int(digest or 0)
