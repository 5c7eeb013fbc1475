"""The schedule: a file of what is asked for when. Read whole at the start and refused as a whole, by line and key."""

import re
import shlex
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from conf.settings import PROJECT, SettingError, Settings
from jobs.catalog import InvalidRequestError, catalog
from jobs.job import AT, Bundle, Job, flag_of
from jobs.years import YEAR
from request_consumer.cron import Times, parse_times

OWN = PROJECT / "conf" / "schedule.toml"
Where = Callable[..., str]
"""(entry, key) to where that stands: file, line, name."""
_HEADER = re.compile(r"\s*\[+([^\]]+)\]")
_NAMED = re.compile(r"""\s*([\w."' -]+?)\s*=""")
_KEYS = ("command", "when", "options")
_WORDS: Mapping[tuple[str, str], tuple[Callable[[datetime], int], str]] = {
    (YEAR.name, "last"): (lambda at: at.year - 1, r"$(( $(date -u +\%Y) - 1 ))"),
    (AT.name, "now"): (lambda at: int(at.timestamp()), r"$(date +\%s)"),
}
"""Values of options that each run has another one of: what it is at a time, and what a crontab says for it."""


class ScheduleError(SettingError):
    """A schedule that cannot be used: names file, line and key, and what is expected."""


@dataclass(frozen=True)
class Entry:
    """What is asked for again and again."""

    name: str
    command: str
    options: Mapping[str, Any]
    """Of the command, as written."""
    when: str
    """As written."""
    times: Times
    query: str
    """Of the request that the command makes."""
    given: Mapping[str, Any]
    """Its params, as written."""

    def params(self, at: datetime) -> dict[str, Any]:
        """Of the request at one of its times."""
        return {name: _value(name, said, at) for name, said in self.given.items()}

    @property
    def of_a_moment(self) -> bool:
        """Whether each run is about its own time, so that one that still waits does not stand for the next."""
        return AT.name in self.given

    def arguments(self) -> list[str]:
        """The command and its options, quoted for a line of a crontab, where a bare % would end the command."""
        return [self.command, *(word for name, said in self.options.items() for word in _said(name, said))]


def schedule_of(settings: Settings) -> tuple[Entry, ...]:
    """The schedule that these settings name. Raises ScheduleError."""
    path = Path(settings.schedule) if settings.schedule else OWN
    try:
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as problem:
        raise ScheduleError(f"SCHEDULE={path}: it cannot be read ({problem})") from None
    return read_schedule(text, str(path))


def read_schedule(text: str, name: str) -> tuple[Entry, ...]:
    """The entries of a schedule, in their order; `name`: of the file. Raises ScheduleError."""
    try:
        document = tomllib.loads(f"{text}\n")  # where the last line is wrong, "end of document" is said without it
    except tomllib.TOMLDecodeError as problem:
        raise ScheduleError(f"{name}: {problem}") from None
    return tuple(_entry(key, value, lambda *where: _at(name, text, *where)) for key, value in document.items())


def _entry(name: str, said: Any, where: Where) -> Entry:
    if not isinstance(said, dict):
        raise ScheduleError(f"{where(name)}: expected a table, such as [{name}]")
    unknown = next((key for key in said if key not in _KEYS), None)
    if unknown is not None:
        raise ScheduleError(f"{where(name, unknown)}: no such key; known are {', '.join(_KEYS)}")
    command, when = (_text(name, said, key, where) for key in ("command", "when"))
    options = said.get("options", {})
    if not isinstance(options, dict):
        raise ScheduleError(f'{where(name, "options")}: expected a table, such as {{ year = "last" }}')
    asked = _asked(command)
    if not asked:
        raise ScheduleError(f"{where(name, 'command')} = {command!r}: there is no such request_* or cron_request_*")
    try:
        times = parse_times(when)
    except ValueError as problem:
        raise ScheduleError(f"{where(name, 'when')} = {when!r}: {problem}") from None
    try:
        query, given = _request(asked, options)
        entry = Entry(name, command, options, when, times, query, given)
        catalog().check(query, entry.params(datetime(2025, 1, 1, tzinfo=UTC)))
    except InvalidRequestError as problem:
        raise ScheduleError(f"{where(name, 'options')}: {problem}") from None
    return entry


def _text(name: str, said: Mapping[str, Any], key: str, where: Where) -> str:
    if key not in said:
        raise ScheduleError(f"{where(name)}: {key} is missing")
    if not isinstance(said[key], str):
        raise ScheduleError(f"{where(name, key)} = {said[key]!r}: expected text")
    return str(said[key])


def _asked(command: str) -> list[tuple[str, Mapping[str, str]]]:
    """The requests that a command makes: their names, and the options that choose among them."""
    known: list[Job | Bundle] = [*catalog().jobs.values(), *catalog().bundles.values()]
    return [
        (value.name, value.command.select)
        for value in known
        if value.command is not None and value.command.name == command
    ]


def _request(asked: Sequence[tuple[str, Mapping[str, str]]], options: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The request that options choose, and its params as written."""
    for query, select in asked:
        if all(options.get(option) == value for option, value in select.items()):
            names = {param.flag: param.name for param in catalog().params(query)}
            rest = {option: said for option, said in options.items() if option not in select}
            return query, {names.get(flag_of(option), option): said for option, said in rest.items()}
    choices = [", ".join(f'{option} = "{value}"' for option, value in select.items()) for _, select in asked]
    raise InvalidRequestError(f"expected {' or '.join(dict.fromkeys(choices))}")


def _value(name: str, said: Any, at: datetime) -> Any:
    return _WORDS[name, said][0](at) if isinstance(said, str) and (name, said) in _WORDS else said


def _said(option: str, said: Any) -> list[str]:
    flag = flag_of(option)
    if isinstance(said, str) and (option, said) in _WORDS:
        return [flag, _WORDS[option, said][1]]
    if isinstance(said, bool):
        return [flag if said else f"--no-{flag[2:]}"]
    values = said if isinstance(said, list) else [said]
    return [word for value in values for word in (flag, shlex.quote(str(value)).replace("%", r"\%"))]


def _at(file: str, text: str, entry: str, key: str = "") -> str:
    """`FILE line N, ENTRY.KEY`: where the key stands, else where its entry begins."""
    places: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, written in enumerate(text.splitlines(), 1):
        header, named = _HEADER.match(written), _NAMED.match(written)
        if header:
            table = path = _parts(header[1])
        elif named:
            path = (*table, *_parts(named[1]))
        else:
            continue
        for length in (1, 2):
            places.setdefault(path[:length], number)
    line = places.get((entry, key), places.get((entry,), 0))
    return f"{file} line {line}, {entry}{'.' if key else ''}{key}"


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
