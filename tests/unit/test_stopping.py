"""Signals that tell a process to stop."""

import signal
import subprocess
import sys

_IN_THE_MIDDLE = """
import signal
from conf.stopping import stop_on
stop = stop_on()
with stop._cond:  # as the main thread holds it in `wait`, or in a handler that sets it
    signal.raise_signal(signal.SIGINT)
    signal.raise_signal(signal.SIGTERM)
print("stopped" if stop.wait(5) else "not told", flush=True)
"""
_WAITS = """
import time
from conf.stopping import stop_on
stop = stop_on()
print("waits", flush=True)
while not stop.wait(0.0002):
    pass
time.sleep(0.2)
print("stopped", flush=True)
"""


def test_a_signal_while_the_main_thread_holds_the_events_lock_is_not_waited_for_for_ever() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _IN_THE_MIDDLE], stdout=subprocess.PIPE, text=True, timeout=20, check=True
    )
    assert said.stdout == "stopped\n"


def test_a_process_that_is_told_to_stop_again_and_again_stops() -> None:
    process = subprocess.Popen([sys.executable, "-c", _WAITS], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    for _ in range(200):
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == "stopped\n"
    assert process.returncode == 0
