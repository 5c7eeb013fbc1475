"""The user page in headless Chromium, served by the real server process: updates, keyboard, phone, hostile names."""

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from conf.broker import INCOMING, open_broker
from conf.postgres import Connection, transaction
from jobs.listens.listen import Submission
from jobs.listens.users import create_token
from jobs.listens.write import write_submissions
from tests.live_server import DESKTOP, PHONE, Server, screenshot, window
from tests.pages.conftest import PASSWORD, a_user
from tests.pages.user_listens import heard, listen
from webapi.db.playing_now import set_playing_now

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

NEW_YEAR = 1_704_067_200
NARROW = (360, 740)
HOSTILE = [
    "<script>document.title='stolen'</script>", '"><svg onload=document.title="stolen">', "'; DROP TABLE listen; --",
    "${jndi:ldap://x}", "{{7*7}}", "\u202egnissim", "x" + "\u0300\u0323" * 5000, "a\r\nSet-Cookie: b=c",
]  # fmt: skip
LONG = ["W" * 500, "word " * 100, "\U0001f3b5" * 250, "سلام دنیا " * 30, "日本語の長い題名" * 40, "Z̸̡͓̈́a̷͙̓l̶̰̈́g̸̗̑o̵̟͝ " * 20]

_names = iter(f"user{n}" for n in range(1000))


@pytest.fixture
def user(standing_connection: Connection) -> tuple[int, str]:
    """A new user who can log in: (id, name)."""
    name = next(_names)
    return a_user(standing_connection, name), name


def submit(server: Server, connection: Connection, user_id: int, listen_type: str, *listens: dict[str, Any]) -> None:
    """Over the API, and written as the listen writer does."""
    with transaction(connection) as cursor:
        token = create_token(cursor, user_id, "test", None)
    body = json.dumps({"listen_type": listen_type, "payload": listens})
    headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
    status, answer, _ = server.request("POST", "/1/submit-listens", body, headers)
    assert status == 200, answer
    broker = open_broker(server.settings)
    deliveries = broker.consume(INCOMING, 100, 0)
    write_submissions(connection, [Submission.decode(delivery.body) for delivery in deliveries])
    broker.ack(deliveries)
    broker.close()


def playing(name: str) -> dict[str, Any]:
    return {"track_metadata": {"artist_name": "Broadcast", "track_name": name}}


def log_in(page: "Page", server: Server, name: str) -> None:
    page.goto(f"{server.url}/login")
    page.fill("#name", name)
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url(f"**/user/{name}")


def shown(page: "Page") -> list[str]:
    return page.locator("#listens .track").all_text_contents()


def fits(page: "Page") -> bool:
    """Nothing is to be scrolled sideways, and nothing sticks out of the window."""
    return bool(
        page.evaluate(
            "document.documentElement.scrollWidth <= innerWidth"
            " && [...document.querySelectorAll('main *:not(.hidden, .hidden *, symbol, symbol *)')].every((e) =>"
            " { const b = e.getBoundingClientRect(); return b.width === 0 || (b.left >= 0 && b.right <= innerWidth); })"
        )
    )


def test_what_is_submitted_appears_without_a_reload(
    standing_live: Server, standing_connection: Connection, browser: "Browser", user: tuple[int, str]
) -> None:
    user_id, name = user
    heard(standing_connection, user_id, [listen(NEW_YEAR + n, f"Track {n}") for n in range(25)])
    with window(browser) as page:
        page.goto(f"{standing_live.url}/user/{name}/")
        page.evaluate("window.sameDocument = true")
        assert page.locator("#playing").inner_text() == "Nothing at this moment."
        submit(standing_live, standing_connection, user_id, "playing_now", playing("Pendulum"))
        page.locator("#playing .track", has_text="Pendulum").wait_for()
        submit(standing_live, standing_connection, user_id, "single", listen(NEW_YEAR + 300, "Brand new"))
        page.locator("#listens li:first-child .track", has_text="Brand new").wait_for()
        assert shown(page) == ["Brand new", *(f"Track {n}" for n in range(24, 0, -1))]
        assert page.locator("#counts dd").first.inner_text() == "26"
        page.locator("[data-act=older]").wait_for()
        with transaction(standing_connection) as cursor:
            cursor.execute("UPDATE playing_now SET expires = now() WHERE user_id = %s", (user_id,))
        page.locator("#playing", has_text="Nothing at this moment.").wait_for()
        assert page.evaluate("window.sameDocument") is True


