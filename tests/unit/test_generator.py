"""Generated data: the shares it promises, truth against a plain count of its own lines, the same bytes again."""

import hashlib
import json
from collections import Counter
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from dumps.generator import World, generate, make_sample
from dumps.generator.__main__ import main
from dumps.generator.catalogue import Scale
from dumps.generator.plays import distinct_pairs
from jobs.listens.msid import fold, msid_of
from jobs.listens.validator import validate_payload

UNTIL = 1_735_603_200
LISTENS = 20_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated") / "world"
    generate(folder, 7, LISTENS, until=UNTIL)
    return folder


@cache
def _lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "listens.jsonl").read_text().splitlines()]


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(pq.read_table(folder / f"{name}.parquet").to_pylist())


def _distinct(folder: Path) -> dict[tuple[str, int, str], dict[str, Any]]:
    """A listen per (user, second, MSID), by plain Python."""
    return {(x["user_name"], x["listened_at"], str(msid_of(x["track_metadata"]))): x for x in _lines(folder)}


def test_every_line_is_a_listen_the_api_accepts(made: Path) -> None:
    assert len(_lines(made)) == LISTENS
    payload = [{key: value for key, value in line.items() if key != "user_name"} for line in _lines(made)]
    assert validate_payload(list(payload), "import", UNTIL) is not None


def test_truth_of_counts_is_what_a_plain_count_of_the_lines_finds(made: Path) -> None:
    names = {row["user_id"]: row["user_name"] for row in _rows(made, "listens")}
    counted = Counter(user for user, _, _ in _distinct(made))
    oldest: dict[str, int] = {}
    for user, second, _ in _distinct(made):
        oldest[user] = min(second, oldest.get(user, second))
    truth = _rows(made, "truth/listen_counts")
    assert {names[row["user_id"]]: row["listen_count"] for row in truth} == counted
    assert {names[row["user_id"]]: row["oldest"] for row in truth} == oldest
    assert json.loads((made / "generated.json").read_text())["kept"] == counted.total()


def test_truth_of_top_artists_is_what_a_plain_count_of_the_lines_finds(made: Path) -> None:
    counted: Counter[tuple[str, str, str | None]] = Counter()
    for (user, _, _), line in _distinct(made).items():
        metadata = line["track_metadata"]
        for mbid in set(metadata["additional_info"].get("artist_mbids", [None])):
            counted[user, fold(metadata["artist_name"]), mbid] += 1
    names = {row["user_id"]: row["user_name"] for row in _rows(made, "listens")}
    truth = _rows(made, "truth/top_artists")
    found = {(names[r["user_id"]], r["artist_key"], r["artist_mbid"]): r["listen_count"] for r in truth}
    assert found == counted
    assert [(r["user_id"], -r["listen_count"]) for r in truth] == sorted(
        (r["user_id"], -r["listen_count"]) for r in truth
    )


def test_parquet_and_lines_say_the_same(made: Path) -> None:
    rows = _rows(made, "listens")
    assert [r["listened_at"] for r in rows] == [x["listened_at"] for x in _lines(made)]
    for row, line in zip(rows[::97], _lines(made)[::97], strict=True):
        metadata, info = line["track_metadata"], line["track_metadata"]["additional_info"]
        assert (row["user_name"], row["artist_name"]) == (line["user_name"], metadata["artist_name"])
        assert (row["track_name"], row["release_name"]) == (metadata["track_name"], metadata.get("release_name"))
        assert (row["recording_mbid"], row["duration_ms"]) == (info.get("recording_mbid"), info["duration_ms"])
        assert row["artist_mbids"] == info.get("artist_mbids", [])


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    def digest(folder: Path, seed: int) -> str:
        generate(folder, seed, 3000, until=UNTIL)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        assert len(files) == 22
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()

    assert digest(tmp_path / "a", 3) == digest(tmp_path / "b", 3) != digest(tmp_path / "c", 4)


@pytest.fixture(scope="module")
def calibrated() -> dict[str, float]:
    """Figures of 300,000 listens, straight from the plays."""
    world = World.make(1, 300_000, until=UNTIL)
    (plays,) = world.blocks()
    artist = world.catalogue.artist_of(plays.recording)
    keys = np.stack([plays.user, plays.recording, plays.listened_at], axis=1)
    breaks = (np.diff(plays.user, prepend=-1) != 0) | (np.diff(plays.listened_at, prepend=0) > 3600)
    sessions = np.diff(np.append(np.flatnonzero(breaks), len(plays)))
    several = world.catalogue.credits(plays.recording).artists[:, 1] >= 0
    count = len(plays)
    return {
        "user-artist": distinct_pairs(plays.user, artist) / count,
        "user-recording": distinct_pairs(plays.user, plays.recording) / count,
        "unmapped": float((~world.catalogue.mapped(plays.recording)).mean()),
        "several artists": float(several.mean()),
        "duplicates": 1 - len(np.unique(keys, axis=0)) / count,
        "backdated": float((plays.created - plays.listened_at > 30 * 86400).mean()),
        "case variants": float((plays.variant > 0).mean()),
        "skips": float((plays.played_ms < 29000).mean()),
        "session": float(sessions.mean()),
        "long sessions": float((sessions > 200).mean()),
        "bots": float((sessions > 2000).sum()),
        "years": (plays.listened_at.max() - plays.listened_at.min()) / 86400 / 365,
    }


