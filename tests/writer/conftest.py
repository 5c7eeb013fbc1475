"""What the tests of writing share: a user, submissions."""

from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from conf.postgres import Connection
from jobs.listens.listen import Submission
from jobs.listens.users import create_user

Submit = Callable[..., Submission]


@pytest.fixture
def user(connection: Connection) -> int:
    return create_user(connection, "alice")


@pytest.fixture
def submit(user: int) -> Submit:
    """submit(listen, ..., at=microseconds, user_id=, message_id=, source=) -> Submission."""

    def make(
        *listens: Any,
        at: int = 100,
        user_id: int | None = None,
        message_id: UUID | None = None,
        source: str | None = None,
    ) -> Submission:
        return Submission(message_id or uuid4(), user_id or user, at, listens, source)

    return make
