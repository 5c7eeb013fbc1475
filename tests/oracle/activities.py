"""Statistics that are no top lists: by time, genre, era, country. jobs.md 7.1 (map), 7.5; api.md 7 (artist activity).

Each takes the listens of its window, of one user or of all, and gives what the answer holds; empty where nothing is.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from tests.oracle.items import Facts, key_of
from tests.oracle.lists import Row
from tests.oracle.order import place, places
from tests.oracle.plays import Play
from tests.oracle.windows import ALL_TIME, WEEKDAYS, buckets, epoch, time_unit

FIRST_ERA = 1800
GENRES_PER_HOUR = 10
EVOLVING_ARTISTS = 20
ACTIVE_ARTISTS = 15
MAPPED_ARTISTS = 1000


def listening_activity(plays: Iterable[Play], stats_range: str, newest: int, zone: str) -> list[dict[str, Any]]:
    """Listens per bucket, zero-filled but for all_time; choice 6. `plays`: those of the activity window."""
    found = []
    times = sorted(play.shown for play in plays)
    for bucket in buckets(stats_range, newest, zone) if times else ():
        count = bisect_left(times, bucket.next_start) - bisect_left(times, bucket.start)
        if count or stats_range != ALL_TIME:
            found.append(
                {
                    "from_ts": epoch(bucket.start, zone),
                    "to_ts": epoch(bucket.next_start, zone) - 1,
                    "time_range": bucket.label,
                    "listen_count": count,
                }
            )
    return found


def daily_activity(plays: Iterable[Play]) -> dict[str, list[dict[str, int]]]:
    """Listens per weekday and hour, all 168 of them."""
    counts = Counter((play.shown.weekday(), play.shown.hour) for play in plays)
    if not counts:
        return {}
    return {
        weekday: [{"hour": hour, "listen_count": counts[number, hour]} for hour in range(24)]
        for number, weekday in enumerate(WEEKDAYS)
    }


def genre_activity(plays: Iterable[Play], facts: Facts) -> list[dict[str, Any]]:
    """Listens per genre and hour, the GENRES_PER_HOUR most heard of each hour."""
    counts: dict[int, Counter[str]] = defaultdict(Counter)
    for play in plays:
        counts[play.shown.hour].update(facts.genres.get(play.about.recording_mbid or "", ()))
    kept = []
    for hour, genres in counts.items():
        most = sorted(genres, key=lambda genre: (genres[genre], genre.encode()), reverse=True)
        kept += [(genre, hour, genres[genre]) for genre in most[:GENRES_PER_HOUR]]
    return [{"genre": genre, "hour": hour, "listen_count": count} for genre, hour, count in sorted(kept, key=places)]


def era_activity(plays: Iterable[Play], facts: Facts) -> list[dict[str, int]]:
    """Listens per year in which the release group first came out."""
    years = (facts.group(play.about).first_release_date_year for play in plays)
    counts = Counter(year for year in years if year is not None and year >= FIRST_ERA)
    return [{"year": year, "listen_count": counts[year]} for year in sorted(counts)]


def artist_evolution_activity(
    plays: Iterable[Play], facts: Facts, stats_range: str, most: int | None = EVOLVING_ARTISTS
) -> list[dict[str, Any]]:
    """Listens per time unit of the `most` most heard credited artists, None: of all; choice 12."""
    counts: Counter[tuple[str | int, str | None, str]] = Counter()
    totals: Counter[tuple[str | None, str]] = Counter()
    for play in plays:
        unit = time_unit(stats_range, play.shown)
        for mbid, name in _credited(play, facts):
            counts[unit, mbid, name] += 1
            totals[mbid, name] += 1
    kept = set(sorted(totals, key=lambda artist: places((totals[artist], *artist)), reverse=True)[:most])
    cells = [(*cell, count) for cell, count in counts.items() if cell[1:] in kept]
    return [
        {"time_unit": str(unit), "artist_mbid": mbid, "artist_name": name, "listen_count": count}
        for unit, mbid, name, count in sorted(cells, key=places, reverse=True)
    ]


def _credited(play: Play, facts: Facts) -> set[tuple[str | None, str]]:
    if not facts.tables.credits:
        return {(mbid, play.track.artist_name) for mbid in play.about.artist_mbids or (None,)}
    return {(artist.artist_mbid, artist.artist_credit_name) for artist in facts.credit(play.about) or ()}


def artist_map(artists: Iterable[Row], facts: Facts) -> list[dict[str, Any]]:
    """Countries of the first artists of a list, that with the most artists first."""
    by_country: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for row in list(artists)[:MAPPED_ARTISTS]:
        mbid = row.struct["artist_mbid"]
        country = facts.artists.get(mbid or "", ("", None))[1]
        if country is not None:
            by_country[country].append((row.listen_count, row.struct["artist_name"], mbid))
    countries = [
        (len(found), sum(count for count, _, _ in found), country, sorted(found, key=places, reverse=True))
        for country, found in by_country.items()
    ]
    return [
        {
            "country": country,
            "artist_count": artist_count,
            "listen_count": listen_count,
            "artists": [
                {"artist_mbid": mbid, "artist_name": name, "listen_count": count} for count, name, mbid in found
            ],
        }
        for artist_count, listen_count, country, found in sorted(countries, key=places, reverse=True)
    ]


def artist_activity(release_groups: Iterable[Row]) -> list[dict[str, Any]]:
    """The ACTIVE_ARTISTS most heard artists of a list of release groups, with these; choice 17."""
    names: dict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    albums: dict[tuple[str, str | None], list[tuple[int, str, str | None]]] = defaultdict(list)
    for row in release_groups:
        album = (row.listen_count, row.struct["release_group_name"], row.struct["release_group_mbid"])
        for name, mbid in _artists_of(row):
            artist = ("" if mbid else key_of(name), mbid)
            names[artist][name] += row.listen_count
            albums[artist].append(album)
    active = [
        (sum(count for count, _, _ in albums[artist]), _shown(names[artist]), artist[1], albums[artist])
        for artist in albums
    ]
    active.sort(key=lambda found: places(found[:3]), reverse=True)
    return [
        {
            "name": name,
            "artist_name": name,
            "artist_mbid": mbid,
            "listen_count": listen_count,
            "albums": [
                {"name": album, "listen_count": count, "release_group_mbid": album_mbid}
                for count, album, album_mbid in sorted(found, key=places, reverse=True)
            ],
        }
        for listen_count, name, mbid, found in active[:ACTIVE_ARTISTS]
    ]


def _artists_of(row: Row) -> list[tuple[str, str | None]]:
    credit, mbids = row.struct["artists"], row.struct["artist_mbids"]
    if credit:
        by_mbid = {artist["artist_mbid"]: artist["artist_credit_name"] for artist in reversed(credit)}
        return [(name, mbid) for mbid, name in by_mbid.items()]
    return [(row.struct["artist_name"], mbids[0] if len(mbids) == 1 else None)]


def _shown(names: Counter[str]) -> str:
    return max(names, key=lambda name: (names[name], place(name)))
