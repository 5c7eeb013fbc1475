"""Histories as large as people have: a file comes in within two minutes, and all of it goes out again in one answer."""
# ruff: noqa: F811 - fixtures by their names

import http.client
import io
import re
import time
import zipfile
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from uuid import uuid4

import orjson
import pytest

from conf.postgres import Connection, transaction
from conf.settings import Settings, environment
from dumps.load.uploads import keep_upload
from jobs.listens.user_imports import UserImport, Wish, add_import, find_import
from jobs.listens.users import create_user, token_digest
from tests.commands.conftest import CommandLine, cli, rows  # noqa: F401 - fixtures
from tests.faults.parts import System, until
from tests.live_server import Server
from tests.pages.user_listens import heard_much
from webapi.db.web_session import make_session
from webapi.sessions import COOKIE

pytestmark = [pytest.mark.slow, pytest.mark.servers]
IMPORTED, WITHIN = 115_000, 120.0
EXPORTED = 200_000


@pytest.fixture
def history(tmp_path: Path) -> Path:
    """Spotify's extended history, which is JSON in a zip."""
    plays = [
        {
            "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_400_000_000 + number * 1000)),
            "ms_played": 180_000,
            "master_metadata_track_name": f"Track {number % 9000}",
            "master_metadata_album_artist_name": f"Artist {number % 700}",
            "master_metadata_album_album_name": f"Album {number % 2000}",
            "spotify_track_uri": f"spotify:track:{number % 9000:022}",
            "platform": "a player",
            "incognito_mode": False,
            "skipped": False,
        }
        for number in range(IMPORTED)
    ]
    path = tmp_path / "my_spotify_data.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Spotify Extended Streaming History/Streaming_History_Audio_2014.json", orjson.dumps(plays))
    return path


def count(connection: Connection) -> int:
    return int(rows(connection, "SELECT count(*) FROM listen")[0][0])


def test_a_file_of_115000_listens_is_imported_by_the_command_within_two_minutes(
    cli: CommandLine, connection: Connection, history: Path
) -> None:
    create_user(connection, "rob")
    started = time.monotonic()
    process = cli.start("listens", "import", str(history), "--user", "rob")
    out, err = process.communicate(timeout=2 * WITHIN)
    took = time.monotonic() - started
    print(f"{IMPORTED} listens by the command: {took:.1f} s")
    assert (process.returncode, count(connection)) == (0, IMPORTED), (out, err)
    assert took < WITHIN


def test_a_file_of_115000_listens_is_imported_by_the_page_within_two_minutes(
    settings: Settings, connection: Connection, history: Path, tmp_path: Path
) -> None:
    rob, import_id = create_user(connection, "rob"), uuid4()
    with history.open("rb") as opened:
        size = keep_upload(settings.data_dir, import_id, opened)
    with transaction(connection) as cursor:
        add_import(cursor, import_id, rob, name=history.name, size=size, wish=Wish("auto"))

    def known() -> UserImport:
        with transaction(connection) as cursor:
            found = find_import(cursor, rob, import_id)
        assert found is not None
        return found

    system = System(environment(settings), tmp_path)
    started = time.monotonic()
    try:
        system.start("history_importer")
        until(lambda: not known().is_open, 2 * WITHIN, "the import is done")
    finally:
        system.stop()
    took = time.monotonic() - started
    print(f"{IMPORTED} listens by the page: {took:.1f} s")
    assert (known().state, known().totals.new, count(connection)) == ("done", IMPORTED, IMPORTED)
    assert took < WITHIN


def test_200000_listens_are_exported_in_one_answer(live: Server, connection: Connection) -> None:
    rob = create_user(connection, "rob")
    heard_much(connection, rob, EXPORTED, int(time.time()), 600)
    with transaction(connection) as cursor:
        make_session(cursor, token_digest("a-session"), rob)
    opened = http.client.HTTPConnection("127.0.0.1", live.port, timeout=30)
    opened.request("GET", "/profile/export", headers={"Cookie": f"{COOKIE}=a-session"})
    page = opened.getresponse()
    cookies = [given.split(";")[0] for name, given in page.getheaders() if name == "Set-Cookie"]
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.read().decode())
    assert token is not None
    headers = {
        "Cookie": "; ".join([f"{COOKIE}=a-session", *cookies]),
        "Content-Type": "application/x-www-form-urlencoded",
    }

    started = time.monotonic()
    opened.request("POST", "/profile/export", urlencode({"csrf_token": unescape(token[1])}), headers)
    answer = opened.getresponse()
    first = time.monotonic() - started
    content = answer.read()
    took = time.monotonic() - started
    opened.close()

    print(f"{EXPORTED} listens: {len(content)} bytes, the first after {first:.2f} s, the last after {took:.1f} s")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/zip")
    assert first < 2, "it is sent while it is made"
    archive = zipfile.ZipFile(io.BytesIO(content))
    assert archive.testzip() is None
    months = [name for name in archive.namelist() if name.startswith("listens/")]
    assert sum(archive.read(name).count(b"\n") for name in months) == EXPORTED
