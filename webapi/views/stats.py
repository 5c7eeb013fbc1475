"""Statistics: one route for every job of the catalog that has one, served from the stored result."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, request

from jobs.catalog import catalog
from jobs.job import EntityDocument, Job, PerUser, Ranked, Route, UserDocument
from jobs.ranges import ALL_TIME, STATS_RANGES
from jobs.spans import CUSTOM, Span
from spark_reader.load import Document, load_entity_document
from webapi.db.users import names_of_users
from webapi.db.versions import listeners_version, sitewide_version, statistic_version
from webapi.errors import BadRequestError
from webapi.fresh import fresh
from webapi.openapi.declare import Answer, describes
from webapi.openapi.parameters import (
    COMPARE,
    COUNT,
    FROM_TS,
    GONE_OFFSET,
    IGNORED,
    MEASURE,
    OFFSET,
    PLAIN,
    RANGE,
    TO_TS,
)
from webapi.openapi.schemas import component
from webapi.openapi.statistics import statistic_schema
from webapi.parameters import FLAGS, chosen, ignored, non_negative, page, stats_range, user_known
from webapi.services import services
from webapi.spans import asked_span, asks_for_span, await_span
from webapi.statistics import SITEWIDE_KEY, Asked, Payload, document_payload, payload_of

Serve = Callable[..., Response]


def make_blueprint() -> Blueprint:
    """The routes of the catalog."""
    blueprint = Blueprint("stats", __name__)
    for job in catalog().jobs.values():
        if job.route is not None:
            serve = _described(job, job.route)(_server(job, job.route))
            blueprint.add_url_rule(job.route.path, job.statistic, serve, methods=["GET"])
    return blueprint


def _described(job: Job, route: Route) -> Callable[[Serve], Serve]:
    ranked, own = isinstance(job.output, Ranked), isinstance(job.output, PerUser | UserDocument)
    beside = [IGNORED[name] for name in route.ignored]
    parameters = (
        RANGE,
        *((COUNT, OFFSET, COMPARE, GONE_OFFSET, MEASURE) if ranked else ()),
        *((PLAIN, FROM_TS, TO_TS) if own else ()),
        *beside,
    )
    return describes(
        job.about,
        about="Brought up to date after each landing of new listens.",
        group="Statistics",
        parameters=parameters,
        answers={
            200: Answer("A page of the list." if ranked else "All of it.", statistic_schema(job, route)),
            **({202: Answer("The days asked for are being computed: ask again.", component("Later"))} if own else {}),
            204: Answer("Not computed yet, or nothing was played in this range."),
        },
        conditional=True,
    )


def _server(job: Job, route: Route) -> Serve:
    if isinstance(job.output, EntityDocument):
        return _entity(job, route)
    return _per_user(job, route) if isinstance(job.output, PerUser | UserDocument) else _sitewide(job, route)


def _per_user(job: Job, route: Route) -> Serve:
    def serve(user_name: str) -> Response:
        statistic, asked_range = job.statistic, _asked_range()
        about = ("statistic", statistic, asked_range, user_name)
        found = services().versions.find(
            about,
            lambda cursor: statistic_version(cursor, statistic, asked_range, user_name),
        )
        known = user_known(found, user_name)
        if asks_for_span():
            return _of_span(job, route, known.user_id, user_name)
        asked = _asked(job, route)
        plain = chosen("plain", FLAGS) == "true"

        def document() -> Payload | None:
            made = _made(job, known.user_id, asked, plain=plain)
            if made is None:
                return None
            made["user_id"] = user_name
            return {"payload": made}

        return fresh(services().answers, known.version, document, about)

    return serve


def _of_span(job: Job, route: Route, user_id: int, user_name: str) -> Response:
    asked = _asked_of(job, route, CUSTOM, asked_span())
    plain = chosen("plain", FLAGS) == "true"
    assert asked.span is not None
    state = await_span(services(), user_id, job.statistic, asked.span)
    if isinstance(state, Response):
        return state

    def document() -> Payload | None:
        made = _made(job, user_id, asked, plain=plain)
        return None if made is None else {"payload": made | {"user_id": user_name}}

    return fresh(services().answers, (state.run_id,), document)


def _sitewide(job: Job, route: Route) -> Serve:
    def serve() -> Response:
        asked = _asked(job, route)
        with services().pool.statement() as cursor:
            version = sitewide_version(cursor, job.statistic, asked.stats_range)

        def document() -> Payload | None:
            made = _made(job, SITEWIDE_KEY, asked)
            return None if made is None else {"payload": made}

        return fresh(services().answers, version, document)

    return serve


def _entity(job: Job, route: Route) -> Serve:
    def serve(mbid: str) -> Response:
        asked = _asked(job, route)
        entity = _uuid(mbid)
        with services().pool.statement() as cursor:
            version = listeners_version(cursor, job.statistic, asked.stats_range)

        def document() -> Payload | None:
            with services().pool.transaction() as cursor:
                found = load_entity_document(cursor, job.statistic, asked.stats_range, entity)
                if found is None:
                    return None
                names = names_of_users(cursor, [user_id for user_id, _ in found.doc.get("listeners", ())])
            return {"payload": _with_listeners(found, route, asked, names)}

        return fresh(services().answers, version, document)

    return serve


def _with_listeners(found: Document, route: Route, asked: Asked, names: Mapping[int, str]) -> dict[str, Any]:
    """Who is gone since the run is left out."""
    listeners = [
        {"user_name": names[user_id], "listen_count": listen_count}
        for user_id, listen_count in found.doc.get("listeners", ())
        if user_id in names
    ]
    made = document_payload(found, route, asked)
    return {**found.doc, route.payload_key: listeners, **{k: v for k, v in made.items() if k != route.payload_key}}


def _made(job: Job, key: int, asked: Asked, *, plain: bool = False) -> Payload | None:
    with services().pool.statement() as cursor:
        return payload_of(cursor, job, key, asked, plain=plain)


def _asked(job: Job, route: Route) -> Asked:
    """The query, judged in the contract's order: range, count and offset, then ours."""
    return _asked_of(job, route, stats_range())


def _asked_of(job: Job, route: Route, name: str, span: Span | None = None) -> Asked:
    for flag in route.ignored:
        ignored(flag)
    if not isinstance(job.output, Ranked):
        return Asked(name, span=span)
    count, offset = page()
    compare = chosen("compare", ("previous",)) is not None
    if compare and name == ALL_TIME:
        raise BadRequestError("compare=previous: there is no period before all_time; choose another range")
    by_time, gone_offset = chosen("measure", ("listens", "time")) == "time", non_negative("gone_offset", 0)
    return Asked(name, count, offset, compare, by_time, span, gone_offset)


def _asked_range() -> str:
    """The range, or any where it is no range: whose statistic it is is judged first."""
    asked = request.args.get("range", ALL_TIME)
    return asked if asked in STATS_RANGES else ALL_TIME


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequestError(f"{text} mbid format invalid.") from None
