"""Identity: the order of the sources, what a disagreeing source may still say, and Spark's answer = Python's."""

from dataclasses import astuple, replace
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as rounds
from hypothesis import strategies as st

from conf.postgres import Connection, transaction
from jobs.listens.mapping import (
    NAMES_ONLY,
    RESOLVED_TRACKS_SQL,
    InvalidMappingError,
    MappingRow,
    Resolved,
    delete_mapping,
    put_mapping,
    resolve,
    resolve_one,
    submitted_mbids,
)
from jobs.listens.users import create_user

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

X, Y, Z = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
MSID = UUID("00000000-0000-5000-8000-000000000001")
ROW = MappingRow(None, str(MSID), "automatic")
NOTHING: dict[str, Any] = {}


def asked(connection: Connection, user: int, info: dict[str, Any]) -> Resolved:
    with transaction(connection) as cursor:
        [answer] = resolve(cursor, [(user, MSID, info)])
    return answer


def test_the_listens_own_mbids_go_first_then_manual_then_automatic_then_dumps(
    connection: Connection, user: int
) -> None:
    assert asked(connection, user, NOTHING) == NAMES_ONLY
    for source, owner, mbid in (
        ("zenodo", None, X),
        ("archive", None, Y),
        ("automatic", None, Z),
        ("automatic", user, X),
        ("manual", user, Y),
    ):
        put_mapping(connection, replace(ROW, user_id=owner, source=source, recording_mbid=mbid))
        answer = asked(connection, user, NOTHING)
        assert (answer.recording_mbid, answer.decided_by) == (mbid, source)
    own = asked(connection, user, {"recording_mbid": Z.upper()})
    assert (own.recording_mbid, own.decided_by) == (Z, "submitted")


def test_what_another_user_mapped_is_never_asked(connection: Connection, user: int) -> None:
    other = create_user(connection, "bob")
    put_mapping(connection, replace(ROW, user_id=other, source="manual", recording_mbid=X))
    assert asked(connection, user, NOTHING) == NAMES_ONLY
    assert asked(connection, other, NOTHING).recording_mbid == X


def test_a_source_of_the_same_recording_completes_it() -> None:
    row = replace(ROW, recording_mbid=X, release_mbid=Z, artist_mbids=(Y,), artist_credit_id=7)
    answer = resolve_one(submitted_mbids({"recording_mbid": X}), 1, [row])
    assert answer == Resolved(X, Z, (Y,), 7, "submitted")


def test_a_source_of_another_recording_says_nothing_of_its_artists() -> None:
    row = replace(ROW, recording_mbid=Z, release_mbid=Z, artist_mbids=(Y,), artist_credit_id=7)
    answer = resolve_one(submitted_mbids({"recording_mbid": X}), 1, [row])
    assert answer == Resolved(X, None, (), None, "submitted")


def test_submitted_artists_stand_beside_a_mapped_recording_without_its_credit() -> None:
    row = replace(ROW, recording_mbid=X, artist_mbids=(Y, Z), artist_credit_id=7)
    answer = resolve_one(submitted_mbids({"artist_mbids": [Y]}), 1, [row])
    assert answer == Resolved(X, None, (Y,), None, "automatic")


def test_what_is_no_uuid_was_not_submitted() -> None:
    info = {
        "recording_mbid": "x",
        "release_mbid": 5,
        "artist_mbids": [None, X, X + "0", X + "\n0", "y", " " + Y.upper()],
    }
    assert submitted_mbids(info) == MappingRow(None, "", "submitted", None, None, (X, Y))
    assert submitted_mbids({"artist_mbids": X}).artist_mbids == ()


