"""track.*: what plays now, what was played, what is loved."""

import time
from uuid import UUID

from jobs.listens.feedback import LOVE, msids_named, remove_score, set_score
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.msid import fold, msid_of, recording_msid
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
    """
    owner, (artist, track) = call.owner(), _names(call)
    with services().pool.transaction() as cursor:
        msid = next(msids_named(cursor, owner.user_id, artist, track), None)
        if msid is None:
            playing = get_playing_now(cursor, owner.user_id)
            msid = _playing_msid(playing, artist, track) or recording_msid(artist, track, None, None, None)
        set_score(cursor, owner.user_id, msid, LOVE)
    return ()


def unlove(call: Call) -> tuple[Element, ...]:
    """No recording of this artist and track is loved any more, whichever listen it was loved with."""
    owner, (artist, track) = call.owner(), _names(call)
    with services().pool.transaction() as cursor:
        msids = set(msids_named(cursor, owner.user_id, artist, track))
        msids.add(recording_msid(artist, track, None, None, None))
        playing = _playing_msid(get_playing_now(cursor, owner.user_id), artist, track)
        if playing is not None:
            msids.add(playing)
        remove_score(cursor, owner.user_id, msids, LOVE)
    return ()


def _names(call: Call) -> tuple[str, str]:
    names = call.parameters.required("artist").strip(), call.parameters.required("track").strip()
    for name, text in zip(("artist", "track"), names, strict=True):
        if not 0 < len(text) <= MAX_NAME:
            raise LastfmError(INVALID_PARAMETERS, f"Invalid parameters - {name}: expected 1 to {MAX_NAME} characters")
    return names


def _playing_msid(playing: dict[str, object] | None, artist: str, track: str) -> UUID | None:
    if playing is None:
        return None
    names = fold(str(playing["artist_name"])), fold(str(playing["track_name"]))
    return msid_of(playing) if names == (fold(artist), fold(track)) else None


METHODS = {
    "track.updatenowplaying": Method(update_now_playing, post_only=True, signed=True),
    "track.scrobble": Method(scrobble, post_only=True, signed=True),
    "track.love": Method(love, post_only=True, signed=True),
    "track.unlove": Method(unlove, post_only=True, signed=True),
}
