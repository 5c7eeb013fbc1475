"""Long work in a thread, while the loop that waits for it keeps its connections and its heartbeat alive."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

Result = TypeVar("Result")


def while_busy(work: Callable[[], Result], tick: Callable[[], None], every_seconds: float = 2.0) -> Result:
    """What `work` returns or raises; until then `tick` is called here. If a tick raises, that comes after the work."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="work") as executor:
        future = executor.submit(work)
        while not wait([future], timeout=every_seconds).done:
            tick()
        return future.result()
