"""`notebook`: Jupyter on the lake, read-only."""

import os
import sys
from importlib.util import find_spec

import click

from commands.exits import CommandError
from conf.settings import PROJECT, load_settings

NOTEBOOKS = PROJECT / "notebooks"


@click.command("notebook")
@click.option("--demo", is_flag=True, help="On the lake of the demo.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open a browser, or print the address.")
def notebook(demo: bool, browser: bool) -> None:
    """Open Jupyter, on this machine only, beside the running system. Notebooks read the lake, and cannot write it.

    \b
    Examples:
      spark_manage.py notebook
      spark_manage.py notebook --demo --no-browser
    """
    if find_spec("jupyterlab") is None:
        raise CommandError("Jupyter is not installed: `make notebook` installs and opens it")
    settings = load_settings()
    if demo:
        from commands.demo import demo_settings

        settings = demo_settings(settings)
    environ = {**os.environ, "DATA_DIR": str(settings.data_dir), "LAKE_URL": settings.lake, "PYTHONPATH": str(PROJECT)}
    arguments = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={NOTEBOOKS}", "--ip=127.0.0.1"]
    arguments += [] if browser else ["--no-browser"]
    # Jupyter asks root whether she means it; who runs the system as root does.
    arguments += ["--allow-root"] if os.geteuid() == 0 else []
    os.chdir(NOTEBOOKS)
    os.execve(arguments[0], arguments, environ)  # noqa: S606 - it takes the place of this process, with its Ctrl-C


COMMANDS = (notebook,)
