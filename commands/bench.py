"""`bench`: the figures of docs/benchmark.md, measured on this machine."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from commands.exits import FAILED, USAGE, CommandError
from conf.settings import PROJECT


@click.command("bench")
@click.option("--only", help="Some sections, comma-separated: bounds, submit, bulk, W1, W11, growth.")
@click.option("--quick", is_flag=True, help="Small sizes: whether it works, not figures to quote.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Folder of the report (default: docs).")
def bench(only: str | None, quick: bool, out: Path | None) -> None:
    """Measure the platform on real parts of its own, beside peers, and write docs/benchmark.md. About 25 minutes.

    It uses temporary folders and free ports; a system that runs is not touched, but shares the processors.

    \b
    Examples:
      spark_manage.py bench
      spark_manage.py bench --only submit,bulk
      spark_manage.py bench --quick --out /tmp/benchmark
    """
    if find_spec("duckdb") is None or not (PROJECT / "tests" / "bench").is_dir():
        raise CommandError("the benchmark is part of the sources, not of the image: run it in a checkout, `make bench`")
    options = [*(["--only", only] if only else []), *(["--quick"] if quick else [])]
    target = ["--out", str(out.absolute())] if out else []
    done = subprocess.run([sys.executable, "-m", "tests.bench", *options, *target], cwd=PROJECT, check=False)
    if done.returncode != 0:
        raise CommandError(
            f"the benchmark ended with status {done.returncode}: see above",
            USAGE if done.returncode == USAGE else FAILED,
        )


COMMANDS = (bench,)