def test_the_first_listen_comes_and_the_last_one_goes_without_a_reload(
    standing_live: Server, standing_connection: Connection, browser: "Browser", user: tuple[int, str]
) -> None:
    user_id, name = user
    with window(browser) as page:
        log_in(page, standing_live, name)
        page.evaluate("window.sameDocument = true")
        assert "No listens yet." in page.locator("#none").inner_text()
        heard(standing_connection, user_id, [listen(NEW_YEAR, "The first")])
        page.locator("#listens .track", has_text="The first").wait_for()
        assert page.locator("#none").inner_text() == ""
        page.click("summary[data-act=delete]")
        page.click("[data-act=sure]")
        page.locator("#none", has_text="No listens yet.").wait_for()
        assert shown(page) == []
        assert page.evaluate("document.activeElement.id") == "recent-heading"
        assert page.evaluate("window.sameDocument") is True


def test_a_hidden_page_asks_nothing_and_errors_slow_it_down(
    standing_live: Server, browser: "Browser", user: tuple[int, str]
) -> None:
    _, name = user
    with window(browser) as page:
        asked: list[str] = []
        answered: list[str] = []
        page.on("request", lambda request: asked.append(request.url) if "/playing-now" in request.url else None)
        page.on("requestfinished", lambda done: answered.append(done.url) if "/playing-now" in done.url else None)

        def settle() -> None:
            """Until what was asked is answered, and the page has looked at it."""
            page.wait_for_timeout(100)
            for _ in range(200):
                if len(answered) == len(asked):
                    break
                page.wait_for_timeout(50)
            page.wait_for_timeout(200)

        page.clock.install()
        page.goto(f"{standing_live.url}/user/{name}/")
        page.route("**/playing-now", lambda route: route.fulfill(status=503, body="{}"))
        counts = []
        for _ in range(3):
            page.clock.run_for(8500)
            settle()
            counts.append(len(asked))
        # Without errors it would have asked six times in these 25 s: now at 4, 12 and not before 28 s.
        assert counts == [1, 2, 2]
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true });"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.clock.run_for(600_000)
        settle()
        assert len(asked) == 2
        page.evaluate("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.run_for(100)
        settle()
        assert len(asked) == 3


def test_love_hate_and_delete_by_keyboard_alone(
    standing_live: Server, standing_connection: Connection, browser: "Browser", user: tuple[int, str]
) -> None:
    user_id, name = user
    heard(standing_connection, user_id, [listen(NEW_YEAR + n, f"Track {n}") for n in range(3)])
    with window(browser) as page:
        log_in(page, standing_live, name)
        page.evaluate("window.sameDocument = true")

        def focus() -> str:
            return str(
                page.evaluate("document.activeElement.getAttribute('aria-label') || document.activeElement.innerText")
            )

        def tab_to(label: str) -> None:
            for _ in range(30):
                page.keyboard.press("Tab")
                if focus() == label:
                    return
            raise AssertionError(f"{label} cannot be reached by the keyboard")

        page.keyboard.press("Tab")
        assert focus() == "Skip to the content"
        page.keyboard.press("Enter")
        order = []
        for _ in range(10):
            page.keyboard.press("Tab")
            order.append(focus())
        assert order[:4] == ["Listens", "Statistics", "Recommendations", "Year in music"]
        assert order[4:] == [f"{what}: Track {n}" for n in (2, 1) for what in ("Love", "Hate", "Delete")]

        page.reload()
        page.evaluate("window.sameDocument = true")
        tab_to("Love: Track 1")
        ring = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(ring) == "solid"
        page.keyboard.press("Enter")
        page.locator("[aria-label='Love: Track 1'][aria-pressed=true]").wait_for()
        assert focus() == "Love: Track 1"
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        page.locator("[aria-label='Hate: Track 1'][aria-pressed=true]").wait_for()
        assert page.locator("[aria-pressed=true]").count() == 1

        tab_to("Delete: Track 1")
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert focus() == "Delete this listen"
        page.keyboard.press("Enter")
        page.locator("#said", has_text="The listen is deleted.").wait_for()
        assert shown(page) == ["Track 2", "Track 0"]
        assert focus() == "Love: Track 0"
        assert page.evaluate("window.sameDocument") is True


def test_forms_work_without_scripts(
    standing_live: Server, standing_connection: Connection, browser: "Browser", user: tuple[int, str]
) -> None:
    user_id, name = user
    heard(standing_connection, user_id, [listen(NEW_YEAR + n, f"Track {n}") for n in range(2)])
    with window(browser, java_script_enabled=False) as page:
        log_in(page, standing_live, name)
        page.click("[aria-label='Hate: Track 1']")
        page.locator("[aria-label='Hate: Track 1'][aria-pressed=true]").wait_for()
        page.click("summary[aria-label='Delete: Track 0']")
        page.locator("button:visible", has_text="Delete this listen").click()
        page.locator(".message", has_text="The listen is deleted.").wait_for()
        assert shown(page) == ["Track 1"]
        assert page.locator("#listens time").inner_text() == "1 Jan 2024, 00:00 UTC"


def test_times_are_in_the_visitors_zone(
    standing_live: Server, standing_connection: Connection, browser: "Browser", user: tuple[int, str]
) -> None:
    user_id, name = user
    heard(standing_connection, user_id, [listen(NEW_YEAR, "Track")])
    with window(browser, timezone_id="Asia/Tokyo", locale="en-GB") as page:
        page.goto(f"{standing_live.url}/user/{name}/")
        moment = page.locator("#listens time")
        assert moment.inner_text() == "1 Jan 2024, 09:00"
        assert moment.get_attribute("datetime") == "2024-01-01T00:00:00Z"
        assert moment.get_attribute("title") == "1 Jan 2024, 00:00 UTC"


@pytest.mark.parametrize("size", [NARROW, PHONE, DESKTOP])
def test_hostile_and_long_names_are_inert_and_fit(
    standing_live: Server, standing_connection: Connection, browser: "Browser", size: tuple[int, int]
) -> None:
    name = f'{size[0]}"><svg onload=x> {"W" * 100}'
    user_id = a_user(standing_connection, name)
    texts = [*HOSTILE, *LONG]
    heard(standing_connection, user_id, [
        listen(NEW_YEAR - n, text, artist_name=texts[n - 1], release_name=text) for n, text in enumerate(texts)
    ])  # fmt: skip
    plain = a_user(standing_connection, f"plain {size[0]}")
    heard(standing_connection, plain, [
        listen(NEW_YEAR - n, "Track", release_name="Album") for n in range(len(texts))
    ])  # fmt: skip
    with transaction(standing_connection) as cursor:
        for each, text in ((user_id, HOSTILE[1]), (plain, "Track")):
            set_playing_now(cursor, each, {"track_name": text, "artist_name": text, "release_name": text}, 600)
    with window(browser, size) as page:
        counted = []
        for whose in (f"plain {size[0]}", name):
            page.goto(f"{standing_live.url}/user/{quote(whose, safe='')}/")
            counted.append(page.evaluate("[...document.querySelectorAll('main *')].map((e) => e.localName).join()"))
            assert fits(page), whose
        assert counted[0] == counted[1]
        assert "stolen" not in page.title()
        assert page.locator("h1").inner_text() == name
        assert shown(page)[:3] == HOSTILE[:3]
        screenshot(page, f"user-hostile-{size[0]}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "size"), [("phone", NARROW), ("desktop", DESKTOP)])
def test_the_page_as_its_owner_sees_it_fits(
    standing_live: Server,
    standing_connection: Connection,
    browser: "Browser",
    user: tuple[int, str],
    width: str,
    size: tuple[int, int],
    scheme: Any,
) -> None:
    user_id, name = user
    now = int(time.time())
    music = [("Pendulum", "Broadcast", "Haha Sound"), ("Come On Let's Go", "Broadcast", "The Noise Made by People"),
             ("Jóga", "Björk", "Homogenic"), ("さくら（独唱）", "森山直太朗", "乾いた唄は魚の餌にちょうどいい"),  # noqa: RUF001
             ("الأطلال", "أم كلثوم", "الأطلال"), ("French Disko", "Stereolab", "Refried Ectoplasm")]  # fmt: skip
    heard(standing_connection, user_id, [
        listen(now - 240 * n - 86400 * (n // 9), track, artist, release_name=release)
        for n, (track, artist, release) in enumerate(music * 6)
    ])  # fmt: skip
    top_artists(standing_connection, user_id)
    with transaction(standing_connection) as cursor:
        set_playing_now(cursor, user_id, {"track_name": "Tender Buttons", "artist_name": "Broadcast"}, 600)
    with window(browser, size, color_scheme=scheme) as page:
        log_in(page, standing_live, name)
        page.click("[data-act=love] >> nth=1")
        page.locator("[data-act=love][aria-pressed=true]").first.wait_for()
        page.click("[data-act=hate] >> nth=3")
        page.locator("[data-act=hate][aria-pressed=true]").first.wait_for()
        page.click("[data-act=delete] >> nth=5")
        assert fits(page)
        screenshot(page, f"user-{width}-{scheme}")


def top_artists(connection: Connection, user_id: int) -> None:
    """A stored statistic of three artists."""
    names = ["Broadcast", "Stereolab", "An orchestra whose name is longer than a line of this list can ever be"]
    docs = [json.dumps({"artist_name": name, "artist_mbid": None}) for name in names]
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO result_entity (id, doc) SELECT * FROM unnest(%s::bigint[], %s::text[]) ON CONFLICT DO NOTHING",
            ([1, 2, 3], docs),
        )
        cursor.execute(
            "INSERT INTO result_list VALUES ('user_artists', 'all_time', %s, '{1,2,3}', '{4120,310,7}')", (user_id,)
        )
        cursor.execute(
            "INSERT INTO run (statistic, stats_range, run_id, data_version, from_ts, to_ts, newest_listen_ts,"
            " row_count) VALUES ('user_artists', 'all_time', gen_random_uuid(), 1, 0, 1, 1, 1) ON CONFLICT DO NOTHING"
        )
