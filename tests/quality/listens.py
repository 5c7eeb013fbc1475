"""Real listens as a timeline: recordings or artists by name, users by name."""

import gzip
import json
from pathlib import Path

import numpy as np

from jobs.engines.timeline import Timeline, Windows

LAST_FM = "last-fm-304-users"
RADIO = ("radio-25-stations-one-week-2014", "internet-radio-37-channels-2023")
SETS = {LAST_FM: "track_name", **dict.fromkeys(RADIO, "artist_name")}
"""What is recommended: of last-fm the recording, of stations the artist, for they share few recordings."""


def timeline(folder: Path, name: str) -> Timeline:
    """All listens of one set. Items are numbered by name, users by name from 1."""
    users, items, listened_at = [], [], []
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        for line in file:
            listen = json.loads(line)
            users.append(listen["user_name"])
            items.append(listen["track_metadata"][SETS[name]])
            listened_at.append(listen["listened_at"])
    _, item = np.unique(items, return_inverse=True)
    _, user = np.unique(users, return_inverse=True)
    # 36 digits stand where a UUID would.
    ids = np.array([f"{number:036d}" for number in range(item.max() + 1)], "S36")
    return Timeline.of(user + 1, ids[item], listened_at, np.zeros(item.size, bool))


def cut(listens: Timeline, start: float, end: float = 1.0) -> Windows:
    """Shares of all listens in order of time: test from `start` to `end`; validation as for any instance."""
    ordered = np.sort(listens.listened_at)
    until = ordered[-1] + 1 if end >= 1 else ordered[int(end * ordered.size)]
    return listens.windows(test_share=1 - start)._replace(until=int(until))
