"""The notebook of statistics, run once on a small lake; its kernel stays for what tests ask afterwards."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import orjson
import pytest
from nbclient import NotebookClient
from pyspark.sql import SparkSession

from conf.settings import PROJECT, load_settings
from tests.databases import Databases
from tests.notebooks.lived import Lived, live

STATISTICS = PROJECT / "notebooks" / "statistics.ipynb"
RENEW = bool(os.environ.get("RENEW_NOTEBOOKS"))
"""Set by `make notebook-outputs`: a larger lake, and the outputs are written into the notebook."""
USERS, LISTENS = (300, 100_000) if RENEW else (12, 3_000)


@dataclass(frozen=True)
class Ran:
    """The notebook with its outputs, its kernel, and what its lake holds."""

    notebook: Any
    client: Any
    lived: Lived

    def ask(self, code: str) -> Any:
        """The value of an expression in the kernel, through JSON."""
        cell = nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({code}))")
        self.notebook.cells.append(cell)
        done = self.client.execute_cell(cell, len(self.notebook.cells) - 1)
        self.notebook.cells.pop()
        return orjson.loads("".join(o["text"] for o in done["outputs"] if o.get("name") == "stdout").splitlines()[-1])


@pytest.fixture(scope="session")
def lived(spark: SparkSession, databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    name = databases.lend()
    environ = {"DATA_DIR": str(tmp_path_factory.mktemp("notebooks")), "DATABASE_URL": databases.url(name)}
    yield live(spark, load_settings(environ, env_file=None), USERS, LISTENS)
    databases.give_back(name)


@pytest.fixture(scope="session")
def ran(lived: Lived) -> Iterator[Ran]:
    notebook = nbformat.read(STATISTICS, as_version=4)
    place = {"metadata": {"path": str(STATISTICS.parent)}}
    client = NotebookClient(notebook, timeout=120, resources=place, record_timing=False)
    own = {"DATA_DIR": str(lived.settings.data_dir), "LAKE_URL": "", "PYTHONPATH": str(PROJECT)}
    with client.setup_kernel(env={**os.environ, **own}):
        for number, cell in enumerate(notebook.cells):
            client.execute_cell(cell, number)
        if RENEW:
            write(notebook, STATISTICS)
        yield Ran(notebook, client, lived)


def write(notebook: Any, path: Path) -> None:
    """With its outputs, without what is only of this machine."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    nbformat.write(notebook, path)
