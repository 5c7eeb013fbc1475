"""Landing: the changes of PostgreSQL into the lake, exactly once, each landing one data version.

Order: tracks and clients, users, mapping and settings, deletes, the append of listens, the landing row, its mirror in
PostgreSQL.
A crash between any two commits leaves something that the next landing completes:

- tracks, clients: only keys that are not there yet are appended, so a repeat appends none and finds the ids;
- users, mapping, user_settings, exclusions: merged by key where the position is greater, so a repeat changes nothing;
- deleted users: their rows of these tables and rejected_listens with a smaller position go, so a repeat finds none;
- deletes (all listens of a deleted user among them): only rows with a smaller position go, so a repeat finds none, and
  never takes a newer listen;
- listens: appended with txnAppId EPOCH:listens and txnVersion = the landing's last position. A landing that finds this
  transaction ahead of the newest landing row ends at that very position, so nothing is appended twice or skipped;
- landing: txnAppId EPOCH:landing, txnVersion = its id.

Metadata tables are named at the versions that the last landing named, whatever has been committed to them since: only
the import that has written all of them moves them on.
"""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

import numpy as np
from pyspark.sql import SparkSession

from conf.faults import fault_point
from conf.postgres import connect, dsn, transaction
from conf.settings import Settings
from jobs import land_changes, land_delta
from jobs.lake import newest_landing
from jobs.land_guard import check_epoch, check_mirror, mirror
from jobs.land_rows import Described, client_rows, describe, listen_rows, track_rows
from jobs.landing import Landing
from jobs.listens.changes import Increment, Store, read_increment, read_store
from jobs.lock import LakeLock
from jobs.tables import CLIENTS, LANDING, LISTENS, METADATA_TABLES, TABLES, TRACKS

MOST_KNOWN = 200_000
"""Ids remembered between landings, about 30 MB."""


def land_once(spark: SparkSession, settings: Settings, lock: LakeLock, now: datetime | None = None) -> Landing | None:
    """Land the next changes; None when nothing waits. `now` is the landing's own time, UTC.

    Raises EpochError (wrong database), LakeLockLostError (nothing committed by the step that noticed), RuleBrokenError.
    """
    return Lander(spark, settings, lock).land(now)


@dataclass(frozen=True)
class _Taken:
    """The next changes, and what their listens say; None: nothing waits."""

    after: int
    increment: Increment | None
    described: Described | None


