"""The order of rows as one text, beside Spark's own order by columns."""

import random

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from pyspark.sql import SparkSession

from jobs.order_key import ORDER_KEY, order_key
from jobs.tables.metadata import ARTISTS

SCHEMA = f"number int, name string, mbids array<string>, artists {ARTISTS}, caa_id bigint"
COLUMNS = ["name", "mbids", "artists", "caa_id"]
TEXTS = [None, "", "a", "ab", "abc", "b", "\x01", "a\x01", "é", "z", "ж", "😀", " "]
LONGS = [None, 0, 1, 9, 10, -1, -10, 2**63 - 1, -(2**63)]


def made(chance: random.Random, number: int) -> tuple[object, ...]:
    credit = [tuple(chance.choices(TEXTS, k=3)) for _ in range(chance.randrange(3))]
    mbids = chance.choices(TEXTS, k=chance.randrange(4))
    return (
        number,
        chance.choice(TEXTS),
        chance.choice([None, mbids]),
        chance.choice([None, credit]),
        chance.choice(LONGS),
    )


def test_sorted_by_its_bytes_rows_are_in_the_order_of_their_columns(spark: SparkSession) -> None:
    chance = random.Random(7)  # noqa: S311 - reproducible
    rows = spark.createDataFrame([made(chance, number) for number in range(3_000)], SCHEMA)
    keyed = rows.withColumn(ORDER_KEY, order_key(rows, COLUMNS))
    by_columns = [(row[ORDER_KEY], tuple(row[name] for name in COLUMNS)) for row in keyed.sort(*COLUMNS).collect()]
    keys = [key for key, _ in by_columns]
    assert keys == sorted(keys, key=str.encode)
    assert len(set(keys)) == len({str(columns) for _, columns in by_columns}), "equal where the columns are, only there"
    order = pc.sort_indices(pa.array(keys, pa.string()).cast(pa.binary()))
    assert [keys[place] for place in order.to_pylist()] == keys


def test_of_a_type_without_order_it_says_so(spark: SparkSession) -> None:
    rows = spark.sql("SELECT map('a', 1) AS known")
    with pytest.raises(TypeError, match="map<string,int>"):
        order_key(rows, ["known"])
