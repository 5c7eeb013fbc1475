"""An oracle's metadata as files, in the form in which MusicBrainz tables are imported."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from tests.oracle.world import Credited, Metadata

COLUMNS: Mapping[str, Mapping[str, pa.DataType]] = {
    "artist_country_code": {"artist_mbid": pa.string(), "artist_name": pa.string(), "country_code": pa.string()},
    "recording_length": {
        "recording_mbid": pa.string(), "length": pa.int32(), "recording_id": pa.int32(), "is_redirect": pa.bool_(),
    },
    "recording_artist": {
        "recording_mbid": pa.string(), "artist_mbids": pa.list_(pa.string()), "artists": pa.string(),
    },
    "release_metadata_cache": {
        "release_mbid": pa.string(), "release_group_mbid": pa.string(), "first_release_date_year": pa.int16(),
        "release_name": pa.string(), "album_artist_name": pa.string(), "caa_id": pa.int64(),
        "caa_release_mbid": pa.string(), "artist_credit_mbids": pa.list_(pa.string()), "artists": pa.string(),
    },
    "release_group_metadata_cache": {
        "release_group_mbid": pa.string(), "title": pa.string(), "artist_credit_name": pa.string(),
        "caa_id": pa.int64(), "caa_release_mbid": pa.string(), "artist_credit_mbids": pa.list_(pa.string()),
        "artists": pa.string(), "first_release_date_year": pa.int16(), "primary_type": pa.string(),
    },
    **{
        f"{owner}_genre": {"recording_mbid": pa.string(), "genre": pa.string(), "genre_count": pa.int32()}
        for owner in ("recording", "release_group", "artist")
    },
}  # fmt: skip


def write_metadata(folder: Path, metadata: Metadata) -> None:
    """One Parquet file per table, empty ones too."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in _rows(metadata).items():
        pq.write_table(pa.Table.from_pylist(list(rows), pa.schema(COLUMNS[name].items())), folder / f"{name}.parquet")


def _rows(metadata: Metadata) -> dict[str, Iterable[dict[str, Any]]]:
    return {
        "artist_country_code": (
            {"artist_mbid": mbid, "artist_name": name, "country_code": country}
            for (mbid, name), country in metadata.artists.items()
        ),
        "recording_length": recordings_of(metadata),
        "recording_artist": (
            {"recording_mbid": mbid, "artist_mbids": [a.artist_mbid for a in credit], "artists": _json(credit)}
            for mbid, credit in metadata.credits.items()
        ),
        "release_metadata_cache": (
            {**vars(release), "release_mbid": mbid, "artists": _json(release.artists)}
            for mbid, release in metadata.releases.items()
        ),
        "release_group_metadata_cache": (
            {**vars(group), "release_group_mbid": mbid, "artists": _json(group.artists)}
            for mbid, group in metadata.release_groups.items()
        ),
        "recording_genre": _genres(metadata.genres),
        "release_group_genre": _genres(metadata.release_group_genres),
        "artist_genre": _genres(metadata.artist_genres),
    }


def recordings_of(metadata: Metadata) -> list[dict[str, Any]]:
    """Rows of recording_length: a merged one has the id of what it was merged into."""
    mbids = dict.fromkeys([*metadata.lengths, *metadata.merged, *metadata.merged.values()])
    ids = {mbid: number for number, mbid in enumerate(mbids, 1)}
    return [
        {
            "recording_mbid": mbid,
            "length": metadata.lengths.get(mbid),
            "recording_id": ids[metadata.merged.get(mbid, mbid)],
            "is_redirect": mbid in metadata.merged,
        }
        for mbid in mbids
    ]


def _genres(given: Iterable[tuple[str, str]]) -> Iterable[dict[str, Any]]:
    return ({"recording_mbid": mbid, "genre": genre, "genre_count": 1} for mbid, genre in given)


def _json(credit: tuple[Credited, ...] | None) -> str | None:
    return None if credit is None else orjson.dumps([vars(artist) for artist in credit]).decode()
