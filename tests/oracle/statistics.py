"""All statistics of a world as the API answers them: bodies, without what a run adds (last_updated, data_version)."""

from collections.abc import Iterable
from typing import Any

from tests.oracle import activities, listeners
from tests.oracle.items import ENTITIES, Facts
from tests.oracle.lists import Key, Row, Tally, rows, sitewide_tallies, tallies
from tests.oracle.plays import Play, Plays
from tests.oracle.windows import Window, activity_window, previous_window, window
from tests.oracle.world import PLAIN, World

Body = dict[str, Any]
ACTIVITIES = (
    "artist_map", "listening_activity", "daily_activity", "genre_activity", "era_activity",
    "artist_evolution_activity", "artist_activity",
)  # fmt: skip
USER_STATISTICS = (*ENTITIES, *ACTIVITIES)
SITEWIDE_STATISTICS = tuple(name for name in USER_STATISTICS if name not in ("daily_activity", "genre_activity"))
LISTENED = ("artists", "release_groups")
TOTALS = {
    "artists": "total_artist_count",
    "recordings": "total_recording_count",
    "releases": "total_release_count",
    "release_groups": "total_release_group_count",
}
_MADE_FROM = {"artist_map": "artists", "artist_activity": "release_groups"}
_UTC = "UTC"


