"""Models on disk: models/ID with model.npz, card.json and card.md; the last three are kept. Spark-free.

A measured model that only repeats what a user hears has nothing new to offer: beside it, in new/, is the one that was
best at what is new.
"""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from jobs.chain.kept import Kept, download, finish, home, kept, remove_older, upload
from jobs.engines.model_card import Card, card_markdown
from jobs.engines.models import load
from jobs.engines.recommender import Model
from jobs.recommend.train_model import MODELS_KEPT
from jobs.result_files import filesystem

WHAT = "models"
_NEW = "new"


def save(lake: str, model_id: UUID, models: Sequence[Model], card: Card, now: float) -> None:
    """Write them, the first one to be asked first, and forget all but the last three."""
    url = f"{home(lake, WHAT)}/{model_id}"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for model, place in zip(models, (folder, folder / _NEW), strict=False):
            place.mkdir(exist_ok=True)
            model.save(place)
        (folder / "card.json").write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))
        (folder / "card.md").write_text(card_markdown(card))
        upload(folder, url)
    facts = {name: card[name] for name in ("model_id", "kind", "data_version", "use_transformed_listencounts")}
    finish(url, {**facts, "created": now, "models": len(models)})
    remove_older(lake, WHAT, {one.id for one in kept(lake, WHAT)[:MODELS_KEPT]}, now)


def newest(lake: str) -> Kept | None:
    """The model trained last."""
    return next(iter(kept(lake, WHAT)), None)


def models_of(one: Kept) -> list[Model]:
    """The models of a folder, the first one to be asked first. Raises ModelFileError."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        download(one.url, folder)
        places = (folder, folder / _NEW)[: one.metadata["models"]]
        return [load(place) for place in places]


def cards(lake: str) -> list[tuple[str, dict[str, Any]]]:
    """(model id, card) of those that are kept, by id."""
    found = []
    for one in kept(lake, WHAT):
        files, path = filesystem(f"{one.url}/card.json")
        with files.open_input_stream(path) as opened:
            found.append((str(one.id), orjson.loads(opened.read())))
    return sorted(found)
