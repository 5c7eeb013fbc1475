"""The page of a year in headless Chromium: phone and desk, light and dark, on paper; and the cards."""

from typing import TYPE_CHECKING, Literal

import pytest

from conf.postgres import Connection
from jobs.listens.users import create_user
from tests.live_server import DESKTOP, PHONE, Server, screenshot, window
from tests.pages.conftest import a_user
from tests.pages.stored_statistics import GENRES, NAMES
from tests.pages.stored_year import YEAR, sections_of, similar
from tests.pages.test_statistics_page_in_browser import HOSTILE, open_all, sticking_out
from tests.webapi.stored_year import STORED, store_year
from webapi.cards import IMAGES, SIDE

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.servers
LOOKS: list[tuple[str, tuple[int, int], Literal["light", "dark"]]] = [
    ("phone-light", PHONE, "light"),
    ("phone-dark", PHONE, "dark"),
    ("desktop-light", DESKTOP, "light"),
    ("desktop-dark", DESKTOP, "dark"),
]
CUT_OFF = """
[...document.querySelectorAll("text")].filter(text => text.getBBox().width > text.parentElement.width.baseVal.value)
    .map(text => text.textContent)
"""
"""Texts that are wider than their place; names of other scripts than Latin may be."""


@pytest.fixture(scope="module")
def kim(standing_live: Server, standing_connection: Connection) -> str:
    """The path of her year."""
    others = [create_user(standing_connection, name) for name in ("Ada", "Beatrice of the very long name " * 4)]
    kim = a_user(standing_connection, "kim")
    store_year(standing_connection, kim, YEAR, {**sections_of(), "similar_users": similar(*others)})
    store_year(standing_connection, kim, 2019, STORED)
    return f"{standing_live.url}/user/kim/year-in-music/{YEAR}"


@pytest.mark.parametrize(("look", "size", "scheme"), LOOKS, ids=[look[0] for look in LOOKS])
def test_the_page_fits_and_is_kept_as_a_picture(
    browser: "Browser", kim: str, look: str, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    with window(browser, size, color_scheme=scheme, java_script_enabled=False) as page:
        page.goto(kim)
        assert page.locator("section").filter(has=page.locator("svg rect")).count() == 10
        assert sticking_out(page) == []
        page.locator(".card-to-post img").scroll_into_view_if_needed()
        screenshot(page, f"year-{look}")
        open_all(page)
        assert sticking_out(page) == []
        page.goto(kim.replace(str(YEAR), "2019"))
        assert sticking_out(page) == []
        screenshot(page, f"year-few-{look}")
        page.goto(kim.replace(str(YEAR), "2020"))
        assert sticking_out(page) == []


def test_on_paper_there_is_what_the_report_says_and_nothing_to_click(browser: "Browser", kim: str) -> None:
    with window(browser, color_scheme="dark") as page:
        page.goto(kim)
        page.emulate_media(media="print")
        for selector in ("nav", "footer", "details", ".card-to-post"):
            assert page.locator(f"{selector} >> visible=true").count() == 0, selector
        assert page.locator(".chart >> visible=true").count() == 4
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        ink = page.evaluate("getComputedStyle(document.body).color")
        assert ink == "rgb(27, 35, 37)", "dark ink, whatever the screen had"
        screenshot(page, "year-print")


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_hostile_and_long_names_are_inert_and_fit(
    browser: "Browser", standing_live: Server, standing_connection: Connection, size: tuple[int, int]
) -> None:
    plain, hostile = f"plain{size[0]}", f"hostile{size[0]}"
    count = len(HOSTILE)
    for name, names, genres in ((plain, NAMES[:count], GENRES[:count]), (hostile, HOSTILE, HOSTILE)):
        store_year(standing_connection, a_user(standing_connection, name), YEAR, sections_of(names, genres))
    with window(browser, size) as page:
        elements = []
        for name in (plain, hostile):
            page.goto(f"{standing_live.url}/user/{name}/year-in-music/{YEAR}")
            open_all(page)
            assert sticking_out(page) == [], name
            elements.append(page.locator("main *").count())
        screenshot(page, f"year-hostile-{size[0]}")
        assert elements[0] == elements[1]
        assert page.title() == f"{YEAR} in music of {hostile} · Listenlake"


def test_the_cards_are_pictures_in_which_every_text_has_its_place(
    browser: "Browser", standing_live: Server, standing_connection: Connection, kim: str
) -> None:
    store_year(standing_connection, a_user(standing_connection, "W" * 100), YEAR, sections_of(HOSTILE, HOSTILE))
    with window(browser, (SIDE, SIDE)) as page:
        for name in ("kim", "W" * 100):
            for image in IMAGES:
                page.goto(f"{standing_live.url}/1/art/year-in-music/{YEAR}/{name}?image={image}")
                screenshot(page, f"card-{image}-{name[:3]}", whole=False)
                assert page.evaluate(CUT_OFF) == [], (name[:3], image)
        page.goto(kim)
        shown = page.locator(".card-to-post img")
        shown.scroll_into_view_if_needed()
        assert shown.evaluate("e => e.decode().then(() => [e.naturalWidth, e.naturalHeight])") == [SIDE, SIDE]
