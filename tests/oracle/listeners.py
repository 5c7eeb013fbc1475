"""Who listens most to an artist or a release group. jobs.md 7.7, choice 18."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tests.oracle.items import Facts
from tests.oracle.plays import Play

TOP = 10
Listeners = dict[str, Counter[int]]
"""Listens by user, by MBID."""


def artist_listeners(plays: Mapping[int, Iterable[Play]], facts: Facts) -> Listeners:
    """Of every artist that has a row in artist_country_code."""
    found: Listeners = {}
    for user_id, played in plays.items():
        for play in played:
            for mbid in set(play.about.artist_mbids) & facts.artists.keys():
                found.setdefault(mbid, Counter())[user_id] += 1
    return found


def release_group_listeners(plays: Mapping[int, Iterable[Play]], facts: Facts) -> Listeners:
    """Of every release group that has a row in release_group_metadata_cache."""
    found: Listeners = {}
    for user_id, played in plays.items():
        for play in played:
            mbid = facts.release(play.about).release_group_mbid
            if mbid in facts.tables.release_groups:
                found.setdefault(mbid, Counter())[user_id] += 1
    return found


def artist_document(mbid: str, listeners: Counter[int], users: Mapping[int, str], facts: Facts) -> dict[str, Any]:
    """As answered."""
    return {"artist_mbid": mbid, "artist_name": facts.artists[mbid][0], **_listeners(listeners, users)}


def release_group_document(
    mbid: str, listeners: Counter[int], users: Mapping[int, str], facts: Facts
) -> dict[str, Any]:
    """As answered."""
    group = facts.tables.release_groups[mbid]
    return {
        "release_group_mbid": mbid,
        "release_group_name": group.title,
        "artist_name": group.artist_credit_name,
        "artist_mbids": list(group.artist_credit_mbids or ()),
        "caa_id": group.caa_id,
        "caa_release_mbid": group.caa_release_mbid,
        **_listeners(listeners, users),
    }


def _listeners(listeners: Counter[int], users: Mapping[int, str]) -> dict[str, Any]:
    most = sorted(listeners, key=lambda user_id: (listeners[user_id], user_id), reverse=True)[:TOP]
    return {
        "listeners": [{"user_name": users[user_id], "listen_count": listeners[user_id]} for user_id in most],
        "total_listen_count": listeners.total(),
        "total_user_count": len(listeners),
    }
