"""Export and import at the pages, as a browser without scripts uses them."""

import io
import threading
import zipfile
from pathlib import Path
from uuid import UUID

import orjson
import pytest

from conf.postgres import Connection
from conf.settings import Settings
from dumps.load.importer import Importer
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.user_imports import MOST_OPEN, claim_import
from jobs.listens.write import write_submissions
from tests.faults.parts import until
from tests.pages.conftest import Visitor, a_user, rows
from webapi.pages.transfer import AT_ONCE

MOMENTS = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'listenlake-export'"
    " AND datname = current_database()"
)
LISTEN = {"listened_at": 1_600_000_000, "track_metadata": {"artist_name": "A", "track_name": "t"}}
LINES = orjson.dumps(LISTEN) + b"\n" + b"{broken\n" + orjson.dumps(LISTEN | {"listened_at": 1_600_000_001}) + b"\n"


def hand_in(visitor: Visitor, content: bytes = LINES, name: str = "history.jsonl", **form: str) -> str:
    """The page after it."""
    answer = visitor.post("/profile/import", "/profile/import", file=(io.BytesIO(content), name), **form)  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile/import")
    return visitor.get("/profile/import").text


def uploads(settings: Settings) -> list[Path]:
    folder = settings.data_dir / "uploads"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def work_off(settings: Settings) -> None:
    """All that waits, as the part does it."""
    importer, stop = Importer(settings), threading.Event()
    threading.Timer(0.5, stop.set).start()
    importer.work(stop)
    importer.close()


def test_the_export_is_downloaded_whole(visitor: Visitor, rob: int, connection: Connection) -> None:
    write_submissions(connection, [Submission(new_message_id(), rob, 1, (LISTEN,))])
    assert visitor.get("/profile/export").headers["Location"] == "/login?next=%2Fprofile%2Fexport"
    visitor.log_in()

    page, zipped = visitor.get("/profile/export"), visitor.post("/profile/export", "/profile/export")

    assert "<strong>1</strong> listens" in page.text
    assert zipped.mimetype == "application/zip"
    assert zipped.headers["Cache-Control"] == "no-store"
    assert zipped.headers["Content-Disposition"].startswith('attachment; filename="listenbrainz_rob_')
    archive = zipfile.ZipFile(io.BytesIO(zipped.data))
    assert archive.testzip() is None
    assert orjson.loads(archive.read("listens/2020/9.jsonl"))["listened_at"] == 1_600_000_000


def test_a_worker_sends_so_many_exports_at_a_time_and_an_end_of_one_makes_room(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    visitor.log_in()
    page = visitor.get("/profile/export").text
    form = {"csrf_token": page.split('name="csrf_token" value="')[1].split('"')[0]}

    under_way = [visitor.client.post("/profile/export", data=form, buffered=False) for _ in range(AT_ONCE)]
    refused = visitor.client.post("/profile/export", data=form)
    open_moments = rows(connection, MOMENTS)
    for answer in under_way:
        answer.close()
    again = visitor.client.post("/profile/export", data=form)

    assert [answer.status_code for answer in under_way] == [200] * AT_ONCE
    assert (refused.status_code, open_moments) == (503, [(AT_ONCE,)])
    assert (again.status_code, again.data[:2]) == (200, b"PK")
    again.close()
    until(lambda: rows(connection, MOMENTS) == [(0,)], 10, "the database is let go")


def test_a_file_is_brought_in_and_its_page_says_what_became_of_it(
    visitor: Visitor, rob: int, connection: Connection, settings: Settings
) -> None:
    visitor.log_in()

    page = hand_in(visitor, name="C:\\music\\<b>history.jsonl", format="auto", timezone="")
    waiting = visitor.get("/profile/imports").get_json()
    [file] = uploads(settings)
    mode = (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777)
    work_off(settings)
    done, done_page = visitor.get("/profile/imports").get_json(), visitor.get("/profile/import").text

    assert "The file is here." in page
    assert "&lt;b&gt;history.jsonl" in page
    assert mode == (0o600, 0o700)
    assert waiting["open"]
    assert (waiting["imports"][0]["state"], waiting["imports"][0]["format"]) == ("waiting", "jsonl")
    [told] = done["imports"]
    assert not done["open"]
    assert (told["state"], told["percent"], told["told"]) == ("done", 100, "Done: 2 new, 1 refused")
    assert told["problems"][0].startswith("line 2: not JSON")
    assert "Done: 2 new, 1 refused" in done_page
    assert "line 2: not JSON" in done_page
    assert uploads(settings) == []
    assert rows(connection, "SELECT count(*) FROM listen WHERE user_id = %s", rob) == [(2,)]


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"", {}, "Not taken: choose a file that is not empty."),
        (b"hello", {}, "Not taken: hello.txt: not recognised as a file of any service"),
        (b"PK\x03\x04" + b"x" * 100, {}, "Not taken: the zip file ends too early"),
        (LINES, {"timezone": "Nowhere/City"}, "Not taken: the time zone is not known"),
        (LINES, {"format": "deezer"}, "Not taken: there is no format &#39;deezer&#39;"),
    ],
)
def test_what_cannot_be_brought_in_is_refused_at_once_and_not_kept(
    visitor: Visitor, rob: int, settings: Settings, content: bytes, form: dict[str, str], said: str
) -> None:
    visitor.log_in()

    page = hand_in(visitor, content, "hello.txt", **form)

    assert said in page
    assert "Nothing yet." in page
    assert uploads(settings) == []


