"""The history importer's loop: files that users have handed in, one after the other, through the import of the CLI.

What is in and what is told of it is committed together, batch by batch. So whatever dies, the file is taken up where
it was; a stop leaves it to whoever starts next. The file is removed when its row says how it ended.
"""

import logging
import threading
import time
from contextlib import suppress
from typing import IO
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812

from conf import part_status
from conf.faults import fault_point
from conf.postgres import Connection, Pool, StoreUnavailableError, dsn, transaction
from conf.settings import Settings
from dumps.load.services import UnknownFormatError, format_of
from dumps.load.source import BUFFER, UNREADABLE, open_source
from dumps.load.uploads import drop_orphans, drop_upload, upload_path
from jobs.listens.imports import Totals, import_items
from jobs.listens.items import DamagedFileError, Item
from jobs.listens.user_imports import (
    MOST_ATTEMPTS,
    ImportGoneError,
    UserImport,
    claim_import,
    finish_import,
    note_progress,
    open_imports,
    release_import,
)

PART = "history_importer"
IDLE_SECONDS = 1.0
RETRY_SECONDS = 1.0
REPORT_SECONDS = 2.0
TIDY_SECONDS = 600.0

log = logging.getLogger(__name__)

_STORE_AWAY = (StoreUnavailableError, psycopg2.OperationalError)


class _StoppedError(Exception):
    """The part is told to stop in the middle of a file."""


def run(settings: Settings, stop: threading.Event) -> None:
    """Work off what users hand in until `stop` is set. PostgreSQL may come and go; other errors end the part."""
    importer = Importer(settings)
    try:
        while not stop.is_set():
            try:
                importer.work(stop)
            except _STORE_AWAY as problem:
                log.warning("waiting for PostgreSQL: %s", str(problem).strip())
                importer.disconnect()
                stop.wait(RETRY_SECONDS)
    finally:
        importer.close()


class Importer:
    """One worker with its connection and its figures."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool = Pool(dsn(settings), PART)
        self._reported = self._tidied = float("-inf")
        self.figures = {"files": 0, "failed": 0, "items": 0, "listens": 0}
        self._working_on: UUID | None = None

    def work(self, stop: threading.Event) -> None:
        """Files until `stop`; raises one of _STORE_AWAY when PostgreSQL is gone."""
        while not stop.is_set():
            with self._pool.session() as connection:
                claimed = claim_import(connection)
                if claimed is not None:
                    self.work_off(connection, claimed, stop)
                self._housekeeping(connection)
            if claimed is None:
                stop.wait(IDLE_SECONDS)

    def work_off(self, connection: Connection, claimed: UserImport, stop: threading.Event) -> None:
        """One file that this connection has claimed, to its end, or to the first batch after `stop`."""
        self._working_on = claimed.id
        log.info("import %s of user %d: attempt %d", claimed.id, claimed.user_id, claimed.attempts)
        try:
            error = self._error_of(connection, claimed, stop)
        except _StoppedError:
            log.info("import %s stays for the next start", claimed.id)
            return
        except ImportGoneError as problem:
            log.info("%s", problem)
            error = None
        with transaction(connection) as cursor:
            finish_import(cursor, claimed.id, error)
        fault_point("importer.finished")
        drop_upload(self._settings.data_dir, claimed.id)
        release_import(connection, claimed.id)
        self.figures["files"] += 1
        self.figures["failed"] += error is not None
        self._working_on = None

    def _error_of(self, connection: Connection, claimed: UserImport, stop: threading.Event) -> str | None:
        """Bring the file in; None, or why it failed and what a person can do."""
        if claimed.attempts > MOST_ATTEMPTS:
            after = claimed.totals.place or "its beginning"
            return f"the file ended the importer {MOST_ATTEMPTS} times after {after}; tell the administrator"
        try:
            with upload_path(self._settings.data_dir, claimed.id).open("rb", buffering=BUFFER) as file:
                self._bring_in(connection, claimed, file, stop)
        except FileNotFoundError:
            return (
                "the file is not here any more: hand it in again; if it happens again, tell the administrator that web"
                " and history_importer must share DATA_DIR"
            )
        except DamagedFileError as problem:
            return f"{problem}; what came before it is in"
        except UnknownFormatError as problem:
            return str(problem)
        except UNREADABLE as problem:
            log.exception("import %s cannot be read", claimed.id)
            return f"the file cannot be read ({type(problem).__name__}: {problem}); what came before it is in"
        return None

    def _bring_in(self, connection: Connection, claimed: UserImport, file: IO[bytes], stop: threading.Event) -> None:
        source = open_source(file, claimed.file_name, ZoneInfo(claimed.timezone))
        format_ = format_of(source, claimed.format)
        before = claimed.totals

        def keep(cursor: Cursor, totals: Totals, refused: list[tuple[Item, str]]) -> None:
            problems = [(item.place, reason) for item, reason in refused]
            note_progress(cursor, claimed.id, totals, source.position(), problems)
            fault_point("importer.batch")

        for totals in import_items(
            connection,
            format_.read(source),
            claimed.user_id,
            now=claimed.created.timestamp(),
            within=claimed.within,
            done=before,
            keep=keep,
        ):
            self.figures["items"] += totals.read - before.read
            self.figures["listens"] += totals.new - before.new
            before = totals
            self._housekeeping(connection)
            if stop.is_set():
                raise _StoppedError

    def _housekeeping(self, connection: Connection) -> None:
        now = time.monotonic()
        if now - self._reported >= REPORT_SECONDS:
            with transaction(connection) as cursor:
                part_status.report(cursor, PART, {**self.figures, "import": self._working_on and str(self._working_on)})
            self._reported = now
        if now - self._tidied >= TIDY_SECONDS:
            with transaction(connection) as cursor:
                wanted = open_imports(cursor)
            removed = drop_orphans(self._settings.data_dir, wanted, time.time())
            log.info("removed %d files that no import names", removed)
            self._tidied = now

    def disconnect(self) -> None:
        """Drop the connection, and with it the claim."""
        self._pool.discard()

    def close(self) -> None:
        """End in order: say so in `part_status`, then disconnect."""
        with suppress(*_STORE_AWAY), self._pool.transaction() as cursor:
            part_status.withdraw(cursor, PART)
        self.disconnect()
