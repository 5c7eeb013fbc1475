"""Both brokers behind one face: a fresh queue, as many connections as a test wants, and a line that can be cut."""

import shutil
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit
from uuid import uuid4

import pika

from conf import postgres
from conf.broker import Broker
from conf.broker.postgresql import PostgreSQLBroker
from conf.broker.rabbitmq import RabbitMQBroker
from tests.proxy import Proxy

Kind = type[PostgreSQLBroker] | type[RabbitMQBroker]


class Lane:
    """A broker reached through a proxy. `queue` is fresh; `url` goes through the proxy, `direct` does not."""

    def __init__(self, kind: Kind, direct: str, url: str, proxy: Proxy, folder: Path | None = None) -> None:
        self.kind = kind
        self.direct = direct
        self.url = url
        self.proxy = proxy
        self.queue = self.fresh_queue()
        self._opened: list[Broker] = []
        self._folder = folder

    @property
    def on_rabbitmq(self) -> bool:
        return self.kind is RabbitMQBroker

    @staticmethod
    def fresh_queue() -> str:
        return f"test_{uuid4().hex[:12]}"

    def broker(self, *, max_deliveries: int = 5, url: str | None = None) -> Broker:
        opened = self.kind(url or self.url, max_deliveries=max_deliveries)
        self._opened.append(opened)
        return opened

    def drain(self, queue: str | None = None) -> list[bytes]:
        """What is in the queue, acked, in the order it came."""
        broker = self.broker(max_deliveries=900, url=self.direct)
        bodies: list[bytes] = []
        while (got := broker.consume(queue or self.queue, 100, 0.2)) or self._more(broker, queue or self.queue):
            bodies += [delivery.body for delivery in got]
            broker.ack(got)
        broker.close()
        return bodies

    def _more(self, broker: Broker, queue: str) -> bool:
        """RabbitMQ hands over in its own time: an empty hand is no empty queue."""
        return self.on_rabbitmq and broker.depth(queue) > 0

    def close(self) -> None:
        for opened in self._opened:
            opened.close()
        self.proxy.close()
        if self._folder is not None:
            shutil.rmtree(self._folder)


def delete_queue(url: str, queue: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_delete(queue)
    channel.queue_delete(f"{queue}.dead_letter")
    connection.close()


def on_postgresql(url: str) -> Lane:
    [real] = parse_qs(urlsplit(url).query)["host"]
    folder = Path(tempfile.mkdtemp(prefix="listenlake-proxy-"))
    proxy = Proxy(str(folder / ".s.PGSQL.5432"), str(Path(real) / ".s.PGSQL.5432"))
    postgres.connect(url).close()
    through = urlunsplit(urlsplit(url)._replace(query=f"host={quote(str(folder), safe='')}"))
    return Lane(PostgreSQLBroker, url, through, proxy, folder)


def on_rabbitmq(url: str) -> Lane:
    parts = urlsplit(url)
    proxy = Proxy(("127.0.0.1", 0), (parts.hostname or "127.0.0.1", parts.port or 5672))
    user, _, _ = parts.netloc.rpartition("@")
    netloc = f"{user}@127.0.0.1:{proxy.address[1]}" if user else f"127.0.0.1:{proxy.address[1]}"
    return Lane(RabbitMQBroker, url, urlunsplit(parts._replace(netloc=netloc)), proxy)
