"""`make quality`: measures every kind of recommendation model on real listens, writes docs/recommendations.md.

    python -m tests.quality                                   everything, about a quarter of an hour on 2 cores
    python -m tests.quality --only last-fm-304-users:0.8:1    one set from a share of its listens to another

Measured splits are kept in docs/recommendations.json; those not asked for stay as last measured. Needs SHARED_DATA.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from conf.settings import PROJECT
from jobs.engines import models
from jobs.engines.evaluate import evaluate, trials
from jobs.engines.model_card import model_card
from jobs.engines.quality import mean_ndcg
from tests.conftest import SHARED_DATA
from tests.quality.figures import QUICK, best_by_split, quick_table, whole
from tests.quality.fixed import Figures, fixed_tables, measured
from tests.quality.listens import LAST_FM, RADIO, SETS, cut, timeline

SEED = 1
SPLITS = (
    *(f"{LAST_FM}:{split}" for split in ("0.8:1", "0.5:0.6", "0.6:0.7", "0.7:0.8", "0.8:0.9", "0.9:1")),
    *(f"{name}:{split}" for name in RADIO for split in ("0.6:0.8", "0.8:1")),
)
"""Set, and shares of its listens in order of time between which the test window lies."""
_MARKS = ("<!-- generated: {} -->\n", "<!-- end -->")


def main(arguments: list[str] | None = None) -> int:
    """Measure, keep, write; the exit status."""
    options = _options().parse_args(arguments)
    store, page = options.out / "recommendations.json", options.out / "recommendations.md"
    kept: dict[str, Any] = {"splits": {}, "fixed": {}} | (json.loads(store.read_text()) if store.exists() else {})
    for split in options.only:
        started = time.monotonic()
        kept["splits"][split], kept["fixed"][split] = _measured(split)
        _keep(store, kept)
        Console(stderr=True).print(f"{split}: {time.monotonic() - started:.0f} s", highlight=False)
    if f"{LAST_FM}:0.8:1" in options.only or "quick" not in kept:
        kept["quick"] = _quick()
    kept = _keep(store, kept)
    cards, of_fixed = ({split.replace(":", " "): kept[of][split] for split in SPLITS if split in kept[of]}
                       for of in ("splits", "fixed"))  # fmt: skip
    tables = {
        "quick": quick_table(kept["quick"]),
        "splits": best_by_split(cards),
        "fixed": fixed_tables(of_fixed),
        "whole": [line for n, (split, card) in enumerate(cards.items()) for line in whole(split, card, details=n == 0)],
    }
    page.write_text(filled(page.read_text(), tables))
    return 0


def _keep(store: Path, kept: dict[str, Any]) -> dict[str, Any]:
    """Write, and what is read again then: the page says the same however much of it was measured in this run."""
    store.write_text(json.dumps(kept, sort_keys=True) + "\n")
    again: dict[str, Any] = json.loads(store.read_text())
    return again


def _measured(split: str) -> tuple[dict[str, Any], Figures]:
    """The card of what is chosen, and the figures of FIXED."""
    name, start, end = split.split(":")
    listens = timeline(SHARED_DATA, name)
    windows = cut(listens, float(start), float(end))
    found = evaluate(listens, windows, SEED, progress=_tell)
    known = listens.before(windows.test_from)
    card = model_card(
        split, found.served.kind, found.served.parameters, data_version=0, created=0, seed=SEED,
        users=known.user_ids.size, items=known.items.size, interactions=known.matrix.nnz, evaluation=found,
    )  # fmt: skip
    return card, measured(listens, windows, SEED)


def _quick() -> list[dict[str, float]]:
    """The models of the quick measurement: the first 80 % of all listens against the rest."""
    listens = timeline(SHARED_DATA, LAST_FM)
    windows = cut(listens, 0.8)
    asked = trials(listens, windows.test_from, windows.until, SEED)
    fitted = [models.fit(one.kind, asked["all"].known, one.parameters, SEED) for one in QUICK]
    return [{task: mean_ndcg(model, of) for task, of in asked.items()} for model in fitted]


def filled(text: str, tables: dict[str, list[str]]) -> str:
    """The page with each table between its marks renewed. Raises ValueError where it has no place for one."""
    for name, lines in tables.items():
        before, mark, rest = text.partition(_MARKS[0].format(name))
        _, end, after = rest.partition(_MARKS[1])
        if not mark or not end:
            raise ValueError(f"docs/recommendations.md has no place for the table {name}")
        text = before + mark + "\n".join(lines).rstrip() + "\n" + end + after
    return text


def _tell(said: str) -> None:
    if sys.stderr.isatty():
        Console(stderr=True).print(said, highlight=False, markup=False)


def _split(text: str) -> list[str]:
    asked = [one for one in text.split(",") if one]
    unknown = [one for one in asked if one.split(":")[0] not in SETS or len(one.split(":")) != 3]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown split {unknown[0]!r}; such as {SPLITS[0]!r}")
    return asked


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", type=_split, default=list(SPLITS), help="comma-separated SET:FROM:TO; none: the page alone"
    )
    parser.add_argument("--out", type=Path, default=PROJECT / "docs", help="folder of the page (default: docs)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
