"""A file of love and hate alone: Last.fm's loved tracks, or feedback.jsonl as user exports have it, also in the zip.

A line is an object {recording_msid, recording_mbid, score, created}; in dumps the score is called `feedback`. MSIDs are
taken as they are: a whole export whose server is another one comes in as a listening history, which translates them.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from dumps.load.services.lastfm_loved import FORMAT as LASTFM
from dumps.load.source import Source
from jobs.listens.items import Brings, DamagedFileError, Item, Loved, Refused
from jobs.listens.lines import read_objects

MEMBER = "feedback.jsonl"


def read_loved(source: Source) -> Iterator[Item]:
    """Its items. Raises DamagedFileError, also for a zip without the member."""
    if LASTFM.recognises(source):
        yield from LASTFM.read(source)
        return
    if source.archive is not None and not source.members(_is_feedback):
        raise DamagedFileError(f"the zip has no {MEMBER}")
    for member, text in source.texts(_is_feedback):
        yield from read_objects(text, _understand, member=member)


def _is_feedback(name: str) -> bool:
    return PurePosixPath(name).name == MEMBER


def _understand(document: dict[str, Any]) -> Brings:
    if "score" not in document and "feedback" not in document:
        return Refused("expected love or hate: an object with recording_msid or recording_mbid, and score")
    score = document["score"] if "score" in document else document["feedback"]
    return Loved(document.get("recording_msid"), document.get("recording_mbid"), score, document.get("created"))
