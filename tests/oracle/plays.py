"""The listens of a user that count, seen through her settings or plainly."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from tests.oracle.identity import About, about
from tests.oracle.windows import wall_clock
from tests.oracle.world import PLAIN, Exclusions, Listen, Mapped, Mbid, Msid, Settings, Track, World, folded


class Play(NamedTuple):
    """A listen that counts."""

    shown: datetime
    """Wall clock in the zone of the settings."""
    track: Track
    about: About
    played_ms: int | None
    duration_ms: int | None


class Plays:
    """All that is played in a world, by user."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._by_user: dict[int, list[Listen]] = defaultdict(list)
        self._by_msid: dict[Msid, list[Mapped]] = defaultdict(list)
        self._about: dict[tuple[int, Track], About] = {}
        self.called: dict[Mbid, set[str]] = defaultdict(set)
        """By artist every folded name that its rows have."""
        for mbid, name in world.metadata.artists:
            self.called[mbid].add(folded(name))
        for listen in world.listens.values():
            if listen.user_id in world.users and listen.listened_at <= world.newest:
                self._by_user[listen.user_id].append(listen)
        for row in world.mapping.values():
            self._by_msid[row.msid].append(row)

    def of(self, user_id: int, *, plain: bool = False) -> list[Play]:
        """What counts for a user's own statistics; plain: for everybody's."""
        settings = PLAIN if plain else self.settings(user_id)
        found = []
        for listen in self._by_user.get(user_id, ()):
            what = self._what(user_id, listen.track)
            if not self._excluded(listen, what, settings.exclusions):
                shown = wall_clock(listen.listened_at, settings.zone)
                found.append(Play(shown, listen.track, what, listen.played_ms, listen.duration_ms))
        return found

    def _excluded(self, listen: Listen, what: About, exclusions: Exclusions) -> bool:
        track = listen.track
        return (
            (listen.client is not None and folded(listen.client) in exclusions.clients)
            or track.msid in exclusions.recording_msids
            or what.recording_mbid in exclusions.recording_mbids
            or self.leaves_out(exclusions, track.artist_name, what.artist_mbids)
        )

    def leaves_out(self, exclusions: Exclusions, credit: str, artist_mbids: Iterable[Mbid]) -> bool:
        """Whether one of the artists is excluded, by MBID or by whatever it is called; choice 21."""
        artists = set(artist_mbids)
        if exclusions.artist_mbids & artists:
            return True
        if not exclusions.artist_names:
            return False
        names = {folded(credit)}.union(*(self.called.get(mbid, set()) for mbid in artists))
        return bool(names & exclusions.artist_names)

    def settings(self, user_id: int) -> Settings:
        """The user's, PLAIN where she has none."""
        return self._world.settings.get(user_id, PLAIN)

    def _what(self, user_id: int, track: Track) -> About:
        found = self._about.get((user_id, track))
        if found is None:
            found = self._about[user_id, track] = about(track, user_id, self._by_msid.get(track.msid, ()))
        return found
