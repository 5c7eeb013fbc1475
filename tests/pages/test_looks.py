"""The pages in a real browser, on a phone and on a desk, light and dark; and what two real workers make of a token."""

import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Literal
from uuid import UUID

import pytest
import requests
from playwright.sync_api import Browser, Page

from conf.postgres import Connection, transaction
from conf.settings import Settings, environment
from jobs.listens.exclusions import add_exclusion, exclusion_of
from jobs.listens.users import create_token
from tests.commands.conftest import CommandLine
from tests.live_server import DESKTOP, PHONE, Server, screenshot, served, window
from tests.pages.conftest import PASSWORD, a_user
from tests.webapi.conftest import listen, submission
from webapi.db.lastfm import add_application, new_session

pytestmark = pytest.mark.servers
Scheme = Literal["light", "dark"]
HOSTILE = "<img src=x onerror=alert(1)>"
LOOKS: list[tuple[str, tuple[int, int], Scheme]] = [
    ("desk", DESKTOP, "light"),
    ("phone", PHONE, "light"),
    ("phone-dark", PHONE, "dark"),
]


@pytest.fixture(scope="module")
def people(standing_connection: Connection) -> None:
    a_user(standing_connection, "rob")
    hostile = a_user(standing_connection, HOSTILE)
    with transaction(standing_connection) as cursor:
        for label in ("kitchen radio", "Pano Scrobbler on my phone, the old one with the cracked glass", HOSTILE):
            create_token(cursor, hostile, label, None)
        for kind, value in (("artist", HOSTILE), ("recording", str(UUID(int=1))), ("client", "W" * 300)):
            add_exclusion(cursor, hostile, exclusion_of(kind, value))
        cursor.execute("UPDATE token SET last_used = now() WHERE label = 'kitchen radio'")
        add_application(cursor, "registered", "Pano Scrobbler", b"")
        for api_key in ("registered", "0123456789abcdef0123456789abcdef", HOSTILE):
            new_session(cursor, hostile, api_key)


def enter(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/login?next=/profile")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r":\d+/profile$"))


def fits(page: Page) -> bool:
    """Nothing is wider than the window."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


@pytest.mark.parametrize(("name", "size", "scheme"), LOOKS, ids=[look[0] for look in LOOKS])
def test_every_page_fits_and_is_kept_as_a_picture(
    browser: Browser, standing_live: Server, people: None, name: str, size: tuple[int, int], scheme: Scheme
) -> None:
    with window(browser, size, color_scheme=scheme) as page:
        for title, path in (("home", "/"), ("unknown-user", "/find?user=nobody"), ("login", "/login"), ("error", "/x")):
            page.goto(standing_live.url + path)
            screenshot(page, f"{title}-{name}")
            assert fits(page), path
        enter(page, standing_live, HOSTILE)
        page.get_by_text("Change the token").first.click()
        screenshot(page, f"profile-{name}")
        assert fits(page)
        page.get_by_label("Another token, for").fill(f"made on the {name}")
        page.get_by_role("button", name="Make a token").click()
        assert re.fullmatch(r"[0-9a-f-]{36}", page.locator("#token").inner_text())
        screenshot(page, f"token-{name}")
        assert fits(page)


def test_a_name_and_a_label_of_markup_run_nothing(browser: Browser, standing_live: Server, people: None) -> None:
    with window(browser) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        enter(page, standing_live, HOSTILE)
        assert page.locator("h1").inner_text() == HOSTILE
        assert page.locator("img[src=x]").count() == 0


def test_a_program_is_ended_by_its_button(browser: Browser, standing_live: Server, people: None) -> None:
    with window(browser, PHONE) as page:
        page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
        enter(page, standing_live, HOSTILE)
        page.get_by_role("button", name="End Pano Scrobbler").click()
        page.get_by_text("Ended. The program is refused from now on").wait_for()
        assert page.get_by_role("button", name="End Pano Scrobbler").count() == 0
        assert page.get_by_role("button", name="End 0123456789a").count() == 1
        assert fits(page)


def test_everything_is_reached_by_keyboard(browser: Browser, standing_live: Server, people: None) -> None:
    with window(browser) as page:
        page.goto(standing_live.url)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "user"
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.type("nobody")
        page.keyboard.press("Enter")
        page.get_by_text("There is no user of that name here.").wait_for()
        enter(page, standing_live, "rob")
        page.get_by_role("button", name="Log out").focus()
        page.keyboard.press("Enter")
        page.get_by_text("You are logged out.").wait_for()
        page.go_back()
        page.wait_for_url("**/login?next=**")


@pytest.fixture
def two_workers(settings: Settings) -> Iterator[list[Server]]:
    """Two web servers of one worker each, so that a test knows which one it asks."""
    with ExitStack() as stack:
        limits = {"RATE_LIMIT_PER_TOKEN": "10000", "RATE_LIMIT_PER_ADDRESS": "10000"}
        yield [stack.enter_context(served(settings, WEB_WORKERS="1", **limits)) for _ in range(2)]


def submit(server: Server, token: str) -> int:
    headers = {"Authorization": f"Token {token}"}
    body = submission(listen(), listen_type="single")
    return requests.post(f"{server.url}/1/submit-listens", json=body, headers=headers, timeout=10).status_code


def test_a_token_that_was_reset_or_revoked_is_refused_at_once_by_every_worker(
    two_workers: list[Server], settings: Settings, connection: Connection
) -> None:
    a_user(connection, "rob")
    web = requests.Session()

    def post(path: str, of: str, **values: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', web.get(two_workers[0].url + of, timeout=10).text)
        assert found is not None
        return web.post(two_workers[0].url + path, {"csrf_token": found[1], **values}, timeout=10).text

    def shown(page: str) -> str:
        found = re.search(r'id="token"[^>]*>([0-9a-f-]{36})<', page)
        assert found is not None
        return found[1]

    post("/login", "/login", name="rob", password=PASSWORD)
    old = shown(post("/profile/tokens", "/profile", label="radio"))
    assert [submit(server, old) for server in two_workers] == [200, 200]
    path = re.findall(r"/profile/tokens/\d+/reset", web.get(two_workers[0].url + "/profile", timeout=10).text)[0]
    new = shown(post(path, "/profile"))
    assert [submit(server, old) for server in two_workers] == [401, 401]
    assert [submit(server, new) for server in two_workers] == [200, 200]

    assert CommandLine(environment(settings))("user", "revoke", "rob", "radio").status == 0
    assert [submit(server, new) for server in two_workers] == [401, 401]
