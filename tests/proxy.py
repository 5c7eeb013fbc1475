"""A proxy between a client and a server that can cut every connection, or let them hang."""

import contextlib
import socket
import threading
from pathlib import Path

Address = tuple[str, int] | str
"""Host and port, or the path of a Unix socket."""


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_UNIX if isinstance(address, str) else socket.AF_INET


class Proxy:
    """Listens at `address` (port 0: a free one) and hands bytes to and from `target`."""

    def __init__(self, address: Address, target: Address) -> None:
        self._target = target
        self._flowing = threading.Event()
        self._flowing.set()
        self._open: set[socket.socket] = set()
        self._listener = socket.socket(_family(address))
        self._listener.bind(address)
        if isinstance(address, str):
            Path(address).chmod(0o777)
        self._listener.listen(64)
        self.address: Address = self._listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection there is; new ones are taken."""
        for one in list(self._open):
            self._close(one)

    def stall(self) -> None:
        """Bytes are taken and not handed on, as with a frozen server; new connections too."""
        self._flowing.clear()

    def resume(self) -> None:
        """After `stall`."""
        self._flowing.set()

    def close(self) -> None:
        """End everything; connecting is refused from now on."""
        self.resume()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.add(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._flowing.wait()
        server = socket.socket(_family(self._target))
        try:
            server.connect(self._target)
        except OSError:
            self._close(client)
            return
        self._open.add(server)
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flowing.wait()
                sink.sendall(data)
        self._close(source)
        self._close(sink)

    def _close(self, one: socket.socket) -> None:
        self._open.discard(one)
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
