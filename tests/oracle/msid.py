"""The MSID of a listen, as design section 6 defines it."""

import json
from uuid import UUID, uuid5

from tests.oracle.world import Msid, folded

NAMESPACE = UUID("b1d8a2c4-6f0e-5c57-9a3d-2e7f4c1b8d90")


def msid(artist_name: str, track_name: str, release_name: str | None = None, duration_ms: int | None = None) -> Msid:
    """Of a listen without a track number."""
    release = folded(release_name) or None if release_name else None
    fields = (folded(artist_name), folded(track_name), release, None, duration_ms)
    return str(uuid5(NAMESPACE, json.dumps(fields, ensure_ascii=False, separators=(",", ":"))))
