"""Generated listens as files.

    python -m dumps.generator --listens 1000000 --seed 1 --until 2024-12-31 FOLDER

FOLDER then holds listens.jsonl (API form with user_name, for `listens import`), listens.parquet, truth/ (counts to
test against), changes/ (what one more day deletes, wipes and re-maps) and metadata/ (what MusicBrainz would say).
"""

import argparse
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dumps.generator.files import generate


def main(arguments: list[str] | None = None) -> int:
    """Read the options, generate with progress on a terminal, say what was made; the exit status."""
    options = _options().parse_args(arguments)
    started = time.monotonic()
    with _progress() as bar:
        task = bar.add_task("listens", total=options.listens)
        totals = generate(
            options.path,
            options.seed,
            options.listens,
            until=options.until,
            users=options.users,
            json_lines=not options.no_json,
            metadata=not options.no_metadata,
            progress=lambda made: bar.advance(task, made),
        )
    seconds = time.monotonic() - started
    print(", ".join(f"{name}: {value}" for name, value in totals.items()), f"in {seconds:.1f} s", f"at {options.path}")
    return 0


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m dumps.generator", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, metavar="FOLDER", help="made when it is not there; its files are replaced")
    parser.add_argument("--listens", type=_count, default=100_000, help="how many (default: 100000)")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed and options give the same bytes (default: 1)"
    )
    parser.add_argument("--until", type=_day, default="2024-12-31", help="day after the last listen (2024-12-31)")
    parser.add_argument("--users", type=_count, help="default: a user for every 2000 listens")
    parser.add_argument(
        "--no-json", action="store_true", help="leave listens.jsonl out: most of the bytes and the time"
    )
    parser.add_argument("--no-metadata", action="store_true", help="leave metadata/ out")
    return parser


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1")
    return int(text)


def _day(text: str) -> int:
    """Epoch seconds at which a day begins, UTC."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a day such as 2024-12-31") from None
    if not date(2003, 1, 1) <= day <= date(2100, 1, 1):
        raise argparse.ArgumentTypeError(f"{text}: expected a day from 2003-01-01 to 2100-01-01")
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, disable=not sys.stderr.isatty(), transient=True)


if __name__ == "__main__":
    sys.exit(main())
