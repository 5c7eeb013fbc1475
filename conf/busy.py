"""Long work in a thread of its own, while the loop that waits for it keeps its connections and its heartbeat alive."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, TypeVar

Result = TypeVar("Result")
_Piece = tuple[Callable[[], Any], "Future[Any]"]


class StillBusyError(RuntimeError):
    """Told to stop, the work did not end in time. Its thread ends with the process: end that now."""


class WorkThread:
    """One thread for one piece of work at a time: its connections live from piece to piece.

    A daemon: work that cannot be ended does not keep the process from ending.
    """

    def __init__(self, name: str = "work") -> None:
        self._pieces: SimpleQueue[_Piece] = SimpleQueue()
        threading.Thread(target=self._loop, name=name, daemon=True).start()

    def run(
        self,
        work: Callable[[], Result],
        tick: Callable[[], None],
        stop: threading.Event,
        *,
        grace_seconds: float = 15.0,
        every_seconds: float = 2.0,
    ) -> Result:
        """What `work` returns or raises; until then `tick` is called here, in the caller's thread.

        `tick` must not raise: the work would go on unseen. Raises StillBusyError when `stop` has been set for
        `grace_seconds` and the work goes on.
        """
        future: Future[Result] = Future()
        self._pieces.put((work, future))
        stopped: float | None = None
        while not wait([future], timeout=every_seconds).done:
            tick()
            if stop.is_set():
                stopped = stopped or time.monotonic()
                if time.monotonic() - stopped > grace_seconds:
                    raise StillBusyError(f"the work goes on {grace_seconds:g} s after it was told to stop")
        return future.result()

    def _loop(self) -> None:
        while True:
            work, future = self._pieces.get()
            try:
                future.set_result(work())
            except BaseException as problem:  # noqa: BLE001 - handed to the waiting thread, whatever it is
                future.set_exception(problem)
            del work, future  # what the piece held is not kept while the next one is waited for
