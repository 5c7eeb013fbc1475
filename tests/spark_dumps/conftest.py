"""Imports of dumps from a folder into a fresh database, in this process, and what is there afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.postgres import Connection, transaction
from conf.settings import Settings
from dumps.load.spark import importer
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.msid import msid_of
from jobs.listens.write import write_submissions
from tests.spark_dumps.archives import NOON

IMPORTERS = {"full": importer.import_full, "incremental": importer.import_incremental}


@dataclass
class Answer:
    """What an import has answered."""

    counts: dict[str, int]
    imported: list[str]
    errors: list[str]
    told: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, text: str, told: list[str]) -> "Answer":
        counts, _, document = text.partition("; ")
        answer = orjson.loads(document)
        numbers = (part.split(" ", 1) for part in counts.removeprefix("nothing imported: ").split(", "))
        return cls({name: int(n) for n, name in numbers}, answer["imported_dump"], answer["errors"], told)

    def __getitem__(self, name: str) -> int:
        return self.counts[name]


Bring = Callable[..., Answer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "dumps"
    made.mkdir()
    return made


@pytest.fixture
def bring(settings: Settings, folder: Path) -> Bring:
    """bring("full", dump_id=3) -> Answer: what the request consumer does for the request."""

    def run(kind: str, **given: Any) -> Answer:
        told: list[str] = []
        params = {"folder": str(folder), "source": "listenbrainz", **given}
        return Answer.of(IMPORTERS[kind](settings, params, told.append), told)

    return run


Rows = list[tuple[Any, ...]]


def query(connection: Connection, statement: str, *values: Any) -> Rows:
    with transaction(connection) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def listens(connection: Connection) -> Rows:
    """(user, seconds after NOON, track, source, dump) of every listen, in order."""
    return query(
        connection,
        "SELECT u.name, l.listened_at - %s, l.track_name, l.source, l.dump_id FROM listen l JOIN users u"
        " ON u.id = l.user_id ORDER BY 1, 2, 3",
        NOON,
    )


def state(connection: Connection) -> dict[str, Rows]:
    """All that imports leave, but for positions, times, and which dump a row came with."""
    statements = {
        "users": "SELECT name, source, foreign_id FROM users",
        "listen": "SELECT u.name, l.listened_at, l.recording_msid::text, l.artist_name, l.track_name, l.release_name,"
        " l.additional_info, l.source FROM listen l JOIN users u ON u.id = l.user_id",
        "totals": "SELECT u.name, t.listen_count, t.oldest_listened_at, t.newest_listened_at"
        " FROM listen_totals t JOIN users u ON u.id = t.user_id",
        "mapping": "SELECT u.name, m.recording_msid::text, m.recording_mbid::text, m.release_mbid::text,"
        " m.artist_credit_id, m.artist_mbids::text, m.source FROM mapping m LEFT JOIN users u ON u.id = m.user_id",
        "rejected": "SELECT u.name, r.reason, convert_from(r.body, 'UTF8'), r.source"
        " FROM rejected_listen r LEFT JOIN users u ON u.id = r.user_id",
    }
    return {name: sorted(query(connection, text), key=repr) for name, text in statements.items()}


def submit(connection: Connection, user_id: int, second: int, track: str = "Help!", msid: str | None = None) -> str:
    """A user submits a listen here; its MSID, `msid` or the one of its names."""
    metadata = {"artist_name": "The Beatles", "track_name": track, "additional_info": {}}
    listen = {"listened_at": NOON + second, "track_metadata": metadata} | ({"recording_msid": msid} if msid else {})
    submitted_at = (NOON + second) * 1_000_000
    write_submissions(connection, [Submission(new_message_id(), user_id, submitted_at, (listen,))])
    return msid or str(msid_of(metadata))
