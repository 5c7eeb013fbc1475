"""Exit statuses of every command, and which error means which."""

from conf.broker import BrokerUnavailableError
from conf.embedded_postgres import EmbeddedPostgresError
from conf.postgres import SchemaError, StoreUnavailableError
from conf.settings import SettingError

DONE = 0
FAILED = 1
USAGE = 2
SOME_REJECTED = 3
"""Lines were refused, each with its reason; the rest went in."""
LATE = 4
"""`status`: statistics are further behind than they declare."""
NOT_RUNNING = 69
"""PostgreSQL, the broker or another part is not there: `make up` starts them. EX_UNAVAILABLE of sysexits.h."""
BUSY = 75
"""The same thing is being done by another process: try again later. EX_TEMPFAIL of sysexits.h."""


class CommandError(Exception):
    """A command that could not do what it was asked: the text is for a person, the status for a script."""

    def __init__(self, message: str, status: int = FAILED) -> None:
        super().__init__(message)
        self.status = status


EXPECTED: tuple[type[Exception], ...] = (
    CommandError,
    SettingError,
    StoreUnavailableError,
    BrokerUnavailableError,
    SchemaError,
    EmbeddedPostgresError,
)
"""Errors told in one line, without a traceback."""


def status_of(problem: Exception) -> int:
    """The exit status of an expected error."""
    if isinstance(problem, CommandError):
        return problem.status
    if isinstance(problem, SettingError):
        return USAGE
    if isinstance(problem, StoreUnavailableError | BrokerUnavailableError):
        return NOT_RUNNING
    return FAILED
