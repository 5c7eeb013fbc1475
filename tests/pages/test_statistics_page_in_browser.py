"""The page of statistics in headless Chromium: it fits, dark and light; ranges by keyboard; nothing needs a script."""

from typing import TYPE_CHECKING, Any

import pytest

from conf.postgres import Connection
from jobs.ranges import STATS_RANGES
from tests.live_server import DESKTOP, Server, screenshot, window
from tests.pages.conftest import a_user
from tests.pages.stored_statistics import GENRES, NAMES, store

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.servers
PHONE = (375, 740)
HOSTILE = [
    "<script>document.title='stolen'</script>", '"><svg onload=document.title="stolen">', "\u202egnissim",
    "x" + "\u0300\u0323" * 5000, "W" * 500, "word " * 100, "\U0001f3b5" * 250, "سلام دنیا " * 30,
    "日本語の長い題名" * 40,
]  # fmt: skip
LARGE = 1_234_567


@pytest.fixture(scope="module")
def kim(standing_live: Server, standing_connection: Connection) -> str:
    """A user with every statistic in every range, as everybody has them: her name."""
    store(standing_connection, a_user(standing_connection, "kim"), zone="Europe/Berlin")
    store(standing_connection, 0)
    return "kim"


def sticking_out(page: "Page") -> list[str]:
    """What is not inside the window, or makes the page wider than it."""
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('main *:not(.hidden, .hidden *, title)')].filter((e) =>"
        " { const b = e.getBoundingClientRect(); return b.width && (b.left < 0 || b.right > innerWidth); })"
        ".map((e) => `${e.localName} ${e.getAttribute('class')} ${e.textContent.slice(0, 40)}`)"
    )
    wide = page.evaluate("document.documentElement.scrollWidth > innerWidth")
    return [*found, *(["the page"] if wide else [])]


def open_all(page: "Page") -> None:
    """All tables of figures, as a reader without scripts opens them."""
    for summary in page.locator("details.figures > summary").all():
        summary.click()


@pytest.mark.parametrize(
    ("width", "size", "scheme", "stats_range"),
    [
        ("phone", PHONE, "light", "quarter"),
        ("phone", PHONE, "dark", "this_week"),
        ("desktop", DESKTOP, "light", "month"),
        ("desktop", DESKTOP, "dark", "all_time"),
    ],
)
def test_the_page_is_kept_as_a_picture(
    standing_live: Server, browser: "Browser", kim: str, width: str, size: tuple[int, int], scheme: Any,
    stats_range: str,
) -> None:  # fmt: skip
    with window(browser, size, color_scheme=scheme, java_script_enabled=False) as page:
        page.goto(f"{standing_live.url}/user/{kim}/stats/?range={stats_range}")
        assert page.locator(".chart rect").count() > 10
        assert sticking_out(page) == []
        screenshot(page, f"statistics-{stats_range}-{width}-{scheme}")
        open_all(page)
        assert page.locator("details.figures table >> visible=true").count() == 7
        assert sticking_out(page) == []
        screenshot(page, f"statistics-figures-{width}-{scheme}")
        page.goto(f"{standing_live.url}/user/{kim}/")
        assert page.locator("#summary .chart rect").count() > 5
        assert sticking_out(page) == []
        screenshot(page, f"user-with-statistics-{width}-{scheme}")


def test_every_range_has_filled_charts_that_fit_a_phone(standing_live: Server, browser: "Browser", kim: str) -> None:
    with window(browser, PHONE) as page:
        for path, charts in ((f"/user/{kim}/stats/", 11), ("/statistics/", 9)):
            for stats_range in STATS_RANGES:
                page.goto(f"{standing_live.url}{path}?range={stats_range}")
                drawn = page.locator("section").filter(has=page.locator("svg rect"))
                assert drawn.count() == charts, (path, stats_range)
                assert sticking_out(page) == [], (path, stats_range)
        screenshot(page, "statistics-of-everybody-phone")


def test_ranges_are_switched_by_keyboard_without_scripts(standing_live: Server, browser: "Browser", kim: str) -> None:
    with window(browser, java_script_enabled=False) as page:
        page.goto(f"{standing_live.url}/user/{kim}/")
        page.get_by_role("link", name="All statistics").press("Enter")
        page.wait_for_url("**/stats/")
        assert page.locator(".ranges [aria-current=page]").inner_text() == "All time"
        page.get_by_role("link", name="This week").focus()
        for _ in range(3):
            page.keyboard.press("Tab")
        focused = page.locator("a:focus")
        assert focused.inner_text() == "Last month"
        assert focused.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        page.wait_for_url("**/stats/?range=month")
        assert page.locator(".ranges [aria-current=page]").inner_text() == "Last month"
        page.locator("#listening-activity summary").focus()
        page.keyboard.press("Enter")
        assert page.locator("#listening-activity tbody tr").first.is_visible()


@pytest.mark.parametrize("size", [PHONE, DESKTOP])
def test_hostile_and_long_names_are_inert_and_fit(
    standing_live: Server, standing_connection: Connection, browser: "Browser", size: tuple[int, int]
) -> None:
    plain, hostile = f"plain{size[0]}", f"hostile{size[0]}"
    count = len(HOSTILE)
    for name, names, genres in ((plain, NAMES[:count], GENRES[:count]), (hostile, HOSTILE, HOSTILE)):
        store(standing_connection, a_user(standing_connection, name), names, genres=genres, ranges=["year"])
    with window(browser, size) as page:
        elements = []
        for name in (plain, hostile):
            page.goto(f"{standing_live.url}/user/{name}/stats/?range=year")
            open_all(page)
            assert sticking_out(page) == [], name
            elements.append(page.locator("main *").count())
        screenshot(page, f"statistics-hostile-{size[0]}")
        assert elements[0] == elements[1]
        assert page.title() == f"Statistics of {hostile} · Listenlake"


def test_millions_of_listens_fit_a_phone(
    standing_live: Server, standing_connection: Connection, browser: "Browser"
) -> None:
    many = {
        "listening_activity": [[15_706, LARGE], [16_071, 9 * LARGE]],
        "daily_activity": [[hour, LARGE // 9] for hour in range(168)],
        "genre_activity": [{"genre": "rock", "hours": [[hour, LARGE] for hour in range(24)]}],
        "artist_map": [{"artist_count": 1000, "listen_count": 9 * LARGE, "country": "SGS", "artists": []}],
    }
    store(standing_connection, a_user(standing_connection, "busy"), ranges=["all_time"], documents=many)
    with window(browser, PHONE) as page:
        page.goto(f"{standing_live.url}/user/busy/stats/")
        open_all(page)
        assert sticking_out(page) == []
        assert page.locator("#listening-activity .heights text").all_text_contents() == ["5M", "10M", "15M"]
        screenshot(page, "statistics-millions-phone")
