from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from jobs.chain.discovery import latest_of
from jobs.chain.kept import Kept

SONG = str(UUID(int=1, version=4))


def test_of_a_block_of_users_nobody_elses_pairs_are_read_whatever_ids_lie_between(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    users = [1, 2, 3, 9]
    rows = {"user_id": users, "recording": [SONG] * len(users), "latest_listened_at": [10 * user for user in users]}
    pq.write_table(pa.table(rows), tmp_path / "latest" / "part-0.parquet")
    made = Kept(UUID(int=1), str(tmp_path), {})

    assert latest_of(made, [1, 9]) == {(1, SONG): 10, (9, SONG): 90}
    assert latest_of(made, [5]) == {}
