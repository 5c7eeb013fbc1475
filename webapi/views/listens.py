"""A user's listens: pages, count, what plays now."""

from collections.abc import Iterator
from typing import Any

import orjson
from flask import Blueprint, Response

from conf.postgres import StoreUnavailableError
from jobs.listens.mapping import Resolved, resolve
from webapi.db.listens import ListenRow, page_of_listens
from webapi.db.playing_now import get_playing_now
from webapi.db.versions import ListensVersion, listens_version, playing_now_version
from webapi.errors import BadRequestError, UnavailableError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.parameters import LISTENS_COUNT, MAX_TS, MIN_TS
from webapi.openapi.schemas import component
from webapi.parameters import listens_count, timestamp, user_known
from webapi.services import services
from webapi.track_metadata import mbid_mapping
from webapi.versions import Asked

FLAT_BYTES, FLAT_GROWTH = 16_384, 10
"""Most characters of dotted keys of one listen: so many, and so many times the characters of its additional_info."""

blueprint = Blueprint("listens", __name__, url_prefix="/1/user/<path:user_name>")


@blueprint.get("/listens")
@describes(
    "A user's listens",
    group="Listens",
    parameters=(MIN_TS, MAX_TS, LISTENS_COUNT),
    answers={200: Answer("A page of listens.", component("Listens"))},
    conditional=True,
)
def get_listens(user_name: str) -> Response:
    """Newest first; with min_ts the listens closest above it. Both bounds are exclusive."""
    known = _known_listens(user_name)
    min_ts, max_ts, count = timestamp("min_ts"), timestamp("max_ts"), listens_count()
    if min_ts is not None and max_ts is not None and max_ts <= min_ts:
        raise BadRequestError("max_ts should be greater than min_ts")

    def page() -> dict[str, Any]:
        listens = _page(user_name, known.user_id, min_ts=min_ts, max_ts=max_ts, count=count)
        return {
            "payload": {
                "count": len(listens),
                "user_id": user_name,
                "latest_listen_ts": known.newest_listened_at,
                "oldest_listen_ts": known.oldest_listened_at,
                "listens": listens,
            }
        }

    return fresh(services().answers, known.version, page, _listens_of(user_name))


def _known_listens(user_name: str) -> ListensVersion:
    found = services().versions.find(_listens_of(user_name), lambda cursor: listens_version(cursor, user_name))
    return user_known(found, user_name)


def _listens_of(user_name: str) -> Asked:
    return ("listens", user_name)


def _page(user_name: str, user_id: int, *, min_ts: int | None, max_ts: int | None, count: int) -> list[dict[str, Any]]:
    with services().pool.transaction() as cursor:
        rows = page_of_listens(cursor, user_id, min_ts=min_ts, max_ts=max_ts, count=count)
        infos = [orjson.loads(row.additional_info) for row in rows]
        mapped = resolve(cursor, [(user_id, row.recording_msid, info) for row, info in zip(rows, infos, strict=True)])
    return [_listen(user_name, *found) for found in zip(rows, infos, mapped, strict=True)]


@blueprint.get("/listen-count")
@describes(
    "How many listens a user has",
    group="Listens",
    answers={200: Answer("The number.", component("ListenCount"))},
    conditional=True,
)
def get_listen_count(user_name: str) -> Response:
    """All that were ever taken and are not deleted."""
    try:
        known = _known_listens(user_name)
    except StoreUnavailableError:
        raise UnavailableError("Cannot fetch user listen count right now.") from None
    count = {"payload": {"count": known.listen_count}}
    return fresh(services().answers, known.version, lambda: count, _listens_of(user_name))


@blueprint.get("/playing-now")
@describes(
    "What a user plays at this moment",
    group="Listens",
    answers={200: Answer("One listen without a time, or none.", component("PlayingNowPage"))},
    conditional=True,
)
def playing_now(user_name: str) -> Response:
    """It is shown until the track should have ended, or another one is announced."""
    asked = ("playing_now", user_name)
    found = services().versions.find(asked, lambda cursor: playing_now_version(cursor, user_name))
    known = user_known(found, user_name)

    def slot() -> dict[str, Any]:
        with services().pool.statement() as cursor:
            track = get_playing_now(cursor, known.user_id)
        listens = [] if track is None else [_playing(user_name, track)]
        return {"payload": {"count": len(listens), "user_id": user_name, "playing_now": True, "listens": listens}}

    return fresh(services().answers, known.version, slot, asked)


def _playing(user_name: str, track: dict[str, Any]) -> dict[str, Any]:
    info = track["additional_info"]
    track["additional_info"] = flattened(info, len(orjson.dumps(info)))
    return {"playing_now": True, "user_name": user_name, "track_metadata": track}


def flattened(info: dict[str, Any], size: int) -> dict[str, Any]:
    """Nested objects as dotted keys: {"a": {"b": 1}} is {"a.b": 1}. Lists stay as they are.

    `size`: of the JSON text. A long key over many small ones would grow without measure; such an info stays nested.
    """
    if not any(isinstance(value, dict) for value in info.values()):
        return info
    left = FLAT_BYTES + FLAT_GROWTH * size
    flat: dict[str, Any] = {}
    for name, value in _flat("", info):
        left -= len(name)
        if left < 0:
            return info
        flat[name] = value
    return flat


def _flat(prefix: str, info: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in info.items():
        if isinstance(value, dict) and value:
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield prefix + key, value


def _listen(user_name: str, row: ListenRow, info: dict[str, Any], mapped: Resolved) -> dict[str, Any]:
    msid = str(row.recording_msid)
    track: dict[str, Any] = {"artist_name": row.artist_name, "track_name": row.track_name}
    if row.release_name is not None:
        track["release_name"] = row.release_name
    track["additional_info"] = {**flattened(info, len(row.additional_info)), "recording_msid": msid}
    if mapped.recording_mbid is not None:
        track["mbid_mapping"] = mbid_mapping(mapped)
    return {
        "listened_at": row.listened_at,
        "inserted_at": row.inserted_at,
        "recording_msid": msid,
        "user_name": user_name,
        "track_metadata": track,
    }
