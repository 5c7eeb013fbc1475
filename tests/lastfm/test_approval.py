"""/api/auth: only who is logged in, and presses the button on our own page, lets a program act for her."""
# ruff: noqa: F811 - fixtures by their names

from typing import TYPE_CHECKING

import pytest

from conf.postgres import Connection, connect, transaction
from tests.lastfm.conftest import API_KEY, Player, rows
from tests.live_server import PHONE, Server, screenshot, window
from tests.pages.conftest import HTML, Visitor, a_user, other, rob, visitor  # noqa: F401 - fixtures
from webapi.db.lastfm import add_application, new_request_token

if TYPE_CHECKING:
    from playwright.sync_api import Browser


def asked(visitor: Visitor) -> tuple[Player, str, str]:
    """A program without cookies, the token it got, and the page it sends its user to."""
    program = Player(visitor.client.application.test_client())
    token = program.get("auth.getToken").document["token"]
    return program, token, f"/api/auth/?api_key={API_KEY}&token={token}"


def test_from_the_programs_link_through_the_log_in_to_its_session(visitor: Visitor, rob: int) -> None:
    program, token, link = asked(visitor)
    first = visitor.get(link)
    assert first.status_code == 303
    onward = first.headers["Location"]
    assert onward.startswith("/login?next=%2Fapi%2Fauth")
    logged_in = visitor.post("/login", onward, name="rob", password="open sesame", next=link)
    assert (logged_in.status_code, logged_in.headers["Location"]) == (303, link)
    assert program.get("auth.getSession", token=token).code == 14
    page = visitor.get(link)
    assert "which nobody has registered here" in page.text
    done = visitor.post("/api/auth/", link, api_key=API_KEY, token=token)
    assert f"Token {token} approved for user rob, press continue in client." in done.text
    assert "approved for user rob" in visitor.get(link).text
    assert program.get("auth.getSession", token=token).document["session"]["name"] == "rob"
    assert visitor.get(link).status_code == 400


@pytest.mark.usefixtures("rob")
def test_without_a_log_in_or_without_the_forms_token_nothing_is_approved(
    visitor: Visitor,
    connection: Connection,
) -> None:
    _, token, _ = asked(visitor)
    form = {"api_key": API_KEY, "token": token}
    assert visitor.client.post("/api/auth/", data=form, headers=HTML).status_code == 400
    visitor.log_in()
    for options in ({"data": form}, {"json": form}, {"query_string": form}):
        assert visitor.client.post("/api/auth/", headers=HTML, **options).status_code == 400
    assert rows(connection, "SELECT user_id FROM lastfm_token") == [(None,)]


@pytest.mark.usefixtures("rob")
def test_a_json_document_is_taken_with_the_forms_token_in_its_header(
    visitor: Visitor,
    connection: Connection,
) -> None:
    _, token, link = asked(visitor)
    visitor.log_in()
    found = visitor.get(link).text.partition('name="csrf_token" value="')[2].partition('"')[0]
    document = {"api_key": API_KEY, "token": token}
    answer = visitor.client.post("/api/auth", json=document, headers={"X-CSRFToken": found})
    assert answer.status_code == 200
    assert rows(connection, "SELECT count(*) FROM lastfm_token WHERE user_id IS NOT NULL") == [(1,)]


@pytest.mark.usefixtures("rob")
def test_no_other_site_can_show_the_page_in_a_frame_and_no_text_is_markup(
    visitor: Visitor,
    connection: Connection,
) -> None:
    key = "<script>alert(1)</script>"
    program = Player(visitor.client.application.test_client(), api_key=key)
    token = program.get("auth.getToken").document["token"]
    visitor.log_in()
    page = visitor.client.get("/api/auth/", query_string={"api_key": key, "token": token}, headers=HTML)
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    with transaction(connection) as cursor:
        add_application(cursor, key, "My player", b"x")
    named = visitor.client.get("/api/auth/", query_string={"api_key": key, "token": token}, headers=HTML)
    assert "<strong>My player</strong>" in named.text


@pytest.mark.usefixtures("rob")
def test_links_that_are_not_good_say_why(visitor: Visitor, other: Visitor, connection: Connection) -> None:
    a_user(connection, "eve")
    _, token, link = asked(visitor)
    visitor.log_in()
    other.log_in("eve")
    visitor.post("/api/auth/", link, api_key=API_KEY, token=token)
    theirs = other.get(link)
    assert (theirs.status_code, "Somebody else" in theirs.text) == (400, True)
    for bad in ("/api/auth/", f"/api/auth/?api_key=x&token={token}", f"/api/auth/?api_key={API_KEY}&token=%00"):
        assert visitor.get(bad).status_code == 400
    rows(connection, "UPDATE lastfm_token SET created = now() - interval '2 hours' RETURNING 1")
    late = visitor.get(link)
    assert (late.status_code, "has expired" in late.text) == (400, True)


def test_the_page_is_looked_at_in_a_browser(standing_live: Server, browser: "Browser") -> None:
    connection = connect(standing_live.settings.database_url)
    a_user(connection, "rob")
    with transaction(connection) as cursor:
        token = new_request_token(cursor, API_KEY)
    with window(browser, PHONE) as page:
        page.goto(f"{standing_live.url}/api/auth/?api_key={API_KEY}&token={token}")
        page.get_by_label("User name").fill("rob")
        page.get_by_label("Password").fill("open sesame")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Approve").wait_for()
        screenshot(page, "lastfm-approval-phone")
        page.get_by_role("button", name="Approve").press("Enter")
        page.get_by_text(f"Token {token} approved for user rob, press continue in client.").wait_for()
        screenshot(page, "lastfm-approved-phone")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert rows(connection, "SELECT count(*) FROM lastfm_token WHERE user_id IS NOT NULL") == [(1,)]
    connection.close()
