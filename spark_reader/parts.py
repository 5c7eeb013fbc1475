"""What a manifest promises, against what is there: every part whole, every sum right, before anything is stored."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pyarrow

from jobs import result_files
from jobs.catalog import catalog
from jobs.job import PER_USER, Files, Tables, UserPlaylist, kind_of_rows
from jobs.messages import COLUMNS, ROW_KINDS, Manifest, Part, Switch, inline_digest
from spark_reader import binary_rows
from spark_reader.kinds import ENTITY_DOCUMENT, KINDS, LIST, PLAYLIST, Kind, copy_line


class PoisonManifestError(ValueError):
    """A manifest that can never be stored: says which part and why. The old results stay; ask for the job again."""


def verify(manifest: Manifest) -> None:
    """Raises PoisonManifestError unless every part is there, unchanged, and adds up. Reads every file once."""
    keys = [(switch.statistic, switch.stats_range) for switch in manifest.switches]
    if len(set(keys)) != len(keys):
        raise PoisonManifestError("it switches one statistic and range twice")
    for switch in manifest.switches:
        _verify_switch(switch)
    if manifest.span_of is not None:
        _verify_span(manifest)
    sums: Counter[tuple[str, str]] = Counter()
    for part in manifest.parts:
        _verify_part(part)
        if part.kind in ROW_KINDS:
            _same(part, "kind", _kind_named(part.statistic), part.kind)
            sums[part.statistic, part.stats_range] += part.rows
    for switch in manifest.switches:
        _verify_sum(
            switch.statistic, switch.stats_range, switch.rows, sums.pop((switch.statistic, switch.stats_range), 0)
        )
    if sums:
        raise PoisonManifestError(f"it has rows of {sorted(sums)[0]}, which it does not switch")


def rows(part: Part) -> Iterator[tuple[Any, ...]]:
    """The rows of a part, in the order of its file. Raises PoisonManifestError for a file of other columns."""
    if part.inline is not None:
        yield from (tuple(row) for row in part.inline)
        return
    try:
        yield from result_files.rows(str(part.path), COLUMNS[part.kind])
    except (pyarrow.ArrowInvalid, KeyError, FileNotFoundError) as problem:
        raise PoisonManifestError(f"{_name(part)}: {problem}") from None


def chunks(part: Part) -> Iterator[bytes]:
    """The rows of a part as COPY takes them (Kind.copy). Raises as `rows`, and TypeError for rows of another shape."""
    if part.kind != LIST.name:
        yield from map(copy_line, rows(part))
        return
    yield from binary_rows.chunks(_batches(part))


def _batches(part: Part) -> Iterator[pyarrow.RecordBatch]:
    if part.inline is not None:
        if part.inline:
            yield binary_rows.from_rows(part.inline)
        return
    try:
        yield from result_files.batches(str(part.path), COLUMNS[part.kind])
    except (pyarrow.ArrowInvalid, KeyError, FileNotFoundError) as problem:
        raise PoisonManifestError(f"{_name(part)}: {problem}") from None


def is_per_user(statistic: str) -> bool:
    """Whether the keys of this statistic's rows are user ids."""
    return isinstance(catalog().jobs[statistic].output, PER_USER)


def kind_of(statistic: str) -> Kind:
    """Where this statistic's rows are kept."""
    output = catalog().jobs[statistic].output
    return PLAYLIST if isinstance(output, UserPlaylist) else KINDS[kind_of_rows(output)]


def _verify_span(manifest: Manifest) -> None:
    if len(manifest.switches) != 1 or not is_per_user(manifest.switches[0].statistic):
        raise PoisonManifestError(f"it is of a span of user {manifest.span_of}: expected one statistic of users")


def _verify_switch(switch: Switch) -> None:
    _kind_named(switch.statistic)
    if switch.replace not in ("all", "touched", "named"):
        raise PoisonManifestError(f"{switch.statistic}: replace={switch.replace!r}: expected all, touched or named")
    if switch.replace == "touched" and not is_per_user(switch.statistic):
        raise PoisonManifestError(f"{switch.statistic}: its keys are no users, so none was touched")
    if switch.replace == "named" and kind_of(switch.statistic) is not ENTITY_DOCUMENT:
        raise PoisonManifestError(f"{switch.statistic}: its rows always have what they say, so none names what is gone")


def _kind_named(statistic: str) -> str:
    """Of the rows that a statistic has."""
    job = catalog().jobs.get(statistic)
    if job is None or isinstance(job.output, Tables | Files):
        raise PoisonManifestError(f"no job makes {statistic!r}")
    return kind_of_rows(job.output)


def _verify_part(part: Part) -> None:
    if part.kind not in COLUMNS:
        raise PoisonManifestError(f"unknown kind of part {part.kind!r}")
    if (part.inline is None) == (part.path is None):
        raise PoisonManifestError(f"{_name(part)}: a part is a file or inline rows")
    try:
        found = inline_digest(part.inline) if part.inline is not None else result_files.digest(str(part.path))
        _same(part, "bytes and SHA-256", (part.bytes, part.sha256), found)
        count = len(part.inline) if part.inline is not None else result_files.row_count(str(part.path))
        _same(part, "rows", part.rows, count)
    except (FileNotFoundError, pyarrow.ArrowInvalid) as problem:
        raise PoisonManifestError(f"{_name(part)}: {problem}") from None


def _same(part: Part, what: str, promised: object, found: object) -> None:
    if promised != found:
        raise PoisonManifestError(f"{_name(part)}: {what}: promised {promised}, found {found}")


def _verify_sum(statistic: str, stats_range: str, promised: int, found: int) -> None:
    if promised != found:
        raise PoisonManifestError(f"{statistic} {stats_range}: promised {promised} rows, its parts have {found}")


def _name(part: Part) -> str:
    return f"{part.kind} {part.statistic} {part.stats_range} {part.path or 'inline'}".replace("  ", " ")