class Lander:
    """The one writer's hand on one lake. Keeps what it knows between landings; on any error, make a new one."""

    def __init__(self, spark: SparkSession, settings: Settings, lock: LakeLock) -> None:
        self.spark = spark
        self.lake = settings.lake
        self.lock = lock
        self.dsn = dsn(settings)
        self.cut = False
        """Whether the last landing had to leave something for the next one."""
        self._limit = settings.landing_batch
        self._last: Landing | None = None
        self._greatest_id: int | None = None
        self._epoch = ""
        self._fresh = True
        """Nothing landed yet by this hand: an interrupted landing of another may have to be completed."""
        self._known: dict[str, dict[str, int]] = {}
        self._complete: set[str] = set()
        """Tables of which every id is known: nobody else writes them, so nothing needs to be looked up."""
        self._counted: dict[str, tuple[int, int]] = {}
        self._reader = ThreadPoolExecutor(1, "landing-reader")
        self._ahead: Future[_Taken] | None = None
        """The changes after those being landed, read while Spark writes. A change of them since then has a greater
        position, so it comes with a later landing, as if these had been landed at once."""
        self._time: land_changes.Clock | None = None

    def start(self) -> Landing | None:
        """Make missing tables, check that lake and store belong together, mend the mirror; the newest data version."""
        if self._greatest_id is not None:
            return self._last
        self.lock.check()
        with closing(connect(self.dsn)) as connection, transaction(connection) as cursor:
            store = read_store(cursor)
            land_delta.create_tables(self.spark, self.lake)
            self._last = newest_landing(self.spark, self.lake)
            check_epoch(self.lake, store, self._last, self._is_empty(store))
            self._epoch = str(store.epoch)
            self._greatest_id = check_mirror(cursor, self.lake, self._last)
        if self._last is not None and not TABLES.keys() <= {*self._last.versions, LANDING.name}:
            self._name_new_tables(self._last)
        return self._last

    def land(self, now: datetime | None = None) -> Landing | None:
        """See land_once."""
        last = self.start()
        after = last.position if last else 0
        appended = self._appended(after)
        taken = self._take(after, appended if appended > after else None)
        increment = taken.increment
        self.cut = increment is not None and increment.cut
        if increment is None:
            return None
        if increment.cut:
            self._ahead = self._reader.submit(self._read, increment.upto, None)
        self._clock()
        moment = now or datetime.now(UTC)
        rows = self._land_rows(increment, taken.described, done=appended > after)
        fault_point("land.after_append")
        newest = self._clock().advance(increment, moment)
        landing = self.conclude("land", increment.upto, newest, rows, moment)
        self._fresh = False
        return landing

    def conclude_import(self, versions: Mapping[str, int], now: datetime | None = None) -> Landing:
        """The landing row of an import: these versions of metadata tables; position and T stay."""
        last = self.start()
        position, newest = (last.position, last.newest_listen_ts) if last else (0, None)
        return self.conclude("import", position, newest, 0, now or datetime.now(UTC), imported=versions)

    def conclude(
        self,
        kind: str,
        position: int,
        newest: int | None,
        rows: int,
        now: datetime,
        *,
        imported: Mapping[str, int] = MappingProxyType({}),
    ) -> Landing:
        """The landing row of what was committed: from here on it is the newest data version.

        `imported`: versions of metadata tables by name.
        """
        assert self._greatest_id is not None, "start() comes first"
        landing = Landing(
            landing_id=self._greatest_id + 1,
            position=position,
            landed_at=now,
            newest_listen_ts=newest,
            kind=kind,
            epoch=self._epoch,
            versions=self._versions() | dict(imported),
            track_count=self._count(TRACKS.name, "track_id"),
            client_count=self._count(CLIENTS.name, "client_id"),
            rows=rows,
        )
        self._commit(landing)
        if kind != "land":
            self._known, self._complete = {}, set()  # a purge may have taken them
        return landing

    def _name_new_tables(self, last: Landing) -> None:
        """A lake made by an older version of this code gets a data version that names every table. Nothing else of it
        is new: what an interrupted landing has committed comes with the landing that completes it."""
        empty = {name: 0 for name in TABLES if name not in (*last.versions, LANDING.name)}
        now, versions = datetime.now(UTC), {**last.versions, **empty}
        assert self._greatest_id is not None
        number = self._greatest_id + 1
        self._commit(replace(last, landing_id=number, landed_at=now, kind="compact", rows=0, versions=versions))

    def _commit(self, landing: Landing) -> None:
        self.lock.check()
        own = (f"{self._epoch}:landing", landing.landing_id)
        land_delta.append(self.spark, self.lake, LANDING, landing.table(), own)
        fault_point("land.after_landing")
        self._last, self._greatest_id = landing, landing.landing_id
        with closing(connect(self.dsn)) as connection, transaction(connection) as cursor:
            mirror(cursor, landing)

    def _versions(self) -> dict[str, int]:
        own = {name: land_delta.version(self.spark, self.lake, name) for name in TABLES if name != LANDING.name}
        named = self._last.versions if self._last else {}
        return own | {name: version for name, version in named.items() if name in METADATA_TABLES}

    def _take(self, after: int, upto: int | None) -> _Taken:
        """The changes after a position: those read ahead, if they are the ones wanted; nothing is looked for again."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and upto is None:
            taken = ahead.result()
            if taken.after == after and taken.increment is not None:
                return taken
        return self._read(after, upto)

    def _read(self, after: int, upto: int | None) -> _Taken:
        with closing(connect(self.dsn)) as connection:
            increment = read_increment(connection, after, self._limit, upto)
        if increment is None or not increment.listens.num_rows:
            return _Taken(after, increment, None)
        return _Taken(after, increment, describe(increment.listens))

    def _land_rows(self, increment: Increment, described: Described | None, done: bool) -> int:
        """Everything but the landing row; how many listens are new. `done`: an interrupted landing appended them."""
        fault_point("land.before_tracks")
        if not done and described is not None:
            tracks, clients = self._tracks(described), self._clients(described)
        fault_point("land.after_tracks")
        land_changes.merge_changes(self.spark, self.lake, self.lock, increment)
        land_changes.delete_listens(self.spark, self.lake, self.lock, increment.deletes)
        fault_point("land.after_deletes")
        if done:
            return land_changes.count_after(self.spark, self.lake, increment.after)
        if described is not None:
            rows = listen_rows(increment.listens, described, tracks, clients)
            self.lock.check()
            own = (f"{self._epoch}:listens", increment.upto)
            land_delta.append(self.spark, self.lake, LISTENS, rows, own)
        return int(increment.listens.num_rows)

    def _appended(self, after: int) -> int:
        """How far an interrupted landing has appended listens; this hand's own landings leave nothing undone."""
        if not self._fresh:
            return after
        return land_delta.last_transaction(self.spark, self.lake, LISTENS.name, f"{self._epoch}:listens")

    def _tracks(self, described: Described) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
        """The ids of the described tracks; new ones are appended."""
        known = self._ids(TRACKS.name, ("track_key", "track_id"), described.track_keys)
        new = [index for index, key in enumerate(described.track_keys) if key not in known]
        if new:
            first = self._count(TRACKS.name, "track_id") + 1
            self.lock.check()
            land_delta.append(self.spark, self.lake, TRACKS, track_rows(described, new, first))
            self._grown(TRACKS.name, first + len(new) - 1)
            known.update((described.track_keys[index], first + place) for place, index in enumerate(new))
        return np.array([known[key] for key in described.track_keys], np.int32)

    def _clients(self, described: Described) -> list[int]:
        """The ids of the described clients; new ones are appended."""
        if not described.clients:
            return []
        known = self._ids(CLIENTS.name, ("name", "client_id"), described.clients)
        new = [name for name in described.clients if name not in known]
        if new:
            first = self._count(CLIENTS.name, "client_id") + 1
            self.lock.check()
            land_delta.append(self.spark, self.lake, CLIENTS, client_rows(new, first))
            self._grown(CLIENTS.name, first + len(new) - 1)
            known.update((name, first + place) for place, name in enumerate(new))
        return [known[name] for name in described.clients]

    def _ids(self, name: str, columns: tuple[str, str], keys: list[str]) -> dict[str, int]:
        """The ids of those keys that have one; remembered, for what is played now is played again."""
        known = self._known.setdefault(name, {})
        if name not in self._complete and self._count(name, columns[1]) <= MOST_KNOWN:
            known.update(land_delta.ids(self.spark, self.lake, name, columns))
            self._complete.add(name)
        if len(known) > MOST_KNOWN:
            known.clear()
            self._complete.discard(name)
        if name in self._complete:
            return known
        unknown = [key for key in keys if key not in known]
        known.update(land_delta.lookup(self.spark, self.lake, name, columns, unknown))
        return known

    def _clock(self) -> land_changes.Clock:
        if self._time is None:
            self._time = land_changes.Clock(self.spark, self.lake, self._last.newest_listen_ts if self._last else None)
        return self._time

    def _count(self, name: str, column: str) -> int:
        """Greatest id ever given out: as last known, looked up again when the table has moved on without us."""
        version, given = land_delta.version(self.spark, self.lake, name), 0
        known = self._counted.get(name)
        if self._last is not None:
            given = self._last.track_count if name == TRACKS.name else self._last.client_count
            known = known or (self._last.versions[name], given)
        if known is None or known[0] != version:
            greatest = land_delta.greatest(self.spark, self.lake, name, column) if version else 0
            known = self._counted[name] = (version, max(given, greatest))
        return known[1]

    def _grown(self, name: str, greatest: int) -> None:
        self._counted[name] = (land_delta.version(self.spark, self.lake, name), greatest)

    def _is_empty(self, store: Store) -> bool:
        """Whether the lake holds no listens but those this very store has brought."""
        if land_delta.file_count(self.spark, self.lake, LISTENS.name) == 0:
            return True
        return land_delta.last_transaction(self.spark, self.lake, LISTENS.name, f"{store.epoch}:listens") >= 0
