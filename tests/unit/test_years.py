"""Which years there are, and what a request for them may say."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest

from jobs.catalog import InvalidRequestError, catalog
from jobs.job import Teller
from jobs.jspf import PLAYLIST_EXTENSION, TRACK_EXTENSION
from jobs.year_in_music import (
    listen_count,
    listens_per_day,
    similar_users,
    top_discoveries,
    top_missed_recordings,
)
from jobs.years import days_of, year_asked

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
TELLER = Teller("alice", 2021, "Europe/Berlin", 1_640_000_000, {2: "bob"})


def test_a_report_has_every_section_there_is() -> None:
    known = catalog()
    there = {name for name, job in known.jobs.items() if job.of_year}

    assert set(known.bundles["year_in_music"].jobs) == there
    assert {known.jobs[name].name.partition(".")[0] for name in there} == {"year_in_music"}


def test_no_two_sections_say_the_same_key() -> None:
    keys = [key for job in catalog().jobs.values() if job.of_year for key in job.output.schema]  # type: ignore[union-attr]

    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("year", [1999, 2001, "abc", 2021.0, True, 9999])
def test_a_year_that_cannot_be_is_refused_by_name(year: object) -> None:
    with pytest.raises(InvalidRequestError, match="year="):
        catalog().check("year_in_music", {"year": year})


def test_a_year_to_come_is_refused_and_the_last_one_named() -> None:
    assert year_asked({"year": 2026}, NEW_YEAR) == 2026
    with pytest.raises(InvalidRequestError, match=r"year=2026: expected 2002 to 2025"):
        year_asked({"year": 2026}, NEW_YEAR - 1)


def test_without_a_year_that_of_the_clock_is_meant() -> None:
    assert [year_asked({"year": None}, NEW_YEAR + seconds) for seconds in (-1, 0)] == [2025, 2026]


@pytest.mark.parametrize(
    ("query", "sections"),
    [
        ("year_in_music.top_stats", {"top_artists", "top_recordings", "top_release_groups"}),
        ("year_in_music.playlists", {"top_discoveries", "top_missed_recordings"}),
        ("year_in_music.new_artists_discovered_count", {"new_artists_discovered"}),
    ],
)
def test_a_request_of_some_sections_makes_these(query: str, sections: set[str]) -> None:
    jobs, params = catalog().check(query, {"year": 2021})

    assert {job.statistic.removeprefix("year_in_music_") for job in jobs} == sections
    assert params["year"] == 2021


@pytest.mark.parametrize(("year", "days"), [(2020, 366), (2021, 365)])
def test_a_year_has_all_its_days_on_the_users_clock(year: int, days: int) -> None:
    teller = Teller("alice", year, "Europe/Berlin", 0, {})
    first = (days_of(year).first - datetime(1970, 1, 1).date()).days
    found = listens_per_day.answer([[first, 3]], teller)["listens_per_day"]

    assert len(found) == days
    assert found[0] == {
        "from_ts": days_of(year).from_ts - 3600,
        "to_ts": days_of(year).from_ts - 3600 + 86399,
        "time_range": f"01 January {year}",
        "listen_count": 3,
    }
    assert sum(day["listen_count"] for day in found) == 3
    assert all(before["to_ts"] + 1 == after["from_ts"] for before, after in pairwise(found))
    assert found[-1]["to_ts"] == days_of(year).to_ts - 3600 - 1


def test_few_listens_are_said_to_be_few() -> None:
    assert listen_count.answer(24, TELLER) == {"total_listen_count": 24, "too_few_listens": True}
    assert listen_count.answer(25, TELLER) == {"total_listen_count": 25, "too_few_listens": False}


def test_similar_users_have_names_and_who_is_gone_is_left_out() -> None:
    stored = [{"other": 9, "score": 0.9}, {"other": 2, "score": 0.5}]

    assert similar_users.users(stored) == [9, 2]
    assert similar_users.answer(stored, TELLER) == {"similar_users": {"bob": 0.5}}


def test_a_playlist_is_told_as_jspf() -> None:
    mbid = "00000000-0000-4000-8000-00000000000{}".format
    stored: list[Mapping[str, Any]] = [
        {"place": 1, "recording_mbid": mbid(1), "track_name": "Words", "artist_name": "Low", "artist_mbids": [mbid(2)],
         "release_name": "I Could Live in Hope", "release_mbid": mbid(3), "caa_id": 7, "caa_release_mbid": mbid(3)},
        {"place": 2, "recording_mbid": mbid(4), "track_name": "Lies", "artist_name": "Low", "artist_mbids": []},
    ]  # fmt: skip
    found = top_discoveries.answer(stored, TELLER)[top_discoveries.KEY]

    assert found["title"] == "Top Discoveries of 2021 for alice"
    assert found["date"] == "2021-12-20T11:33:20+00:00"
    assert UUID(found["identifier"].removeprefix("https://listenbrainz.org/playlist/")).version == 5
    extension = found["extension"][PLAYLIST_EXTENSION]
    assert (extension["public"], extension["created_for"]) == (True, "alice")
    assert extension["additional_metadata"] == {"algorithm_metadata": {"source_patch": "top-discoveries-of-2021"}}
    first, second = found["track"]
    assert first["identifier"] == [f"https://musicbrainz.org/recording/{mbid(1)}"]
    assert (first["title"], first["creator"], first["album"]) == ("Words", "Low", "I Could Live in Hope")
    beside = first["extension"][TRACK_EXTENSION]
    assert beside["artist_identifiers"] == [f"https://musicbrainz.org/artist/{mbid(2)}"]
    assert beside["release_identifier"] == f"https://musicbrainz.org/release/{mbid(3)}"
    assert beside["additional_metadata"] == {"caa_id": 7, "caa_release_mbid": mbid(3)}
    assert "album" not in second
    assert second["extension"][TRACK_EXTENSION]["artist_identifiers"] == []


def test_a_playlist_has_the_identifier_of_its_user_slug_and_year() -> None:
    def identifier(teller: Teller, section: Any = top_discoveries) -> str:
        return str(section.answer([], teller)[section.KEY]["identifier"])

    ours = identifier(TELLER)
    assert identifier(replace(TELLER, user_name="Alice", newest_listen_ts=0)) == ours
    others = {
        identifier(replace(TELLER, user_name="bob")),
        identifier(replace(TELLER, year=2020)),
        identifier(TELLER, top_missed_recordings),
    }
    assert len(others | {ours}) == 4
