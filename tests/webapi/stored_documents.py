"""Documents of recommendations and similarity, stored by the reader's own code as a run would have them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import orjson

from conf.postgres import Connection, transaction
from jobs.messages import Manifest, Switch, inline_part, new_run_id
from spark_reader.kinds import DOCUMENT, ENTITY_DOCUMENT, Kind, copy_line
from spark_reader.store import save_switch

DATA_VERSION, T, NOW = 7, 1_700_000_000, 1_700_000_100.0
MODEL = UUID("3b1f4d1e-6d5a-4a7a-9a53-27a7a1e5b001")

Document = dict[str, Any]
Reason = tuple[UUID, bool, int, float]


def store_user_documents(
    connection: Connection, statistic: str, documents: dict[int, Any], *, others_stay: bool = False
) -> None:
    """In place of all that is stored of the statistic; `others_stay`: of these users, by a run that continues it."""
    rows = [[key, _text(doc), None] for key, doc in documents.items()]
    touched = [*documents] if others_stay else None
    _store(connection, statistic, DOCUMENT, rows, per_user=True, touched=touched)


def store_day_documents(connection: Connection, statistic: str, documents: dict[int, Any]) -> None:
    """In place of all that is stored of the statistic; by day since 1970-01-01."""
    rows = [[key, _text(doc), None] for key, doc in documents.items()]
    _store(connection, statistic, DOCUMENT, rows, per_user=False)


def store_entity_documents(connection: Connection, statistic: str, documents: dict[UUID, Any]) -> None:
    """In place of all that is stored of the statistic."""
    rows = [[str(entity), _text(doc)] for entity, doc in documents.items()]
    _store(connection, statistic, ENTITY_DOCUMENT, rows, per_user=False)


def _store(
    connection: Connection,
    statistic: str,
    kind: Kind,
    rows: list[list[Any]],
    *,
    per_user: bool,
    touched: list[int] | None = None,
) -> None:
    with transaction(connection) as cursor:
        cursor.execute("SELECT coalesce(max(data_version), %s) + 1 FROM run", (DATA_VERSION - 1,))
        [(data_version,)] = cursor.fetchall()
        cursor.execute(
            "INSERT INTO landing (id, position, landed_at, newest_listen_ts, kind, rows)"
            " SELECT %s, last_value, now(), %s, 'land', 1 FROM change_position ON CONFLICT DO NOTHING",
            (data_version, T),
        )
        cursor.execute("SELECT run_id FROM run WHERE statistic = %s AND stats_range = 'all_time'", (statistic,))
        base = cursor.fetchone()
        switch = Switch(statistic, "all_time", 0, T, len(rows), "all" if touched is None else "touched")
        manifest = Manifest(
            run_id=new_run_id(NOW),
            request_id=None,
            query="a job of the catalog",
            data_version=data_version,
            newest_listen_ts=T,
            switches=[switch],
            parts=[inline_part(kind.name, statistic, "all_time", rows)],
            base_run_id=None if touched is None or base is None else base[0],
            touched=touched or [],
        )
        assert save_switch(cursor, manifest, switch, kind, map(copy_line, rows), per_user)


def _text(doc: Any) -> str:
    return orjson.dumps(doc).decode()


def item(recording: UUID, score: float, *reasons: Reason, msid: bool = False, latest: int | None = None) -> Document:
    """One recommended recording."""
    told = [[str(one), is_msid, listens, share] for one, is_msid, listens, share in reasons]
    return {"id": str(recording), "msid": msid, "score": score, "latest_listened_at": latest, "reasons": told}


def recommendations(
    items: Sequence[Document],
    names: dict[UUID, tuple[str, str]] | None = None,
    fallback: str | None = None,
    position: int = 0,
) -> Document:
    """The document of one user. `position`: up to which its run knew of changes."""
    named = {str(recording): [*name] for recording, name in (names or {}).items()}
    made_from = {"data_version": DATA_VERSION, "position": position, "newest_listen_ts": T}
    return {
        "model_id": str(MODEL),
        "made_from": made_from,
        "kind": "ease",
        "fallback": fallback,
        "items": [*items],
        "names": named,
    }


def ids(count: int) -> list[UUID]:
    """So many new ones."""
    return [uuid4() for _ in range(count)]
