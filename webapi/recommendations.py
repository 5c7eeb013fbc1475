"""What is recommended to a user: the stored document without what she does not want any more, as it is answered.

The job leaves out what it knows that she does not want; what she has said since goes here, so that it goes at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.credit_names import names_in
from jobs.listens.msid import fold
from jobs.ranges import ALL_TIME
from spark_reader.load import Document, load_document
from webapi.db.unwanted import Unwanted, unwanted_of

STATISTICS = {
    "raw": "recommendations_raw",
    "top": "recommendations_top",
    "similar": "recommendations_similar",
}
"""By artist_type: whatever the model gives; of the artists heard most; of artists similar to those."""

Item = Mapping[str, Any]


@dataclass(frozen=True)
class Recommended:
    """What is left of a stored document."""

    found: Document
    items: Sequence[Item]
    """As stored, score descending."""
    names: Mapping[str, tuple[str, str]]
    """Recording and artist by id, of the first items and of their reasons; not of what is unwanted."""

    @property
    def named(self) -> Sequence[Item]:
        """The first ones: names and reasons are stored with so many."""
        return list(takewhile(lambda item: item["id"] in self.names, self.items))

    @property
    def said_nothing(self) -> bool:
        """Nothing is left of it, and it does not say why either: the reason of a list is not that of its lack."""
        return not self.items and bool(self.found.doc["items"] or not self.found.doc["fallback"])


def recommended_to(cursor: Cursor, user_id: int, artist_type: str) -> Recommended | None:
    """None where nothing is stored."""
    stored = load_document(cursor, STATISTICS[artist_type], ALL_TIME, user_id)
    if stored is None:
        return None
    found, position = _as_made(stored)
    return left_of(found, unwanted_of(cursor, user_id, position))


def _as_made(stored: Document) -> tuple[Document, int]:
    """With the facts of the run that made this list, and up to which position that one knows of exclusions.

    The run that is served may have made the lists of other users only. A list stored before lists said so knows of no
    exclusion.
    """
    made_from = stored.doc.get("made_from")
    if made_from is None:
        return stored, 0
    names = ("data_version", "newest_listen_ts")
    run = replace(stored.run, **{name: made_from[name] for name in names})
    return replace(stored, run=run), made_from["position"]


def left_of(found: Document, unwanted: Unwanted) -> Recommended:
    """Without what is unwanted, which is not named as a reason either."""
    stored = {one: (named[0], named[1]) for one, named in found.doc["names"].items()}
    names = {one: named for one, named in stored.items() if not _is_unwanted(one, named, unwanted)}

    def is_wanted(recording: str) -> bool:
        return recording in names if recording in stored else not _is_unwanted(recording, None, unwanted)

    items = [_with_reasons_of(item, is_wanted) for item in found.doc["items"] if is_wanted(item["id"])]
    return Recommended(found, items, names)


def _with_reasons_of(item: Item, is_wanted: Callable[[str], bool]) -> Item:
    """With the unwanted ones among what many recordings say together, without an id: shares add up to the score still.

    The score stays as it was computed until the next run, which asks the model without what is unwanted.
    """
    named: list[Any] = []
    others: list[Any] = []
    for reason in item.get("reasons") or ():
        (named if reason[0] is not None and is_wanted(reason[0]) else others).append(reason)
    if all(recording is None for recording, *_ in others):
        return item
    together = [None, False, sum(listens for _, _, listens, _ in others), sum(share for *_, share in others)]
    return {**item, "reasons": [*named, together]}


def _is_unwanted(recording: str, named: tuple[str, str] | None, unwanted: Unwanted) -> bool:
    if recording in unwanted.recordings:
        return True
    if named is None:
        # Whose it is cannot be told here: it waits for the run that knows of the exclusion.
        return unwanted.any_newer_artist
    credit = fold(named[1])
    return credit in unwanted.artists or not unwanted.newer_artists.isdisjoint(names_in(credit))


def recommendations_payload(
    shown: Recommended, artist_type: str, user_name: str, offset: int, count: int, *, explain: bool, url: str
) -> dict[str, Any]:
    """The answer's payload, of the items [offset, offset + count). `url`: of this server, for the model's address."""
    doc, run = shown.found.doc, shown.found.run
    items = [recommendation(item, shown.names, explain=explain) for item in shown.items[offset : offset + count]]
    return {
        "last_updated": run.last_updated,
        "type": artist_type,
        "entity": "recording",
        "mbids": items,
        "user_name": user_name,
        "count": len(items),
        "total_mbid_count": len(shown.items),
        "offset": offset,
        "model_id": doc["model_id"],
        "model_url": None if doc["model_id"] is None else f"{url}/1/cf/models/{doc['model_id']}",
        "kind": doc["kind"],
        "fallback": doc["fallback"],
        "data_version": run.data_version,
        "newest_listen_ts": run.newest_listen_ts,
    }


def recommendation(item: Item, names: Mapping[str, tuple[str, str]], *, explain: bool) -> dict[str, Any]:
    """One item; with `explain` also its names and why it is recommended, null where that is not stored."""
    heard = item["latest_listened_at"]
    made = {
        **named_by(item["id"], item["msid"]),
        "score": item["score"],
        "latest_listened_at": None if heard is None else f"{datetime.fromtimestamp(heard, UTC):%Y-%m-%dT%H:%M:%S}.000Z",
    }
    if not explain:
        return made
    return made | _names(item["id"], names) | {"reasons": _reasons(item.get("reasons"), names)}


def named_by(recording: str | None, msid: bool) -> dict[str, str | None]:
    """The id of a recording as every answer gives it: one of the two is null; both for no recording alone."""
    return {"recording_mbid": None if msid else recording, "recording_msid": recording if msid else None}


def _names(recording: str | None, names: Mapping[str, tuple[str, str]]) -> dict[str, str | None]:
    recording_name, artist_credit_name = (None, None) if recording is None else names.get(recording, (None, None))
    return {"recording_name": recording_name, "artist_credit_name": artist_credit_name}


def _reasons(stored: Any, names: Mapping[str, tuple[str, str]]) -> list[dict[str, Any]] | None:
    if not stored:
        return None
    return [
        {**named_by(recording, msid), **_names(recording, names), "listen_count": listen_count, "share": share}
        for recording, msid, listen_count, share in stored
    ]
