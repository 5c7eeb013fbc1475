"""The year in music of a user, from what is stored of its sections. Routes, page and cards take it from here."""

from collections.abc import Mapping
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812

from jobs.catalog import catalog
from jobs.job import Job, Teller, YearDocument
from jobs.year_in_music.section import NAME
from jobs.years import range_of
from spark_reader.load import Document, load_documents
from webapi.db.users import names_of_users

UTC_ZONE = "UTC"


def sections() -> list[Job]:
    """The jobs of a report, in the order in which it is told."""
    known = catalog()
    return known.bundled(known.bundles[NAME])


def statistics() -> list[str]:
    """What a report is stored as."""
    return [job.statistic for job in sections()]


def stored_report(cursor: Cursor, user_id: int, year: int) -> dict[str, Document]:
    """What is stored of a user's year, by statistic, each of the run that serves it; {} where there is nothing."""
    return load_documents(cursor, statistics(), range_of(year), user_id)


def report_of(cursor: Cursor, user_id: int, user_name: str, year: int) -> dict[str, Any]:
    """`data` of a user and year, by key; {} when nothing was computed, or she has no listens in it.

    `user_name`: as it is to be shown. Every section is that of the run that serves it.
    """
    return told(cursor, stored_report(cursor, user_id, year), user_name, year)


def told(cursor: Cursor, stored: Mapping[str, Document], user_name: str, year: int) -> dict[str, Any]:
    """`data` of what is stored, as in report_of."""
    data: dict[str, Any] = {}
    for job in sections():
        if job.statistic in stored:
            data |= _answer(cursor, job, stored[job.statistic], user_name, year)
    return data


def zone_of(stored: Document) -> str:
    """The zone on whose clock the user's days are counted."""
    return str(stored.applied["timezone"]) if stored.applied else UTC_ZONE


def _answer(cursor: Cursor, job: Job, stored: Document, user_name: str, year: int) -> dict[str, Any]:
    assert isinstance(job.output, YearDocument)
    named = job.output.users(stored.doc)
    names = names_of_users(cursor, named) if named else {}
    return job.output.answer(stored.doc, Teller(user_name, year, zone_of(stored), stored.run.newest_listen_ts, names))
