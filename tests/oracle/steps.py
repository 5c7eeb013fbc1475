"""What may happen to a world, as values: done here to plain values, elsewhere through the real write functions."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

from tests.oracle.world import PLAIN, Listen, ListenKey, Mapped, MappingKey, World


@dataclass(frozen=True)
class Insert:
    """Listens arrive, early or late; those that are there already change nothing."""

    listens: tuple[Listen, ...]


@dataclass(frozen=True)
class Delete:
    """One listen is deleted, or was not there."""

    key: ListenKey


@dataclass(frozen=True)
class Wipe:
    """All listens of a user are deleted."""

    user_id: int


@dataclass(frozen=True)
class Say:
    """A source says what an MSID is."""

    row: Mapped


@dataclass(frozen=True)
class Unsay:
    """A source takes it back, or had not said it."""

    key: MappingKey


@dataclass(frozen=True)
class Learn:
    """A metadata import brings another row, or another value of a row."""

    table: str
    """Field of Metadata."""
    key: Hashable
    """The row itself where the table is a set."""
    value: Any = None


@dataclass(frozen=True)
class Forget:
    """A metadata import no longer has a row, or never had it."""

    table: str
    key: Hashable


@dataclass(frozen=True)
class Move:
    """A user chooses a time zone."""

    user_id: int
    zone: str


@dataclass(frozen=True)
class Exclude:
    """A user leaves something out of her statistics."""

    user_id: int
    kind: str
    """Field of Exclusions."""
    value: str


@dataclass(frozen=True)
class Include:
    """A user takes it back, or had not left it out."""

    user_id: int
    kind: str
    value: str


Step = Insert | Delete | Wipe | Say | Unsay | Learn | Forget | Move | Exclude | Include


def apply(world: World, step: Step) -> None:
    """Do it to a world."""
    match step:
        case Insert(listens):
            world.add(*listens)
        case Delete(key):
            world.listens.pop(key, None)
        case Wipe(user_id):
            world.keep(lambda listen: listen.user_id != user_id)
        case Say(row):
            world.say(row)
        case Unsay(key):
            world.mapping.pop(key, None)
        case Learn() | Forget():
            _import(world, step)
        case Move(user_id, zone):
            world.settings[user_id] = replace(world.settings.get(user_id, PLAIN), zone=zone)
        case Exclude(user_id, kind, value):
            _exclusions(world, user_id, kind, lambda values: values | {value})
        case Include(user_id, kind, value):
            _exclusions(world, user_id, kind, lambda values: values - {value})


def _import(world: World, step: Learn | Forget) -> None:
    table = getattr(world.metadata, step.table)
    if isinstance(table, set):
        (table.add if isinstance(step, Learn) else table.discard)(step.key)
    elif isinstance(step, Learn):
        table[step.key] = step.value
    else:
        table.pop(step.key, None)


def _exclusions(world: World, user_id: int, kind: str, change: Any) -> None:
    settings = world.settings.get(user_id, PLAIN)
    values = change(getattr(settings.exclusions, kind))
    exclusions = replace(settings.exclusions, **{kind: values})
    world.settings[user_id] = replace(settings, exclusions=exclusions)
