"""Tracks of a playlist with names: from wherever PostgreSQL knows a recording, for a playlist has only its MBIDs.

What was kept with them goes first, then what the people of the playlist heard lately, then what the stored lists of
statistics tell: theirs, and that of everybody. The imported tables of MusicBrainz are in the lake alone, so what nobody
here hears has no name.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.jspf import Entry, Playlist, bare_track, named_track
from webapi.db.heard_tracks import HeardTrack, tracks_by_mbid
from webapi.db.listed_recordings import recordings_of_list
from webapi.statistics import SITEWIDE_KEY


def named_tracks(cursor: Cursor, playlist: Playlist, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """As JSPF has them, in order; one that is not known has an empty title."""
    people = list(dict.fromkeys(one for one in (playlist.creator_id, playlist.created_for_id) if one is not None))
    known = _known(cursor, people, {one.recording_mbid for one in entries if one.known is None})
    return [named_track(bare_track(one), one.known or known.get(one.recording_mbid)) for one in entries]


def _known(cursor: Cursor, people: Sequence[int], unknown: set[UUID]) -> Mapping[UUID, Mapping[str, Any]]:
    known: dict[UUID, Mapping[str, Any]] = {}
    for user_id in people:
        heard = tracks_by_mbid(cursor, user_id, unknown - known.keys())
        known |= {mbid: _as_known(track) for mbid, track in heard.items()}
    for user_id in people:
        known |= recordings_of_list(cursor, "user_recordings", user_id, unknown - known.keys())
    return known | recordings_of_list(cursor, "sitewide_recordings", SITEWIDE_KEY, unknown - known.keys())


def _as_known(track: HeardTrack) -> dict[str, Any]:
    return {
        "track_name": track.track_name,
        "artist_name": track.artist_name,
        "artist_mbids": track.about.artist_mbids,
        "release_name": track.release_name,
        "release_mbid": track.about.release_mbid,
    }
