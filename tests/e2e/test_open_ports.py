"""What `up` opens to the network: the API where WEB_HOST says, and nothing else that another machine could reach."""

import socket

import psutil
import pytest
import requests

from tests.whole_system import Listening, Up

pytestmark = [pytest.mark.spark, pytest.mark.timeout(900)]

SPARKS_OWN = {"java", "python", "python3", "python3.11"}
"""Spark's driver and its blocks, and the gateway between Python and Java, which asks for a secret."""


def other_addresses() -> list[str]:
    """The addresses that other machines know this one by."""
    found = [address for addresses in psutil.net_if_addrs().values() for address in addresses]
    return [each.address for each in found if each.family == socket.AF_INET and not each.address.startswith("127.")]


def opens(address: str, port: int) -> bool:
    """Whether a connection from outside would be taken."""
    with socket.socket() as knocking:
        knocking.settimeout(2)
        return knocking.connect_ex((address, port)) == 0


def speaks_http(port: int) -> bool:
    """As the web interface of Spark, of a broker or of a notebook would."""
    try:
        requests.get(f"http://127.0.0.1:{port}/", timeout=2)
    except requests.RequestException:
        return False
    return True


def split(up: Up) -> tuple[set[Listening], set[Listening]]:
    """What is open for the API, and what besides."""
    listening = up.listening()
    api = {each for each in listening if each.port == up.port}
    return api, listening - api


def test_the_api_is_the_only_open_port_and_only_this_machine_reaches_it(whole_system: Up) -> None:
    api, others = split(whole_system)
    assert {each.address for each in api} == {"127.0.0.1"}
    assert all(each.local for each in others), others
    for address in other_addresses():
        assert [each for each in api | others if opens(address, each.port)] == []


def test_postgresql_the_broker_and_the_web_interface_of_spark_have_no_port_at_all(whole_system: Up) -> None:
    assert "postgres" in {process.name() for process in whole_system.family()}
    _, others = split(whole_system)
    assert {each.process for each in others} <= SPARKS_OWN
    assert [each for each in others if speaks_http(each.port)] == []


@pytest.mark.slow
def test_where_web_host_opens_the_api_to_all_nothing_else_opens_with_it(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("open")
    for parent in (folder, *folder.parents[:2]):
        parent.chmod(0o755)
    up = Up(folder, settings={"WEB_HOST": "0.0.0.0"})  # noqa: S104 - what is tested
    up.start()
    try:
        api, others = split(up)
        assert {each.address for each in api} == {"0.0.0.0"}  # noqa: S104
        assert all(each.local for each in others), others
        for address in other_addresses():
            assert opens(address, up.port)
            assert [each for each in others if opens(address, each.port)] == []
    finally:
        up.stop()