@pytest.mark.parametrize(
    ("figure", "least", "most"),
    [
        ("user-artist", 0.06, 0.12),
        ("user-recording", 0.30, 0.45),
        ("unmapped", 0.18, 0.22),
        ("several artists", 0.13, 0.17),
        ("duplicates", 0.004, 0.006),
        ("backdated", 0.005, 0.03),
        ("case variants", 0.028, 0.032),
        ("skips", 0.07, 0.09),
        ("session", 10, 12.5),
        ("long sessions", 0.0005, 0.002),
        ("bots", 2, 4),
        ("years", 15, 23),
    ],
)
def test_the_shares_are_those_of_real_histories(
    calibrated: dict[str, float], figure: str, least: float, most: float
) -> None:
    assert least <= calibrated[figure] <= most


def test_activity_of_users_is_log_normal_as_in_real_populations() -> None:
    listens = World.make(1, 4_000_000, until=UNTIL).listeners.listens
    low, middle, high = np.percentile(listens, [10, 50, 99])
    assert len(listens) == Scale.of(4_000_000).users == 2000
    assert 90 <= low <= 190
    assert 600 <= middle <= 950
    assert 14_000 <= high <= 30_000
    assert listens.sum() == 4_000_000


def test_names_of_users_artists_and_recordings_are_not_only_ascii_and_tell_them_apart(made: Path) -> None:
    users = set(pq.read_table(made / "truth/listen_counts.parquet")["user_id"].to_pylist())
    assert len({line["user_name"] for line in _lines(made)}) == len(users)
    countries = _rows(made, "metadata/artist_country_code")
    assert len({row["artist_name"] for row in countries}) == len(countries)
    foreign = sum(not row["artist_name"].isascii() for row in countries) / len(countries)
    assert 0.2 <= foreign <= 0.6


