"""The oracle of similarity on cases small enough to be worked out by hand."""

from tests.oracle.similarity import Heard, Rules, artist_scores, kept_sessions, lists, recording_scores

ONCE = Rules(threshold=0)


def kept(listens: list[Heard], rules: Rules = ONCE) -> list[str]:
    return ["".join(listen.recording for listen in session) for session in kept_sessions(listens, rules)]


def heard(at: int, recording: str, *artists: str, user_id: int = 1, featured: str = "") -> Heard:
    return Heard(user_id, at, 200, recording, artists or (recording.upper(),), frozenset(featured))


def test_a_session_ends_after_a_pause_that_is_longer_than_the_rule_says() -> None:
    assert kept([heard(0, "a"), heard(500, "b"), heard(1001, "c")]) == ["ab", "c"]


def test_a_listen_cut_short_by_more_than_the_rule_says_was_skipped_the_last_never() -> None:
    assert kept([heard(0, "a"), heard(170, "b"), heard(339, "c"), heard(340, "d")]) == ["ad"]


def test_users_have_sessions_of_their_own() -> None:
    assert kept([heard(0, "a"), heard(1, "b", user_id=2)]) == ["a", "b"]


def test_a_pair_counts_plays_times_plays_and_at_most_the_contribution() -> None:
    one = [heard(200 * n, recording) for n, recording in enumerate("aaabb")]
    assert recording_scores(one, ONCE) == {("a", "b"): 5}
    assert recording_scores(one, Rules(threshold=0, contribution=100)) == {("a", "b"): 6}


def test_recordings_that_share_an_artist_are_no_pair() -> None:
    listens = [heard(0, "a", "X", "Y"), heard(200, "b", "Y", "Z"), heard(400, "c", "Z")]
    assert recording_scores(listens, ONCE) == {("a", "c"): 1}


def test_featured_artists_count_a_quarter_and_a_credit_does_not_pair_its_own() -> None:
    listens = [heard(0, "a", "X", "Y", featured="Y"), heard(200, "a", "X", "Y", featured="Y"), heard(400, "b", "Z")]
    # X and Z twice 1; Y and Z twice a quarter, which is cut to nothing.
    assert artist_scores(listens, ONCE) == {("X", "Z"): 2}
    assert artist_scores([*listens, heard(600, "b", "Z"), heard(800, "c", "X")], ONCE) == {
        ("X", "Z"): 5,  # 3 x 2, capped
        ("Y", "Z"): 1,  # 2 x 2 quarters; of X and Y two quarters are nothing
    }


def test_lists_go_both_ways_greatest_first_and_stop_at_the_limit() -> None:
    scores = {("a", "b"): 3, ("a", "c"): 3, ("b", "c"): 4}
    assert lists(scores, Rules(limit=1)) == {"a": [("c", 3)], "b": [("c", 4)], "c": [("b", 4)]}
