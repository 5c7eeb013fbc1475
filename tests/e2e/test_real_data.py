"""Real people's and stations' listens, through the HTTP API and through `listens import`: what is served is a count.

Every song of the shared sets goes in twice: over HTTP one user per user name, and from the file one user per set, so
that stations which play one song in one second are duplicates there. The count is of the same files, in plain Python.
"""

import gzip
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conf import postgres
from conf.settings import PROJECT, load_settings
from jobs.listens.users import find_user
from jobs.ranges import STATS_RANGES
from tests.e2e.conftest import running
from tests.e2e.people import Person, compute, listens_in_lake, until_landed
from tests.faults.conftest import environment_of
from tests.faults.parts import System, until
from tests.jobs.oracle import Histories, Track, folded, user_artists

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

SETS = ("one-listener-2005-2015", "radio-25-stations-one-week-2014", "internet-radio-37-channels-2023")
TOO_OLD = {"listened_at": 1_000_000_000, "track_metadata": {"artist_name": "Too", "track_name": "Old"}}
Line = dict[str, Any]


@dataclass
class Count:
    """The files as histories for the oracle: duplicates by (user, second, folded names) count once, the first stays."""

    histories: Histories = field(default_factory=lambda: Histories([], set()))
    _tracks: dict[tuple[str, tuple[str, ...]], int] = field(default_factory=dict)
    _seen: set[tuple[object, ...]] = field(default_factory=set)

    def add(self, user_id: int, line: Line) -> None:
        track, at = line["track_metadata"], line["listened_at"]
        names = (folded(track["artist_name"]), folded(track["track_name"]), folded(track.get("release_name") or ""))
        if (user_id, at, names) in self._seen:
            return
        self._seen.add((user_id, at, names))
        what = (track["artist_name"].strip(), tuple(track["additional_info"].get("artist_mbids", ())))
        if what not in self._tracks:
            self._tracks[what] = len(self._tracks) + 1
            self.histories.tracks.append(Track(self._tracks[what], "", what[0], None, what[1]))
        self.histories.users.add(user_id)
        self.histories.listens.append((user_id, at, self._tracks[what]))


def lines_of(path: Path) -> Iterator[Line]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for text in file:
            yield json.loads(text)


def import_file(environment: dict[str, str], path: Path, user_name: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROJECT / "spark_manage.py"), "listens", "import", str(path), "--user", user_name]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def took(what: str, started: float) -> None:
    print(f"{what}: {time.monotonic() - started:.1f} s")


@pytest.mark.slow
def test_top_artists_of_real_listens_equal_a_count_of_the_files(
    database_url: str, connection: postgres.Connection, tmp_path: Path, shared_data: Path
) -> None:
    environment = {**environment_of(database_url, tmp_path), "WEB_WORKERS": "2", "LANDING_INTERVAL": "5"}
    with running(environment, tmp_path) as system:
        files = {name: list(lines_of(shared_data / f"{name}.jsonl.gz")) for name in SETS}
        count, people = Count(), []
        people += submit(connection, system, files, count)
        people += imported(connection, system, shared_data, files, count)
        written = len(count.histories.listens)
        started = time.monotonic()
        until(lambda: sum(person.listen_count() for person in people) == written, 60, f"{written} listens are readable")
        took("then until all was readable", started)
        refused_on_both_sides(system, tmp_path, people[0])
        settings = load_settings(environment, None)
        until_landed(settings, system, connection)
        took("then until all was landed", started)
        assert listens_in_lake(settings) == written
        started = time.monotonic()
        compute(settings, connection)
        took("statistics asked for and readable", started)
        compare(connection, people, count)


def submit(connection: postgres.Connection, system: System, files: dict[str, list[Line]], count: Count) -> list[Person]:
    """Over HTTP, a thousand a call, one user per user name."""
    people: dict[str, Person] = {}
    for name, lines in files.items():
        started = time.monotonic()
        by_user: dict[str, list[Line]] = {}
        for line in lines:
            by_user.setdefault(line["user_name"], []).append(line)
        for user_name, own in by_user.items():
            people[user_name] = Person.register(connection, system.url, user_name)
            people[user_name].submit(*({key: line[key] for key in ("listened_at", "track_metadata")} for line in own))
            user_id = id_of(connection, user_name)
            for line in own:
                count.add(user_id, line)
        took(f"{name}, {len(lines)} listens over HTTP", started)
    return list(people.values())


def imported(
    connection: postgres.Connection, system: System, shared_data: Path, files: dict[str, list[Line]], count: Count
) -> list[Person]:
    """From the file, one user per set, whatever user names the lines carry."""
    people = []
    for name, lines in files.items():
        started = time.monotonic()
        people.append(Person.register(connection, system.url, f"import of {name}"))
        done = import_file(system.environment, shared_data / f"{name}.jsonl.gz", people[-1].name)
        assert done.returncode == 0, done.stdout + done.stderr
        user_id = id_of(connection, people[-1].name)
        for line in lines:
            count.add(user_id, line)
        took(f"{name}, {len(lines)} listens by listens import", started)
    return people


def refused_on_both_sides(system: System, folder: Path, person: Person) -> None:
    """A listen from before the API's first second is nowhere counted."""
    with pytest.raises(AssertionError, match="listened_at is too low"):
        person.submit(TOO_OLD)
    (folder / "old.jsonl").write_text(json.dumps(TOO_OLD) + "\n")
    done = import_file(system.environment, folder / "old.jsonl", person.name)
    assert done.returncode == 3, done.stdout + done.stderr


def compare(connection: postgres.Connection, people: list[Person], count: Count) -> None:
    newest = max(at for _, at, _ in count.histories.listens)
    expected = user_artists(count.histories, newest)
    assert len(people) == 66
    for person in people:
        user_id = id_of(connection, person.name)
        for stats_range in STATS_RANGES:
            found = list(person.all_top_artists(stats_range))
            assert found == expected.get((user_id, stats_range), []), (person.name, stats_range)


def id_of(connection: postgres.Connection, name: str) -> int:
    with postgres.transaction(connection) as cursor:
        user = find_user(cursor, name)
    assert user is not None
    return user.id
