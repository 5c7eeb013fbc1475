#!/usr/bin/env python3
"""The maintainers' command: `./spark_manage.py --help`. Runs from any folder, with the project's own interpreter."""

import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
OWN_PYTHON = PROJECT / ".venv" / "bin" / "python"


def main() -> None:
    """Hand over to the project's virtual environment, where there is one (cron knows nothing of it), and run."""
    if OWN_PYTHON.exists() and Path(sys.prefix).resolve() != (PROJECT / ".venv").resolve():
        os.execv(OWN_PYTHON, [str(OWN_PYTHON), str(PROJECT / "spark_manage.py"), *sys.argv[1:]])  # noqa: S606
    sys.path.insert(0, str(PROJECT))
    from commands.app import run

    run()


if __name__ == "__main__":
    main()
