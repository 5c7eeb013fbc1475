"""What the sections of a report have in common: how their jobs are called and asked for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jobs.job import Command, Job, Param, Teller, YearDocument
from jobs.years import YEAR

NAME = "year_in_music"
"""Of the bundle; the requests of single sections begin so."""
Answer = Callable[[Any, Teller], dict[str, Any]]


def section_job(
    section: str,
    *,
    run: str,
    inputs: tuple[str, ...],
    answer: Answer,
    schema: Mapping[str, Mapping[str, Any]],
    about: str,
    request: str = "",
    command: str = "",
    select: Mapping[str, str] | None = None,
    params: tuple[Param, ...] = (),
    made_from: Job | None = None,
    users: Callable[[Any], Sequence[int]] | None = None,
) -> Job:
    """The job of a section; its statistic is year_in_music_SECTION.

    `request`: what its request is called behind `year_in_music.`, `command`: its command behind `request_yim_`, where
    these are not the section's own name; `params`: beside the year.
    """
    output = YearDocument(answer, schema) if users is None else YearDocument(answer, schema, users)
    return Job(
        name=f"{NAME}.{request or section}",
        statistic=f"{NAME}_{section}",
        select=select or {},
        params=(YEAR, *params),
        inputs=inputs,
        run=run,
        output=output,
        about=f"{about}, of every user in a year",
        command=Command(f"request_yim_{command or section}"),
        made_from=made_from,
        ranges=(),
    )
