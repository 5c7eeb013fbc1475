"""One part in this process: `request_consumer`, `spark_reader`, `listen_writer`, `history_importer`, `web`, ...

SIGTERM and Ctrl-C end a part in order: what it has begun is finished or given back.
"""

import logging
import threading
from collections.abc import Callable

import click

from conf.logs import install_logs
from conf.postgres import check_schema, dsn
from conf.settings import Settings, load_settings
from conf.stopping import stop_on

Part = Callable[[Settings, threading.Event], None]

_LIBRARIES = {
    "pika": logging.WARNING,
    "py4j": logging.WARNING,
    "great_expectations": logging.WARNING,
    # pyspark logs every failed statement with its whole plan; we log the exception.
    "SQLQueryContextLogger": logging.CRITICAL,
}


def serve(part: Part) -> None:
    """Run a part until it is told to stop. Raises SchemaError when the database is not this code's."""
    part(prepare(), stop_on())


def prepare() -> Settings:
    """Settings, log lines, and the schema checked."""
    settings = load_settings()
    install_logs(settings)
    for name, level in _LIBRARIES.items():
        logging.getLogger(name).setLevel(level)
    check_schema(dsn(settings))
    return settings


@click.command("request_consumer")
def request_consumer() -> None:
    """Land listens in the lake and run requests on Spark, until told to stop.

    \b
    Example:
      SPARK_MASTER=spark://head:7077 spark_manage.py request_consumer
    """
    from request_consumer.consumer import run

    serve(run)


@click.command("spark_reader")
def spark_reader() -> None:
    """Store the results of runs in PostgreSQL, until told to stop.

    \b
    Example:
      spark_manage.py spark_reader
    """
    from spark_reader.reader import run

    serve(run)


@click.command("listen_writer")
def listen_writer() -> None:
    """Write submitted listens into PostgreSQL, until told to stop.

    \b
    Example:
      BROKER_URL=amqp://user:password@host/ spark_manage.py listen_writer
    """
    from webapi.submission.writer import run

    serve(run)


@click.command("history_importer")
def history_importer() -> None:
    """Bring in the files that users hand in on their import page, until told to stop.

    \b
    Example:
      spark_manage.py history_importer
    """
    from dumps.load.importer import run

    serve(run)


@click.command("scheduler")
def scheduler() -> None:
    """Ask for statistics after each landing and when a day turns, and for what `schedule` shows, until told to stop.

    \b
    Example:
      spark_manage.py scheduler
    """
    from request_consumer.scheduler import run

    serve(run)


@click.command("web")
def web() -> None:
    """Serve the HTTP API, until told to stop.

    \b
    Example:
      WEB_PORT=8101 WEB_WORKERS=4 spark_manage.py web
    """
    from webapi.server import run

    run(prepare())


COMMANDS = (request_consumer, spark_reader, listen_writer, history_importer, scheduler, web)
