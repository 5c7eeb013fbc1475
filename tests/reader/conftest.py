from collections.abc import Iterator

import pytest

from conf.postgres import Connection, Pool, transaction


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    opened = Pool(database_url)
    yield opened
    opened.discard()


@pytest.fixture
def users(connection: Connection) -> list[int]:
    """Users 1, 2 and 3."""
    with transaction(connection) as cursor:
        for number in (1, 2, 3):
            cursor.execute(
                "INSERT INTO users (id, name, name_key, position) VALUES (%s, %s, %s, nextval('change_position'))",
                (number, f"user_{number}", f"user_{number}"),
            )
    return [1, 2, 3]
