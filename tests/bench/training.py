"""W6: fitting factors against bare `implicit` and Spark MLlib on one matrix; lists for many users in little memory.

What is compared is the fit alone, from the matrix in memory to the factors. MLlib gets the pairs as a cached DataFrame.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable
from ctypes.util import find_library
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from implicit.cpu.als import AlternatingLeastSquares
from pyspark.ml.recommendation import ALS
from pyspark.sql import DataFrame, SparkSession
from scipy import sparse
from threadpoolctl import threadpool_limits

from jobs.engines import models
from jobs.engines.als import Als
from jobs.engines.interactions import Interactions
from jobs.engines.ranking_metrics import hits, ndcg
from tests.bench.plays import halves, plays_of
from tests.bench.recommend_memory import measured
from tests.bench.report import Section, number, paired_ratio, spread
from tests.bench.system import bench_system

FACTORS, ITERATIONS, ALPHA, REGULARIZATION, SEED = 64, 3, 1.0, 10.0, 1
MLLIB_REGULARIZATION = 0.1
"""MLlib multiplies it by the number of a user's items."""
LISTED = 1000
MOST_OF_BLOCKS = 700
"""MB that a block of users may take, however many users there are; names of all recordings are among it."""
MEGABYTE = 2**20
T = TypeVar("T")


def run(quick: bool) -> Section:
    """The section."""
    section = Section("W6", "W6: training of factors, and lists for many users")
    users, items, pairs, rounds = (200, 3_000, 10_000, 2) if quick else (1_500, 100_000, 600_000, 5)
    known, asked = halves(plays_of(users, items, pairs, SEED), SEED)
    section.text.append(
        f"{users:,} users, {items:,} items, {known.matrix.nnz:,} pairs; {FACTORS} factors, {ITERATIONS} iterations. "
        "Ours and `implicit` take turns; the first of each warms up. nDCG@10 is of another fifth of the pairs, heard "
        "ones left out. MLlib scales its regularisation by a user's number of items, so only rankings are compared. "
        f"It has {'a native BLAS' if find_library('blas') else 'the BLAS of the JVM, for no native one is installed'}."
    )
    ours, theirs = _timed(known, rounds)
    ratio, text = paired_ratio(ours, theirs)
    section.add("fit, ours", spread(ours, "s"))
    section.add("fit, bare implicit", spread(theirs, "s"))
    section.add("ours : bare implicit", text, "<= 1.3", ratio <= 1.3)
    model = models.fit("als", known, _parameters(), SEED)
    assert isinstance(model, Als)
    assert np.allclose(model.factors, _bare(known)), "factors differ from the library's: no times are reported"
    section.samples |= {"ours": ours, "implicit": theirs}
    _against_mllib(section, known, asked, model, ours, 1)
    size = (500, 5_000, 20_000) if quick else (5_000, 200_000, 1_000_000)
    _lists(section, *size)
    _job(section, *size)
    return section


def _parameters() -> dict[str, Any]:
    return {"factors": FACTORS, "iterations": ITERATIONS, "alpha": ALPHA, "regularization": REGULARIZATION}


def _timed(known: Interactions, rounds: int) -> tuple[list[float], list[float]]:
    ours, theirs = [], []
    for turn in range(rounds + 1):
        started = time.perf_counter()
        models.fit("als", known, _parameters(), SEED)
        between = time.perf_counter()
        _bare(known)
        if turn:
            ours.append(between - started)
            theirs.append(time.perf_counter() - between)
    return ours, theirs


def _bare(known: Interactions) -> Any:
    """As one writes it with the library alone."""
    confidence = sparse.csr_matrix(known.matrix)
    confidence.data = 1 + ALPHA * confidence.data
    with threadpool_limits(1, "blas"):
        library = AlternatingLeastSquares(
            factors=FACTORS, regularization=REGULARIZATION, alpha=1.0, iterations=ITERATIONS, random_state=SEED
        )
        library.fit(confidence, show_progress=False)
    return library.item_factors


