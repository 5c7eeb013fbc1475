"""Whom a request names: users by name to their ids; and what users leave out."""

from jobs.job import NothingToWorkOnError
from jobs.listens.msid import fold
from jobs.run_engine import EngineRun


def user_ids(run: EngineRun) -> list[int]:
    """Every user of the data version, ascending."""
    return sorted(row[0] for row in run.frames.named("users").select("user_id").collect())


def asked_user_ids(run: EngineRun) -> list[int] | None:
    """Those whom the param `users` names, ascending; None: everybody. Raises NothingToWorkOnError for a stranger."""
    names = run.params.get("users")
    if not names:
        return None
    assert isinstance(names, list | tuple)
    known = {fold(row[0]): row[1] for row in run.frames.named("users").select("name", "user_id").toLocalIterator()}
    unknown = [name for name in names if fold(name) not in known]
    if unknown:
        raise NothingToWorkOnError(f"unknown user {unknown[0]!r}: nobody here, or not landed yet, is called so")
    return sorted({known[fold(name)] for name in names})


def exclusions_of(run: EngineRun) -> dict[int, list[tuple[str, str]]]:
    """By user (kind, value_key) of the artists and recordings that she leaves out: jobs/inputs.py excluded_key."""
    found: dict[int, list[tuple[str, str]]] = {}
    rows = run.frames.named("excluded_key").where("kind <> 'client'").select("user_id", "kind", "value_key")
    for user_id, kind, key in rows.toLocalIterator():
        found.setdefault(user_id, []).append((kind, key))
    return found
