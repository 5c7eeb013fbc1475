"""Models on disk: models/ID with model.npz, card.json and card.md; the last three are kept. Spark-free.

A model counts once the run that made it is stored, with its card: one that a failed try has left is neither asked nor
among the last three. What is not kept goes after the run that replaces it has been stored (`remove_others`).

A measured model that only repeats what a user hears has nothing new to offer: beside it, in new/, is the one that was
best at what is new.
"""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from conf.postgres import Connection, connect, dsn, transaction
from conf.settings import Settings
from jobs.chain.kept import Kept, download, finish, home, kept, remove_older, upload
from jobs.engines.model_card import Card, card_markdown
from jobs.engines.models import load
from jobs.engines.recommender import Model
from jobs.recommend.train_model import MODELS_KEPT
from jobs.result_files import filesystem

WHAT = "models"
_NEW = "new"
_STORED = """
SELECT entity::text FROM result_entity_document WHERE statistic = 'recommendation_model' AND stats_range = 'all_time'
"""


def save(lake: str, model_id: UUID, models: Sequence[Model], card: Card, now: float) -> None:
    """Write them, the first one to be asked first."""
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


def newest(settings: Settings, run_id: UUID) -> Kept | None:
    """That of this run, else the newest one whose card is stored."""
    own = next((one for one in kept(settings.lake, WHAT) if one.id == run_id), None)
    return own or next(iter(last(settings, run_id)), None)


def last(settings: Settings, run_id: UUID) -> list[Kept]:
    """The last three, newest first: those whose cards are stored, and that of this run."""
    with closing(connect(dsn(settings), application="request_consumer")) as connection:
        known = {*stored(connection), run_id}
    return [one for one in kept(settings.lake, WHAT) if one.id in known][:MODELS_KEPT]


def stored(connection: Connection) -> set[UUID]:
    """Of which models the cards are served."""
    with transaction(connection) as cursor:
        cursor.execute(_STORED)
        return {UUID(model_id) for (model_id,) in cursor.fetchall()}


def remove_others(lake: str, keep: set[UUID], now: float) -> None:
    """Delete all but these. `keep`: models that are stored, and those of runs at work or on their way to the reader."""
    remove_older(lake, WHAT, keep, now)


def models_of(one: Kept) -> list[Model]:
    """The models of a folder, the first one to be asked first. Raises ModelFileError."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        download(one.url, folder)
        places = (folder, folder / _NEW)[: one.metadata["models"]]
        return [load(place) for place in places]


def cards(models: Sequence[Kept]) -> list[tuple[str, dict[str, Any]]]:
    """(model id, card) of these, by id."""
    found = []
    for one in models:
        files, path = filesystem(f"{one.url}/card.json")
        with files.open_input_stream(path) as opened:
            found.append((str(one.id), orjson.loads(opened.read())))
    return sorted(found)
