"""Import and export in a real browser, against two real workers: progress without a reload, a download that streams."""

import io
import re
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil
import pytest
import requests
from playwright.sync_api import Browser, Page

from conf.postgres import Connection
from dumps.load.importer import run
from tests.faults.parts import until
from tests.live_server import PHONE, Server, screenshot, window
from tests.pages.conftest import PASSWORD, a_user, rows
from webapi.pages.transfer import STALL_SECONDS

pytestmark = pytest.mark.servers
MANY = 30_000


def history(count: int) -> bytes:
    return b"".join(
        orjson.dumps({"listened_at": 1_500_000_000 + n, "track_metadata": {"artist_name": "A", "track_name": f"t{n}"}})
        + b"\n"
        for n in range(count)
    )


@pytest.fixture(scope="module")
def rob(standing_connection: Connection) -> int:
    return a_user(standing_connection, "rob")


@pytest.fixture
def importer(standing_live: Server) -> Iterator[threading.Thread]:
    """The part, not started yet."""
    stop = threading.Event()
    thread = threading.Thread(target=run, args=(standing_live.settings, stop))
    yield thread
    stop.set()
    if thread.ident is not None:
        thread.join(30)


def enter(page: Page, server: Server, path: str) -> None:
    page.goto(f"{server.url}/login?next={path}")
    page.get_by_label("User name").fill("rob")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf":\d+{path}$"))


def fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_a_file_is_handed_in_on_a_phone_and_its_progress_seen_without_a_reload(
    browser: Browser, standing_live: Server, rob: int, importer: threading.Thread, tmp_path: Path
) -> None:
    file = tmp_path / "a name that is rather long for a phone, of a file with my whole listening history.jsonl"
    file.write_bytes(history(4500) + b"{broken\n")
    with window(browser, PHONE) as page:
        enter(page, standing_live, "/profile/import")
        assert fits(page)
        page.get_by_label("File (").set_input_files(file)
        with page.expect_navigation():
            page.get_by_role("button", name="Import").press("Enter")
        page.get_by_text("Waiting").wait_for()
        page.evaluate("window.same = true")
        screenshot(page, "import-waiting-phone")
        importer.start()
        page.get_by_text("Done: 4,500 new, 1 refused").wait_for(timeout=30_000)
        assert page.evaluate("window.same")
        assert page.get_by_role("button", name="Cancel").count() == 0
        page.get_by_role("link", name="Show why").click()
        page.reload()
        page.get_by_text("Refused: why").click()
        page.get_by_text("line 4501: not JSON").wait_for()
        screenshot(page, "import-done-phone")
        assert fits(page)


def test_the_export_is_downloaded_by_a_browser(browser: Browser, standing_live: Server, rob: int) -> None:
    with window(browser, PHONE) as page:
        enter(page, standing_live, "/profile/export")
        screenshot(page, "export-phone")
        assert fits(page)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download the zip").click()
        assert re.fullmatch(r"listenbrainz_rob_\d+\.zip", download.value.suggested_filename)
        assert zipfile.ZipFile(download.value.path()).testzip() is None


def exporting(server: Server, name: str) -> tuple[requests.Session, dict[str, str]]:
    """A visitor who is logged in, and the form of the export."""
    visitor = requests.Session()

    def token_of(path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', visitor.get(server.url + path, timeout=10).text)
        assert found is not None
        return found[1]

    login = {"csrf_token": token_of("/login"), "name": name, "password": PASSWORD}
    visitor.post(f"{server.url}/login", data=login, timeout=10)
    return visitor, {"csrf_token": token_of("/profile/export")}


def test_a_large_history_is_sent_while_it_is_read_in_flat_memory(
    standing_live: Server, standing_connection: Connection
) -> None:
    kate = a_user(standing_connection, "kate")
    rows(
        standing_connection,
        "INSERT INTO listen SELECT %s, 1400000000 + n * 600, gen_random_uuid(), 10000000 + n, now(),"
        " 'Artist ' || n %% 500, 'Track ' || n, 'Release', '{\"x\": \"' || md5(n::text) || '\"}'"
        " FROM generate_series(1, %s) n RETURNING 1",
        kate,
        MANY,
    )
    visitor, export = exporting(standing_live, "kate")
    before, growth, content = _held(standing_live), 0, b""

    with visitor.post(f"{standing_live.url}/profile/export", data=export, stream=True, timeout=10) as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        for piece in answer.iter_content(1 << 16):
            content += piece
            growth = max(growth, _held(standing_live) - before)

    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    assert sum(archive.read(name).count(b"\n") for name in archive.namelist() if name.startswith("listens/")) == MANY
    assert growth < 40_000_000


@pytest.mark.slow
def test_who_takes_nothing_of_an_export_is_cut_off(standing_live: Server, standing_connection: Connection) -> None:
    jane = a_user(standing_connection, "jane")
    rows(
        standing_connection,
        "INSERT INTO listen SELECT %s, 1400000000 + n * 600, gen_random_uuid(), 20000000 + n, now(), 'A', md5(n::text),"
        " md5((n + 1)::text), '{}' FROM generate_series(1, 250000) n RETURNING 1",
        jane,
    )
    visitor, export = exporting(standing_live, "jane")

    def moments() -> int:
        return int(rows(standing_connection, "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s",
                        "listenlake-export")[0][0])  # fmt: skip

    with visitor.post(f"{standing_live.url}/profile/export", data=export, stream=True, timeout=10):
        time.sleep(5)
        assert moments() == 1
        until(lambda: moments() == 0, STALL_SECONDS + 20, "the database is let go")


def _held(server: Server) -> int:
    """Resident bytes of the workers."""
    return sum(child.memory_info().rss for child in psutil.Process(server.process.pid).children())
