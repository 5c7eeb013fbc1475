"""URLs of servers: which of them can be used, and how they are shown. No text here repeats a part of one."""

import re
from urllib.parse import unquote, urlsplit, urlunsplit

_SECRETS = re.compile(r"password|passphrase|secret|ssl_options", re.IGNORECASE)
"""Names of query parameters whose values are not shown."""
_ENCODE = "write special characters of user and password percent-encoded, such as %40 for @ and %2F for /"


def postgresql_url(value: str) -> str:
    """A URL that libpq can read, or nothing. Raises ValueError."""
    if not value:
        return value
    import psycopg2.extensions  # here and below: the settings are read by processes that want no server

    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("expected it to begin with one of: postgresql://, postgres://")
    try:
        urlsplit(value)
        parts = psycopg2.extensions.parse_dsn(value)
    except (ValueError, psycopg2.Error):
        raise ValueError(f"libpq cannot read it: {_ENCODE}") from None
    if not all(map(_is_port, parts.get("port", "").split(","))):
        raise ValueError(f"expected a port from 1 to 65535: {_ENCODE}")
    if "@" in parts.get("host", "").lstrip("@"):  # one in front means an abstract socket
        raise ValueError(f"expected a host without @: {_ENCODE}")
    return value


def broker_url(value: str) -> str:
    """`postgresql:`, or a URL that the RabbitMQ client can read. Raises ValueError."""
    if value == "postgresql:":
        return value
    if value.startswith("postgresql:"):
        raise ValueError("expected no more than `postgresql:`, the queues are in the database of DATABASE_URL")
    if not value.startswith(("amqp://", "amqps://")):
        raise ValueError("expected it to begin with one of: postgresql:, amqp://, amqps://")
    import pika

    try:
        pika.URLParameters(value)
    except (ValueError, TypeError, AttributeError, SyntaxError, OSError):
        raise ValueError(f"the port or an option cannot be used, or {_ENCODE}") from None
    return value


def masked(url: str) -> str:
    """The URL without its passwords, `***` for them, or for all of it where one cannot tell what is a password."""
    parts = urlsplit(url)
    if parts.fragment or (parts.password is None and "://" in url and "@" in url):
        return "***"
    host = parts.netloc.rpartition("@")[2]
    netloc = parts.netloc if parts.password is None else f"{parts.username or ''}:***@{host}"
    query = "&".join(map(_masked_parameter, parts.query.split("&")))
    shown = urlunsplit(parts._replace(netloc=netloc, query=query))
    return shown if netloc else shown.replace(":/", ":///", 1)


def _is_port(text: str) -> bool:
    return not text or (re.fullmatch("[0-9]{1,5}", text) is not None and 1 <= int(text) <= 65535)


def _masked_parameter(text: str) -> str:
    name = text.partition("=")[0]
    return f"{name}=***" if _SECRETS.search(unquote(name)) else text
