"""Told to stop by signals: an Event that any number of them, at any moment, sets.

A handler runs between two steps of the main thread, which may hold the Event's lock just then: in `wait`, or in the
handler of the signal before. `Event.set` there would wait for it for ever, and with it the process. So handlers only
put into a SimpleQueue, which is made for that, and a thread sets the Event.
"""

import signal
import threading
from collections.abc import Iterable
from queue import SimpleQueue

ENDING = (signal.SIGINT, signal.SIGTERM)
"""Ctrl-C, and what ends a service."""


def stop_on(numbers: Iterable[signal.Signals] = ENDING) -> threading.Event:
    """Set by the first of these signals; more of them change nothing. To be called in the main thread."""
    stop = threading.Event()
    arrived: SimpleQueue[int] = SimpleQueue()

    def pass_on() -> None:
        arrived.get()
        stop.set()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
    for number in numbers:
        signal.signal(number, lambda number, _: arrived.put(number))
    return stop
