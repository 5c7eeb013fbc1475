"""What a run may continue: the run that is served, when it was made of the same code. Spark-free."""

from dataclasses import dataclass
from uuid import UUID

from conf.code import code_digest


@dataclass(frozen=True)
class ServedRun:
    """The run that is served for everything a request asks for."""

    run_id: UUID
    data_version: int
    newest_listen_ts: int
    """Its T, epoch seconds."""


def computing_code() -> str:
    """Digest of what computes results, 32 hex digits: a run of other code is computed anew, never continued."""
    return code_digest("jobs").hex()