def _against_mllib(
    section: Section, known: Interactions, asked: Interactions, model: Als, ours: list[float], rounds: int
) -> None:
    spark = SparkSession.builder.master("local[*]").config("spark.driver.memory", "4g").config(
        "spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "4").getOrCreate()  # fmt: skip
    try:
        pairs = _frame(spark, known).cache()
        pairs.count()
        seconds = []
        for _ in range(rounds + 1):
            started = time.perf_counter()
            fitted = _mllib().fit(pairs)
            seconds.append(time.perf_counter() - started)
        quality = _ndcg_of_factors(known, asked, fitted.userFactors, fitted.itemFactors)
    finally:
        spark.stop()
    warm = float(np.median(seconds[1:]))
    ratio = warm / float(np.median(ours))
    section.add("fit, Spark MLlib, first and then warm", f"{seconds[0]:.3g} s, {spread(seconds[1:], 's')}")
    section.add("MLlib (warm) : ours", number(ratio), ">= 8", ratio >= 8)
    lists = model.recommend(known, np.arange(known.user_ids.size), 10, True).items
    section.add("nDCG@10 of held-out pairs, ours and MLlib", f"{_ndcg(lists, asked):.4f} and {quality:.4f}")
    section.samples["mllib"] = seconds


def _mllib() -> ALS:
    return ALS(
        rank=FACTORS, maxIter=ITERATIONS, regParam=MLLIB_REGULARIZATION, alpha=ALPHA, implicitPrefs=True, seed=SEED,
        userCol="user", itemCol="item", ratingCol="rating",
    )  # fmt: skip


def _frame(spark: SparkSession, known: Interactions) -> DataFrame:
    pairs = known.matrix.tocoo()
    columns = {"user": pairs.row.astype("int32"), "item": pairs.col.astype("int32"), "rating": pairs.data}
    return spark.createDataFrame(pd.DataFrame(columns))


def _ndcg_of_factors(known: Interactions, asked: Interactions, users: DataFrame, items: DataFrame) -> float:
    factors = np.zeros((known.user_ids.size, FACTORS)), np.zeros((known.items.size, FACTORS))
    for matrix, frame in zip(factors, (users, items), strict=True):
        rows = frame.toPandas()
        matrix[rows["id"].to_numpy()] = np.array(rows["features"].tolist())
    lists = np.zeros((known.user_ids.size, 10), np.int64)
    for user in range(known.user_ids.size):
        scores = factors[1] @ factors[0][user]
        scores[known.matrix[[user]].indices] = -np.inf
        best = np.argpartition(scores, -10)[-10:]
        lists[user] = best[np.argsort(-scores[best])]
    return _ndcg(lists, asked)


def _ndcg(lists: Any, asked: Interactions) -> float:
    held_out = np.diff(asked.matrix.indptr)
    some = np.flatnonzero(held_out)
    return float(ndcg(hits(lists, asked.matrix)[some], held_out[some], 10).mean())


def _lists(section: Section, users: int, items: int, pairs: int) -> None:
    """Fitted in one process and listed in another: the peak memory of each is its own."""
    with TemporaryDirectory() as folder:
        fitted = _apart(_fit_and_save, users, items, pairs, folder)
        listed, before, after = _apart(_load_and_list, users, items, pairs, folder)
    section.add(
        f"lists of {LISTED:,} for {users:,} users from {items:,} items (the default blend)",
        f"{listed:.1f} s, {users / listed:,.0f} users/s; fitted in {fitted:.1f} s",
    )
    section.add(
        "its peak resident memory, with plays and model alone before",
        f"{after:,.0f} MB, {before:,.0f} MB", "<= 500 MB more, lists included", after - before <= 500,
    )  # fmt: skip


def _job(section: Section, users: int, items: int, pairs: int) -> None:
    """Everything that the recommend job does, which `_lists` ranks alone for."""
    with bench_system() as bench:
        job = measured(users, items, pairs, bench.system.environment["DATABASE_URL"])
    section.add(
        f"the recommend job for {users:,} users x {items:,} recordings: raw, top and similar lists with their reasons",
        f"{job.seconds:.1f} s, {users / job.seconds:,.0f} users/s; {job.written / MEGABYTE:,.0f} MB of documents",
    )
    section.add(
        "resident memory that its blocks add at most to what it has read",
        f"{job.blocks:,.0f} MB, to {job.read:,.0f} MB", f"<= {MOST_OF_BLOCKS} MB", job.blocks <= MOST_OF_BLOCKS,
    )  # fmt: skip


def _apart(work: Callable[..., T], *arguments: Any) -> T:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def _fit_and_save(users: int, items: int, pairs: int, folder: str) -> float:
    """Seconds of the fit."""
    plays = plays_of(users, items, pairs, SEED)
    started = time.perf_counter()
    model = models.fit("blend", plays, {}, SEED)
    seconds = time.perf_counter() - started
    model.save(Path(folder))
    return seconds


def _load_and_list(users: int, items: int, pairs: int, folder: str) -> tuple[float, float, float]:
    """Seconds of the lists; MB resident at most before and after them."""
    plays, model = plays_of(users, items, pairs, SEED), models.load(Path(folder))
    started, before = time.perf_counter(), _peak()
    model.recommend(plays, np.arange(users), LISTED, False)
    return time.perf_counter() - started, before, _peak()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
