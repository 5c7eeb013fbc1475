"""What a track is in an answer beside its names: its MBIDs."""

from typing import Any

from jobs.listens.mapping import Resolved


def mbid_mapping(mapped: Resolved) -> dict[str, Any]:
    """The `mbid_mapping` of a recording that has an MBID."""
    mapping: dict[str, Any] = {
        "recording_mbid": mapped.recording_mbid,
        "artist_mbids": list(mapped.artist_mbids),
    }
    if mapped.release_mbid is not None:
        mapping["release_mbid"] = mapped.release_mbid
    return mapping
