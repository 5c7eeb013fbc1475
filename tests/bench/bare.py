"""What the web server is compared with: the same gunicorn, threads and workers, and routes that do next to nothing.

    DATABASE_URL=... WEB_PORT=... python -m tests.bench.bare

`/constant` answers a constant, `/parse` parses what is sent, `/naive` is a statistic as one writes it first: a document
of 1,000 items in jsonb, read whole, cut to 25, and written by jsonify.
"""

import json
from typing import Any

import psycopg2
from flask import Flask, Response, jsonify, request
from gunicorn.app.base import BaseApplication

from conf.postgres import Pool, dsn
from conf.settings import Settings, load_settings
from webapi.server import gunicorn_options, seats_of

MAKE_NAIVE = "CREATE TABLE naive (user_id integer PRIMARY KEY, document jsonb NOT NULL)"


def build(settings: Settings) -> Flask:
    """The application of the routes above."""
    app, pool = Flask("bare", static_folder=None), Pool(dsn(settings))

    @app.get("/health/live")
    @app.get("/constant")
    def constant() -> Response:
        return Response(b'{"status":"ok"}', mimetype="application/json")

    @app.post("/parse")
    def parse() -> Response:
        json.loads(request.get_data())
        return Response(b'{"status":"ok"}', mimetype="application/json")

    @app.get("/naive/<int:user_id>")
    def naive(user_id: int) -> Response:
        with pool.transaction() as cursor:
            cursor.execute("SELECT document FROM naive WHERE user_id = %s", (user_id,))
            row = cursor.fetchone()
        assert row is not None
        return jsonify({"payload": {"artists": row[0]["artists"][:25], "count": 25}})

    return app


class _Bare(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        options: dict[str, Any] = gunicorn_options(self._settings, seats_of(self._settings))
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        return build(self._settings)


def fill_naive(connection: psycopg2.extensions.connection, user_id: int, items: list[dict[str, Any]]) -> None:
    """The table of `/naive`, with one document."""
    with connection, connection.cursor() as cursor:
        cursor.execute(MAKE_NAIVE)
        cursor.execute("INSERT INTO naive VALUES (%s, %s)", (user_id, json.dumps({"artists": items})))


if __name__ == "__main__":
    _Bare(load_settings()).run()
