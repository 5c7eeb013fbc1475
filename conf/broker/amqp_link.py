"""One AMQP connection with one channel, run by hand: every wait has a deadline.

pika's BlockingConnection waits for a confirm without a limit, confirms one message at a time, and cannot be abandoned
when the broker is frozen. This drives pika's asynchronous connection instead: `wait` runs its loop until something is
true, the time is over, or the link is lost.
"""

import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.exceptions import AMQPError

from conf.broker import BrokerUnavailableError

HEARTBEAT = 60
"""Seconds, unless the URL says otherwise (`?heartbeat=10`); a consumer busy with long work calls keep_alive often."""
PATIENCE = 5.0
"""Seconds until an unresponsive broker counts as unavailable."""
_GOODBYE_SECONDS = 0.5

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs what it also raises, many lines each


class _Loop(IOLoop):  # type: ignore[misc, unused-ignore]
    """pika's loop, which remembers the socket it watches."""

    watched: int | None = None

    def add_handler(self, fd: int, handler: Callable[[int, int], None], events: int) -> None:
        self.watched = fd
        super().add_handler(fd, handler, events)


class AmqpLink:
    """An open link. Losing the connection or the channel loses the link: then everything raises, until a new one."""

    def __init__(self, url: str, seconds: float = PATIENCE) -> None:
        """Connect within that many seconds, or raise BrokerUnavailableError without showing the password."""
        self._loop = _Loop()
        self._loop.activate_poller()
        self._problem: BaseException | str | None = None
        self._closed = False
        self._channels: list[Channel] = []
        self._connection = self._connect(url, seconds)
        deadline = time.monotonic() + seconds
        try:
            self._within(deadline, lambda: self._connection.is_open)
            self.channel = self.open_channel(deadline - time.monotonic())
        except BrokerUnavailableError:
            self.close()
            raise

    def _connect(self, url: str, seconds: float) -> pika.SelectConnection:
        parameters = pika.URLParameters(url)
        parameters.heartbeat = HEARTBEAT if parameters.heartbeat is None else parameters.heartbeat
        parameters.blocked_connection_timeout = PATIENCE
        parameters.connection_attempts = 1
        parameters.socket_timeout = seconds
        parameters.stack_timeout = seconds
        parameters.client_properties = {"connection_name": f"listenlake {os.getpid()}"}
        return pika.SelectConnection(
            parameters,
            on_open_error_callback=lambda _, problem: self._lose(problem),
            on_close_callback=lambda _, problem: self._lose(problem),
            custom_ioloop=self._loop,
        )

    @property
    def lost(self) -> bool:
        """Whether the broker has hung up; reads what it has sent."""
        if self._problem is None:
            self._turn(0)
        return self._problem is not None

    def open_channel(self, seconds: float = PATIENCE) -> Channel:
        """Another channel of this connection; closing it by ourselves does not lose the link."""
        opened: list[Channel] = []
        try:
            channel = self._connection.channel(on_open_callback=opened.append)
        except AMQPError as problem:
            self._lose(problem)
            self._check()
        channel.add_on_close_callback(self._channel_closed)
        self._within(time.monotonic() + seconds, lambda: opened)
        return channel

    def close_channel(self, channel: Channel) -> None:
        """Close it and wait: what it held is back in its queue."""
        self.send(channel.close)
        self._within(time.monotonic() + PATIENCE, lambda: channel.is_closed)

    def call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        """A synchronous method of a channel: its reply."""
        replies: list[Any] = []
        try:
            method(callback=replies.append, **arguments)
        except AMQPError as problem:
            self._lose(problem)
        self._within(time.monotonic() + PATIENCE, lambda: replies)
        return replies[0]

    def send(self, method: Callable[..., Any], *arguments: Any, **named: Any) -> None:
        """A method of a channel that has no reply; written by the next wait."""
        try:
            method(*arguments, **named)
        except AMQPError as problem:
            self._lose(problem)
            self._check()

    def wait(self, done: Callable[[], object], seconds: float) -> bool:
        """Run until `done()`, True, or until the time is over, False. Raises BrokerUnavailableError for a lost link."""
        deadline = time.monotonic() + seconds
        while not done():
            self._check()
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._turn(left)
        return True

    def flush(self) -> None:
        """Hand what was sent to the operating system, without waiting for the broker."""
        self._turn(0)
        self._check()

    def close(self) -> None:
        """Close in order if the broker answers at once, else cut the socket. Repeatable."""
        if self._closed:
            return
        self._closed = True
        if self._connection.is_open:
            self._connection.close()
            self._turn_until_closed()
        if not self._connection.is_closed:
            self._cut()
            self._turn_until_closed()
        self._loop.deactivate_poller()
        self._loop.close()
        self._problem = self._problem or "closed"

    def _turn_until_closed(self) -> None:
        deadline = time.monotonic() + _GOODBYE_SECONDS
        while not self._connection.is_closed and (left := deadline - time.monotonic()) > 0:
            self._turn(left)

    def _cut(self) -> None:
        if self._loop.watched is None:
            return
        with (
            contextlib.suppress(OSError),  # it was closed already
            socket.socket(fileno=os.dup(self._loop.watched)) as watched,
        ):
            watched.shutdown(socket.SHUT_RDWR)

    def _turn(self, seconds: float) -> None:
        timer = self._loop.call_later(max(0.0, seconds), lambda: None)
        self._loop.poll()
        self._loop.process_timeouts()
        self._loop.remove_timeout(timer)

    def _within(self, deadline: float, done: Callable[[], object]) -> None:
        if not self.wait(done, deadline - time.monotonic()):
            self._lose("no answer in time: it is frozen, overloaded or out of disk or memory")
            self._check()

    def _channel_closed(self, _channel: Channel, problem: BaseException) -> None:
        if not isinstance(problem, pika.exceptions.ChannelClosedByClient):
            self._lose(problem)

    def _lose(self, problem: BaseException | str) -> None:
        self._problem = self._problem or problem

    def _check(self) -> None:
        if self._problem is not None:
            said = str(self._problem) or type(self._problem).__name__
            raise BrokerUnavailableError(f"RabbitMQ cannot be reached ({said}); see BROKER_URL and the broker's log")
