"""compose.yaml opens the API to its own machine, and no other part to anybody."""

from typing import Any

import yaml  # type: ignore[import-untyped]

from conf.settings import PROJECT


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "compose.yaml").read_text())["services"]
    return found


def test_only_the_api_is_published_and_on_loopback() -> None:
    published = {name: service["ports"] for name, service in services().items() if "ports" in service}
    assert published == {"web": ["127.0.0.1:8100:8100"]}


def test_no_part_shares_the_network_of_the_machine() -> None:
    assert {"web", "postgres", "rabbitmq", "request_consumer"} <= services().keys()
    assert [name for name, service in services().items() if "network_mode" in service] == []
