"""Playlists of a report: which of the candidates are in it, and how it is told, as JSPF (api.md 4).

At most two recordings of any artist: the two with the most weight; a recording of several artists stays only if it is
among the two of each. Of these fifty, chosen and ordered by a hash of user, recording and year: the same again.
Identifier and dates are the same again too: of user, playlist and year, and of the newest listen that was counted.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from jobs.job import Param, Teller
from jobs.jspf import CREATOR, PLAYLIST, PLAYLIST_EXTENSION, Entry, bare_track, named_track
from jobs.listens.msid import fold

CHOSEN = """
WITH hashed AS (
    SELECT c.key, c.recording_mbid, c.weight, r.track_name, r.artist_name, r.artist_mbids, r.release_name,
           r.release_mbid, r.artist_key,
           md5(concat_ws(' ', CAST(c.key AS STRING), c.recording_mbid, CAST(:year AS STRING))) AS chance
      FROM {candidate} c JOIN {shown_recording} r ON r.recording_mbid = c.recording_mbid
), of_artist AS (
    SELECT key, recording_mbid, row_number() OVER (PARTITION BY key, artist ORDER BY weight DESC, chance) AS nth
      FROM (SELECT key, recording_mbid, weight, chance,
                   explode(CASE WHEN size(artist_mbids) > 0 THEN array_distinct(artist_mbids)
                           ELSE array(artist_key) END) AS artist FROM hashed)
), kept AS (
    SELECT key, recording_mbid FROM of_artist GROUP BY key, recording_mbid HAVING max(nth) <= 2
), ordered AS (
    SELECT h.*, row_number() OVER (PARTITION BY h.key ORDER BY h.chance) AS place
      FROM hashed h JOIN kept k ON k.key = h.key AND k.recording_mbid = h.recording_mbid
)
SELECT o.key, to_json(array_sort(collect_list(struct(o.place, o.recording_mbid, o.track_name, o.artist_name,
           o.artist_mbids, o.release_name, o.release_mbid, c.artists, r.caa_id, r.caa_release_mbid)))) AS doc
  FROM ordered o
  LEFT JOIN {recording_artist} c ON c.recording_mbid = o.recording_mbid
  LEFT JOIN {release_metadata_cache} r ON r.release_mbid = o.release_mbid
 WHERE o.place <= 50
 GROUP BY o.key
"""
"""doc: [{"place", "recording_mbid", "track_name", ...}, ...] in order; {candidate}: key, recording_mbid, weight."""
EXPORT_TO_SPOTIFY = Param(
    "export_to_spotify",
    kind=bool,
    about="accepted as the original does, and ignored: no other service is written to",
    ignored=True,
)
INPUTS = ("shown_recording", "recording_artist", "release_metadata_cache")
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "title": {"type": "string"},
        "creator": {"type": "string"},
        "identifier": {"type": "string", "format": "uri"},
        "date": {"type": "string", "format": "date-time"},
        "annotation": {"type": "string"},
        "extension": {"type": "object"},
        "track": {"type": "array", "items": {"type": "object"}, "maxItems": 50},
    },
    "required": ["title", "creator", "identifier", "date", "annotation", "extension", "track"],
    "additionalProperties": False,
}


def playlist(stored: list[Mapping[str, Any]], teller: Teller, title: str, annotation: str, slug: str) -> dict[str, Any]:
    """The inner object of a JSPF document. It is part of the report: /1/playlist does not have it."""
    made = datetime.fromtimestamp(teller.newest_listen_ts, UTC)
    source_patch = f"{slug}-of-{teller.year}"
    extension = {
        "public": True,
        "creator": CREATOR,
        "last_modified_at": made.isoformat(),
        "created_for": teller.user_name,
        "additional_metadata": {"algorithm_metadata": {"source_patch": source_patch}},
    }
    return {
        "title": f"{title} of {teller.year} for {teller.user_name}",
        "creator": CREATOR,
        "identifier": f"{PLAYLIST}{uuid5(NAMESPACE_URL, f'{PLAYLIST}{fold(teller.user_name)}/{source_patch}')}",
        "date": made.isoformat(),
        "annotation": annotation,
        "extension": {PLAYLIST_EXTENSION: extension},
        "track": [named_track(bare_track(Entry(UUID(one["recording_mbid"]), None, made, one)), one) for one in stored],
    }
