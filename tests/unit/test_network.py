"""Which modules may reach for the network, or read formats that run code or fetch things: fixed lists."""

import ast
import os
import subprocess
import sys

import pytest

from conf.settings import PROJECT
from tests.unit.sources import called, imported, sources

NETWORK = {
    "commands/demo.py": "requests to the server it has started itself",
    "commands/demo_tables.py": "requests to the server that the demo has started",
    "commands/up.py": "a look whether a port is free, and whether the server it has started is ready",
    "conf/broker/amqp_link.py": "the broker of AMQP_URL",
    "conf/broker/amqp_consumer.py": "the broker of AMQP_URL",
    "conf/broker/amqp_publisher.py": "the broker of AMQP_URL",
    "conf/broker/rabbitmq.py": "the broker of AMQP_URL",
    "conf/part_status.py": "the name of this machine",
    "conf/urls.py": "reads addresses of the settings, opens none",
    "request_consumer/part.py": "the name of this machine",
    "webapi/arrival.py": "connections that clients have opened",
    "webapi/connections.py": "connections that clients have opened",
    "webapi/intake.py": "connections that clients have opened",
}
"""Modules with a network library, and whom it reaches. None follows an address that a user has given."""
LIBRARIES = ("aiohttp", "ftplib", "http.client", "httpx", "pika", "requests", "smtplib", "socket", "ssl", "telnetlib",
             "urllib.request", "urllib3", "websocket", "xmlrpc")  # fmt: skip
STORES = {
    "conf/broker/postgresql_session.py": "the queue in DATABASE_URL",
    "conf/embedded_postgres.py": "the embedded server's Unix socket",
    "conf/postgres.py": "the store in DATABASE_URL",
}
"""Modules that open connections to PostgreSQL."""
CODE = ("cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve", "xml", "lxml", "yaml")
"""Readers that run code, or follow what a document tells them to fetch."""


def uses(tree: ast.Module, libraries: tuple[str, ...]) -> bool:
    return any(name == library or name.startswith(f"{library}.") for name in imported(tree) for library in libraries)


def test_only_these_modules_have_a_network_library() -> None:
    assert {path for path, tree in sources().items() if uses(tree, LIBRARIES)} == set(NETWORK)


def test_only_these_modules_connect_to_postgresql() -> None:
    found = {
        path
        for path, tree in sources().items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("psycopg2.connect", "psycopg2.connection")
    }
    assert found == set(STORES)


def test_the_web_server_opens_no_connection_of_its_own_but_to_its_store_and_broker() -> None:
    openers = {"connect_ex", "create_connection", "getaddrinfo", "urlopen", "urlretrieve"}
    for path, tree in sources().items():
        if path.startswith("webapi/"):
            assert not {called(node) for node in ast.walk(tree) if isinstance(node, ast.Call)} & openers, path


def test_nothing_reads_pickles_xml_or_yaml() -> None:
    assert [path for path, tree in sources().items() if uses(tree, CODE)] == []


def test_nothing_evaluates_text_or_lets_numpy_unpickle() -> None:
    for path, tree in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("eval", "exec", "os.system", "os.popen"), path
                allowed = [
                    word.arg
                    for word in node.keywords
                    if word.arg in ("allow_pickle", "shell") and ast.unparse(word.value) != "False"
                ]
                assert allowed == [], path


def test_great_expectations_tells_nobody_whatever_the_environment_says() -> None:
    seen = "import os, jobs.expectations; print(os.environ['GX_ANALYTICS_ENABLED'])"
    environment = {**os.environ, "GX_ANALYTICS_ENABLED": "true"}
    run = subprocess.run(
        [sys.executable, "-c", seen],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert run.stdout.strip() == "false"


@pytest.mark.parametrize(
    "source", ["import requests", "from urllib.request import urlopen", "from urllib import request"]
)
def test_network_libraries_are_found(source: str) -> None:
    assert uses(ast.parse(source), LIBRARIES)
