"""What the README says is so: its tables are the code's, its links lead somewhere, its commands run."""

import re
import subprocess
from pathlib import Path

import pytest

from conf.settings import PROJECT
from tests.docs.generated import PAGES, README, filled
from tests.whole_system import MANAGE, Up

TEXT = README.read_text()


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_the_generated_tables_are_up_to_date(page: Path) -> None:
    text = page.read_text()
    assert filled(text, PAGES[page]) == text, "run `make docs`"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", TEXT))))
def test_a_link_leads_to_a_file_of_the_project(target: str) -> None:
    assert (PROJECT / target).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^\$ make ([a-z-]+)", TEXT, re.MULTILINE))))
def test_a_make_target_exists(target: str) -> None:
    done = subprocess.run(["make", "-n", "-C", str(PROJECT), target], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def commands(text: str = TEXT) -> str:
    """The shell commands of the README's ```sh blocks, in order: what a reader pastes."""
    return "\n".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))


@pytest.mark.spark
def test_the_commands_run_as_they_stand(whole_system: Up, tmp_path: Path) -> None:
    script = commands().replace("http://127.0.0.1:8100", whole_system.url).replace("./spark_manage.py", str(MANAGE))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env=whole_system.environ, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert '"artist_name":"Broadcast"' in done.stdout
    assert '"listen_count":2' in done.stdout
