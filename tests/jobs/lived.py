"""The steps of a generated history, done for real: PostgreSQL through the write functions, metadata files, landings."""

import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pyspark.sql import SparkSession

from conf.postgres import Connection, transaction
from conf.settings import Settings
from dumps.load.metadata import import_tables
from jobs.import_run import ImportRun
from jobs.land import Lander
from jobs.landing import Landing
from jobs.listens.exclusions import add_exclusion, exclusion_of, remove_exclusion
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.mapping import MappingRow, delete_mapping, put_mapping
from jobs.listens.user_settings import set_zone
from jobs.listens.users import create_user
from jobs.listens.write import delete_history, delete_listen, write_submissions
from tests.jobs.metadata_files import write_metadata
from tests.oracle.steps import Delete, Exclude, Forget, Include, Insert, Learn, Move, Say, Step, Unsay, Wipe
from tests.oracle.world import Listen, Metadata, World

KINDS = {
    "artist_mbids": "artist",
    "artist_names": "artist",
    "recording_mbids": "recording",
    "recording_msids": "recording",
    "clients": "client",
}


@dataclass
class Lived:
    """One system that lives what an oracle's world lives."""

    spark: SparkSession
    settings: Settings
    connection: Connection
    lander: Lander
    files: Path
    """Where metadata comes from."""
    _learnt: bool = field(default=False, init=False)

    def begin(self, users: Mapping[int, str]) -> None:
        """Make the users. The database is empty, so ids count from 1."""
        for user_id, name in sorted(users.items()):
            assert create_user(self.connection, name) == user_id

    def do(self, steps: Iterable[Step]) -> None:
        """Write it, in order; what is learnt comes with the next landing."""
        for step in steps:
            match step:
                case Insert(listens):
                    submit_listens(self.connection, listens)
                case Delete((user_id, listened_at, msid)):
                    delete_listen(self.connection, user_id, listened_at, UUID(msid), _now())
                case Wipe(user_id):
                    delete_history(self.connection, user_id, _now())
                case Say(row):
                    put_mapping(self.connection, MappingRow(
                        row.user_id, row.msid, row.source, row.recording_mbid, row.release_mbid, row.artist_mbids
                    ))  # fmt: skip
                case Unsay((user_id, msid, source)):
                    delete_mapping(self.connection, user_id, UUID(msid), source)
                case Learn() | Forget():
                    self._learnt = True
                case Move(user_id, zone):
                    with transaction(self.connection) as cursor:
                        set_zone(cursor, user_id, zone)
                case Exclude() | Include():
                    self._exclude(step)

    def land(self, metadata: Metadata) -> Landing:
        """Everything so far as one data version, landed now: then change feeds are young. T is not the landing's."""
        while self.lander.land() is not None:
            pass
        if self._learnt:
            write_metadata(self.files, metadata)
            import_tables(self._import_run())
            self._learnt = False
        newest = self.lander.start()
        assert newest is not None, "nothing was ever written"
        return newest

    def _import_run(self) -> ImportRun:
        return ImportRun(
            self.spark,
            self.settings,
            self.lander.lock,
            {"from": str(self.files)},
            self.lander.conclude_import,
            lambda _: None,
        )

    def _exclude(self, step: Exclude | Include) -> None:
        exclusion = exclusion_of(KINDS[step.kind], step.value)
        with transaction(self.connection) as cursor:
            change = add_exclusion if isinstance(step, Exclude) else remove_exclusion
            change(cursor, step.user_id, exclusion)


def everything(world: World) -> list[Step]:
    """The steps that make a world from nothing."""
    steps: list[Step] = [Insert(tuple(world.listens.values()))]
    steps += [Say(row) for row in world.mapping.values()]
    for user_id, settings in world.settings.items():
        steps.append(Move(user_id, settings.zone))
        for kind, values in vars(settings.exclusions).items():
            steps += [Exclude(user_id, kind, value) for value in values]
    return [*steps, Learn("lengths", "")]


def submit_listens(connection: Connection, listens: Iterable[Listen]) -> None:
    """One message per user, as clients send them."""
    by_user: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for listen in listens:
        by_user[listen.user_id].append(as_sent(listen))
    now = _now()
    messages = [Submission(new_message_id(), user_id, now, tuple(sent)) for user_id, sent in by_user.items()]
    assert not any(outcome.rejected for outcome in write_submissions(connection, messages))


def as_sent(listen: Listen) -> dict[str, Any]:
    """A listen in API form."""
    track = listen.track
    info = {
        "recording_mbid": track.recording_mbid,
        "release_mbid": track.release_mbid,
        "artist_mbids": list(track.artist_mbids) or None,
        "submission_client": listen.client,
        "duration_played": None if listen.played_ms is None else listen.played_ms // 1000,
        "duration_ms": listen.duration_ms,
    }
    sent = {
        "artist_name": track.artist_name,
        "track_name": track.track_name,
        "release_name": track.release_name,
        "additional_info": {name: value for name, value in info.items() if value is not None},
    }
    return {
        "listened_at": listen.listened_at,
        "track_metadata": {name: value for name, value in sent.items() if value is not None},
    }


def _now() -> int:
    """Epoch microseconds; a little apart from the last, so that a later call is later."""
    time.sleep(0.001)
    return time.time_ns() // 1000
