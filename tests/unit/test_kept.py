from pathlib import Path
from uuid import UUID

from jobs.chain.kept import UNFINISHED_SECONDS, empty_older, finish, home, kept, remove_older
from jobs.messages import new_run_id

NOW = 1_700_000_000.0


def made(lake: str, what: str, created: float) -> UUID:
    made_id = new_run_id(created)
    finish(f"{home(lake, what)}/{made_id}", {"created": created})
    return made_id


def test_the_newest_is_first_and_what_has_no_metadata_is_not_there(tmp_path: Path) -> None:
    lake = str(tmp_path)
    old, new = made(lake, "models", NOW), made(lake, "models", NOW + 1)
    (tmp_path / "recommend" / "models" / str(new_run_id(NOW + 2))).mkdir()
    (tmp_path / "recommend" / "models" / "notes").mkdir()

    assert [one.id for one in kept(lake, "models")] == [new, old]
    assert kept(lake, "dataframes") == []


def test_what_is_older_goes_and_what_somebody_may_still_be_making_stays(tmp_path: Path) -> None:
    lake = str(tmp_path)
    old, new = made(lake, "models", NOW - 10), made(lake, "models", NOW)
    folder = tmp_path / "recommend" / "models"
    begun, left = new_run_id(NOW - 5), new_run_id(NOW - UNFINISHED_SECONDS - 1)
    for unfinished in (begun, left):
        (folder / str(unfinished)).mkdir()

    remove_older(lake, "models", {new}, NOW)

    assert {path.name for path in folder.iterdir()} == {str(new), str(begun)}
    assert old != new


def test_of_what_names_users_and_is_older_than_a_moment_only_the_settings_stay(tmp_path: Path) -> None:
    lake = str(tmp_path)
    for what in ("dataframes", "candidate_sets", "models"):
        for created in (NOW, NOW + 9):
            url = f"{home(lake, what)}/{new_run_id(created)}"
            finish(url, {"created": created, "data_version": 7, "users": [5], "settings": {"days": 7}})
            (Path(url) / "users").mkdir()
            (Path(url) / "artists.parquet").write_text("5")

    empty_older(lake, NOW + 5)

    for what in ("dataframes", "candidate_sets"):
        after, before = kept(lake, what)
        assert (after.metadata["data_version"], sorted(path.name for path in Path(after.url).iterdir())) == (
            7,
            ["artists.parquet", "metadata.json", "users"],
        )
        assert (before.metadata["data_version"], before.metadata["users"]) == (None, None)
        assert before.metadata["settings"] == {"days": 7}
        assert [path.name for path in Path(before.url).iterdir()] == ["metadata.json"]
    assert all(one.metadata["users"] == [5] for one in kept(lake, "models"))
