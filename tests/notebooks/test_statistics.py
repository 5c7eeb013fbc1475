"""statistics.ipynb run on a lake that was landed for it; its figures are those counted from what was submitted."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.jobs.oracle import folded
from tests.notebooks.conftest import Ran, run_notebook
from tests.notebooks.lived import Lived

# A JVM for landing and one for the kernel, on two cores shared with whatever else runs.
pytestmark = [pytest.mark.spark, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def ran(lived: Lived) -> Iterator[Ran]:
    with run_notebook("statistics.ipynb", lived.settings) as ran:
        yield ran


def artists(listens: list[dict[str, Any]]) -> Counter[tuple[str, str | None]]:
    """Listens by folded name and MBID of the artist; one of several artists counts for each."""
    counts: Counter[tuple[str, str | None]] = Counter()
    for listen in listens:
        metadata = listen["track_metadata"]
        mbids = set(metadata.get("additional_info", {}).get("artist_mbids") or [None])
        counts.update((folded(metadata["artist_name"]), mbid) for mbid in mbids)
    return counts


def test_every_cell_runs_and_says_nothing_on_standard_error(ran: Ran) -> None:
    assert ran.plots() == 4


def test_top_artists_are_those_counted_from_what_was_submitted(ran: Ran, lived: Lived) -> None:
    most = max(lived.now, key=lambda user_id: (len(lived.now[user_id]), user_id))
    expected = artists(lived.now[most])

    assert ran.ask("int(listener)") == most
    for name in ("top", "served"):
        rows = ran.ask(f"{name}[['artist_name', 'artist_mbid', 'listen_count']].values.tolist()")
        assert Counter({(folded(artist), mbid): count for artist, mbid, count in rows}) == expected
        assert len(rows) == len(expected)


def test_plots_and_tables_count_every_listen(ran: Ran, lived: Lived) -> None:
    listens = sum(map(len, lived.now.values()))

    assert ran.ask("int(months['count'].sum())") == listens
    assert ran.ask("int(hours.values.sum())") == listens
    assert ran.ask("float(share.iloc[-1])") == 1.0


def test_the_version_before_shows_what_was_submitted_until_then(ran: Ran, lived: Lived) -> None:
    assert ran.ask("before.listens.count()") == sum(map(len, lived.before.values()))

    then, now = (Counter(one["track_metadata"]["artist_name"] for one in sent[lived.changed])
                 for sent in (lived.before, lived.now))  # fmt: skip
    expected = {name: now[name] - then[name] for name in {*then, *now} if now[name] != then[name]}
    rows = ran.ask("[[int(user), artist, int(n)] for (user, artist), n in change[change != 0].items()]")
    assert {artist: n for user, artist, n in rows if user == lived.changed} == expected
    assert {user for user, _, _ in rows} == {lived.changed}


def test_a_continued_run_computes_who_was_touched_and_gives_the_same(ran: Ran, lived: Lived) -> None:
    assert ran.ask("[rebuild.continued, continued.continued]") == [False, True]
    assert ran.ask("sorted(rebuild.users)") == sorted(lived.now)
    assert ran.ask("sorted(continued.users)") == [lived.changed]
    assert ran.ask("bool(same)") is True


def test_writing_is_refused_by_name_and_changes_no_byte_of_the_lake(ran: Ran, lived: Lived) -> None:
    folder = Path(lived.settings.lake)
    ran.ask("len(lake.tables)")
    before = _files(folder)

    tried = ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).writing(lake)")

    assert {name: told for name, told in tried.items() if not told.startswith("LakeReadOnlyError")} == {}
    assert _files(folder) == before
    # Delta says of a vacuum only how much it has deleted.
    ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).vacuum(lake)")
    assert _files(folder) == before
    assert ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).elsewhere(lake)") == 4


def _files(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path.relative_to(folder)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_version_is_found_by_number_or_moment_and_an_old_one_by_position(ran: Ran, lived: Lived) -> None:
    found = ran.ask("__import__('tests.notebooks.attempts', fromlist=['x']).versions(lake)")

    first, last = found["ids"]
    assert (found["first"], found["at the first"], found["a moment before the last"]) == (first, first, last - 1)
    for name in ("before the first", "unknown", "no moment"):
        assert found[name].startswith("DataVersionUnknownError: as_of=")
    assert found["no table"].startswith("TableUnknownError: table 'scrobbles'")
    assert "'scrobbles'" in found["no attribute"]
    assert found["exact"] == [True, False]
    # One listen of that time has been deleted since, and does not come back.
    assert found["left"] == sum(map(len, lived.before.values())) - 1
