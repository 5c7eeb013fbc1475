"""The notebooks, each run once on a small lake; its kernel stays for what tests ask afterwards."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import orjson
import pytest
from nbclient import NotebookClient
from pyspark.sql import SparkSession

from conf.settings import PROJECT, Settings, load_settings
from tests.databases import Databases
from tests.notebooks.lived import UNTIL, Lived, land, live
from tests.notebooks.scenes import scenes

NOTEBOOKS = PROJECT / "notebooks"
RENEW = bool(os.environ.get("RENEW_NOTEBOOKS"))
"""Set by `make notebook-outputs`: a larger lake, and the outputs are written into the notebook."""
USERS, LISTENS = (300, 100_000) if RENEW else (12, 3_000)
SCENES_SEED = 3
FANS, PLAYS = (150, 45_000) if RENEW else (60, 12_000)
"""Of 24 with 100 listens each, chance decided which model was best."""


@dataclass(frozen=True)
class Ran:
    """A notebook with its outputs, and its kernel."""

    notebook: Any
    client: Any

    def ask(self, code: str) -> Any:
        """The value of an expression in the kernel, through JSON."""
        cell = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({code}))")
        self.notebook.cells.append(cell)
        done = self.client.execute_cell(cell, len(self.notebook.cells) - 1)
        self.notebook.cells.pop()
        return orjson.loads("".join(o["text"] for o in done["outputs"] if o.get("name") == "stdout").splitlines()[-1])

    def plots(self) -> int:
        """How many there are. Fails where a cell told an error, or said something on standard error."""
        outputs = [output for cell in self.notebook.cells for output in cell.get("outputs", ())]
        assert [one for one in outputs if one["output_type"] == "error" or one.get("name") == "stderr"] == []
        return sum("image/png" in output.get("data", {}) for output in outputs)


@dataclass(frozen=True)
class Scened:
    """A lake of listeners with taste, and what they sent, in API form by user id."""

    settings: Settings
    sent: dict[int, list[dict[str, Any]]]


@contextmanager
def run_notebook(name: str, settings: Settings) -> Iterator[Ran]:
    """Every cell, on the lake of these settings; the kernel ends with the context."""
    path = NOTEBOOKS / name
    notebook = nbformat.read(path, as_version=4)
    place = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, timeout=120, resources=place, record_timing=False)
    own = {"DATA_DIR": str(settings.data_dir), "LAKE_URL": "", "PYTHONPATH": str(PROJECT)}
    with client.setup_kernel(env={**os.environ, **own}):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        if RENEW:
            write(notebook, path)
        yield Ran(notebook, client)


def write(notebook: Any, path: Path) -> None:
    """With its outputs, without what is only of this machine."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)


@pytest.fixture(scope="session")
def lived(spark: SparkSession, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    with _settings(databases, tmp_path_factory.mktemp("notebooks")) as settings:
        yield live(spark, settings, USERS, LISTENS)


@pytest.fixture(scope="session")
def scened(spark: SparkSession, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scened]:
    with _settings(databases, tmp_path_factory.mktemp("scenes")) as settings:
        yield Scened(settings, land(spark, settings, scenes(SCENES_SEED, FANS, PLAYS, UNTIL)))


@contextmanager
def _settings(databases: Databases, folder: Path) -> Iterator[Settings]:
    name = databases.lend()
    yield load_settings({"DATA_DIR": str(folder), "DATABASE_URL": databases.url(name)}, env_file=None)
    databases.give_back(name)