def test_a_form_without_a_file_is_told_so(visitor: Visitor, rob: int) -> None:
    visitor.log_in()
    visitor.post("/profile/import", "/profile/import")
    assert "Not taken: choose a file." in visitor.get("/profile/import").text


def test_a_file_that_waits_can_be_taken_back_by_its_owner_only(
    visitor: Visitor, other: Visitor, rob: int, connection: Connection, settings: Settings
) -> None:
    a_user(connection, "kate")
    visitor.log_in()
    other.log_in("kate")
    hand_in(visitor)
    [path] = uploads(settings)
    cancel = f"/profile/import/{path.name}/cancel"

    of_kate = other.post(cancel, "/profile/import")
    still_there = uploads(settings)
    of_rob = visitor.post(cancel, "/profile/import")
    again = visitor.post(cancel, "/profile/import")

    assert (of_kate.status_code, still_there) == (404, [path])
    assert (of_rob.status_code, again.status_code, uploads(settings)) == (303, 404, [])
    assert other.get("/profile/imports").get_json() == {"imports": [], "open": False}
    assert "Cancelled" in visitor.get("/profile/import").text


def test_one_that_is_worked_on_is_not_taken_back(
    visitor: Visitor, rob: int, connection: Connection, settings: Settings
) -> None:
    visitor.log_in()
    hand_in(visitor)
    claimed = claim_import(connection)
    assert claimed is not None
    assert visitor.post(f"/profile/import/{claimed.id}/cancel", "/profile/import").status_code == 404
    assert [path.name for path in uploads(settings)] == [str(claimed.id)]


def test_only_so_many_files_of_a_user_wait(visitor: Visitor, rob: int, settings: Settings) -> None:
    visitor.log_in()
    for _ in range(MOST_OPEN):
        hand_in(visitor)
    page = hand_in(visitor)
    assert "5 of your files are waiting already" in page
    assert len(uploads(settings)) == MOST_OPEN


def test_a_large_body_is_read_only_of_who_is_logged_in(visitor: Visitor, rob: int, settings: Settings) -> None:
    form = {"file": (io.BytesIO(b"x" * 100_000), "x")}
    answer = visitor.client.post("/profile/import", data=form, headers={"Accept": "text/html"})
    assert answer.status_code == 413
    assert uploads(settings) == []


def test_the_ids_of_imports_are_uuids(visitor: Visitor, rob: int) -> None:
    visitor.log_in()
    hand_in(visitor)
    [one] = visitor.get("/profile/imports").get_json()["imports"]
    assert UUID(one["id"]).version == 4
    assert visitor.post("/profile/import/x/cancel", "/profile/import").status_code == 404
