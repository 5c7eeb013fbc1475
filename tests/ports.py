"""Ports of loopback for the servers that tests start."""

import random
import socket

# Below the range that Linux takes the ports of outgoing connections from (32768 to 60999): a server that a test kills
# or stops must find its port free again, and a client that knocks meanwhile must not be given that very port.
_PORTS = range(20_000, 32_000)
_CHANCE = random.SystemRandom()  # a seed that a test sets would give two test runs the same ports


def free_port() -> int:
    """One that nobody listens at just now."""
    [port] = free_ports(1)
    return port


def free_ports(count: int) -> list[int]:
    """So many, each another one; raises RuntimeError when nearly all are taken."""
    found: list[int] = []
    for port in _CHANCE.sample(_PORTS, 1_000):
        if _free(port):
            found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError(f"of 1,000 ports between {_PORTS.start} and {_PORTS.stop}, {len(found)} are free, not {count}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
