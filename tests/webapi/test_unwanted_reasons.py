"""Reasons of recommendations without what a user does not want: not named at once, and shares add up as before."""

from math import isclose
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, transaction
from jobs.listens.exclusions import add_exclusion, exclusion_of
from jobs.listens.feedback import HATE, put_score
from jobs.listens.recommendation_feedback import rate
from tests.webapi.conftest import Account
from tests.webapi.stored_documents import item
from tests.webapi.test_recommendations import A, B, C, D, payload, store

SHARES = ((B, False, 4, 0.5), (C, False, 2, 0.25), (D, True, 1, 0.125))


def with_others() -> dict[str, Any]:
    """An item of three reasons, of which D has no name, and 60 plays of others."""
    one = item(A, 0.75, *SHARES)
    one["reasons"].append([None, False, 60, -0.125])
    return one


def reasons(client: FlaskClient) -> list[tuple[UUID | None, str | None, int, float]]:
    """(id, name, plays, share) of the one item, whose score they are."""
    [shown] = payload(client, "?explain=true")["mbids"]
    assert isclose(sum(one["share"] for one in shown["reasons"]), shown["score"], abs_tol=1e-6)
    found = []
    for one in shown["reasons"]:
        recording = one["recording_mbid"] or one["recording_msid"]
        uuid = None if recording is None else UUID(recording)
        found.append((uuid, one["recording_name"], one["listen_count"], one["share"]))
    return found


NAMED_B, NAMED_C, NAMED_D = (B, "French Disko", 4, 0.5), (C, "Atlas", 2, 0.25), (D, None, 1, 0.125)


def test_a_hated_reason_is_said_with_all_others_until_the_word_is_taken_back(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob, items=[with_others()])
    before = [NAMED_B, NAMED_C, NAMED_D, (None, None, 60, -0.125)]
    assert reasons(client) == before
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, None, B, HATE)
    assert reasons(client) == [NAMED_C, NAMED_D, (None, None, 64, 0.375)]
    assert "French Disko" not in str(payload(client, "?explain=true"))
    with transaction(connection) as cursor:
        rate(cursor, rob.id, D, True, "bad_recommendation")
    assert reasons(client) == [NAMED_C, (None, None, 65, 0.5)]
    with transaction(connection) as cursor:
        put_score(cursor, rob.id, None, B, None)
    assert reasons(client) == [NAMED_B, NAMED_C, (None, None, 61, 0.0)]


def test_where_no_reason_is_wanted_all_of_the_score_has_no_id(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    store(connection, rob, items=[item(A, 0.875, *SHARES)])
    with transaction(connection) as cursor:
        for one in (B, C, D):
            add_exclusion(cursor, rob.id, exclusion_of("recording", str(one)))
    assert reasons(client) == [(None, None, 7, 0.875)]


@pytest.mark.parametrize("name", ["Stereolab", "battles"])
def test_reasons_by_an_artist_who_is_left_out_are_not_named_nor_those_whose_artist_is_not_known(
    client: FlaskClient, rob: Account, connection: Connection, name: str
) -> None:
    store(connection, rob, items=[with_others()])
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, exclusion_of("artist", name))
    left = {"Stereolab": [NAMED_C, (None, None, 65, 0.5)], "battles": [NAMED_B, (None, None, 63, 0.25)]}
    assert reasons(client) == left[name]


def test_what_a_run_knows_that_a_user_leaves_out_takes_no_reason_without_a_name_away(
    client: FlaskClient, rob: Account, connection: Connection
) -> None:
    with transaction(connection) as cursor:
        add_exclusion(cursor, rob.id, exclusion_of("artist", "Stereolab"))
    store(connection, rob, items=[item(A, 0.375, (C, False, 2, 0.25), (D, True, 1, 0.125))])
    assert reasons(client) == [NAMED_C, NAMED_D]
