"""The HTTP side: Flask over PostgreSQL; computes nothing, never imports Spark."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from conf.settings import Settings


def create_app(settings: "Settings") -> "Flask":
    """The WSGI application. Opens no connection before its first request. The listen writer imports no Flask."""
    from webapi.app import build_app

    return build_app(settings)
