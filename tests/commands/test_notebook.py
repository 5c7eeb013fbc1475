"""`notebook`: Jupyter is opened on the settings' lake, for this machine only."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

from conf.settings import PROJECT


def test_jupyter_opens_on_loopback_with_a_token_and_shows_the_notebooks(tmp_path: Path) -> None:
    environ = {**os.environ, "DATA_DIR": str(tmp_path), "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime")}
    command = [sys.executable, str(PROJECT / "spark_manage.py"), "notebook", "--no-browser"]
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environ, cwd=tmp_path, stdout=file, stderr=file)
    try:
        address = _address(process, log)
        assert address is not None, log.read_text()
        url, token = address
        assert requests.get(f"{url}/api/contents", timeout=10, allow_redirects=False).status_code in (302, 403)
        listed = requests.get(f"{url}/api/contents", params={"token": token}, timeout=10).json()
        assert "statistics.ipynb" in {entry["name"] for entry in listed["content"]}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _address(process: "subprocess.Popen[bytes]", log: Path) -> tuple[str, str] | None:
    """Where it says it serves, and the token; None: it does not, within a minute."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        said = re.search(r"(http://127\.0\.0\.1:\d+)/lab\S*\?token=(\w+)", log.read_text())
        if said:
            return said[1], said[2]
        time.sleep(0.1)
    return None