class Oracle:
    """Asks a world, which must not change meanwhile. Where there is nothing (204) the answer is None."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.facts = Facts(world.metadata)
        self._plays = Plays(world)
        self._seen: dict[tuple[int, bool], list[Play]] = {}
        self._within: dict[tuple[int, bool, Window], list[Play]] = {}
        self._tallied: dict[tuple[int, str, bool, Window], dict[Key, Tally]] = {}
        self._listed: dict[tuple[object, ...], list[Row]] = {}

    def user(self, user_id: int, statistic: str, stats_range: str, *, plain: bool = False) -> Body | None:
        """A user's answer, her settings applied; lists are whole."""
        zone = self.zone(user_id, plain=plain)
        listed = ENTITIES.keys() & {statistic, _MADE_FROM.get(statistic)}
        if listed:
            made_from = self.user_rows(user_id, listed.pop(), stats_range, plain=plain)
            return self._body(statistic, self._from_list(statistic, made_from), stats_range, zone)
        played = self.within(user_id, self._window(statistic, stats_range, zone), plain=plain)
        return self._body(statistic, self._from_plays(statistic, played, stats_range, zone), stats_range, zone)

    def sitewide(self, statistic: str, stats_range: str) -> Body | None:
        """Everybody's answer; lists are whole."""
        listed = ENTITIES.keys() & {statistic, _MADE_FROM.get(statistic)}
        if listed:
            made_from = self.sitewide_rows(listed.pop(), stats_range)
            return self._body(statistic, self._from_list(statistic, made_from), stats_range, _UTC)
        shown = self._window(statistic, stats_range, _UTC)
        played = [play for user_id in self.world.users for play in self.within(user_id, shown, plain=True)]
        return self._body(statistic, self._from_plays(statistic, played, stats_range, _UTC), stats_range, _UTC)

    def listeners(self, entity: str, stats_range: str) -> dict[str, Body]:
        """The answers for every MBID that has one. `entity`: of LISTENED."""
        shown = window(stats_range, self.world.newest)
        plays = {user_id: self.within(user_id, shown, plain=True) for user_id in self.world.users}
        if entity == "artists":
            found, document = listeners.artist_listeners(plays, self.facts), listeners.artist_document
        else:
            found, document = listeners.release_group_listeners(plays, self.facts), listeners.release_group_document
        run = self._run(shown, stats_range, _UTC)
        return {mbid: {**document(mbid, who, self.world.users, self.facts), **run} for mbid, who in found.items()}

    def user_rows(
        self, user_id: int, entity: str, stats_range: str, *, plain: bool = False, previous: bool = False
    ) -> list[Row]:
        """A user's list, of the range or of the period before it."""
        shown = self._period(stats_range, self.zone(user_id, plain=plain), previous=previous)
        kind, what = ENTITIES[entity], (user_id, entity, plain, shown)
        if what not in self._listed:
            self._listed[what] = rows(self._tallies(user_id, entity, shown, plain=plain), kind)
        return self._listed[what]

    def sitewide_rows(self, entity: str, stats_range: str, *, previous: bool = False) -> list[Row]:
        """Everybody's list, of the range or of the period before it."""
        shown = self._period(stats_range, _UTC, previous=previous)
        kind, what = ENTITIES[entity], (None, entity, True, shown)
        if what not in self._listed:
            users = (self._tallies(user_id, entity, shown, plain=True) for user_id in self.world.users)
            self._listed[what] = rows(sitewide_tallies(users), kind)
        return self._listed[what]

    def plays(self, user_id: int, *, plain: bool = False) -> list[Play]:
        """The user's listens that count, in all ranges."""
        if (user_id, plain) not in self._seen:
            self._seen[user_id, plain] = self._plays.of(user_id, plain=plain)
        return self._seen[user_id, plain]

    def within(self, user_id: int, shown: Window, *, plain: bool = False) -> list[Play]:
        """Those in a window."""
        what = user_id, plain, shown
        if what not in self._within:
            self._within[what] = [play for play in self.plays(user_id, plain=plain) if shown.holds(play.shown)]
        return self._within[what]

    def forget_windows(self) -> None:
        """Free the memory of what was asked; the answers stay the same."""
        self._within.clear()
        self._tallied.clear()
        self._listed.clear()

    def zone(self, user_id: int, *, plain: bool = False) -> str:
        """The zone of a user's answers."""
        return _UTC if plain else self._plays.settings(user_id).zone

    def _tallies(self, user_id: int, entity: str, shown: Window, *, plain: bool) -> dict[Key, Tally]:
        # Who has no settings counts for everybody as for herself.
        plain = plain or self._plays.settings(user_id) == PLAIN
        what = user_id, entity, plain, shown
        if what not in self._tallied:
            played = self.within(user_id, shown, plain=plain)
            self._tallied[what] = tallies(played, ENTITIES[entity], self.facts)
        return self._tallied[what]

    def _period(self, stats_range: str, zone: str, *, previous: bool) -> Window:
        return (previous_window if previous else window)(stats_range, self.world.newest, zone)

    def _window(self, statistic: str, stats_range: str, zone: str) -> Window:
        asked = activity_window if statistic == "listening_activity" else window
        return asked(stats_range, self.world.newest, zone)

    def _from_list(self, statistic: str, listed: list[Row]) -> Any:
        if statistic == "artist_map":
            return activities.artist_map(listed, self.facts)
        return activities.artist_activity(listed) if statistic == "artist_activity" else items(listed)

    def _from_plays(self, statistic: str, played: list[Play], stats_range: str, zone: str) -> Any:
        if statistic == "listening_activity":
            return activities.listening_activity(played, stats_range, self.world.newest, zone)
        if statistic == "daily_activity":
            return activities.daily_activity(played)
        if statistic == "genre_activity":
            return activities.genre_activity(played, self.facts)
        if statistic == "era_activity":
            return activities.era_activity(played, self.facts)
        return activities.artist_evolution_activity(played, self.facts, stats_range)

    def _body(self, statistic: str, found: Any, stats_range: str, zone: str) -> Body | None:
        if not found:
            return None
        run = self._run(self._window(statistic, stats_range, zone), stats_range, zone)
        total = {TOTALS[statistic]: len(found)} if statistic in TOTALS else {}
        twice = {"stats_range": stats_range} if statistic in ("daily_activity", "artist_map") else {}
        return {statistic: found, **total, **twice, **run}

    def _run(self, shown: Window, stats_range: str, zone: str) -> Body:
        return {
            "range": stats_range,
            "from_ts": shown.from_ts(zone),
            "to_ts": shown.to_ts(zone, self.world.newest),
        }


def items(listed: Iterable[Row]) -> list[Body]:
    """As answered: what is a list is never null, and artists say their MBID both ways (api.md 0)."""
    found = []
    for row in listed:
        item = dict(row.struct)
        if "artists" in item:
            item["artists"] = item["artists"] or []
        else:
            item["artist_mbids"] = [] if item["artist_mbid"] is None else [item["artist_mbid"]]
        found.append({**item, "listen_count": row.listen_count})
    return found


def page(body: Body, statistic: str, count: int = 25, offset: int = 0) -> Body:
    """One page of a list's answer."""
    cut = body[statistic][offset : offset + count]
    return {**body, statistic: cut, "count": len(cut), "offset": offset}