COLUMNS = {
    "artist_country_code": "artist_mbid artist_name country_code",
    "artist_credit_mbid": "artist_credit_id artist_mbid position join_phrase",
    "recording_length": "recording_mbid length recording_id is_redirect",
    "recording_artist": "recording_mbid artist_mbids artists",
    "release_metadata_cache": "release_mbid release_group_mbid first_release_date_year release_name album_artist_name "
    "caa_id caa_release_mbid artist_credit_mbids artists",
    "release_group_metadata_cache": "release_group_mbid title artist_credit_name caa_id caa_release_mbid "
    "artist_credit_mbids artists first_release_date_year primary_type",
    "releases": "release_mbid release_name artist_credit_name artist_mbids release_date release_group_mbid "
    "release_group_primary_type release_group_secondary_type release_tags listen_count caa_id caa_release_mbid",
    "recording_feedback": "user_id recording_mbid feedback",
    "recording_tag": "recording_mbid tag tag_count",
    "artist_tag": "recording_mbid tag tag_count",
    "release_group_tag": "recording_mbid tag tag_count",
    "recording_genre": "recording_mbid genre genre_count",
    "artist_genre": "recording_mbid genre genre_count",
    "release_group_genre": "recording_mbid genre genre_count",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_metadata_has_the_documented_columns_and_rows(made: Path, name: str) -> None:
    table = pq.read_table(made / f"metadata/{name}.parquet")
    assert table.column_names == COLUMNS[name].split()
    assert table.num_rows > 100


def test_metadata_knows_every_mbid_that_listens_carry_and_nothing_else(made: Path) -> None:
    infos = [line["track_metadata"]["additional_info"] for line in _lines(made)]
    lengths = _rows(made, "metadata/recording_length")
    assert {row["recording_mbid"] for row in lengths if not row["is_redirect"]} == {
        info["recording_mbid"] for info in infos if "recording_mbid" in info
    }
    for table, column, key in (
        ("release_metadata_cache", "release_mbid", "release_mbid"),
        ("release_group_metadata_cache", "release_group_mbid", "release_group_mbid"),
    ):
        known = {row[column] for row in _rows(made, f"metadata/{table}")}
        assert {info[key] for info in infos if key in info} <= known
    artists = {row["artist_mbid"] for row in _rows(made, "metadata/artist_credit_mbid")}
    assert {mbid for info in infos for mbid in info.get("artist_mbids", [])} == artists


def test_what_comes_out_is_of_artists_who_were_heard_and_about_the_end(made: Path) -> None:
    rows = _rows(made, "metadata/releases")
    artists = {mbid for row in _rows(made, "metadata/recording_artist") for mbid in row["artist_mbids"]}
    days = [date.fromisoformat(row["release_date"]).toordinal() for row in rows]
    end = datetime.fromtimestamp(UNTIL, UTC).date().toordinal()
    assert {row["artist_mbids"][0] for row in rows} <= artists
    assert end - 60 <= min(days) < end - 50
    assert end + 50 < max(days) < end + 60
    assert {len(row["artist_mbids"]) for row in rows} == {1, 2}


def test_a_redirect_leads_to_the_id_and_length_of_its_target(made: Path) -> None:
    lengths = _rows(made, "metadata/recording_length")
    targets = {row["recording_id"]: row for row in lengths if not row["is_redirect"]}
    redirects = [row for row in lengths if row["is_redirect"]]
    assert redirects
    for row in redirects:
        assert row["length"] == targets[row["recording_id"]]["length"]
        assert row["recording_mbid"] != targets[row["recording_id"]]["recording_mbid"]


def test_a_credit_reads_as_its_names_and_phrases_joined(made: Path) -> None:
    credited = {row["recording_mbid"]: row["artists"] for row in _rows(made, "metadata/recording_artist")}
    several = 0
    for line in _lines(made):
        metadata = line["track_metadata"]
        artists = credited.get(metadata["additional_info"].get("recording_mbid"))
        if artists is None:
            continue
        several += len(artists) > 1
        text = "".join(artist["artist_credit_name"] + artist["join_phrase"] for artist in artists)
        assert fold(text) == fold(metadata["artist_name"])
        assert [artist["artist_mbid"] for artist in artists] == metadata["additional_info"]["artist_mbids"]
    assert several > 1000


def test_a_day_of_changes_names_listens_users_and_mappings_that_exist(tmp_path: Path) -> None:
    folder = tmp_path / "world"
    generate(folder, 2, 60_000, until=UNTIL, users=3000)
    keys = set(_distinct(folder))
    deletes = _rows(folder, "changes/deletes")
    assert {(row["user_name"], row["listened_at"], row["recording_msid"]) for row in deletes} <= keys
    assert 0.0002 <= len(deletes) / len(keys) <= 0.001
    assert len(_rows(folder, "changes/wipes")) in range(1, 9)
    unmapped = {
        str(msid_of(line["track_metadata"]))
        for line in _lines(folder)
        if "recording_mbid" not in line["track_metadata"]["additional_info"]
    }
    remaps = _rows(folder, "changes/remaps")
    assert remaps
    assert {row["recording_msid"] for row in remaps} <= unmapped


def test_messages_hold_all_listens_of_one_user_each_in_order() -> None:
    world = World.make(5, 3000, until=UNTIL, users=4)
    seen: Counter[int] = Counter()
    for user, count, body in world.messages(size=500):
        listens = json.loads(body)
        assert len(listens) == count <= 500
        assert set(listens[0]) == {"listened_at", "track_metadata"}
        assert [x["listened_at"] for x in listens] == sorted(x["listened_at"] for x in listens)
        seen[user] += count
    assert dict(seen) == dict(zip(world.listeners.ids.tolist(), world.listeners.listens.tolist(), strict=True))


def test_the_sample_gives_every_user_listens_of_the_last_two_years() -> None:
    sample = make_sample(1, 5, 2000, until=UNTIL).listens
    assert len(sample) == 5
    assert sum(map(len, sample.values())) == 2000
    for listens in sample.values():
        assert listens
        assert min(x["listened_at"] for x in listens) >= UNTIL - 2 * 365 * 86400 - 8 * 86400
        assert max(x["listened_at"] for x in listens) < UNTIL


def test_the_metadata_of_the_sample_knows_every_recording_of_it() -> None:
    sample = make_sample(1, 2, 500, until=UNTIL)
    known = set(sample.metadata["recording_artist"]["recording_mbid"].to_pylist())
    played = {
        listen["track_metadata"]["additional_info"].get("recording_mbid")
        for listens in sample.listens.values()
        for listen in listens
    }
    assert played == known


def test_the_command_writes_the_files_and_says_what_it_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--listens", "500", "--users", "2", "--no-metadata", "--no-json", str(tmp_path / "out")]) == 0
    assert "listens: 500, users: 2" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "changes", "generated.json", "listens.parquet", "truth",
    ]  # fmt: skip


@pytest.mark.parametrize("wrong", [["--listens", "0"], ["--until", "yesterday"], ["--until", "1999-01-01"]])
def test_a_wrong_option_is_refused_by_name(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*wrong, "somewhere"])
    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err
