"""What a run leaves out because users hate it: by every id that it is known by."""

from pathlib import Path
from uuid import UUID

from conf.postgres import Connection, transaction
from jobs.chain.catalogue import Catalogue
from jobs.chain.unwanted import unwanted_by
from jobs.listens.feedback import HATE, LOVE, put_score
from jobs.listens.mapping import MappingRow, put_mapping
from jobs.listens.recommendation_feedback import rate
from tests.unit.chain_files import dataframes

A, B, C, D, E, MERGED, MSID, MAPPED = (str(UUID(int=number, version=4)) for number in range(1, 9))
PLAYS = {(user, recording): 1 for user in (1, 2, 3) for recording in (A, B, C, D, E)}


def test_what_is_hated_or_rated_bad_is_left_out_under_each_of_its_ids(connection: Connection, tmp_path: Path) -> None:
    made = dataframes(tmp_path, PLAYS, other_ids={MERGED: A, MSID: B})
    catalogue = Catalogue(made, made.interactions(), {1: [("recording", E)]})
    put_mapping(connection, MappingRow(None, MAPPED, "automatic", recording_mbid=C))
    with transaction(connection) as cursor:
        for user_id in (1, 2, 3):
            cursor.execute(
                "INSERT INTO users (id, name, name_key, position) VALUES (%s, %s, %s, 1)",
                (user_id, f"user {user_id}", f"user {user_id}"),
            )
        put_score(cursor, 1, None, UUID(MERGED), HATE)
        put_score(cursor, 1, UUID(MSID), None, HATE)
        put_score(cursor, 1, None, UUID(int=99, version=4), HATE)
        put_score(cursor, 2, UUID(MAPPED), None, HATE)
        rate(cursor, 2, UUID(D), False, "bad_recommendation")
        rate(cursor, 2, UUID(A), False, "dislike")
        put_score(cursor, 2, None, UUID(B), LOVE)

    found = {user_id: places.tolist() for user_id, places in unwanted_by(connection, catalogue, [1, 2, 3]).items()}

    assert found == {1: [0, 1, 4], 2: [2, 3], 3: []}
