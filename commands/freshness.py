"""How `status` shows statistics: one line for a bundle that is of one run, else one for each statistic of it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from commands.output import seconds

if TYPE_CHECKING:
    from webapi.db.freshness import Cost
    from webapi.freshness import Freshness

COLUMNS = ("statistic", "data version", "age", "lag", "declared", "last run")


def lines(statistics: Iterable["Freshness"]) -> list[tuple[object, ...]]:
    """The rows of the table; a lag beyond what is declared is marked."""
    bundles: dict[str | None, list[Freshness]] = {}
    for one in statistics:
        bundles.setdefault(one.bundle, []).append(one)
    shown = []
    for name, members in bundles.items():
        if name is not None and _is_one(members):
            shown.append(_line(f"{name}: {len(members)} statistics", members[0]))
        else:
            shown += [_line(one.statistic, one) for one in members]
    return shown


def _is_one(members: Sequence["Freshness"]) -> bool:
    """Whether one line tells of all: one run serves every range of each, or none was ever made."""
    runs = {run.run_id for one in members for run in one.runs}
    return len(runs) <= 1 and len({(len(one.runs), one.lag) for one in members}) == 1


def _line(name: str, one: "Freshness") -> tuple[object, ...]:
    run = one.newest
    return (
        name,
        "" if run is None else run.data_version,
        "never made" if one.age is None else seconds(one.age),
        f"{seconds(one.lag)}{' LATE' if one.late else ''}",
        "" if one.bound is None else f"at most {seconds(one.bound)}",
        "" if run is None else _cost(run.cost),
    )


def _cost(cost: "Cost") -> str:
    users = "everybody" if cost.touched_users is None else f"users: {cost.touched_users}"
    told = [f"{'continued' if cost.continued else 'computed anew'}, {users}"]
    if cost.seconds is not None and cost.cpu_seconds is not None:
        told.append(f"{cost.seconds:.1f} s, {cost.cpu_seconds:.1f} CPU-s")
    if cost.rows is not None and cost.bytes is not None:
        told.append(f"{cost.rows} rows, {cost.bytes / 1000:,.1f} kB")
    return ", ".join(told)
