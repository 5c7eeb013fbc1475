"""Log-in, sessions, CSRF and what surrounds a page."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import UUID

import pytest

from conf.postgres import Connection
from conf.settings import Settings
from jobs.listens.users import create_user
from tests.pages.conftest import HTML, PASSWORD, Visitor, a_user, rows
from webapi import create_app
from webapi.app import PAGES
from webapi.sessions import local_path


def test_log_in_and_out(visitor: Visitor, rob: int) -> None:
    answer = visitor.log_in("ROB")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/user/rob")
    assert "Log out" in visitor.get("/").text

    answer = visitor.post("/logout", "/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    page = visitor.get("/").text
    assert "You are logged out." in page
    assert "Log out" not in page
    assert visitor.cookie() is None


def test_only_the_sha256_of_the_session_id_is_stored(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    sent = visitor.cookie()
    assert sent is not None
    assert len(sent) == 43  # 256 bits in base64
    [(digest, user_id, left)] = rows(connection, "SELECT sha256, user_id, expires - now() FROM web_session")
    assert (bytes(digest), user_id) == (hashlib.sha256(sent.encode()).digest(), rob)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_a_logged_out_session_is_over_on_the_server_too(visitor: Visitor, other: Visitor, rob: int) -> None:
    visitor.log_in()
    stolen = visitor.cookie()
    visitor.post("/logout", "/")
    other.client.set_cookie("listenlake_session", stolen or "")
    assert "Log out" not in other.get("/").text


def test_an_id_that_was_planted_before_is_worth_nothing_after_the_log_in(
    visitor: Visitor, other: Visitor, rob: int, connection: Connection
) -> None:
    visitor.client.set_cookie("listenlake_session", "planted")
    visitor.log_in()
    assert visitor.cookie() not in (None, "planted")
    other.client.set_cookie("listenlake_session", "planted")
    assert "Log out" not in other.get("/").text


def test_every_log_in_makes_a_new_id_and_ends_the_old_session(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    zoe = a_user(connection, "zoe")
    token = visitor.form_token("/login")
    form = {"csrf_token": token, "name": "rob", "password": PASSWORD}
    visitor.client.post("/login", data=form, headers=HTML)
    first = visitor.cookie()
    # The secret of forms changed with the log-in: what was loaded before it is worth nothing.
    assert visitor.client.post("/login", data=form, headers=HTML).status_code == 400
    visitor.post("/login", "/", name="zoe", password=PASSWORD)
    assert visitor.cookie() != first
    assert rows(connection, "SELECT user_id FROM web_session") == [(zoe,)]


def test_a_session_expires_and_slides_with_use(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    rows(connection, "UPDATE web_session SET expires = now() + interval '1 day' RETURNING 1")
    # Used within the hour: nothing is written.
    assert not any("listenlake_session=" in cookie for cookie in visitor.get("/").headers.getlist("Set-Cookie"))
    rows(connection, "UPDATE web_session SET last_used = now() - interval '2 hours' RETURNING 1")
    answer = visitor.get("/")
    [cookie] = [c for c in answer.headers.getlist("Set-Cookie") if "listenlake_session=" in c]
    assert "Max-Age=2592000" in cookie
    [(left,)] = rows(connection, "SELECT expires - now() FROM web_session")
    assert left > timedelta(days=29)
    rows(connection, "UPDATE web_session SET expires = now() - interval '1 second' RETURNING 1")
    assert "Log out" not in visitor.get("/").text


@pytest.mark.parametrize("public_url", ["http://listens.example", "https://listens.example"])
def test_cookies_are_out_of_reach_of_scripts_other_sites_and_plain_http(
    settings: Settings, rob: int, public_url: str
) -> None:
    visitor = Visitor(create_app(replace(settings, public_url=public_url)).test_client())
    https = public_url.startswith("https")
    base = {"base_url": public_url}
    page = visitor.get("/login", **base)
    token = page.text.split('name="csrf_token" value="')[1].split('"')[0]
    form = {"csrf_token": token, "name": "rob", "password": PASSWORD}
    answer = visitor.client.post("/login", data=form, headers=HTML, **base)
    assert answer.status_code == 303
    cookies = page.headers.getlist("Set-Cookie") + answer.headers.getlist("Set-Cookie")
    made = [cookie for cookie in cookies if "Max-Age=0" not in cookie]
    assert len(made) == 2
    for cookie in made:
        parts = cookie.split("; ")
        assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(parts)
        assert ("Secure" in parts, parts[0].startswith("__Host-")) == (https, https)
        assert "Domain" not in cookie


WRONG_FORMS = [{}, {"csrf_token": ""}, {"csrf_token": "x"}, {"csrf_token": "IjEi.aaaaaa.AAAAAAAAAAAAAAAAAAAAAAAAAAA"}]


@pytest.mark.parametrize("values", WRONG_FORMS)
@pytest.mark.parametrize("path", ["/login", "/logout"])
def test_a_form_without_its_token_does_nothing(
    visitor: Visitor, rob: int, connection: Connection, path: str, values: dict[str, str]
) -> None:
    visitor.log_in()
    before = visitor.cookie()
    answer = visitor.client.post(path, data={**values, "name": "rob", "password": PASSWORD}, headers=HTML)
    assert answer.status_code == 400
    assert "This form is too old" in answer.text
    assert visitor.cookie() == before
    assert "Log out" in visitor.get("/").text


def test_every_form_of_every_page_blueprint_asks_for_the_token(settings: Settings) -> None:
    app = create_app(settings)
    names = {blueprint.name for blueprint in PAGES}
    client = app.test_client()
    guarded = 0
    for rule in app.url_map.iter_rules():
        if rule.endpoint.partition(".")[0] in names and "POST" in (rule.methods or ()):
            # A UUID is taken for a number as well, whichever of them the route wants.
            path = rule.build(dict.fromkeys(rule.arguments, UUID(int=1)), append_unknown=False)
            assert path is not None
            answer = client.post(path[1], headers=HTML)
            assert (answer.status_code, "This form is too old" in answer.text) == (400, True), rule
            guarded += 1
    assert guarded >= 2


def test_the_api_reads_no_cookie(visitor: Visitor, rob: int) -> None:
    visitor.log_in()
    answer = visitor.client.post("/1/submit-listens", json={})
    assert answer.status_code == 401
    assert not visitor.client.get("/1/validate-token?token=x").get_json()["valid"]


ELSEWHERE = [
    "https://evil.example/", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "evil",
    "javascript:alert(1)", " /profile", "/profile\r\nSet-Cookie: a=b", "", "https:/evil.example", "/a\\..\\b", "\n//x",
]  # fmt: skip


@pytest.mark.parametrize("wanted", ELSEWHERE)
def test_the_log_in_never_leads_to_another_site(visitor: Visitor, rob: int, wanted: str) -> None:
    assert local_path(wanted, "/here") == "/here"
    assert visitor.log_in(next=wanted).headers["Location"] == "/user/rob"
    assert visitor.get("/login", query_string={"next": wanted}).headers["Location"] == "/user/rob"


@pytest.mark.parametrize("wanted", ["/", "/profile", "/api/auth?api_key=a&token=b", "/user/a%2Fb"])
def test_the_log_in_leads_back_to_where_one_was(visitor: Visitor, rob: int, wanted: str) -> None:
    page = visitor.get("/login", query_string={"next": wanted}).text
    assert f'name="next" value="{wanted.replace("&", "&amp;")}"' in page
    assert visitor.log_in(next=wanted).headers["Location"] == wanted


def test_a_page_has_its_headers_and_no_foreign_asset(visitor: Visitor) -> None:
    answer = visitor.get("/")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert all(address.startswith(("/", "#")) for address in links(answer.text))


def links(page: str) -> list[str]:
    return [piece.split('"')[0] for name in ("src", "href", "action") for piece in page.split(f' {name}="')[1:]]


def test_static_files_are_kept_for_a_year_under_the_address_of_their_content(visitor: Visitor) -> None:
    [path] = [link for link in links(visitor.get("/").text) if link.endswith("style.css")]
    answer = visitor.get(path)
    assert answer.status_code == 200
    assert {"public", "immutable", "max-age=31536000"} <= set(answer.headers["Cache-Control"].split(", "))
    again = visitor.client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert visitor.get(path.replace("static/", "static/0")).headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize("name", ["../app.py", "%2e%2e/app.py", "..%2fapp.py", "/etc/passwd", "", "style.css%00"])
def test_nothing_but_static_files_is_given_out(visitor: Visitor, name: str) -> None:
    assert visitor.get(f"/static/0/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/nothing", "/user", "/static/x/y"])
def test_an_error_is_a_page_for_a_browser_and_json_for_a_program(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is nothing here" in page.text
    document = visitor.client.get(path, headers={"Accept": "*/*"})
    assert (document.status_code, document.get_json()["code"]) == (404, 404)


@pytest.mark.parametrize("path", ["/1/nothing", "/1", "/2.0/nothing", "/health/nothing"])
def test_below_the_protocols_of_machines_an_error_is_never_a_page(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)
    assert (answer.status_code, answer.mimetype) == (404, "application/json")


def test_an_unforeseen_error_of_a_page_shows_no_detail(settings: Settings) -> None:
    def broken() -> str:
        raise LookupError("secret detail")

    app = create_app(settings)
    app.add_url_rule("/broken", view_func=broken)
    answer = app.test_client().get("/broken", headers=HTML)
    assert (answer.status_code, answer.mimetype) == (500, "text/html")
    assert "secret" not in answer.text


def test_without_postgresql_a_page_is_503_and_the_home_page_stays(settings: Settings) -> None:
    nowhere = replace(settings, database_url="postgresql:///nowhere?host=/nonexistent")
    visitor = Visitor(create_app(nowhere).test_client())
    visitor.client.set_cookie("listenlake_session", "x")
    assert visitor.get("/").status_code == 200
    answer = visitor.get("/find?user=rob")
    assert (answer.status_code, answer.headers["Retry-After"], answer.mimetype) == (503, "5", "text/html")


def test_a_form_that_is_too_large_is_refused(visitor: Visitor) -> None:
    form = {"csrf_token": "x" * 70_000}
    answer = visitor.client.post("/login", data=form, headers=HTML)
    assert (answer.status_code, answer.mimetype) == (413, "text/html")


HOSTILE = ["<script>alert(1)</script>", '"><svg onload=alert(1)>', "{{7*7}}", "'; DROP TABLE users; --", "a\u202eb"]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_inert(visitor: Visitor, connection: Connection, name: str) -> None:
    create_user(connection, name, password=PASSWORD)
    for answer in (visitor.log_in(name, "wrong password"), visitor.get("/find", query_string={"user": name + "?"})):
        assert "<script>alert" not in answer.text
        assert "<svg onload" not in answer.text
        assert name in unescape(answer.text)
    assert visitor.log_in(name).status_code == 303
    page = visitor.get("/").text
    assert "<script>alert" not in page
    assert "<svg onload" not in page


@pytest.mark.parametrize(("asked", "found"), [("ROB", "/user/rob"), (" rob ", "/user/rob"), ("a/b", "/user/a%2Fb")])
def test_a_user_is_found_whatever_the_case(
    visitor: Visitor, rob: int, connection: Connection, asked: str, found: str
) -> None:
    create_user(connection, "a/b")
    answer = visitor.get("/find", query_string={"user": asked})
    assert (answer.status_code, answer.headers["Location"]) == (303, found)


@pytest.mark.parametrize("asked", ["nobody", "x" * 2000, "%00", "%ed%a0%80", "%ff"])
def test_an_unknown_user_is_404_and_said_beside_the_field(visitor: Visitor, asked: str) -> None:
    answer = visitor.get(f"/find?user={asked}")
    assert answer.status_code == 404
    assert "There is no user of that name here." in answer.text


def test_every_template_and_static_file_is_ours_alone() -> None:
    folder = Path(__file__).resolve().parents[2] / "webapi"
    for path in [*folder.glob("templates/*"), *folder.glob("static/*")]:
        text = path.read_text().replace("http://www.w3.org/2000/svg", "")
        assert "://" not in text, path
        assert "style=" not in text, path
        assert "|safe" not in text, path
