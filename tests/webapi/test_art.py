"""Cards of the year in music: pictures that hold what the report says, and nothing that anybody could make them do."""

import re
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from flask.testing import FlaskClient

from conf.postgres import Connection, connect, transaction
from tests.webapi.conftest import Account, make_account
from tests.webapi.stored_year import STORED, store_year, store_year_runs
from webapi.cards import IMAGES, LONGEST, fitted

YEAR = 2021
CARD = f"/1/art/year-in-music/{YEAR}"
HOSTILE = '</text><script>alert(1)</script>&amp;"><image href="http://example.org/x.png"/>'
NAMED = {
    "artists": "Low", "tracks": "Words", "albums": "Trust", "discovery-playlist": "Words", "missed-playlist": "Words",
    "overview": "Top artists", "stats": "hours of music",
}  # fmt: skip


def enough(**sections: Any) -> dict[str, Any]:
    """A year with listens enough for a card."""
    return {**STORED, "listen_count": 4120, "listening_time": 260 * 3_600_000, **sections}


@pytest.fixture(scope="module")
def stored(standing_url: str, standing_rob: Account) -> Account:
    """Rob's 2021, of which a user with few listens and one with hostile names have theirs; nobody's 2019."""
    connection = connect(standing_url)
    store_year(connection, standing_rob.id, YEAR, enough())
    store_year(connection, make_account(connection, "few").id, YEAR, STORED)
    store_year(connection, make_account(connection, "weekday").id, YEAR, {"day_of_week": 4})
    make_account(connection, "none")
    _hostile(connection)
    store_year_runs(connection, 2019)
    connection.close()
    return standing_rob


def _hostile(connection: Connection) -> None:
    """Names of markup, of characters that XML has not, and long ones of any width."""
    names = [HOSTILE, "\x00\x0b\ufffe\uffff gone", "W" * 300, "x" + "\u0300" * 5000, "\U0001f3b5" * 99, "日本" * 99]
    artists = [
        {"place": n, "listen_count": 9, "artist_name": name, "artist_mbid": None} for n, name in enumerate(names, 1)
    ]
    sections = enough(
        top_artists={"total": 6, "items": artists}, top_genres={"whole": 1, "genres": [
            {"genre_count": 1, "genre": HOSTILE}]}, top_discoveries=[STORED["top_discoveries"][0] | {
                "track_name": HOSTILE, "artist_name": "\u202e" + "W" * 90}],
    )  # fmt: skip
    store_year(connection, make_account(connection, "<b>&'\"").id, YEAR, sections)


def drawn(client: FlaskClient, path: str) -> ElementTree.Element:
    answer = client.get(path)
    assert answer.status_code == 200, answer.data
    return ElementTree.fromstring(answer.data)  # noqa: S314 - our own answer


def texts(picture: ElementTree.Element) -> list[str]:
    return [(one.text or "").strip() for one in picture.iter() if one.tag.endswith("}text")]


@pytest.mark.parametrize("image", IMAGES)
def test_every_image_shows_what_it_is_called_for(standing_client: FlaskClient, stored: Account, image: str) -> None:
    shown = texts(drawn(standing_client, f"{CARD}/rob?image={image}"))

    assert {"Rob", "2021", NAMED[image]} <= {*shown}


def test_without_an_image_it_is_the_overview(standing_client: FlaskClient, stored: Account) -> None:
    card = standing_client.get(f"{CARD}/ROB")

    assert card.data == standing_client.get(f"{CARD}/Rob?image=overview").data
    shown = texts(ElementTree.fromstring(card.data))  # noqa: S314 - our own answer
    assert {("4,120", "listens"), ("260", "hours of music"), ("9", "artists")} <= {*pairwise(shown)}
    assert {"Top artists", "Low", "Top tracks", "Words", "slowcore"} <= {*shown}


def test_it_is_a_picture_that_reaches_for_nothing(standing_client: FlaskClient, stored: Account) -> None:
    answer = standing_client.get(f"{CARD}/rob")

    assert answer.headers["Content-Type"].startswith("image/svg+xml")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert not re.search(rb"href|<style|<script|<image|\bon[a-z]+=", answer.data)
    assert {*re.findall(rb"url\([^)]*\)", answer.data)} == {b"url(#lake)"}


@pytest.mark.parametrize("image", ["overview", "artists", "discovery-playlist"])
def test_names_are_text_whatever_they_hold(standing_client: FlaskClient, stored: Account, image: str) -> None:
    picture = drawn(standing_client, f"{CARD}/%3Cb%3E%26%27%22?image={image}")

    tags = {one.tag.rpartition("}")[2] for one in picture.iter()}
    assert tags <= {"svg", "title", "defs", "linearGradient", "stop", "rect", "path", "text"}
    shown = texts(picture)
    assert "<b>&'\"" in shown
    assert any(text.startswith("</text><script>") for text in shown)
    assert max(map(len, shown)) <= LONGEST + 1


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Low", "Low"), ("", ""), ("a\n\tb", "a b"), ("\x00\x1f\ufffe", ""), ("W" * 30, "WWWWWWWW…"),
        ("il" * 20, "il" * 10 + "i…"), ("日本" * 9, "日本日本日本日本…"),
        ("x" + "\u0300" * 500, "x" + "\u0300" * (LONGEST - 1) + "…"),
    ],
)  # fmt: skip
def test_a_text_is_cut_to_the_room_there_is(text: str, kept: str) -> None:
    assert fitted(text, 200, 20) == kept


@pytest.mark.parametrize("path", [f"{CARD}/few", f"{CARD}/weekday?image=albums"])
def test_too_little_for_a_card_is_204(standing_client: FlaskClient, stored: Account, path: str) -> None:
    answer = standing_client.get(path)

    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        (f"{CARD}/rob?image=x", "Invalid image: x; known are overview, stats, artists, albums, tracks, "
                                "discovery-playlist, missed-playlist"),
        (f"{CARD}/nobody", "User nobody not found"),
        *((path, f"Year in Music report for user {name} not found: no listens of {year} have been counted")
          for path, name, year in ((f"{CARD}/none", "none", 2021), ("/1/art/year-in-music/2019/rob", "rob", 2019))),
        ("/1/art/year-in-music/2020/rob", "Year in Music report for user rob not found: 2020 is not computed yet"),
        *((f"/1/art/year-in-music/{year}/rob", f"Cannot find Year in Music report for year: {year}")
          for year in ("1999", str(datetime.now(UTC).year + 1), "abc")),
    ],
)  # fmt: skip
def test_what_there_is_not_is_400_by_name(standing_client: FlaskClient, stored: Account, path: str, error: str) -> None:
    answer = standing_client.get(path)

    assert answer.status_code == 400
    assert answer.get_json() == {"code": 400, "error": error}


def test_an_unchanged_card_has_no_body_and_a_new_run_makes_another(
    standing_client: FlaskClient, stored: Account, standing_url: str
) -> None:
    first = standing_client.get(f"{CARD}/rob")
    known = {"If-None-Match": first.headers["ETag"]}
    assert (standing_client.get(f"{CARD}/rob", headers=known).status_code) == 304

    connection = connect(standing_url)
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE run SET run_id = gen_random_uuid() WHERE statistic = 'year_in_music_listen_count'"
            " AND stats_range = '2021'"
        )
    connection.close()
    assert standing_client.get(f"{CARD}/rob", headers=known).status_code == 200
