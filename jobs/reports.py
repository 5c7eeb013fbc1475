"""Reports of the rules: what is written for a person to read, and how one asks for a fresh one. Spark-free.

DATA_DIR/reports/TABLE.json and TABLE.html, one pair per table, each replaced in one step. They hold counts, names and
reasons of rules, never a value of a row. `ask` leaves a note there; the process that writes the lake takes it up.
"""

import html
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import orjson

from conf.settings import made_folder
from jobs.tables import METADATA_TABLES, TABLES

_FOLDER, _ASKED = "reports", "asked"


@dataclass(frozen=True)
class Verdict:
    """One rule over one table."""

    rule: str
    reason: str
    rows: int
    broken: int

    @property
    def kept(self) -> bool:
        """Whether no row breaks the rule."""
        return self.broken == 0


@dataclass(frozen=True)
class Report:
    """All rules of one table at one data version."""

    table: str
    data_version: int
    checked_at: datetime
    beyond: int
    """Only rows with a greater position were looked at; 0: all."""
    verdicts: tuple[Verdict, ...]
    position: int = 0
    """Of the data version; 0: not known."""

    @property
    def kept(self) -> bool:
        """Whether every rule is kept."""
        return all(verdict.kept for verdict in self.verdicts)

    @property
    def broken(self) -> list[str]:
        """One line per broken rule: table, rule, rows, reason."""
        return [
            f"{self.table}: {verdict.rule}: {verdict.broken} of {verdict.rows} rows: {verdict.reason}"
            for verdict in self.verdicts
            if not verdict.kept
        ]


def folder(data_dir: Path) -> Path:
    """Where the reports are."""
    return data_dir / _FOLDER


def ask(data_dir: Path) -> None:
    """Ask the process that writes the lake for fresh reports of all tables; it looks every half second.

    They are there when `read` gives reports with a later `checked_at`. Raises SettingError.
    """
    (made_folder(data_dir, _FOLDER) / _ASKED).touch()


def take(data_dir: Path) -> bool:
    """Whether somebody has asked; then the note is gone, so that whoever asks from now on is heard again."""
    try:
        (folder(data_dir) / _ASKED).unlink()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def read(data_dir: Path) -> list[Report]:
    """The newest report of every table that has one, in the order of their declaration."""
    found = []
    for name in (*TABLES, *METADATA_TABLES):
        try:
            values = orjson.loads((folder(data_dir) / f"{name}.json").read_bytes())
        except (FileNotFoundError, NotADirectoryError):
            continue
        verdicts = tuple(Verdict(**verdict) for verdict in values["verdicts"])
        checked_at = datetime.fromisoformat(values["checked_at"])
        given = (values["table"], values["data_version"], checked_at, values["beyond"])
        found.append(Report(*given, verdicts, values["position"]))
    return found


def write(data_dir: Path, report: Report) -> None:
    """TABLE.json and TABLE.html, each replaced in one step; the page first, for `read` tells that both are there."""
    made_folder(data_dir, _FOLDER)
    _replace(folder(data_dir) / f"{report.table}.html", page(report).encode())
    _replace(
        folder(data_dir) / f"{report.table}.json",
        orjson.dumps(asdict(report) | {"kept": report.kept}, option=orjson.OPT_INDENT_2),
    )


def page(report: Report) -> str:
    """The report as one HTML page without scripts."""
    broken = [verdict for verdict in report.verdicts if not verdict.kept]
    verdict = f"{len(broken)} of {len(report.verdicts)} rules broken" if broken else "all rules kept"
    scope = f"rows beyond position {report.beyond:,}" if report.beyond else "all rows"
    lines = "".join(map(_line, [*broken, *(verdict for verdict in report.verdicts if verdict.kept)]))
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{report.table}: {verdict}</title>"
        "<style>body{font:15px sans-serif;margin:2em;max-width:70em}table{border-collapse:collapse}"
        "td,th{padding:.3em .8em;text-align:left;border-bottom:1px solid #ddd}"
        "td:nth-child(n+3),th:nth-child(n+3){text-align:right}.broken td{background:#fdd}</style>"
        f"<h1>{report.table}: {verdict}</h1><p>{html.escape((TABLES | METADATA_TABLES)[report.table].about)}</p>"
        f"<p>Data version {report.data_version}, {scope}, checked {report.checked_at:%Y-%m-%d %H:%M:%S} UTC.</p>"
        f"<table><tr><th>rule<th>a row is refused when its<th>rows<th>breaking it<th>verdict{lines}</table></html>\n"
    )


def _line(verdict: Verdict) -> str:
    word = "kept" if verdict.kept else "broken"
    return (
        f"<tr class={word}><td>{html.escape(verdict.rule)}<td>{html.escape(verdict.reason)}"
        f"<td>{verdict.rows:,}<td>{verdict.broken:,}<td>{word}"
    )


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_suffix(path.suffix + ".new")
    fresh.write_bytes(content)
    fresh.replace(path)
