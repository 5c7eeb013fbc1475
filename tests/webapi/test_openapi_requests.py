"""Requests made from the document, valid and invalid ones, against the application: it answers as the document says.

All of schemathesis's checks are on; EXCEPTIONS lists where the contract is more lenient than they are.
"""

import re
import tempfile
from contextlib import closing
from typing import Any
from uuid import uuid4

import orjson
import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, settings
from psycopg2.extensions import cursor as Cursor  # noqa: N812
from requests import PreparedRequest
from requests.auth import AuthBase
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from conf.postgres import connect, transaction
from conf.settings import load_settings
from jobs.catalog import catalog
from jobs.job import PER_USER, Column, Job, PerUser, Ranked, YearDocument
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.validator import MAX_DURATION, validate_payload
from jobs.listens.write import write_submissions
from jobs.tables.metadata import ARTISTS
from jobs.years import range_of
from tests.webapi.conftest import Account, listen, submission
from webapi import create_app
from webapi.openapi.document import document_of

LISTS = [job for job in catalog().jobs.values() if isinstance(job.output, Ranked)]
OF_USERS = [job for job in catalog().jobs.values() if isinstance(job.output, PER_USER)]


def _documented(rule: str) -> str:
    return re.sub(r"<(?:[a-z]+:)?([a-z_]+)>", r"{\1}", rule)


EXCEPTIONS = {
    (
        "POST /1/submit-listens",
        "positive_data_acceptance",
    ): "api.md 2: 400 for later than now + 3600",
    ("GET /1/user/{user_name}/listens", "positive_data_acceptance"): "api.md 3: 400 unless max_ts is above min_ts",
    ("HEAD /1/user/{user_name}/listens", "positive_data_acceptance"): "api.md 3: 400 unless max_ts is above min_ts",
    ("GET /1/validate-token", "positive_data_acceptance"): "api.md 3: 400 without a token in header or query",
    ("HEAD /1/validate-token", "positive_data_acceptance"): "api.md 3: 400 without a token in header or query",
    ("GET /2.0", "positive_data_acceptance"): "api.md 13: U+0000 in a value is 400",
    ("HEAD /2.0", "positive_data_acceptance"): "api.md 13: U+0000 in a value is 400",
    ("POST /2.0", "positive_data_acceptance"): "api.md 13: U+0000 in a value is 400",
    (
        "POST /1/import-listens",
        "positive_data_acceptance",
    ): "data-and-cli.md 7: a file is one of a known service, or 400",
    **{
        (
            f"{method} /1/feedback/user/{{user_name}}/get-feedback-for-recordings",
            "positive_data_acceptance",
        ): "api.md 5: 400 where none of the ids is a UUID"
        for method in ("GET", "HEAD", "POST")
    },
    **{
        (
            f"{method} /1/recommendation/feedback/user/{{user_name}}/recordings",
            "positive_data_acceptance",
        ): "api.md 10: 400 unless mbids are MBIDs"
        for method in ("GET", "HEAD")
    },
    **{
        (
            f"{method} /1/art/year-in-music/{{year}}/{{user_name}}",
            "positive_data_acceptance",
        ): "api.md 12: 400 for a user or a report that there is not"
        for method in ("GET", "HEAD")
    },
    ("POST /1/playlist/create", "positive_data_acceptance"): "api.md 4: collaborators are users, or 400",
    ("POST /1/feedback/import", "positive_data_acceptance"): "a file has love and hate in it, or 400",
    ("OPTIONS", "negative_data_rejection"): "api.md 1: OPTIONS on any endpoint is 200",
    **{
        (f"{method} {path}", "positive_data_acceptance"): "nothing is before all_time: compare=previous is 400 there"
        for path in (_documented(job.route.path) for job in LISTS if job.route is not None)
        for method in ("GET", "HEAD")
    },
    **{
        (f"{method} {path}", "positive_data_acceptance"): "from_ts needs to_ts, above it, and no range; lists as above"
        for path in (_documented(job.route.path) for job in OF_USERS if job.route is not None)
        for method in ("GET", "HEAD")
    },
}
"""(operation, or every one of a method; check): the line of the contract that forbids it."""

Case = schemathesis.Case[Any]
FEW = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"

CONFIG = SchemathesisConfig.from_dict(
    {
        "dictionaries": {"users": {"values": ["Rob", "rob"]}},
        "parameters": {
            "path.user_name": {"dictionary": "users", "probability": 0.7},
            "query.user_name": {"dictionary": "users", "probability": 0.7},
        },
    }
)
UNCONNECTED = load_settings(
    {"DATA_DIR": tempfile.gettempdir(), "DATABASE_URL": "postgresql://127.0.0.1:1/none", "SECRET_KEY": "x" * 32},
    env_file=None,
)


