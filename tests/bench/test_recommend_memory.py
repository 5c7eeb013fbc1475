"""The recommend job holds one block of users at a time, however many there are."""

from jobs.chain.recommending import BLOCK
from tests.bench.recommend_memory import measured

MORE_ALLOWED = 25.0
"""MB that blocks of twice the users may need beyond those of half: what the allocator keeps. Their lists are larger."""


def test_twice_the_users_need_no_more_memory_beyond_what_was_read_of_them(database_url: str) -> None:
    recordings, each = 3_000, 40
    half, whole = (measured(blocks * BLOCK, recordings, blocks * BLOCK * each, database_url) for blocks in (2, 4))

    assert (half.lists, whole.lists) == (3 * 2 * BLOCK, 3 * 4 * BLOCK)
    assert (whole.written - half.written) / 2**20 > 3 * MORE_ALLOWED, "else lists that are kept would not be noticed"
    assert whole.blocks <= half.blocks + MORE_ALLOWED, (half, whole)
