"""Which recording, release and artists a listen is about.

Asked in order: what the listen itself says; the user's manual mapping; the automatic mapping; other sources by the
bytes of their names, a manual row that is for everybody among them. Of one source, the user's own row goes before that
for everybody. The first that names a recording decides it. Who names another recording is not believed in anything.
Artists and release: each from the first that is still believed and names any.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from tests.oracle.world import AUTOMATIC, MANUAL, Mapped, Mbid, Track


@dataclass(frozen=True)
class About:
    """What a listen is about, as far as MBIDs say."""

    recording_mbid: Mbid | None
    release_mbid: Mbid | None
    artist_mbids: tuple[Mbid, ...]


def about(track: Track, user_id: int, rows: Iterable[Mapped]) -> About:
    """By the rule above; rows are those of the track's MSID, anybody's, in any order."""
    itself = Mapped(user_id, track.msid, "", track.recording_mbid, track.release_mbid, track.artist_mbids)
    sources = [itself, *sorted((row for row in rows if row.user_id in (None, user_id)), key=_turn)]
    recording = next((source.recording_mbid for source in sources if source.recording_mbid), None)
    believed = [source for source in sources if source.recording_mbid in (None, recording)]
    return About(
        recording,
        next((source.release_mbid for source in believed if source.release_mbid), None),
        next((source.artist_mbids for source in believed if source.artist_mbids), ()),
    )


def _turn(row: Mapped) -> tuple[int, bytes, int]:
    shared = int(row.user_id is None)
    if row.source == MANUAL and not shared:
        return 0, b"", shared
    return (1, b"", shared) if row.source == AUTOMATIC else (2, row.source.encode(), shared)
