"""What a notebook's kernel tries in the tests of its lake: called there, after the notebook's own cells."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from delta.tables import DeltaTable

import jobs.opened_lake
from jobs.opened_lake import Lake
from jobs.read_only import own_folder


def told(lake: Lake, attempt: Callable[[], object]) -> str:
    """The name of the error, or what refused; empty: it was done."""
    try:
        attempt()
    except Exception as problem:  # noqa: BLE001 - whatever is raised
        text = str(problem)
        return "LakeReadOnlyError" if "LakeReadOnlyError" in text else f"{type(problem).__name__}: {text[:300]}"
    return ""


def writing(lake: Lake) -> dict[str, str]:
    """Every way to write that Spark and Delta have, and what came of it."""
    spark, listens = lake.spark, f"{lake.location}/listens"
    one = lake.table("listens").limit(1)
    link = own_folder(spark) / "link"
    link.symlink_to(lake.location)
    table = DeltaTable.forPath(spark, listens)
    statements = {
        "INSERT": "INSERT INTO delta.`{}` SELECT * FROM delta.`{}` LIMIT 1",
        "DELETE": "DELETE FROM delta.`{}`",
        "UPDATE": "UPDATE delta.`{}` SET user_id = 1",
        "ALTER": "ALTER TABLE delta.`{}` SET TBLPROPERTIES ('delta.appendOnly' = 'true')",
        "OPTIMIZE": "OPTIMIZE delta.`{}` ZORDER BY (user_id)",
        "RESTORE": "RESTORE TABLE delta.`{}` TO VERSION AS OF 0",
    }
    attempts: dict[str, Callable[[], object]] = {
        "append": lambda: one.write.format("delta").mode("append").save(listens),
        "overwrite": lambda: one.write.format("delta").mode("overwrite").save(listens),
        "through a link": lambda: one.write.format("delta").mode("append").save(f"{link}/listens"),
        "a new table": lambda: one.write.format("delta").save(f"{lake.location}/mine"),
        "files": lambda: one.write.mode("append").parquet(f"{lake.location}/results/mine"),
        "files in place of the lake": lambda: one.write.mode("overwrite").parquet(lake.location),
        "files in place of its folder": lambda: one.write.mode("overwrite").parquet(f"{lake.location}/.."),
        "DeltaTable.delete": table.delete,
        "DeltaTable.merge": lambda: table.alias("l").merge(one.alias("o"), "l.user_id = o.user_id")
        .whenMatchedDelete().execute(),
        "an attribute": lambda: setattr(lake, "listens", one),
    }  # fmt: skip
    attempts |= {
        name: lambda text=text: spark.sql(text.replace("{}", listens))  # type: ignore[misc]
        for name, text in statements.items()
    }
    return {name: told(lake, attempt) for name, attempt in attempts.items()}


def vacuum(lake: Lake) -> str:
    """Remove every file that the newest version does not need; what came of it."""
    return told(lake, lambda: DeltaTable.forPath(lake.spark, f"{lake.location}/listens").vacuum(0))


def elsewhere(lake: Lake) -> int:
    """Rows of a Delta table that the notebook keeps for itself, after one was deleted."""
    own = str(own_folder(lake.spark) / "own")
    lake.spark.range(5).write.format("delta").save(own)
    DeltaTable.forPath(lake.spark, own).delete("id = 3")
    return lake.spark.read.format("delta").load(own).count()


def versions(lake: Lake) -> dict[str, Any]:
    """What the lake shows of its past, by data version, by moment and from before what it keeps."""
    first, last = lake.landings().index[[0, -1]]
    landed_at = lake.landings()["landed_at"]
    jobs.opened_lake.FEED_KEPT = timedelta(0)  # type: ignore[attr-defined]
    left = lake.as_of(int(first))
    return {
        "first": lake.as_of(int(first)).landing.landing_id,
        "at the first": lake.as_of(landed_at.iloc[0].isoformat()).landing.landing_id,
        "a moment before the last": lake.as_of(landed_at.iloc[-1] - timedelta(milliseconds=1)).landing.landing_id,
        "ids": [int(first), int(last)],
        "before the first": told(lake, lambda: lake.as_of("2000-01-01")),
        "unknown": told(lake, lambda: lake.as_of(10**6)),
        "no moment": told(lake, lambda: lake.as_of("yesterday")),
        "no table": told(lake, lambda: lake.table("scrobbles")),
        "no attribute": told(lake, lambda: lake.scrobbles),
        "exact": [lake.exact, left.exact],
        "left": left.table("listens").count(),
    }


def keeping(lake: Lake) -> dict[str, str]:
    """What is said to a wish to make what is kept in the lake."""
    names = ("recommendation_model", "similar_users")
    return {name: told(lake, lambda name=name: lake.run(name)) for name in names}  # type: ignore[misc]


def misasked(lake: Lake) -> list[str]:
    """What is said to an option out of bounds, and to what cannot go together."""
    return [
        told(lake, lambda: lake.run("similar_artists", session=-1)),
        told(lake, lambda: lake.run("similar_artists", "user_artists")),
        told(lake, lambda: lake.run("user_artists", threshold=1)),
        told(lake, lambda: lake.run("similar_artists", since=lake)),
    ]
