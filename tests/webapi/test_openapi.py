"""The document at /1/openapi.json: it is OpenAPI, it is what the routes are, and no promised route is forgotten."""

import re
from typing import Any

import jsonschema_rs
import pytest
from flask import Flask
from flask.testing import FlaskClient

from conf.settings import PROJECT, load_settings
from jobs.catalog import catalog
from jobs.job import Ranked
from tests.webapi.seed_routes import OTHER_PROTOCOLS, TABLE, routes, shape, without_slash
from webapi import create_app
from webapi.openapi.declare import UndeclaredViewError
from webapi.openapi.document import document_of, path_of

NOT_YET = PROJECT / "docs" / "not_yet.txt"


@pytest.fixture(scope="module")
def standing_app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    """Never connects to its database."""
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("app")), "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    return create_app(load_settings(values, env_file=None))


@pytest.fixture(scope="module")
def document(standing_app: Flask) -> dict[str, Any]:
    return document_of(standing_app)


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by METHOD PATH."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
    }


def served(app: Flask) -> set[str]:
    """METHOD PATH of every route, parts without their names."""
    return {
        shape(without_slash(f"{method} {path_of(rule)}"))
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
    }


def not_yet() -> dict[str, str]:
    """The issue of every route that is named as missing, by METHOD PATH."""
    lines = [line.split(" ", 2) for line in NOT_YET.read_text().splitlines()]
    assert all(re.fullmatch(r"\[[a-zA-Z ]+\]", issue) for _, _, issue in lines)
    return {f"{method} {path}": issue for method, path, issue in lines}


def test_the_documented_routes_are_77_and_six_of_other_protocols() -> None:
    table = routes(TABLE)
    assert len(table) == len({*map(shape, table)}) == 77
    assert [route.split(" ")[0] for route in table].count("GET") == 47
    assert [route.split(" ")[0] for route in table].count("POST") == 30
    assert len(routes(OTHER_PROTOCOLS)) == 6


def test_every_documented_route_is_served_or_named_as_missing_and_never_both(standing_app: Flask) -> None:
    promised = {shape(route) for route in routes(TABLE) + routes(OTHER_PROTOCOLS)}
    here, missing = served(standing_app) & promised, {shape(route) for route in not_yet()}
    assert len(missing) == len(not_yet())
    assert missing - promised == set(), "docs/not_yet.txt names what was never promised"
    assert here & missing == set(), "served: take these lines out of docs/not_yet.txt"
    assert promised - here - missing == set(), "neither served nor named in docs/not_yet.txt"


def test_every_route_below_1_is_in_the_document_with_its_methods(standing_app: Flask, document: dict[str, Any]) -> None:
    below = {
        f"{method} {path_of(rule)}"
        for rule in standing_app.url_map.iter_rules()
        if rule.rule.startswith("/1/")
        for method in rule.methods or ()
    }
    assert below
    assert below == {name for name in operations(document) if name.split(" ")[1].startswith("/1/")}


def test_a_route_below_1_that_declares_nothing_is_refused_by_name(standing_app: Flask) -> None:
    app = create_app(standing_app.extensions["listenlake"].settings)

    @app.get("/1/undeclared")
    def view_without_words() -> str:
        return ""

    with pytest.raises(UndeclaredViewError, match="view_without_words"):
        document_of(app)


def test_every_operation_says_what_it_is_and_has_an_id_of_its_own(document: dict[str, Any]) -> None:
    found = operations(document)
    ids = [operation["operationId"] for operation in found.values()]
    assert len(ids) == len({*ids})
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["tags"], name
        assert name.startswith("OPTIONS") or operation["description"], name
        given = [(parameter["name"], parameter["in"]) for parameter in operation["parameters"]]
        assert len(given) == len({*given}), name
        in_path = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)\}", name)), name


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            found.update([value["$ref"]] if isinstance(value.get("$ref"), str) else [])
            value = list(value.values())
        for child in value if isinstance(value, list) else ():
            walk(child)

    walk(document)
    assert "#/components/schemas/Listens" in found
    for reference in found:
        place: Any = document
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_every_example_fits_its_schema(document: dict[str, Any]) -> None:
    checked = 0
    for name, operation in operations(document).items():
        bodies = list(operation.get("requestBody", {}).get("content", {}).values())
        parameters = [parameter for parameter in operation["parameters"] if "example" in parameter]
        for told in (*bodies, *parameters):
            schema = {**told["schema"], "components": document["components"]}
            assert jsonschema_rs.Draft202012Validator(schema).is_valid(told["example"]), (name, told)
            checked += 1
    assert checked > 10


def test_a_job_answers_the_columns_it_declares() -> None:
    routed = [job for job in catalog().jobs.values() if job.route is not None and isinstance(job.output, Ranked)]
    assert routed
    for job in routed:
        assert job.route is not None and isinstance(job.output, Ranked)
        answered = job.route.item(dict.fromkeys(column.name for column in job.output.struct))
        assert [*answered] == [column.name for column in job.route.columns or job.output.struct], job.statistic


def test_the_document_is_served_with_an_etag(standing_client: FlaskClient) -> None:
    answer = standing_client.get("/1/openapi.json")
    assert answer.status_code == 200
    assert answer.get_json()["openapi"] == "3.1.0"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    again = standing_client.get("/1/openapi.json", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