class Rob(AuthBase):
    """The application that the tests of this module ask, as Rob; both are known when the first test begins."""

    def __init__(self) -> None:
        self.app: Flask | None = None
        self.headers: dict[str, str] = {}

    def ask(self, environ: Any, start_response: Any) -> Any:
        """The application, as a WSGI application."""
        assert self.app is not None
        return self.app(environ, start_response)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """The request with Rob's token."""
        request.headers.update(self.headers)
        return request


ROB = Rob()
SCHEMA = schemathesis.openapi.from_dict(document_of(create_app(UNCONNECTED)), config=CONFIG)
SCHEMA.app = ROB.ask
SCHEMA.auth.set_from_requests(ROB)


@pytest.fixture(scope="module", autouse=True)
def application(standing_url: str, standing_rob: Account, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Rob has a listen, plays something and is in every statistic. No limit comes in the way."""
    limits = {"RATE_LIMIT_PER_TOKEN": "1000000", "RATE_LIMIT_PER_ADDRESS": "1000000"}
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("api")), "DATABASE_URL": standing_url}
    ROB.app = create_app(load_settings(values | limits, env_file=None))
    ROB.headers = standing_rob.headers
    played = listen(duration=MAX_DURATION, recording_mbid=MBID, nested={"a": [1, None, {"b": 2}]})
    sent = submission({"track_metadata": played["track_metadata"]}, listen_type="playing_now")
    assert ROB.app.test_client().post("/1/submit-listens", json=sent, headers=ROB.headers).status_code == 200
    with closing(connect(standing_url)) as connection:
        valid = validate_payload([played], "single", played["listened_at"])
        write_submissions(connection, [Submission(new_message_id(), standing_rob.id, 0, tuple(valid))])
        with transaction(connection) as cursor:
            for place, job in enumerate(catalog().jobs.values()):
                _store(cursor, job, place, standing_rob.id)


def _store(cursor: Cursor, job: Job, place: int, user_id: int) -> None:
    """Two entities of a statistic: one of which everything is known, one of which nothing is."""
    stats_range = range_of(2025) if isinstance(job.output, YearDocument) else "all_time"
    cursor.execute(
        "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts, last_updated,"
        " row_count) VALUES (%s, %s, %s, 7, 100, 200, 200, to_timestamp(300), 1)",
        (job.statistic, stats_range, uuid4()),
    )
    if not isinstance(job.output, Ranked):
        return  # 204 until a document is stored; tests of its job have the schema
    known = {column.name: _value(column) for column in job.output.struct}
    ids = [2 * place, 2 * place + 1]
    for entity, struct in zip(ids, (known, dict.fromkeys(known)), strict=True):
        document = orjson.dumps(struct).decode()
        cursor.execute("INSERT INTO result_entity (id, doc) VALUES (%s, %s)", (entity, document))
    key = user_id if isinstance(job.output, PerUser) else 0
    cursor.execute(
        "INSERT INTO result_list (statistic, stats_range, key, ids, counts) VALUES (%s, 'all_time', %s, %s, %s)",
        (job.statistic, key, ids, [2, 1]),
    )


def _value(column: Column) -> Any:
    if column.type == ARTISTS:
        return [{"artist_credit_name": "é", "join_phrase": "", "artist_mbid": MBID}]
    one: Any = (MBID if "mbid" in column.name else "é") if "string" in column.type else 7
    return [one] if column.type.startswith("array") else one


@SCHEMA.include(method=["GET", "POST", "DELETE"]).parametrize()
@settings(FEW, max_examples=30)
def test_requests_made_from_the_document_are_answered_as_it_says(case: Case) -> None:
    check(case)


@SCHEMA.include(method=["HEAD", "OPTIONS"]).parametrize()
@settings(FEW, max_examples=3)
def test_head_and_options_are_answered_as_the_document_says(case: Case) -> None:
    check(case)


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(FEW, max_examples=300, derandomize=False)
def test_many_requests_made_from_the_document_are_answered_as_it_says(case: Case) -> None:
    check(case)


def test_an_exception_is_of_an_operation_that_there_is() -> None:
    labels = {f"{method.upper()} {path}" for path, item in SCHEMA.raw_schema["paths"].items() for method in item}
    assert {name for name, _ in EXCEPTIONS} <= labels | {"OPTIONS"}


def check(case: Case) -> None:
    """Ask, and compare the answer with the document; in any case no 5xx."""
    names = (case.operation.label, case.operation.method.upper())
    excluded: list[Any] = [CHECKS.get_one(check) for name, check in EXCEPTIONS if name in names]
    # Transports of WSGI do not decompress.
    case.call_and_validate(headers={"Accept-Encoding": "identity"}, excluded_checks=excluded)
