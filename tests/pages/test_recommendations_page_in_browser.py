"""The page of recommendations in headless Chromium: phone and desk, light and dark, keyboard, hostile names."""

from typing import TYPE_CHECKING, Literal
from uuid import UUID

import pytest

from conf.postgres import Connection
from jobs.listens.users import create_user
from tests.live_server import DESKTOP, PHONE, Server, screenshot, window
from tests.pages.conftest import a_user
from tests.pages.test_user_page_in_browser import HOSTILE, LONG, NARROW, fits, log_in
from tests.webapi.stored_documents import item, recommendations, store_user_documents

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.servers

Scheme = Literal["light", "dark"]
LOOKS: list[tuple[str, tuple[int, int], Scheme]] = [
    ("phone-light", PHONE, "light"),
    ("phone-dark", PHONE, "dark"),
    ("desktop-light", DESKTOP, "light"),
    ("desktop-dark", DESKTOP, "dark"),
]
TRACKS = [
    ("Pendulum", "Broadcast"), ("French Disko", "Stereolab"), ("Golden Morning Breaks", "Colleen"),
    ("Harmonium", "Vanishing Twin"), ("Nothing Here Now but the Recordings", "The Focus Group & Belbury Poly"),
    ("Xtal", "Aphex Twin"), ("Roygbiv", "Boards of Canada"), ("日本語の長い題名", "冨田勲"),
    ("Tears in the Typing Pool", "Broadcast"),
    ("سلام دنیا", "فرامرز اصلانی"), ("Unfinished Sympathy", "Massive Attack"), ("Atmosphère", "Air"),
]  # fmt: skip
IDS = [UUID(int=100 + n) for n in range(len(TRACKS))]
NAMES = dict(zip(IDS, TRACKS, strict=True))


def furnished(connection: Connection, name: str) -> None:
    """A user with a list, and with similar users."""
    user_id = a_user(connection, name)
    items = [
        item(
            one,
            0.9 - 0.05 * n,
            *[
                (IDS[(n + k) % 12], k == 2, 40 // k, (0.9 - 0.05 * n) * share)
                for k, share in ((1, 0.6), (2, 0.3), (3, 0.1))
            ],
            msid=n % 3 == 2,
            latest=1_704_067_200 if n % 2 else None,
        )
        for n, one in enumerate(IDS)
    ]
    store_user_documents(connection, "recommendations_raw", {user_id: recommendations(items, NAMES)})
    others = [
        create_user(connection, f"{name} {other}") for other in ("Ada", "Beatrice of the very long name " * 3, "Cy")
    ]
    store_user_documents(connection, "similar_users", {user_id: [[o, 0.5 - 0.1 * n] for n, o in enumerate(others)]})


def listed(page: "Page") -> list[str]:
    return page.locator("#recommendations > li > .what .track").all_text_contents()


@pytest.mark.parametrize(("look", "size", "scheme"), LOOKS, ids=[look[0] for look in LOOKS])
def test_the_page_fits_and_is_kept_as_a_picture(
    browser: "Browser",
    standing_live: Server,
    standing_connection: Connection,
    look: str,
    size: tuple[int, int],
    scheme: Scheme,
) -> None:
    name = f"rob {look}"
    furnished(standing_connection, name)
    with window(browser, size, color_scheme=scheme) as page:
        page.goto(f"{standing_live.url}/user/{name}/recommendations/")
        assert listed(page) == [track for track, _ in TRACKS]
        assert fits(page)
        page.locator("#recommendations summary").first.click()
        screenshot(page, f"recommendations-{look}")
        assert fits(page)
        page.set_viewport_size({"width": NARROW[0], "height": NARROW[1]})
        assert fits(page)


def test_love_hate_and_taking_back_by_keyboard_alone_without_scripts(
    browser: "Browser", standing_live: Server, standing_connection: Connection
) -> None:
    furnished(standing_connection, "keys")
    with window(browser, java_script_enabled=False) as page:
        log_in(page, standing_live, "keys")
        page.get_by_role("link", name="Recommendations").focus()
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="Recommended").wait_for()

        page.get_by_role("button", name="Love: Pendulum").focus()
        page.keyboard.press("Enter")
        page.locator("[aria-pressed=true]").wait_for()
        assert page.get_by_role("button", name="Love: Pendulum").get_attribute("aria-pressed") == "true"
        page.get_by_role("button", name="Hate: French Disko").focus()
        page.keyboard.press("Enter")
        page.get_by_text("It is hated, and not recommended any more.").wait_for()
        assert "French Disko" not in listed(page)
        screenshot(page, "recommendations-hated")
        page.get_by_role("button", name="Take that back").focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Hate: French Disko").wait_for()
        assert listed(page) == [track for track, _ in TRACKS]


def test_the_order_of_the_keyboard_is_that_of_the_page(
    browser: "Browser", standing_live: Server, standing_connection: Connection
) -> None:
    furnished(standing_connection, "order")
    with window(browser) as page:
        log_in(page, standing_live, "order")
        page.goto(f"{standing_live.url}/user/order/recommendations/")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        order = []
        for _ in range(10):
            page.keyboard.press("Tab")
            order.append(
                page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
            )
        assert order[:7] == [
            "Listens", "Statistics", "Recommendations", "Year in music",
            "All", "By artists played most", "By similar artists",
        ]  # fmt: skip
        assert order[7:9] == ["Love: Pendulum", "Hate: Pendulum"]
        assert order[9].startswith("Because of French Disko and 2 more")
        page.keyboard.press("Enter")
        assert page.locator("#recommendations details").first.get_attribute("open") is not None


def test_names_of_any_length_and_markup_fit_and_run_nothing(
    browser: "Browser", standing_live: Server, standing_connection: Connection
) -> None:
    user_id = a_user(standing_connection, "hostile")
    texts = [*HOSTILE, *LONG]
    ids = [UUID(int=500 + n) for n in range(len(texts))]
    names = {one: (text, text) for one, text in zip(ids, texts, strict=True)}
    items = [item(one, 1.0, (ids[n - 1], False, 3, 0.5), (ids[n - 2], False, 3, 0.5)) for n, one in enumerate(ids)]
    document = recommendations(items, names, fallback="<b>" + "W" * 400)
    store_user_documents(standing_connection, "recommendations_top", {user_id: document})
    for size in (NARROW, DESKTOP):
        with window(browser, size) as page:
            log_in(page, standing_live, "hostile")
            page.goto(f"{standing_live.url}/user/hostile/recommendations/?artist_type=top")
            for summary in page.locator("#recommendations summary").all():
                summary.click()
            assert "stolen" not in page.title()
            assert fits(page), size
            screenshot(page, f"recommendations-hostile-{size[0]}")
