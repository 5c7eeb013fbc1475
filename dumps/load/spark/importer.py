"""`import.dump.full` and `import.dump.incremental`: archives in a folder, checked, staged, then written.

Nothing of an archive is written before all of it was read. What is in is committed batch by batch, and a listen, user
or mapping row that is there is not written again: an import that was killed is repeated, and ends where it would have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from conf.faults import fault_point
from conf.postgres import Connection, Pool, dsn, transaction
from conf.settings import Settings
from dumps.load.spark.archive import OpenArchive, open_archive
from dumps.load.spark.names import Archive, DumpRefusedError, choose_full, choose_incremental, find_archives
from dumps.load.spark.names_of_users import read_names
from dumps.load.spark.rows import staged_tables
from jobs.import_run import ImportRun
from jobs.listens.dump import Dump
from jobs.listens.dump.accounts import Renamed, bring_users, gone_rows
from jobs.listens.dump.imported import incrementals_since, last_full, note_import
from jobs.listens.dump.listens import Written, bring_listens, remove_leaving
from jobs.listens.dump.mapping import bring_mapping
from jobs.listens.dump.staging import forget_staged, stage

FOLDER = "listenbrainz-export"
"""Below DATA_DIR: where dumps are looked for when no folder is named."""
SHOWN_RENAMED = 20
OF_NONE = {**asdict(Written()), "of_deleted_users": 0, "removed": 0, "users": 0, "mapped": 0}
"""What is counted, before the first dump."""

Tell = Callable[[str], None]
"""Hears how far it is; raises to end the import, of which everything told before is in."""


@dataclass
class _Answer:
    """What is answered, in the form of the original, and what became of the rows."""

    kind: str
    imported: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=OF_NONE.copy)

    def add(self, dump: Dump, counts: Mapping[str, int]) -> None:
        """One dump is in."""
        self.imported.append(dump.name)
        for name, count in counts.items():
            self.counts[name] += count

    def text(self) -> str:
        """One line: the counts, all 0 where no dump was left to bring in, then the answer as JSON."""
        answer = {
            "type": f"import_{self.kind}_dump",
            "imported_dump": self.imported,
            "errors": self.errors,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        said = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in self.counts.items())
        return f"{'' if self.imported else 'nothing imported: '}{said}; {orjson.dumps(answer).decode()}"


@dataclass(frozen=True)
class _Import:
    """What a request asks for, and where it is done."""

    connection: Connection
    source: str
    names: Mapping[int, str]
    tell: Tell
    answer: _Answer


def full(run: ImportRun) -> str:
    """`import.dump.full`: see import_full."""
    return import_full(run.settings, run.params, run.progress)


def incremental(run: ImportRun) -> str:
    """`import.dump.incremental`: see import_incremental."""
    return import_incremental(run.settings, run.params, run.progress)


def import_full(settings: Settings, params: Mapping[str, Any], tell: Tell) -> str:
    """Bring in one full dump, which replaces all that dumps of its source have brought; what became of it.

    Raises DumpRefusedError, with nothing written; StoreUnavailableError and what `tell` raises, with a part of it in.
    """
    folder = _folder(settings, params)
    archive = choose_full(find_archives(folder), params.get("dump_id"), folder)
    with _connected(settings, params, tell, "full") as what, open_archive(archive) as opened:
        _bring(what, opened)
    return what.answer.text()


def import_incremental(settings: Settings, params: Mapping[str, Any], tell: Tell) -> str:
    """Bring in the incremental dumps that are not in, oldest first; what became of them.

    One that is refused does not hold up the others: they are in, then DumpRefusedError tells of it. Raises as
    `import_full`.
    """
    folder, dump_id = _folder(settings, params), params.get("dump_id")
    archives = find_archives(folder)
    with _connected(settings, params, tell, "incremental") as what:
        with transaction(what.connection) as cursor:
            base = last_full(cursor, what.source)
            done = [] if base is None else incrementals_since(cursor, what.source, base.imported)
        ids = {imported.dump_id for imported in done}
        chosen, notices = choose_incremental(archives, dump_id, None if base is None else base.dump_id, ids, folder)
        what.answer.errors += notices
        known = None if base is None or dump_id is not None else max(row.end_at for row in (base, *done))
        failed = _bring_all(what, chosen, known)
    if failed:
        raise DumpRefusedError(what.answer.text())
    return what.answer.text()


def _bring_all(what: _Import, archives: Sequence[Archive], known: datetime | None) -> bool:
    """Whether one was refused. `known`: what was submitted on the source until then is in; None: no matter."""
    failed = False
    for archive in archives:
        try:
            with open_archive(archive) as opened:
                _bring(what, opened)
        except DumpRefusedError as problem:
            what.answer.errors.append(f"Error while importing incremental dump with ID {archive.dump_id}: {problem}")
            failed = True
            continue
        if known is not None and opened.start_at is not None and opened.start_at > known:
            what.answer.errors.append(
                f"{archive.name} begins at {opened.start_at.isoformat()}, what is in ends at {known.isoformat()}: an "
                "incremental dump between is missing; put it into the folder and ask again"
            )
        known = known and max(known, opened.end_at)
    return failed


def _folder(settings: Settings, params: Mapping[str, Any]) -> Path:
    return Path(params.get("folder") or settings.data_dir / FOLDER)


@contextmanager
def _connected(settings: Settings, params: Mapping[str, Any], tell: Tell, kind: str) -> Iterator[_Import]:
    names = read_names(Path(params["users"])) if params.get("users") else {}
    pool = Pool(dsn(settings), "dump_import")
    try:
        with pool.session() as connection:
            yield _Import(connection, params["source"], names, tell, _Answer(kind))
    finally:
        pool.discard()


def _bring(what: _Import, opened: OpenArchive) -> None:
    """Stage one archive whole, then write it; its counts go to the answer. Raises DumpRefusedError, before writing."""
    archive = opened.archive
    dump = Dump(what.source, archive.dump_id, archive.kind, archive.name, opened.sha256, opened.start_at, opened.end_at)
    rows = 0
    for rows in stage(what.connection, _staged(opened)):
        what.tell(f"{dump.name}: {rows:,} rows read")
    if dump.is_full and rows == 0:
        raise DumpRefusedError(
            f"{dump.name}: no row is in it: a full dump replaces all of {dump.source}, not by nothing"
        )
    fault_point("dump.staged")
    counts = _write(what, dump, rows)
    with transaction(what.connection) as cursor:
        note_import(cursor, dump, counts)
    forget_staged(what.connection)
    what.answer.add(dump, counts)


def _staged(opened: OpenArchive) -> Iterator[pa.Table]:
    first = 1
    for table in opened.tables:
        with opened.read(table) as file:
            for rows in staged_tables(f"{opened.archive.path.name}: {table}", file, first):
                first += rows.num_rows
                yield rows


def _write(what: _Import, dump: Dump, rows: int) -> dict[str, int]:
    """Users, then what is said of MSIDs, then the listens: none is served before it is mapped."""
    users = _bring_users(what, dump)
    mapped, removed, written = 0, 0, Written()
    for mapped in bring_mapping(what.connection, dump):
        what.tell(f"{dump.name}: {mapped:,} mapped")
    for written in bring_listens(what.connection, dump):
        what.tell(f"{dump.name}: {written.read:,} of {rows:,} written, {written.new:,} new")
    if dump.is_full:
        for removed in remove_leaving(what.connection, dump):
            what.tell(f"{dump.name}: {removed:,} removed that are not in it")
    with transaction(what.connection) as cursor:
        left_out = gone_rows(cursor)
    counts = asdict(written) | {"of_deleted_users": left_out, "removed": removed, "users": users, "mapped": mapped}
    return counts | {"read": rows}


def _bring_users(what: _Import, dump: Dump) -> int:
    made, renamed = 0, list[Renamed]()
    for count, others in bring_users(what.connection, dump, what.names):
        made += count
        renamed += others
        what.tell(f"{dump.name}: {made:,} users made")
    for user in renamed[:SHOWN_RENAMED]:
        what.answer.errors.append(
            f"user {user.foreign_id} of {dump.source} is {user.name!r} here: {user.wanted!r} is another user's name"
        )
    if len(renamed) > SHOWN_RENAMED:
        what.answer.errors.append(f"and {len(renamed) - SHOWN_RENAMED} more users whose names are taken")
    return made
