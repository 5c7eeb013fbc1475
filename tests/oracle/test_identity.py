from tests.oracle.identity import About, about
from tests.oracle.msid import msid
from tests.oracle.worked import A, B, C, R, S, X, Y, track
from tests.oracle.world import AUTOMATIC, MANUAL, Mapped

TRACK = track()


def said(user_id: int | None, source: str, recording: str | None = None, **rest: object) -> Mapped:
    return Mapped(user_id, TRACK.msid, source, recording, **rest)  # type: ignore[arg-type]


def test_nobody_says_anything() -> None:
    assert about(TRACK, 1, []) == About(None, None, ())


def test_the_order_of_sources() -> None:
    rows = [
        said(None, "dump-z", C),
        said(None, "dump-a", B),
        said(1, "dump-a", A),
        said(None, AUTOMATIC, S),
        said(1, AUTOMATIC, X),
        said(2, MANUAL, Y),
        said(1, MANUAL, R),
    ]
    found = []
    while rows:
        mbid = about(TRACK, 1, reversed(rows)).recording_mbid
        found.append(mbid)
        if mbid is None:
            break
        rows = [row for row in rows if row.recording_mbid != mbid]

    assert found == [R, X, S, A, B, C, None]  # what user 2 says is nothing to user 1


def test_what_the_listen_says_goes_before_all_and_is_filled_up_by_who_agrees() -> None:
    sent = track(recording_mbid=R)
    rows = [
        Mapped(1, sent.msid, MANUAL, S, X, (A,)),
        Mapped(None, sent.msid, AUTOMATIC, None, None, (B,)),
        Mapped(None, sent.msid, "dump-a", R, Y, (C,)),
    ]

    assert about(sent, 1, rows) == About(R, Y, (B,))


def test_msids_meet_where_names_fold_alike() -> None:
    assert msid("Björk", "ß", " ") == msid("BJO\u0308RK", "SS")
    assert msid("Low", "Lies") != msid("Low", "Lies", "Secret Name")
    assert msid("Low", "Lies", None, 180000) != msid("Low", "Lies")
