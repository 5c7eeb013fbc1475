"""`up`: everything on this machine, until Ctrl-C."""

import signal
import socket
import threading
import time

import click
import requests

from commands.exits import CommandError
from commands.supervisor import PARTS, Supervisor
from conf.settings import Settings, load_settings
from conf.stopping import ENDING, stop_on

PORT_PATIENCE = 15.0
"""A web server that is just ending keeps its port for some seconds."""
READY_SECONDS = 180.0
LOOK_SECONDS = 0.5


@click.command("up")
def up() -> None:
    """Start everything on this machine: PostgreSQL, queues, writer, Spark, reader, web server. Ctrl-C ends all.

    What dies is started again. State is kept below DATA_DIR, the log of each part in DATA_DIR/logs.

    \b
    Examples:
      spark_manage.py up
      DATA_DIR=/srv/listens WEB_PORT=8200 spark_manage.py up
    """
    from request_consumer.schedule import schedule_of

    settings = load_settings()
    schedule_of(settings)  # what cannot be used is refused now, not by a part that ends again and again
    stop = stop_on_signals()
    supervisor = Supervisor(settings, say)
    started = time.monotonic()
    try:
        applied = supervisor.start_store()
        wait_for_port(settings, stop)
        say(f"PostgreSQL is up, schema {'brought up to date' if applied else 'as it was'}; data in {settings.data_dir}")
        if not stop.is_set():
            supervisor.start(*PARTS)
            say("starting writer, reader, Spark, scheduler and web server ...")
        if wait_until_ready(supervisor, settings, stop):
            say(f"ready after {time.monotonic() - started:.0f} s: {settings.url} - Ctrl-C ends it")
        while not stop.wait(LOOK_SECONDS):
            supervisor.look()
        say("stopping ...")
    finally:
        supervisor.stop()
    say("stopped; everything that was accepted is kept")


def say(text: str) -> None:
    """One line for whoever started it."""
    click.echo(f"{time.strftime('%H:%M:%S')} {text}")


def stop_on_signals() -> threading.Event:
    """Set by Ctrl-C and SIGTERM; a second Ctrl-C while stopping changes nothing."""
    return stop_on((*ENDING, signal.SIGHUP))


def wait_for_port(settings: Settings, stop: threading.Event) -> None:
    """Return when the web server's port is free. Raises CommandError when somebody keeps it."""
    deadline = time.monotonic() + PORT_PATIENCE
    while not port_is_free(settings.web_host, settings.web_port):
        if time.monotonic() > deadline or stop.is_set():
            raise CommandError(
                f"WEB_HOST={settings.web_host} WEB_PORT={settings.web_port}: the address cannot be used, another "
                "program has it or it is not this machine's; set WEB_PORT to a free port"
            )
        stop.wait(LOOK_SECONDS)


def port_is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def wait_until_ready(supervisor: Supervisor, settings: Settings, stop: threading.Event) -> bool:
    """Wait until the web server answers and no part is missing, restarting what dies meanwhile; False: not yet."""
    deadline, told = time.monotonic() + READY_SECONDS, ""
    while time.monotonic() < deadline and not stop.is_set():
        missing = missing_parts(settings)
        if not missing:
            return True
        if missing != told and time.monotonic() > deadline - READY_SECONDS + 30:
            say(f"still waiting: {missing}; logs are in {settings.data_dir / 'logs'}")
            told = missing
        supervisor.look()
        stop.wait(LOOK_SECONDS)
    return False


def missing_parts(settings: Settings) -> str:
    """Why the system is not whole yet, in words; empty when it is."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.web_host, settings.web_host)  # noqa: S104
    shown = f"[{host}]" if ":" in host else host
    try:
        answer = requests.get(f"http://{shown}:{settings.web_port}/health/ready", timeout=5).json()
    except (requests.RequestException, ValueError):
        return "the web server does not answer"
    return "; ".join([*answer["reasons"], *(alarm for alarm in answer["alarms"] if "not running" in alarm)])


COMMANDS = (up,)
