"""The notebooks as they are in the tree: with the outputs and plots of a run, and nothing of the machine it ran on."""

import re
import socket
from pathlib import Path

import nbformat
import pytest

from conf.settings import PROJECT

NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))
PATHS = re.compile(r"(?:^|[\s\"'(=:])(?:file:)?/(?:home|root|tmp|var|work|usr|opt|Users|mnt|srv)/", re.MULTILINE)


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["recommendations.ipynb", "similarity.ipynb", "statistics.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_has_the_outputs_of_one_whole_run(path: Path) -> None:
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]

    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert {output.output_type for output in outputs} <= {"display_data", "execute_result", "stream"}
    assert {output.name for output in outputs if output.output_type == "stream"} <= {"stdout"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_says_nothing_of_the_machine_it_ran_on(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    texts = [cell.source for cell in notebook.cells]
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            texts += [output.get("text", ""), *(v for k, v in output.get("data", {}).items() if k != "image/png")]

    assert [text for text in texts if PATHS.search(text)] == []
    assert [text for text in texts if str(PROJECT) in text or socket.gethostname() in text] == []
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_defines_nothing(path: Path) -> None:
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code")

    assert re.findall(r"^\s*(?:def|class) |lambda", source, re.MULTILINE) == []
