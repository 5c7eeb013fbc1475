"""Debian packages that tests need: as root they are installed where they are missing, by one test run at a time."""

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

_LOCK = Path(tempfile.gettempdir()) / "listenlake-test-packages.lock"


def require(program: Path, *packages: str, missing: str) -> None:
    """Have the program, installing its packages if that can be; else fail in CI and skip elsewhere with this text."""
    if not program.exists() and os.geteuid() == 0 and shutil.which("apt-get"):
        with _LOCK.open("w") as lock:
            # `make test` is two runs beside one another, and apt refuses to be two.
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not program.exists():
                _install(*packages)
    if program.exists():
        return
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


def _install(*packages: str) -> None:
    """Install without starting a package's own service, which might listen on every address."""
    policy = Path("/usr/sbin/policy-rc.d")
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            subprocess.run(["apt-get", *command], env=environment, capture_output=True, timeout=600, check=False)
    finally:
        if ours:
            policy.unlink()
