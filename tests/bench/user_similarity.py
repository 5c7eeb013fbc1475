"""W4: the most similar users of everybody, against Spark MLlib, bare scipy and bare `implicit` on the same matrix.

Results are equal before a time counts: the 25 best of every user from all pairs of scipy, every pair that MLlib has.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from conf.settings import PROJECT
from jobs.engines.similar import Neighbours, most_similar
from tests.bench.report import Section, paired_ratio, spread

BEST = 25
SIZES = {"users": 1500, "recordings": 51_854, "draws": 1_300_000}
QUICK = {"users": 120, "recordings": 1500, "draws": 9000}
ROUNDS = 5
LEAST_OVER_MLLIB, MOST_OVER_BARE = 50.0, 1.5
TOLERANCE = 1e-9
Floats = npt.NDArray[np.float64]


def run(quick: bool) -> Section:
    """The section W4."""
    plays = matrix(**(QUICK if quick else SIZES))
    section = Section("W4", "W4: similar users")
    dense = cosines(plays)
    found = ours(plays)
    assert _same(found, dense), "the 25 best of every user are not those of all pairs"
    ways: dict[str, Callable[[], object]] = {
        "ours": lambda: ours(plays),
        "scipy": lambda: scipy_best(plays),
        "implicit": lambda: implicit_best(plays),
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(1 if quick else ROUNDS):
        for name, way in ways.items():
            started = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - started)
    mllib, largest = _mllib(plays, dense)
    section.add(
        f"{plays.shape[0]:,} users, {plays.shape[1]:,} recordings, {plays.nnz:,} pairs: the {BEST} nearest of each",
        spread(seconds["ours"], "s"),
    )
    times = median(mllib) / median(seconds["ours"])
    section.above("MLlib columnSimilarities, times as long", times, "times", LEAST_OVER_MLLIB)
    for name in ("scipy", "implicit"):
        ratio, text = paired_ratio(seconds["ours"], seconds[name])
        section.add(f"ours over bare {name}", text, f"<= {MOST_OVER_BARE}", ratio <= MOST_OVER_BARE)
    section.text.append(
        f"Interleaved, {len(seconds['ours'])} rounds; MLlib in a process of its own on the same two cores, session "
        f"started and data cached before, {len(mllib)} rounds: {spread(mllib, 's')}. Its {largest:,} pairs and ours "
        f"are equal within {TOLERANCE:g}. Bare scipy is all pairs of normalised rows and argpartition, bare implicit "
        f"CosineRecommender(K={BEST + 1})."
    )
    section.samples = {**seconds, "mllib": mllib}
    return section


def matrix(users: int, recordings: int, draws: int, seed: int = 4) -> Any:
    """csr_matrix (users, recordings) of play counts: few recordings are heard by many, most by hardly anybody."""
    chance = np.random.default_rng(seed)
    user = chance.integers(0, users, draws)
    recording = np.floor(recordings ** chance.random(draws) ** 0.7).astype(np.int64) - 1
    plays = sparse.csr_matrix((np.ones(draws, np.float32), (user, recording)), shape=(users, recordings))
    plays.sum_duplicates()
    return plays


def ours(plays: Any) -> list[Neighbours]:
    """As the job does it."""
    return list(most_similar(plays, BEST))


def cosines(plays: Any) -> Floats:
    """Of all pairs, 0 on the diagonal."""
    exact = plays.astype(np.float64)
    lengths = np.sqrt(np.asarray(exact.multiply(exact).sum(axis=1)).ravel())
    unit = sparse.diags(1 / np.maximum(lengths, 1e-300)) @ exact
    dense: Floats = (unit @ unit.T).toarray()
    np.fill_diagonal(dense, 0)
    return dense


def scipy_best(plays: Any) -> Any:
    """What a user would write: all pairs, then the best of each row."""
    dense = cosines(plays)
    return np.argpartition(-dense, BEST, axis=1)[:, :BEST]


def implicit_best(plays: Any) -> Any:
    """Users in the place of items: the library finds the K nearest of each, itself among them."""
    from implicit.nearest_neighbours import CosineRecommender

    model = CosineRecommender(K=BEST + 1, num_threads=2)
    model.fit(sparse.csr_matrix(plays.T, dtype=np.float64), show_progress=False)
    return model.similarity


def _same(found: list[Neighbours], dense: Floats) -> bool:
    """Whether the scores are the greatest of each row, in order, and those of the pairs named."""
    for block in found:
        for row, (start, end) in enumerate(zip(block.starts[:-1], block.starts[1:], strict=True), block.first):
            best = np.sort(dense[row])[::-1][:BEST]
            best = best[best > 0]
            scores = block.scores[start:end]
            if len(best) != len(scores) or not np.allclose(scores, best, atol=TOLERANCE, rtol=0):
                return False
            if not np.allclose(dense[row][block.rows[start:end]], scores, atol=TOLERANCE, rtol=0):
                return False
    return True


def _mllib(plays: Any, dense: Floats) -> tuple[list[float], int]:
    """Seconds of its rounds, and how many pairs it found: all of ours."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        sparse.save_npz(folder / "plays.npz", plays)
        command = [sys.executable, "-m", "tests.bench.mllib_similarity", str(folder)]
        # Spark's Python workers would be the system's Python, which has no numpy.
        environ = {**os.environ, "PYSPARK_PYTHON": sys.executable}
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=PROJECT, timeout=1800, check=False, env=environ
        )
        assert done.returncode == 0, done.stderr[-3000:]
        pairs = np.load(folder / "pairs.npz")
        first, second = pairs["first"], pairs["second"]
        assert np.allclose(dense[first, second], pairs["score"], atol=TOLERANCE, rtol=0), "MLlib finds other cosines"
        assert len(first) == np.count_nonzero(np.triu(dense)), "MLlib finds other pairs"
        seconds: list[float] = json.loads(done.stdout.splitlines()[-1])
        return seconds, len(first)
