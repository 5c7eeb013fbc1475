"""What MusicBrainz would say of the invented music: the tables of reference jobs.md 2.2 for the given recordings."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dumps.generator import chance
from dumps.generator.catalogue import JOIN_PHRASES, Catalogue, Credits
from dumps.generator.chance import Ids
from dumps.generator.fresh import fresh_releases
from dumps.generator.labels import label_tables
from dumps.generator.rows import credit_mbids

COUNTRIES = (
    "USA", "GBR", "DEU", "FRA", "JPN", "SWE", "BRA", "CAN", "AUS", "NOR", "ITA", "ESP",
    "POL", "RUS", "NLD", "FIN", "ISL", "GRC", "EGY", "ARG", "KOR", "NGA", "IND", "ZAF",
)  # fmt: skip
PRIMARY_TYPES = ("Album", "EP", "Single", "Other")
ARTIST = pa.struct([("artist_credit_name", pa.string()), ("join_phrase", pa.string()), ("artist_mbid", pa.string())])
REDIRECTS, NO_LENGTH, NO_COUNTRY, NO_AREA, COVERS = 0.05, 0.03, 0.12, 0.03, 0.85


def metadata_tables(catalogue: Catalogue, recordings: Ids, users: int, until: int) -> dict[str, pa.Table]:
    """Every table by its name, for those of `recordings` that have MBIDs; feedback of users 1 to `users`.

    `until`: epoch seconds about which artists bring out something new.
    """
    known = np.unique(recordings[catalogue.mapped(recordings)])
    about = _About(catalogue, known)
    tables = {
        "artist_country_code": _countries(catalogue, about.artists),
        "artist_credit_mbid": _credit_rows(catalogue, about.credits),
        "recording_length": _lengths(catalogue, known, about.mbid),
        "recording_artist": pa.table(
            {
                "recording_mbid": about.mbid,
                "artist_mbids": credit_mbids(catalogue, about.credits, np.ones(len(known), dtype=np.bool_)),
                "artists": _artists(catalogue, about.credits),
            }
        ),
        "release_metadata_cache": _releases(catalogue, about.releases),
        "release_group_metadata_cache": _groups(catalogue, about.groups),
        "releases": fresh_releases(catalogue, about.artists, until),
        "recording_feedback": _feedback(catalogue, known, about.mbid, users),
    }
    return tables | label_tables(catalogue, known, about.mbid)


@dataclass(frozen=True)
class _About:
    """The nouns that the recordings lead to."""

    catalogue: Catalogue
    recordings: Ids

    @property
    def mbid(self) -> pa.Array:
        return chance.mbids(self.catalogue.seed, "recording", self.recordings)

    @property
    def credits(self) -> Credits:
        return self.catalogue.credits(self.recordings)

    @property
    def artists(self) -> Ids:
        credited = self.credits.artists
        return np.unique(credited[credited >= 0])

    @property
    def releases(self) -> Ids:
        return np.unique(self.catalogue.release_of(self.recordings)[0])

    @property
    def groups(self) -> Ids:
        return np.unique(self.catalogue.release_group_of(self.releases))


def _missing(seed: int, stream: str, ids: Ids, share: float) -> pa.Array:
    return pa.array(chance.uniform(seed, stream, ids) < share)


def _countries(catalogue: Catalogue, artists: Ids) -> pa.Table:
    """Artists whose area has no country are absent; null: no area is known."""
    there = artists[chance.uniform(catalogue.seed, "area", artists) >= NO_AREA]
    weights = 1 / (np.arange(len(COUNTRIES)) + 2.0)
    code = pa.array(COUNTRIES).take(pa.array(chance.pick(catalogue.seed, "country", there, weights)))
    unknown = _missing(catalogue.seed, "no country", there, NO_COUNTRY)
    return pa.table(
        {
            "artist_mbid": chance.mbids(catalogue.seed, "artist", there),
            "artist_name": catalogue.artist_names(there),
            "country_code": pc.if_else(unknown, pa.scalar(None, pa.string()), code),
        }
    )


def _distinct_credits(credit: Credits) -> Credits:
    phrases = np.where(credit.artists[:, 1:] >= 0, credit.phrases, -1)
    rows = np.unique(np.concatenate([credit.artists, phrases], axis=1), axis=0)
    return Credits(rows[:, :3], rows[:, 3:])


def _credit_rows(catalogue: Catalogue, credit: Credits) -> pa.Table:
    """One row per artist of a credit; ids are dense from 1, the phrase is the one after the artist."""
    distinct = _distinct_credits(credit)
    row, position = np.nonzero(distinct.artists >= 0)
    return pa.table(
        {
            "artist_credit_id": pa.array(row + 1, pa.int32()),
            "artist_mbid": chance.mbids(catalogue.seed, "artist", distinct.artists[row, position]),
            "position": pa.array(position, pa.int16()),
            "join_phrase": _phrases(distinct, row, position),
        }
    )


def _phrases(credit: Credits, row: Ids, position: Ids) -> pa.Array:
    """The phrase after each artist; blank after the last one."""
    after = np.minimum(position + 1, 2)
    last = (position == 2) | (credit.artists[row, after] < 0)
    phrase = np.where(last, len(JOIN_PHRASES), credit.phrases[row, np.minimum(position, 1)])
    return pa.array((*JOIN_PHRASES, "")).take(pa.array(phrase))


def _artists(catalogue: Catalogue, credit: Credits) -> pa.Array:
    """Per row the list of structs (credited name, phrase after it, MBID), in order of the credit."""
    there = credit.artists >= 0
    row, position = np.nonzero(there)
    ids = credit.artists[row, position]
    fields = [
        catalogue.artist_names(ids),
        _phrases(credit, row, position),
        chance.mbids(catalogue.seed, "artist", ids),
    ]
    offsets = np.concatenate([[0], np.cumsum(there.sum(axis=1))]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.StructArray.from_arrays(fields, fields=list(ARTIST)))


def _lengths(catalogue: Catalogue, recordings: Ids, mbid: pa.Array) -> pa.Table:
    """Every recording, and the MBIDs of merged ones, which lead to the id of the recording they were merged into."""
    merged = recordings[chance.uniform(catalogue.seed, "redirect", recordings) < REDIRECTS]
    ids = np.concatenate([recordings, merged])
    unknown = _missing(catalogue.seed, "no length", ids, NO_LENGTH)
    return pa.table(
        {
            "recording_mbid": pa.concat_arrays([mbid, chance.mbids(catalogue.seed, "redirect", merged)]),
            "length": pc.if_else(unknown, pa.scalar(None, pa.int32()), pa.array(catalogue.length_ms(ids), pa.int32())),
            "recording_id": pa.array(ids + 1, pa.int32()),
            "is_redirect": pa.array(np.arange(len(ids)) >= len(recordings)),
        }
    )


def _main_credit(catalogue: Catalogue, releases: Ids) -> Credits:
    artists = np.full((len(releases), 3), -1, dtype=np.int64)
    artists[:, 0] = catalogue.release_artist(releases)
    return Credits(artists, np.zeros((len(releases), 2), dtype=np.int64))


def _cover(catalogue: Catalogue, groups: Ids, releases: Ids) -> dict[str, pa.Array]:
    """Front covers by group: 85 of 100 have one."""
    there = pa.array(chance.uniform(catalogue.seed, "cover", groups) < COVERS)
    mbid = chance.mbids(catalogue.seed, "release", releases)
    return {
        "caa_id": pc.if_else(there, pa.array(groups + 10_000_000_000), pa.scalar(None, pa.int64())),
        "caa_release_mbid": pc.if_else(there, mbid, pa.scalar(None, pa.string())),
    }


def _releases(catalogue: Catalogue, releases: Ids) -> pa.Table:
    groups, credit = catalogue.release_group_of(releases), _main_credit(catalogue, releases)
    return pa.table(
        {
            "release_mbid": chance.mbids(catalogue.seed, "release", releases),
            "release_group_mbid": chance.mbids(catalogue.seed, "release group", groups),
            "first_release_date_year": pa.array(catalogue.release_year(groups), pa.int16()),
            "release_name": catalogue.release_names(releases),
            "album_artist_name": catalogue.credit_names(credit),
            **_cover(catalogue, groups, releases),
            "artist_credit_mbids": credit_mbids(catalogue, credit, np.ones(len(releases), dtype=np.bool_)),
            "artists": _artists(catalogue, credit),
        }
    )


def _groups(catalogue: Catalogue, groups: Ids) -> pa.Table:
    credit = _main_credit(catalogue, groups)
    kinds = chance.pick(catalogue.seed, "primary type", groups, np.array([70.0, 15, 12, 3]))
    return pa.table(
        {
            "release_group_mbid": chance.mbids(catalogue.seed, "release group", groups),
            "title": catalogue.release_names(groups),
            "artist_credit_name": catalogue.credit_names(credit),
            **_cover(catalogue, groups, groups),
            "artist_credit_mbids": credit_mbids(catalogue, credit, np.ones(len(groups), dtype=np.bool_)),
            "artists": _artists(catalogue, credit),
            "first_release_date_year": pa.array(catalogue.release_year(groups), pa.int16()),
            "primary_type": pa.array(PRIMARY_TYPES).take(pa.array(kinds)),
        }
    )


def _feedback(catalogue: Catalogue, recordings: Ids, mbid: pa.Array, users: int) -> pa.Table:
    """One recording of 20 is loved (8 of 10) or hated by one user."""
    given = chance.uniform(catalogue.seed, "feedback", recordings) < 0.05
    user = chance.words(catalogue.seed, "feedback user", recordings[given]) % np.uint64(users) + np.uint64(1)
    loved = chance.uniform(catalogue.seed, "loved", recordings[given]) < 0.8
    return pa.table(
        {
            "user_id": pa.array(user.astype(np.int32)),
            "recording_mbid": mbid.filter(pa.array(given)),
            "feedback": pa.array(np.where(loved, 1, -1), pa.int16()),
        }
    )
