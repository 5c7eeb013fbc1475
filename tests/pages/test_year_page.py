"""The page of a year without a browser: its figures are those of the API, and it says why where there are none."""

import re
import time
from collections.abc import Iterator
from html import unescape
from itertools import groupby
from typing import Any

import pytest

from conf.postgres import Connection, connect
from conf.settings import load_settings
from jobs.clock import MONTHS
from jobs.listens.users import create_user
from jobs.year_in_music import top_discoveries, top_missed_recordings
from jobs.years import current_year
from tests.databases import Databases
from tests.pages.conftest import Visitor, a_user
from tests.pages.stored_year import YEAR, sections_of, similar
from tests.pages.tables import tables
from tests.webapi.stored_year import STORED, store_year, store_year_runs
from webapi import create_app
from webapi.country_names import country_name
from webapi.pages.year_charts import LISTS

KIM = f"/user/kim/year-in-music/{YEAR}"
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def standing(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Kim has all of 2021 and little of 2019, of which all was computed; for tests that read."""
    name = databases.lend()
    limits = {"RATE_LIMIT_PER_ADDRESS": "100000"}
    values = {"DATA_DIR": str(tmp_path_factory.mktemp("year")), "DATABASE_URL": databases.url(name), **limits}
    connection = connect(databases.url(name))
    others = [create_user(connection, other) for other in ("Ada", "Bea / Cy")]
    kim = a_user(connection, "kim")
    store_year(connection, kim, YEAR, {**sections_of(), "similar_users": similar(*others)}, zone="Europe/Berlin")
    store_year(connection, kim, 2019, STORED)
    store_year(connection, create_user(connection, HOSTILE), YEAR, sections_of([HOSTILE] * 12, [HOSTILE]))
    yield Visitor(create_app(load_settings(values, env_file=None)).test_client())
    connection.close()
    databases.give_back(name)


def report(visitor: Visitor, year: int = YEAR) -> dict[str, Any]:
    """What the API says of it."""
    data: dict[str, Any] = visitor.client.get(f"/1/stats/user/kim/year-in-music/{year}").get_json()["payload"]["data"]
    return data


def all_rows(page: str, section: str) -> list[list[str]]:
    """Of all tables of a section: the first rows of a list, and those folded away."""
    return [row for table in tables(page)[section] for row in table]


def counted(page: str) -> dict[str, str]:
    """The figures at the top, by what they count."""
    return dict(re.findall(r"<div><dt>([^<]*)</dt><dd>([^<]*)</dd></div>", page))


def listed(page: str, section: str) -> list[tuple[str, str]]:
    """(name, by) of a list without figures."""
    inside = page.partition(f'<section id="{section}"')[2].partition("</section>")[0]
    found = re.findall(r'<li><bdi class="what">([^<]*)</bdi> <span class="by"><bdi class="artist">([^<]*)<', inside)
    return [(unescape(name), unescape(by)) for name, by in found]


def test_every_list_is_that_of_the_api(standing: Visitor) -> None:
    page, data = standing.get(KIM).text, report(standing)

    for key, _, item_name, by, total in LISTS:
        assert all_rows(page, key.replace("_", "-")) == [
            [str(place), f"{one[item_name]} {one[by]}" if by else one[item_name], f"{one['listen_count']:,}"]
            for place, one in enumerate(data[key], 1)
        ]
        assert f"Of {data[total]:,} in all." in page
    assert all_rows(page, "top-genres") == [
        [str(place), f"{one['genre']} {one['genre_count_percent']:g} %", f"{one['genre_count']:,}"]
        for place, one in enumerate(data["top_genres"], 1)
    ]
    assert [row[1:] for row in all_rows(page, "artist-map")] == [
        [f"{one['artist_count']:,}", f"{one['listen_count']:,}"] for one in data["artist_map"]
    ]
    assert all_rows(page, "artist-map")[0][0].startswith(country_name(data["artist_map"][0]["country"]))
    assert all_rows(page, "most-listened-year") == [
        [year, f"{count:,}"] for year, count in data["most_listened_year"].items()
    ]
    for key in (top_discoveries.KEY, top_missed_recordings.KEY):
        assert listed(page, key) == [(track["title"], track["creator"]) for track in data[key]["track"]]
    assert listed(page, "new-releases-of-top-artists") == [
        (one["title"], one["artist_credit_name"]) for one in data["new_releases_of_top_artists"]
    ]
    assert all_rows(page, "similar-users") == [["Ada", "50 %"], ["Bea / Cy", "33 %"]]
    assert f'<a href="/user/Bea%20%2F%20Cy/year-in-music/{YEAR}">' in page


def test_every_day_is_told_and_counted(standing: Visitor) -> None:
    page, data = standing.get(KIM).text, report(standing)
    counts = [(bucket["time_range"].split(), bucket["listen_count"]) for bucket in data["listens_per_day"]]

    expected = []
    for month, of_month in groupby(counts, key=lambda one: one[0][1]):
        days = [(int(day), count) for (day, *_), count in of_month]
        told = " · ".join(f"{day} {month[:3]} {count:,}" for day, count in days if count)
        expected.append([month, told, f"{sum(count for _, count in days):,}"])
    assert [row[0] for row in expected] == list(MONTHS)
    assert all_rows(page, "listens-per-day") == expected
    calendar = page.partition('class="calendar"')[2].partition("</svg>")[0]
    assert calendar.count("<rect") == len(counts) == 365
    assert calendar.count('class="now"') == sum(count > 0 for _, count in counts)


def test_the_figures_at_the_top_are_those_of_the_report(standing: Visitor) -> None:
    page, data = standing.get(KIM).text, report(standing)

    days = [bucket["listen_count"] for bucket in data["listens_per_day"]]
    day, month, _ = data["listens_per_day"][days.index(max(days))]["time_range"].split()
    streak = max(len([*run]) for heard, run in groupby(days, bool) if heard)
    assert counted(page) == {
        "Listens": f"{data['total_listen_count']:,}",
        "Hours of music": f"{data['total_listening_time'] / 3600:,.0f}",
        "Artists": "1,234",
        "Recordings": "1,234",
        "Albums": "1,234",
        "New artists": "77",
        "Most listens on a": "Friday",
        "Busiest day": f"{int(day)} {month[:3]}",
        "Days with listens": str(sum(map(bool, days))),
        "Days in a row": str(streak),
    }
    assert "by the clock of Europe/Berlin" in page
    assert "data version 7" in page


def test_years_are_chosen_by_links_and_without_one_it_is_her_newest(standing: Visitor) -> None:
    page = standing.get("/user/kim/year-in-music/2020").text
    assert re.findall(r'<a href="([^"]*)"( aria-current="page")?>\d+</a>', page) == [
        (KIM, ""), ("/user/kim/year-in-music/2020", ' aria-current="page"'), ("/user/kim/year-in-music/2019", ""),
    ]  # fmt: skip
    assert "There is no report of 2020 yet." in page
    for path, to in (("kim", KIM), ("Ada", f"/user/Ada/year-in-music/{YEAR}")):
        answer = standing.get(f"/user/{path}/year-in-music/")
        assert (answer.status_code, answer.location) == (303, to)


def test_too_few_listens_and_none_are_said(standing: Visitor) -> None:
    few = standing.get("/user/kim/year-in-music/2019").text
    assert "Only 4 listens in 2019: too few for the rest to say much, which takes 25." in few
    assert "/1/art/" not in few
    assert all_rows(few, "top-artists") == [["1", "Low", "4"]]
    none = standing.get(f"/user/Ada/year-in-music/{YEAR}").text
    assert f"No listens in {YEAR}, as far as they are computed." in none
    assert "<section" not in none


def test_a_year_that_runs_is_said_to(visitor: Visitor, rob: int, connection: Connection) -> None:
    year = current_year(time.time())
    assert visitor.get("/user/rob/year-in-music").location == f"/user/rob/year-in-music/{year}"
    store_year(connection, rob, year, {"listen_count": 30})
    assert "The year is not over" in visitor.get(f"/user/rob/year-in-music/{year}").text


@pytest.mark.parametrize("year", ["1999", str(current_year(time.time()) + 1), "abc", "-1"])
def test_a_year_that_there_is_not_is_404(standing: Visitor, year: str) -> None:
    answer = standing.get(f"/user/kim/year-in-music/{year}")
    assert answer.status_code == 404
    assert f"Cannot find Year in Music report for year: {year}" in answer.text


def test_a_user_who_is_not_there_is_404(standing: Visitor) -> None:
    assert standing.get(f"/user/nobody/year-in-music/{YEAR}").status_code == 404
    assert standing.get("/user/nobody/year-in-music").status_code == 404


def test_the_other_pages_of_a_user_lead_there(standing: Visitor) -> None:
    for path in ("/user/kim/", "/user/kim/stats/", "/user/kim/recommendations/"):
        assert '<a href="/user/kim/year-in-music/">Year in music</a>' in standing.get(path).text


def test_names_are_text(standing: Visitor) -> None:
    page = standing.get(f"/user/%3Cscript%3Ealert(1)%3C%2Fscript%3E/year-in-music/{YEAR}").text
    assert "<script" not in page
    assert all_rows(page, "top-artists")[0][1] == HOSTILE


def test_a_user_whose_name_ends_like_the_page_has_her_own(visitor: Visitor, connection: Connection) -> None:
    create_user(connection, "x")
    name = f"x/year-in-music/{YEAR}"
    create_user(connection, name)
    assert f'class="hidden">Year in music: </span>{YEAR}' in visitor.get(f"/user/{name}").text
    raw = f"/user/x%2Fyear-in-music%2F{YEAR}/"
    hers = visitor.client.get(raw, environ_overrides={"RAW_URI": raw})
    assert f"<bdi>{name}</bdi></h1>" in hers.text
    assert "Playing now" in hers.text


def test_an_unchanged_page_has_no_body(standing: Visitor) -> None:
    known = {"If-None-Match": standing.get(KIM).headers["ETag"], "Accept": "text/html"}
    again = standing.client.get(KIM, headers=known)
    assert (again.status_code, again.data) == (304, b"")


def test_a_run_that_is_there_meanwhile_makes_another_page(visitor: Visitor, rob: int, connection: Connection) -> None:
    path = f"/user/rob/year-in-music/{YEAR}"
    known = {"If-None-Match": visitor.get(path).headers["ETag"], "Accept": "text/html"}
    store_year_runs(connection, YEAR)
    assert visitor.client.get(path, headers=known).status_code == 200
