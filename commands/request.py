"""`request_*`: one command per `command` of the catalog's jobs and bundles, its options typed from their params.

A new job brings its command with it; nothing here names one.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from commands.exits import BUSY, USAGE, CommandError
from commands.output import remark
from commands.store import broker_of, running_store
from commands.waiting import report_outcome
from jobs.catalog import Catalog, InvalidRequestError, catalog
from jobs.job import AT, Bundle, Job, Param, flag_of

Requested = Job | Bundle


def request_commands(known: Catalog) -> tuple[click.Command, ...]:
    """Every request command of the catalog, by name."""
    asked: dict[str, list[Requested]] = {}
    values: list[Requested] = [*known.jobs.values(), *known.bundles.values()]
    for value in values:
        if value.command is not None:
            asked.setdefault(value.command.name, []).append(value)
    return tuple(_command(known, name, asked[name]) for name in sorted(asked))


def _command(known: Catalog, name: str, values: Sequence[Requested]) -> click.Command:
    selectors = _selectors(values)
    params = {param.name: param for value in values for param in known.params(value.name)}

    def run(wait: bool, alone: bool, **given: Any) -> None:
        query = _query(values, {selector: given.pop(selector) for selector in selectors})
        params = {param: value for param, value in given.items() if value not in (None, ())}
        _ask(known, query, params, wait=wait, alone=alone or is_alone(name))

    options = [
        *(_selector_option(selector, choices) for selector, choices in selectors.items()),
        *(_option(param) for param in params.values()),
        click.Option(["--wait"], is_flag=True, help="Stay until it is done, and say what came of it."),
        click.Option(["--alone"], is_flag=True, help=_about_alone(name)),
    ]
    return click.Command(name, params=list(options), callback=run, help=_help(known, name, values))


def _ask(known: Catalog, query: str, params: Mapping[str, Any], *, wait: bool, alone: bool) -> None:
    try:
        known.check(query, params)
    except InvalidRequestError as problem:
        raise CommandError(str(problem), USAGE) from None
    from request_consumer.requests import RequestOpenError, enqueue, enqueue_alone

    ask = enqueue_alone if alone else enqueue
    with running_store() as store:
        with broker_of(store.settings) as broker:
            try:
                row = ask(store.connection, broker, query, params)
            except RequestOpenError as problem:
                raise CommandError(f"{problem}: not asked for again", BUSY) from None
            except InvalidRequestError as problem:  # what only the clock can judge
                raise CommandError(str(problem), USAGE) from None
        if wait:
            report_outcome(store, row.id)
            return
    click.echo(f"queued {row.id} {query}")
    if sys.stdout.isatty():  # cron sends by mail whatever is said
        remark(f"`requests show {row.id}` tells what became of it; --wait would have stayed")


def is_alone(command: str) -> bool:
    """Whether runs of what it asks for may not overlap, though nobody said --alone."""
    return command.startswith("cron_request_")


def _about_alone(command: str) -> str:
    said = "Ask for nothing while the same, of whatever time, is queued or running: then the status is 75."
    return f"{said} Here always so." if is_alone(command) else said


def _selectors(values: Sequence[Requested]) -> dict[str, list[str]]:
    """The options that choose a request of this command, each with its values."""
    found: dict[str, list[str]] = {}
    for value in values:
        assert value.command is not None
        for option, choice in value.command.select.items():
            if choice not in found.setdefault(option, []):
                found[option].append(choice)
    return found


def _query(values: Sequence[Requested], chosen: Mapping[str, str]) -> str:
    for value in values:
        if value.command is not None and dict(value.command.select) == dict(chosen):
            return value.name
    said = " ".join(f"--{option} {choice}" for option, choice in chosen.items())
    raise CommandError(f"{said}: no such request", USAGE)


def _selector_option(name: str, choices: Sequence[str]) -> click.Option:
    return click.Option([f"--{name}", name], type=click.Choice(choices), required=True, help="Which request.")


def _option(param: Param) -> click.Option:
    flag = param.flag
    if param.kind is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", param.name], default=None, help=_about(param))
    return click.Option(
        [flag, *map(flag_of, param.aliases), param.name],
        type=_type(param),
        multiple=param.many,
        required=param.required,
        help=_about(param),
    )


def _type(param: Param) -> Any:
    if param.parse is not None:
        return _Parsed(param)
    if param.choices:
        return click.Choice(param.choices)
    if param.kind is int:
        return click.IntRange(_whole(param.minimum), _whole(param.maximum))
    if param.kind is float:
        return click.FloatRange(param.minimum, param.maximum)
    return click.STRING


def _whole(bound: float | None) -> int | None:
    return None if bound is None else int(bound)


def _about(param: Param) -> str:
    return param.about if param.default is None else f"{param.about} (default {param.default})"


class _Parsed(click.ParamType[Any]):
    """A value that its param parses itself."""

    def __init__(self, param: Param) -> None:
        self.name = "text"
        self._param = param

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The canonical value; a usage error that says what is expected."""
        assert self._param.parse is not None
        try:
            return self._param.parse(value)
        except ValueError as problem:
            self.fail(f"{value!r}: {problem}", param, ctx)


def _help(known: Catalog, name: str, values: Sequence[Requested]) -> str:
    about = "\n".join(f"  {value.name}: {value.about}." for value in values)
    twice = (
        "While one is queued or running the status is 75, and nothing is asked for"
        if is_alone(name)
        else "The same request while one is queued is that one; with --alone the status is 75 then, and while one runs"
    )
    return (
        f"Ask for a run of these, which the request consumer does in its turn:\n\n\b\n{about}\n\n"
        f"It prints the request's id. {twice}.\n\n\b\nExamples:\n"
        f"{_examples(known, name, values)}"
    )


def _examples(known: Catalog, name: str, values: Sequence[Requested]) -> str:
    first = values[0]
    assert first.command is not None
    params = known.params(first.name)
    needed = [f"{param.flag} {param.example}" for param in params if param.required]
    chosen = (f"--{option} {choice}" for option, choice in first.command.select.items())
    call = " ".join([f"  spark_manage.py {name}", *chosen, *needed])
    more = " ".join(f"{param.flag} {param.choices[-1]}" for param in params if param.choices)
    lines = [f"{call} --wait", f"{call} {more}" if more else "", f"{call} --at 2024-12-31" if AT in params else ""]
    return "\n".join(line for line in lines if line)


COMMANDS = request_commands(catalog())
