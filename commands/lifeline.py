"""A part ends when its supervisor does, however that died: it holds the reading end of a pipe nobody writes to."""

import os
import signal
import threading


def watch_lifeline(descriptor: int) -> None:
    """Send SIGTERM to this process once the pipe's other end is closed."""
    threading.Thread(target=_watch, args=(descriptor, os.getpid()), name="lifeline", daemon=True).start()


def _watch(descriptor: int, pid: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(pid, signal.SIGTERM)
