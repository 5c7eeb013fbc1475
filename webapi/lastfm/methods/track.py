"""track.*: what plays now, what was played, what is loved."""

import time
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.feedback import LOVE, msids_named, put_score, remove_love
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import resolve
from jobs.listens.msid import fold, msid_of, recording_msid
from webapi.db.heard_tracks import ids_of, tracks_by_msid
from webapi.db.playing_now import get_playing_now
from webapi.lastfm.errors import INVALID_PARAMETERS, LastfmError
from webapi.lastfm.method import Call, Method
from webapi.lastfm.render import Element
from webapi.lastfm.scrobbles import element_of, judge, read_scrobbles, taken_of
from webapi.services import services
from webapi.submission.playing import play

MAX_NAME = 10_000
"""Characters of a name that can be loved."""


def update_now_playing(call: Call) -> tuple[Element, ...]:
    """Exactly one track plays now."""
    owner = call.owner()
    scrobbles = read_scrobbles(call.parameters, "artist", "track")
    if len(scrobbles) > 1:
        raise LastfmError(INVALID_PARAMETERS, f"Invalid parameters - {len(scrobbles)} tracks, only one plays at a time")
    now = int(time.time())
    outcomes = judge(scrobbles, "playing_now", now)
    track = taken_of(outcomes)[0]["track_metadata"]
    play(owner.user_id, track)
    # The contract has a timestamp here, which players seldom send: lastfm-java reads it as a number and fails on none.
    return (element_of(outcomes[0], "nowplaying", scrobbles[0].get("timestamp") or str(now)),)


def scrobble(call: Call) -> tuple[Element, ...]:
    """1 to 50 listens, one message in the queue; an answer without error says that they are durable there."""
    owner = call.owner()
    scrobbles = read_scrobbles(call.parameters, "artist", "track", "timestamp")
    now = time.time()
    outcomes = judge(scrobbles, "import", int(now))
    taken = taken_of(outcomes)
    services().publisher.publish(Submission(new_message_id(), owner.user_id, int(now * 1_000_000), tuple(taken)))
    counts = {"accepted": str(len(taken)), "ignored": str(len(outcomes) - len(taken))}
    children = tuple(element_of(outcome, "scrobble", outcome.scrobble.get("timestamp")) for outcome in outcomes)
    return (Element("scrobbles", None, counts, children),)


def love(call: Call) -> tuple[Element, ...]:
    """Love the recording of the user's newest listen of this artist and track, in any case.

    Who has none yet may be hearing it for the first time: then what plays now, which the listen to come will equal.
    Said of the recording's MBID too, where it is known, as the native API and the pages say it.
    """
    owner, (artist, track) = call.owner(), _names(call)
    with services().pool.transaction() as cursor:
        msid = next(msids_named(cursor, owner.user_id, artist, track), None)
        if msid is None:
            msid, mbid = _not_heard(cursor, owner.user_id, artist, track)
        else:
            newest = tracks_by_msid(cursor, owner.user_id, [msid]).get(msid)
            mbid = newest.about.recording_mbid if newest else None
        put_score(cursor, owner.user_id, msid, UUID(mbid) if mbid else None, LOVE)
    return ()


def unlove(call: Call) -> tuple[Element, ...]:
    """No recording of this artist and track is loved any more, whichever listen it was loved with, by whichever id."""
    owner, (artist, track) = call.owner(), _names(call)
    with services().pool.transaction() as cursor:
        heard = ids_of(cursor, owner.user_id, msids_named(cursor, owner.user_id, artist, track))
        by_names = recording_msid(artist, track, None, None, None)
        remove_love(cursor, owner.user_id, [*heard, (by_names, None), _not_heard(cursor, owner.user_id, artist, track)])
    return ()


def _not_heard(cursor: Cursor, user_id: int, artist: str, track: str) -> tuple[UUID, str | None]:
    """(MSID, MBID) of a track that the user has no listen of: what plays now, else what the names alone tell."""
    playing = get_playing_now(cursor, user_id)
    msid, info = _playing(playing, artist, track) or (recording_msid(artist, track, None, None, None), {})
    [about] = resolve(cursor, [(user_id, msid, info)])
    return msid, about.recording_mbid


def _names(call: Call) -> tuple[str, str]:
    names = call.parameters.required("artist").strip(), call.parameters.required("track").strip()
    for name, text in zip(("artist", "track"), names, strict=True):
        if not 0 < len(text) <= MAX_NAME:
            raise LastfmError(INVALID_PARAMETERS, f"Invalid parameters - {name}: expected 1 to {MAX_NAME} characters")
    return names


def _playing(track: Mapping[str, Any] | None, artist: str, name: str) -> tuple[UUID, Mapping[str, Any]] | None:
    """The MSID of what plays now, and what its player said of it; None where it is another track."""
    if track is None:
        return None
    names = fold(track["artist_name"]), fold(track["track_name"])
    return (msid_of(track), track["additional_info"]) if names == (fold(artist), fold(name)) else None


METHODS = {
    "track.updatenowplaying": Method(update_now_playing, post_only=True, signed=True),
    "track.scrobble": Method(scrobble, post_only=True, signed=True),
    "track.love": Method(love, post_only=True, signed=True),
    "track.unlove": Method(unlove, post_only=True, signed=True),
}
