"""Fault points: a process armed with FAULT_POINT=name[:n] kills itself the n-th time it passes `fault_point(name)`.

The suite tests/faults arms them, to prove that nothing is lost wherever a process dies. Unarmed it is one comparison.
"""

import os
import signal

_ARMED, _, _COUNT = os.environ.get("FAULT_POINT", "").partition(":")
_left = [int(_COUNT or 1)]


def fault_point(name: str) -> None:
    """Die here with SIGKILL, if armed for this name and hit count."""
    if name != _ARMED:
        return
    _left[0] -= 1
    if _left[0] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
