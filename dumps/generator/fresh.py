"""What the invented artists bring out about the end of the listens: the table `releases`."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dumps.generator import chance
from dumps.generator.catalogue import Catalogue, Credits
from dumps.generator.chance import Ids
from dumps.generator.labels import GENRES
from dumps.generator.names import RELEASES, names
from dumps.generator.rows import credit_mbids

ABOUT = 60
"""Days before and after."""
SHARE, TOGETHER, COVERS = 0.5, 0.1, 0.7
"""Of the artists, who bring out something; of these releases, those of two artists, and those with a cover."""
KINDS = ("Album", "EP", "Single")


def fresh_releases(catalogue: Catalogue, artists: Ids, until: int) -> pa.Table:
    """One row per release, dated some days before or after `until` (epoch seconds); each of an artist or two."""
    seed = catalogue.seed
    ids = artists[chance.uniform(seed, "fresh", artists) < SHARE]
    credit = _credits(catalogue, ids)
    days = np.floor((2 * chance.uniform(seed, "fresh day", ids) - 1) * ABOUT).astype(np.int64) + until // 86400
    mbids, none = chance.mbids(seed, "fresh release", ids), pa.scalar(None, pa.string())
    covered = pa.array(chance.uniform(seed, "fresh cover", ids) < COVERS)
    tags = pa.array(GENRES).take(pa.array(chance.pick(seed, "fresh tag", ids, np.ones(len(GENRES)))))
    live = pa.array(chance.uniform(seed, "fresh live", ids) < TOGETHER)
    return pa.table(
        {
            "release_mbid": mbids,
            "release_name": names(RELEASES, ids + catalogue.releases),
            "artist_credit_name": catalogue.credit_names(credit),
            "artist_mbids": credit_mbids(catalogue, credit, np.ones(len(ids), dtype=np.bool_)),
            "release_date": pc.cast(pa.array(days, pa.int32()).cast(pa.date32()), pa.string()),
            "release_group_mbid": chance.mbids(seed, "fresh group", ids),
            "release_group_primary_type": pa.array(KINDS).take(
                pa.array(chance.pick(seed, "fresh kind", ids, np.array([5.0, 2, 3])))
            ),
            "release_group_secondary_type": pc.if_else(live, pa.scalar("Live"), none),
            "release_tags": pa.array([[tag] for tag in tags.to_pylist()], pa.list_(pa.string())),
            "listen_count": pa.array(np.zeros(len(ids), dtype=np.int64)),
            "caa_id": pc.if_else(covered, pa.array(ids + 20_000_000_000), pa.scalar(None, pa.int64())),
            "caa_release_mbid": pc.if_else(covered, mbids, none),
        }
    )


def _credits(catalogue: Catalogue, ids: Ids) -> Credits:
    artists = np.full((len(ids), 3), -1, dtype=np.int64)
    artists[:, 0] = ids
    second = catalogue.popular_artist(chance.uniform(catalogue.seed, "fresh second", ids))
    together = (chance.uniform(catalogue.seed, "fresh together", ids) < TOGETHER) & (second != ids)
    artists[:, 1] = np.where(together, second, -1)
    return Credits(artists, np.zeros((len(ids), 2), dtype=np.int64))