def test_a_mapping_said_anew_replaces_what_was_said_and_moves_on(connection: Connection, user: int) -> None:
    for mbid in (X, Y):
        put_mapping(connection, replace(ROW, recording_mbid=mbid, artist_mbids=(Z, X), artist_credit_id=9))
    assert asked(connection, user, NOTHING) == Resolved(Y, None, (Z, X), 9, "automatic")
    with transaction(connection) as cursor:
        cursor.execute("SELECT position = (SELECT last_value FROM change_position) FROM mapping")
        assert cursor.fetchall() == [(True,)]


def test_a_mapping_taken_back_leaves_its_position(connection: Connection, user: int) -> None:
    put_mapping(connection, replace(ROW, recording_mbid=X))
    assert delete_mapping(connection, None, MSID, "automatic")
    assert not delete_mapping(connection, None, MSID, "automatic")
    assert asked(connection, user, NOTHING) == NAMES_ONLY
    with transaction(connection) as cursor:
        cursor.execute("SELECT user_id, recording_msid, source FROM mapping_delete")
        assert cursor.fetchall() == [(None, MSID, "automatic")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"recording_mbid": "x"},
        {"artist_mbids": ("x",)},
        {"source": " "},
        {"source": "submitted"},
        {"user_id": 12345},
        {"recording_msid": "x"},
    ],
)
def test_a_mapping_that_breaks_a_rule_is_refused(connection: Connection, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidMappingError):
        put_mapping(connection, replace(ROW, **wrong))


MBID = st.sampled_from([None, X, Y])
ARTISTS = st.sampled_from([(), (X,), (X, Y)])
SAYS = st.builds(
    MappingRow,
    user_id=st.sampled_from([None, 1, 2]),
    recording_msid=st.just(""),
    source=st.sampled_from(["manual", "automatic", "dump", "D\u00e4mp", "\U0001f3b5"]),
    recording_mbid=MBID,
    release_mbid=MBID,
    artist_mbids=ARTISTS,
    artist_credit_id=st.sampled_from([None, 1, 2]),
)
SUBMITTED = st.builds(
    MappingRow,
    user_id=st.none(),
    recording_msid=st.just(""),
    source=st.just("submitted"),
    recording_mbid=MBID,
    release_mbid=MBID,
    artist_mbids=ARTISTS,
)
Case = tuple[MappingRow, list[MappingRow]]
CASES = st.lists(
    st.tuples(SUBMITTED, st.lists(SAYS, max_size=5, unique_by=lambda row: (row.user_id, row.source))),
    min_size=100,
    max_size=150,
)
TRACK = "track_id int, recording_msid string, recording_mbid string, release_mbid string, artist_mbids array<string>"
SAID = (
    "user_id int, recording_msid string, source string, recording_mbid string, release_mbid string,"
    " artist_mbids array<string>, artist_credit_id bigint"
)


@pytest.mark.spark
@given(cases=CASES)
@example(cases=[(submitted_mbids({}), [])])
@rounds(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))
def test_spark_resolves_as_python_does(spark: "SparkSession", cases: list[Case]) -> None:
    tracks, said = [], []
    expected: dict[tuple[int, int], Resolved] = {}
    for track_id, (own, rows) in enumerate(cases):
        msid = str(UUID(int=track_id))
        tracks.append((track_id, msid, own.recording_mbid, own.release_mbid, list(own.artist_mbids)))
        said += [astuple(replace(row, recording_msid=msid)) for row in rows]
        expected |= {(user, track_id): resolve_one(own, user, rows) for user in (1, 2, 3)}
    frames: dict[str, Any] = {
        "tracks": spark.createDataFrame(tracks, TRACK),
        "mapping": spark.createDataFrame(said, SAID),
        "user_track": spark.createDataFrame(list(expected), "user_id int, track_id int"),
    }
    found = {
        (row.user_id, row.track_id): Resolved(
            row.recording_mbid, row.release_mbid, tuple(row.artist_mbids), row.artist_credit_id, row.decided_by
        )
        for row in spark.sql(RESOLVED_TRACKS_SQL, **frames).collect()
    }
    assert found == expected
