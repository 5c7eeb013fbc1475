"""The year in music as jobs.md 12 has it, counted in plain Python: `data` of a user's report, by key.

Where jobs.md leaves something open or is known to be wrong (jobs.md 14.13), the choice taken is one of these.
 1. A year is one of the user's clock; her exclusions hold. A section without anything in it is not there, but for
    total_new_artists_discovered.
 2. day_of_week: of weekdays with as many listens the first from Monday on.
 3. total_listening_time counts as choice 20 of the statistics, so what players say goes before the length.
 4. top_genres: a listen counts once for every genre of its recording, release groups or artists; rank 25 with ties;
    per cent of all genres together, two decimals.
 5. new_releases: credits are tuples of MBIDs, of the listen, else of its recording; those without MBIDs take no place;
    ties: the greatest tuple. Artists whom the user excludes have nothing. Order: the place of the artist's best credit,
    kind of release, MBID.
 6. An artist of the year is known if her MBID was heard before, or her name without an MBID; a name without an MBID if
    it was heard before with or without one, and it is nobody of its own where the year has an MBID of that name.
 7. similar_users: an MSID stands in where a listen has no recording MBID; more than 50 listens; ties: the greater id.
    Here, and in discoveries and missed recordings, a merged recording is the one it was merged into.
 8. Discoveries: more than three listens in the year, none before it. Missed: of the three most similar users, listens
    together, rank 200 with ties, never heard up to the end of the year, and not excluded in any form in which anybody
    heard it in the year, nor by an MBID that was merged into its own.
 9. Playlists: of each artist the two with the most listens (a recording of several artists needs a place with each),
    then 50 by the MD5 of "user recording year". Shown is the most played combination of names and MBIDs.
10. `date` and what else tells when it was made is not judged; nor are names in titles.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from hashlib import md5
from math import sqrt
from typing import Any

from tests.oracle import activities
from tests.oracle.items import ENTITIES, credit_document, key_of
from tests.oracle.lists import listening_time, tallies
from tests.oracle.lists import rows as listed_rows
from tests.oracle.order import place, places
from tests.oracle.plays import Play
from tests.oracle.statistics import Oracle, items
from tests.oracle.windows import BEGINNING, MONTHS, WEEKDAYS, Window, epoch
from tests.oracle.world import Exclusions

FEW, TOP, GENRES, CREDITS, RELEASES = 25, 50, 25, 50, 5
COMPARED, SIMILAR = 50, 25
DISCOVERED, NEIGHBOURS, MISSED, OF_ARTIST, TRACKS = 3, 3, 200, 2, 50
KINDS = ("Album", "EP", "Single", "Other", "Broadcast")
DISCOVERIES = "playlist-top-discoveries-for-year"
MISSES = "playlist-top-missed-recordings-for-year"
Weights = dict[str, int]
"""By recording MBID."""


class Year:
    """The reports of one year of a world, which must not change meanwhile."""

    def __init__(self, oracle: Oracle, year: int) -> None:
        self._oracle = oracle
        self._facts = oracle.facts
        self._year = year
        self._shown = Window(datetime(year, 1, 1), datetime(year + 1, 1, 1))
        users = oracle.world.users
        self._plays = {user_id: oracle.within(user_id, self._shown) for user_id in users}
        before = Window(BEGINNING, self._shown.start)
        self._before = {user_id: oracle.within(user_id, before) for user_id in users}
        self._ways = self._heard_as(play for played in self._plays.values() for play in played)

    def report(self, user_id: int) -> dict[str, Any]:
        """What is in `data`; {} without listens in the year."""
        played = self._plays[user_id]
        if not played:
            return {}
        similar = self.similar(user_id)
        found: dict[str, Any] = {
            "total_listen_count": len(played),
            "too_few_listens": len(played) < FEW,
            "total_listening_time": sum(listening_time(play, self._facts)[1] for play in played) / 1000,
            "listens_per_day": self._days(user_id),
            "day_of_week": _weekday(played),
            "most_listened_year": {
                str(era["year"]): era["listen_count"] for era in activities.era_activity(played, self._facts)
            },
            **self._tops(played),
            "top_genres": self._genres(played),
            "genre_activity": activities.genre_activity(played, self._facts),
            "artist_evolution_activity": activities.artist_evolution_activity(played, self._facts, "year", None),
            "new_releases_of_top_artists": self._releases(user_id),
            "similar_users": {self._oracle.world.users[other]: score for other, score in similar},
            DISCOVERIES: self._tracks(user_id, self._discovered(user_id)),
            MISSES: self._tracks(user_id, self._missed(user_id, [other for other, _ in similar[:NEIGHBOURS]])),
        }
        return {key: value for key, value in found.items() if value not in ({}, [])} | {
            "total_new_artists_discovered": self._new_artists(user_id)
        }

    def _days(self, user_id: int) -> list[dict[str, Any]]:
        zone, day, found = self._oracle.zone(user_id), self._shown.start, []
        counts = Counter(play.shown.date() for play in self._plays[user_id])
        while day.year == self._year:
            following = day + timedelta(days=1)
            found.append(
                {
                    "from_ts": epoch(day, zone),
                    "to_ts": epoch(following, zone) - 1,
                    "time_range": f"{day.day:02} {MONTHS[day.month - 1]} {day.year}",
                    "listen_count": counts[day.date()],
                }
            )
            day = following
        return found

    def _tops(self, played: Sequence[Play]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for entity in ("artists", "recordings", "release_groups"):
            listed = listed_rows(tallies(played, ENTITIES[entity], self._facts), ENTITIES[entity])
            if listed:
                found |= {f"top_{entity}": items(listed[:TOP]), f"total_{entity}_count": len(listed)}
            if entity == "artists":
                found["artist_map"] = activities.artist_map(listed, self._facts)
        return found

    def _genres(self, played: Iterable[Play]) -> list[dict[str, Any]]:
        tables = self._facts.tables
        named: dict[str, set[str]] = defaultdict(set)
        for mbid, genre in tables.genres | tables.release_group_genres | tables.artist_genres:
            named[mbid].add(genre)
        counts: Counter[str] = Counter()
        for play in played:
            counts.update(named.get(play.about.recording_mbid or "", ()))
        ordered = sorted(counts, key=lambda genre: (counts[genre], genre.encode()), reverse=True)
        kept = [genre for genre in ordered if sum(count > counts[genre] for count in counts.values()) < GENRES]
        whole = sum(counts.values())
        return [
            {"genre": genre, "genre_count": counts[genre], "genre_count_percent": round(100 * counts[genre] / whole, 2)}
            for genre in kept
        ]

    def _new_artists(self, user_id: int) -> int:
        heard, before = self._artists(self._plays[user_id]), self._artists(self._before[user_id])
        spelled = {name for name, mbid in heard if mbid is not None}
        known: dict[Any, bool] = defaultdict(bool)
        for name, mbid in heard:
            if mbid is not None:
                known[mbid] |= any(mbid == other or (name, None) == (called, other) for called, other in before)
            elif name not in spelled:
                known["a name", name] |= any(name == called for called, _ in before)
        return list(known.values()).count(False)

    def _artists(self, played: Iterable[Play]) -> set[Any]:
        entity = ENTITIES["artists"]
        return {item.key for play in played for item in entity.items(play.track, play.about, self._facts)}

    def _releases(self, user_id: int) -> list[dict[str, Any]]:
        credits = Counter(self._facts.artist_mbids(play.about) for play in self._plays[user_id])
        credits.pop((), None)
        top = sorted(credits, key=lambda credit: (credits[credit], place(credit)), reverse=True)[:CREDITS]
        plays = self._oracle._plays
        exclusions = plays.settings(user_id).exclusions
        best: dict[str, int] = {}
        for number, credit in enumerate(top):
            for artist in credit:
                if not plays.leaves_out(exclusions, "", (artist,)):
                    best.setdefault(artist, number)
        found: dict[str, tuple[int, int, str]] = {}
        groups = self._facts.tables.release_groups
        for artist, number in best.items():
            theirs = [
                (KINDS.index(group.primary_type) if group.primary_type in KINDS else len(KINDS), mbid)
                for mbid, group in groups.items()
                if group.first_release_date_year == self._year and artist in (group.artist_credit_mbids or ())
            ]
            for kind, mbid in sorted(theirs)[:RELEASES]:
                found[mbid] = min(found.get(mbid, (number, kind, mbid)), (number, kind, mbid))
        return [
            {
                "title": groups[mbid].title,
                "artist_credit_name": groups[mbid].artist_credit_name,
                "release_group_mbid": mbid,
                "artist_credit_mbids": list(groups[mbid].artist_credit_mbids or ()),
                "artists": credit_document(groups[mbid].artists) or [],
                "caa_id": groups[mbid].caa_id,
                "caa_release_mbid": groups[mbid].caa_release_mbid,
            }
            for _, _, mbid in sorted(found.values())
        ]

    def similar(self, user_id: int) -> list[tuple[int, float]]:
        """Users and scores, the most similar first."""
        if len(self._plays[user_id]) <= COMPARED:
            return []
        own, found = self._counts(user_id), []
        for other in self._oracle.world.users:
            if other == user_id or len(self._plays[other]) <= COMPARED:
                continue
            theirs = self._counts(other)
            product = sum(own[recording] * theirs[recording] for recording in own)
            squares = [sum(count * count for count in of.values()) for of in (own, theirs)]
            if product:
                found.append((min(1.0, product / sqrt(squares[0] * squares[1])), other))
        return [(other, score) for score, other in sorted(found, reverse=True)[:SIMILAR]]

    def _counts(self, user_id: int) -> Counter[str]:
        return Counter(self._facts.recording(play.about) or play.track.msid for play in self._plays[user_id])

    def _recordings(self, played: Iterable[Play]) -> Counter[str]:
        found = (self._facts.recording(play.about) for play in played)
        return Counter(mbid for mbid in found if mbid is not None)

    def _discovered(self, user_id: int) -> Weights:
        before = self._recordings(self._before[user_id])
        return {
            mbid: count
            for mbid, count in self._recordings(self._plays[user_id]).items()
            if count > DISCOVERED and mbid not in before
        }

    def _missed(self, user_id: int, neighbours: Sequence[int]) -> Weights:
        together: Counter[str] = Counter()
        for other in neighbours:
            together.update(self._recordings(self._plays[other]))
        known = {*self._recordings(self._plays[user_id]), *self._recordings(self._before[user_id])}
        exclusions = self._oracle._plays.settings(user_id).exclusions
        unwanted = set(map(self._facts.merged_into, exclusions.recording_mbids))
        left = {
            mbid: count
            for mbid, count in together.items()
            if mbid not in known
            and mbid not in unwanted
            and not any(self._excluded(way, exclusions) for way in self._ways[mbid])
        }
        return {mbid: count for mbid, count in left.items() if sum(other > count for other in left.values()) < MISSED}

    def _excluded(self, way: "Way", exclusions: Exclusions) -> bool:
        _, artist, artist_mbids, _, _, msid = way
        plays = self._oracle._plays
        return msid in exclusions.recording_msids or plays.leaves_out(exclusions, artist, artist_mbids)

    def _heard_as(self, played: Iterable[Play]) -> dict[str, Counter["Way"]]:
        found: dict[str, Counter[Way]] = defaultdict(Counter)
        for play in played:
            track, what, mbid = play.track, play.about, self._facts.recording(play.about)
            if mbid is not None:
                names = track.track_name, track.artist_name, what.artist_mbids, track.release_name, what.release_mbid
                found[mbid][*names, track.msid] += 1
        return found

    def _tracks(self, user_id: int, weights: Weights) -> list[dict[str, Any]]:
        """The recordings of a playlist, in order."""
        chance = {mbid: _hash(f"{user_id} {mbid} {self._year}") for mbid in weights}
        by_artist: dict[str, list[str]] = defaultdict(list)
        for mbid in weights:
            shown = _most_played(self._ways[mbid])
            for artist in dict.fromkeys(shown[2]) or (key_of(shown[1]),):
                by_artist[artist].append(mbid)
        cut = {
            mbid
            for theirs in by_artist.values()
            for mbid in sorted(theirs, key=lambda mbid: (-weights[mbid], chance[mbid]))[OF_ARTIST:]
        }
        chosen = sorted((mbid for mbid in weights if mbid not in cut), key=lambda mbid: chance[mbid])[:TRACKS]
        return [self._track(mbid) for mbid in chosen]

    def _track(self, mbid: str) -> dict[str, Any]:
        title, artist, artist_mbids, release, release_mbid = _most_played(self._ways[mbid])
        cached = self._facts.tables.releases.get(release_mbid or "")
        beside = {
            "artists": credit_document(self._facts.tables.credits.get(mbid)),
            "caa_id": cached.caa_id if cached else None,
            "caa_release_mbid": cached.caa_release_mbid if cached else None,
        }
        return {
            "recording_mbid": mbid,
            "title": title,
            "creator": artist,
            "artist_mbids": list(artist_mbids),
            "album": release or None,
            "release_mbid": release_mbid,
            **{name: value for name, value in beside.items() if value},
        }


Way = tuple[str, str, tuple[str, ...], str | None, str | None, str]
"""How a recording was heard: title, artist, artist MBIDs, release, release MBID, MSID."""


def _most_played(ways: Counter[Way]) -> tuple[str, str, tuple[str, ...], str | None, str | None]:
    counts: Counter[tuple[str, str, tuple[str, ...], str | None, str | None]] = Counter()
    for way, count in ways.items():
        counts[way[:5]] += count
    return max(counts, key=lambda names: (counts[names], places(names)))


def _weekday(played: Iterable[Play]) -> str:
    counts = Counter(play.shown.weekday() for play in played)
    return WEEKDAYS[max(counts, key=lambda day: (counts[day], -day))]


def _hash(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()
