"""The order of rows as one text: who has the texts can sort them without Spark, and sort as Spark would."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F  # noqa: N812
from pyspark.sql import types as T  # noqa: N812

ORDER_KEY = "order_key"
_LONG = "decimal(20, 0)"
_LEAST_LONG = "9223372036854775808"
"""What makes every long a number of at most 20 digits without a sign."""


def order_key(rows: DataFrame, columns: Sequence[str]) -> Column:
    """A text whose bytes order rows as these columns do, ascending, nulls first; equal where all of them are.

    Columns of texts, of whole numbers, and of lists and structs of these; of texts with a NUL only the part before it
    is compared for sure. Raises TypeError for other types.
    """
    return F.concat(*(_key(F.col(name), rows.schema[name].dataType) for name in columns))


def _key(value: Column, kind: T.DataType) -> Column:
    """Null is less than every value; the NUL at the end makes a text less than all that it begins."""
    return F.when(value.isNull(), F.lit("\0")).otherwise(F.concat(F.lit("\1"), _known(value, kind)))


def _known(value: Column, kind: T.DataType) -> Column:
    if isinstance(kind, T.StringType):
        return F.concat(value, F.lit("\0"))
    if isinstance(kind, T.IntegralType):
        unsigned = (value.cast(_LONG) + F.lit(_LEAST_LONG).cast(_LONG)).cast(_LONG)
        return F.lpad(unsigned.cast("string"), 20, "0")
    if isinstance(kind, T.StructType):
        return F.concat(*(_key(value[field.name], field.dataType) for field in kind.fields))
    if isinstance(kind, T.ArrayType):
        element = kind.elementType
        keys = F.transform(value, lambda one: F.concat(F.lit("\1"), _key(one, element)))
        return F.concat(F.array_join(keys, ""), F.lit("\0"))
    raise TypeError(f"there is no order key for {kind.simpleString()}")
