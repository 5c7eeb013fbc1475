"""recommendations.ipynb run on listeners with taste: its metrics are those counted again here, its reasons add up."""

from collections import Counter
from collections.abc import Iterator
from math import log2
from typing import Any

import pytest

from tests.notebooks.conftest import Ran, Scened, run_notebook

# A JVM for landing and one for the kernel, on two cores shared with whatever else runs.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ran(scened: Scened) -> Iterator[Ran]:
    with run_notebook("recommendations.ipynb", scened.settings) as ran:
        yield ran


def recording(listen: dict[str, Any]) -> str:
    mbid: str = listen["track_metadata"]["additional_info"]["recording_mbid"]
    return mbid


def test_every_cell_runs_and_says_nothing_on_standard_error(ran: Ran) -> None:
    assert ran.plots() == 4


def test_what_is_known_is_what_was_sent_before_the_test_begins(ran: Ran, scened: Scened) -> None:
    start = ran.ask("int(windows.test_from)")
    counts = {
        user_id: Counter(recording(one) for one in sent if one["listened_at"] < start)
        for user_id, sent in scened.sent.items()
    }

    total = ran.ask("{int(u): int(n) for u, n in zip(known.user_ids, known.matrix.sum(axis=1).A1)}")
    assert {int(user): n for user, n in total.items()} == {user: sum(of.values()) for user, of in counts.items()}
    after = sum(one["listened_at"] >= start for sent in scened.sent.values() for one in sent)
    assert abs(after / sum(map(len, scened.sent.values())) - 0.2) < 0.01


def test_own_history_is_as_good_as_counting_by_hand_says(ran: Ran, scened: Scened) -> None:
    start, by_user = ran.ask("int(windows.test_from)"), []
    for sent in scened.sent.values():
        before = Counter(recording(one) for one in sent if one["listened_at"] < start)
        after = {recording(one) for one in sent if one["listened_at"] >= start}
        listed = sorted(before, key=lambda one: (before[one], one), reverse=True)[:10]
        if before and after:
            found = sum(1 / log2(place + 2) for place, one in enumerate(listed) if one in after)
            by_user.append(found / sum(1 / log2(place + 2) for place in range(min(10, len(after)))))

    assert ran.ask("float(quality['own history']['all'].ndcg.mean)") == pytest.approx(sum(by_user) / len(by_user))


def test_nothing_listed_as_new_was_heard_before_and_reasons_add_up_to_scores(ran: Ran, scened: Scened) -> None:
    start, user_id = ran.ask("int(windows.test_from)"), ran.ask("int(known.user_ids[row])")
    before = {recording(one) for one in scened.sent[user_id] if one["listened_at"] < start}

    listed = ran.ask("[timeline.items[place].decode() for place in places]")
    assert len(listed) == 10
    assert not before & set(listed)
    reasons = ran.ask("[timeline.items[item].decode() for why in reasons for item in why.items]")
    assert set(reasons) <= before
    assert ran.ask("[float(one) for one in sums]") == pytest.approx(ran.ask("listing['score'].tolist()"), abs=1e-6)


def test_what_others_hear_foresees_what_is_new_better_than_what_is_popular(ran: Ran) -> None:
    found = ran.ask("{name: float(of['new'].ndcg.mean) for name, of in quality.items()}")

    assert found["EASE"] > found["popularity"] > found["random"]
