import pytest

from jobs.engines.join_phrases import features, featuring

WIDE = "\u3000\uff46\uff45\uff41\uff54\uff0e\u3000"
"""Full-width: feat. between blanks."""


@pytest.mark.parametrize(
    "phrase",
    [" feat. ", "feat.", " Feat. ", " ft. ", " featuring ", " duet with ", " συμμ. ", " συμμετέχει ", WIDE],
)
def test_blanks_capitals_and_full_width_letters_do_not_hide_a_featured_artist(phrase: str) -> None:
    assert features(phrase)


@pytest.mark.parametrize("phrase", ["", " & ", ", ", " with ", " feat", " vs. ", " featured by "])
def test_other_phrases_join_equals(phrase: str) -> None:
    assert not features(phrase)


def test_phrases_are_found_as_they_are_written() -> None:
    assert featuring([" & ", " ft. ", " feat. ", " ft. "]) == [" feat. ", " ft. "]
