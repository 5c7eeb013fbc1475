"""What a user does not want to be recommended: what she hates, rated so, or leaves out of her statistics."""

from dataclasses import dataclass
from uuid import UUID

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.listens.feedback import HATE
from jobs.listens.mapping import resolve
from jobs.listens.msid import fold
from jobs.listens.recommendation_feedback import UNWANTED as UNWANTED_RATINGS
from webapi.db.heard_tracks import tracks_by_msid


@dataclass(frozen=True)
class Unwanted:
    """Of one user, as of now."""

    recordings: frozenset[str]
    """MBIDs and MSIDs: of one that she named by MSID also the MBID that her listens, or the mapping, say it has."""
    artists: frozenset[str]
    """Folded names."""
    newer_artists: frozenset[str]
    """Those that her list does not know of yet."""
    any_newer_artist: bool
    """Whether there is one that her list does not know of yet, be its name known or not."""


_RECORDINGS = """
SELECT recording_msid, recording_mbid FROM recording_feedback WHERE user_id = %(user)s AND score = %(hate)s
 UNION ALL
SELECT CASE WHEN msid THEN recording_id END, CASE WHEN NOT msid THEN recording_id END
  FROM recommendation_feedback WHERE user_id = %(user)s AND rating = ANY(%(ratings)s)
 UNION ALL
SELECT value_key::uuid, NULL FROM exclusion WHERE user_id = %(user)s AND kind = 'recording'
"""
# An artist named by MBID is known by the name that the statistic of her listeners shows.
_ARTISTS = """
SELECT coalesce(d.doc::json ->> 'artist_name', e.value_key), e.position > %(position)s
  FROM exclusion e LEFT JOIN result_entity_document d
    ON d.statistic = 'artist_listeners' AND d.stats_range = 'all_time' AND d.entity::text = e.value_key
 WHERE e.user_id = %(user)s AND e.kind = 'artist'
"""


def unwanted_of(cursor: Cursor, user_id: int, position: int) -> Unwanted:
    """As it is now. `position`: up to which her list knows of exclusions."""
    values = {"user": user_id, "hate": HATE, "ratings": list(UNWANTED_RATINGS), "position": position}
    cursor.execute(_RECORDINGS, values)
    named = cursor.fetchall()
    by_msid: list[UUID] = [msid for msid, _ in named if msid is not None]
    heard = tracks_by_msid(cursor, user_id, by_msid)
    unheard = resolve(cursor, [(user_id, msid, {}) for msid in by_msid if msid not in heard])
    cursor.execute(_ARTISTS, values)
    artists = cursor.fetchall()
    ids = {str(one) for ids in named for one in ids if one is not None}
    abouts = [*(track.about for track in heard.values()), *unheard]
    ids |= {about.recording_mbid for about in abouts if about.recording_mbid is not None}
    return Unwanted(
        frozenset(ids),
        frozenset(fold(name) for name, _ in artists),
        frozenset(fold(name) for name, newer in artists if newer),
        any(newer for _, newer in artists),
    )
