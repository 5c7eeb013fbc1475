"""What the API would answer from the results of runs, for every key at once: by its own functions, without a server."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from jobs import result_files
from jobs.catalog import catalog
from jobs.job import EntityDocument, Ranked
from jobs.messages import COLUMNS, Manifest, Part
from jobs.ranges import ALL_TIME
from spark_reader.load import Document, Item, Page, Run
from webapi.statistics import Asked, document_payload, list_payload

Body = dict[str, Any]
Key = tuple[str, str, Any]
RUN_FACTS = ("last_updated", "data_version", "newest_listen_ts", "settings_applied")
PAGE_FACTS = ("count", "offset")


@dataclass(frozen=True)
class Served:
    """Answers, lists whole. Keys: (statistic of the catalog, range, user id, -user id, 0 for everybody, or an MBID)."""

    plain: dict[Key, Body] = field(default_factory=dict)
    compared: dict[Key, Body] = field(default_factory=dict)
    """compare=previous, of lists of calendar ranges."""
    by_time: dict[Key, Body] = field(default_factory=dict)
    """measure=time, of lists."""


@dataclass
class Kept:
    """What is stored after runs, one after the other."""

    manifest: Manifest | None = None
    """The last."""
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    entities: dict[int, Body] = field(default_factory=dict)

    def save(self, manifest: Manifest) -> None:
        """As the store does: what came takes the place of all, of what the touched users had, or of its own name.

        Of a name that came without a document nothing is left.
        """
        gone = {(switch.statistic, switch.stats_range): switch.replace for switch in manifest.switches}
        touched = {*manifest.touched, *(-user_id for user_id in manifest.touched)}
        self.rows = {
            key: row
            for key, row in self.rows.items()
            if gone.get(key[:2], "named") == "named" or (gone[key[:2]] == "touched" and key[2] not in touched)
        }
        for part in manifest.parts:
            if part.kind == "entity":
                self.entities.update({row["id"]: orjson.loads(row["doc"]) for row in rows(part)})
                continue
            for row in rows(part):
                key = (part.statistic, part.stats_range, row[COLUMNS[part.kind][0]])
                if gone[key[:2]] == "named":
                    self.rows.pop(key, None)
                    if row["doc"] is None:
                        continue
                assert key not in self.rows, f"{key} is there twice"
                self.rows[key] = row
        self.manifest = manifest

    def answers(self, statistic: str, stats_range: str) -> Served:
        """What would be served now of one statistic and range."""
        assert self.manifest is not None
        manifest, found, which = self.manifest, Served(), (statistic, stats_range)
        (run,) = (
            Run(manifest.run_id, manifest.data_version, switch.from_ts, switch.to_ts, manifest.newest_listen_ts, 0, 0)
            for switch in manifest.switches
            if (switch.statistic, switch.stats_range) == which
        )
        for key, row in self.rows.items():
            if key[:2] == which:
                _answer(found, key, row, run, self.entities)
        return found


def rows(part: Part) -> Iterator[dict[str, Any]]:
    """The rows of a part, inline or from its file."""
    names = COLUMNS[part.kind]
    found = part.inline if part.inline is not None else result_files.rows(str(part.path), names)
    return (dict(zip(names, row, strict=True)) for row in found)


def _answer(found: Served, key: Key, row: Mapping[str, Any], run: Run, entities: Mapping[int, Body]) -> None:
    job, stats_range = catalog().jobs[key[0]], key[1]
    assert job.route is not None
    if isinstance(job.output, Ranked):
        _lists(found, key, row, run, entities)
        return
    doc = orjson.loads(row["doc"])
    body = document_payload(Document(run, doc, _applied(row)), job.route, Asked(stats_range))
    if isinstance(job.output, EntityDocument):
        body = {**doc, **{name: value for name, value in body.items() if name != job.route.payload_key}}
    found.plain[key] = without_run_facts(body)


def _lists(found: Served, key: Key, row: Mapping[str, Any], run: Run, entities: Mapping[int, Body]) -> None:
    route, stats_range = catalog().jobs[key[0]].route, key[1]
    assert route is not None
    columns = (row[name] for name in ("ids", "counts", "previous_ranks", "previous_counts", "seconds"))
    items = [
        Item(entities[entity], count, rank, previous_rank, previous_count, seconds)
        for rank, (entity, count, previous_rank, previous_count, seconds) in enumerate(zip(*columns, strict=True), 1)
    ]
    gone = [(entities[entity], count) for entity, count in zip(row["gone_ids"], row["gone_counts"], strict=True)]
    page = Page(run, len(items), items, _applied(row), list(row["time_by_source"]), gone, len(gone))
    longest = replace(page, items=[items[place - 1] for place in row["by_time"]], gone=[])
    found.plain[key] = without_run_facts(list_payload(page, route, Asked(stats_range)))
    found.by_time[key] = without_run_facts(list_payload(longest, route, Asked(stats_range, by_time=True)))
    if stats_range != ALL_TIME:
        found.compared[key] = without_run_facts(list_payload(page, route, Asked(stats_range, compare=True)))


def without_run_facts(body: Body) -> Body:
    """As the oracle says it."""
    return {name: value for name, value in body.items() if name not in (*RUN_FACTS, *PAGE_FACTS)}


def _applied(row: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if row.get("applied") is None else orjson.loads(row["applied"])
