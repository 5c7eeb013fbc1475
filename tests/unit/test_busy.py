"""Long work in its thread: ticks beside it, its outcome handed over, and an end in time when told to stop."""

import threading
import time
from typing import Any

import pytest

from conf.busy import StillBusyError, WorkThread


def slowly(result: Any) -> Any:
    time.sleep(0.2)
    return result


def test_what_the_work_returns_or_raises_is_handed_over_and_ticks_come_meanwhile() -> None:
    thread, never, ticks = WorkThread(), threading.Event(), threading.Semaphore(0)

    def work() -> str:
        assert all(ticks.acquire(timeout=30) for _ in range(2)), "ticks do not come while the work goes on"
        return "done"

    assert thread.run(work, ticks.release, never, every_seconds=0.05) == "done"
    with pytest.raises(ZeroDivisionError):
        thread.run(lambda: 1 // 0, lambda: None, never)


def test_every_piece_of_work_has_the_same_thread_which_is_not_the_callers() -> None:
    thread, never = WorkThread(), threading.Event()
    idents = {thread.run(threading.get_ident, lambda: None, never) for _ in range(3)}
    assert len(idents) == 1
    assert threading.get_ident() not in idents


def test_work_that_does_not_end_when_told_to_is_left_to_end_with_the_process() -> None:
    stop, going_on = threading.Event(), threading.Event()
    stop.set()
    started = time.monotonic()
    with pytest.raises(StillBusyError):
        WorkThread().run(going_on.wait, lambda: None, stop, grace_seconds=0.1, every_seconds=0.05)
    assert time.monotonic() - started < 20
    going_on.set()


def test_work_that_ends_in_time_is_handed_over_though_told_to_stop() -> None:
    stop = threading.Event()
    stop.set()
    assert WorkThread().run(lambda: slowly(5), lambda: None, stop, grace_seconds=5, every_seconds=0.05) == 5
