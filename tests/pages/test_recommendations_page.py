"""The page of recommendations without scripts: lists with reasons, love and hate by forms, similar users."""

import re
from html import unescape
from uuid import UUID

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.account_deletion import delete_account
from jobs.listens.feedback import HATE, put_score, scores_of
from jobs.listens.users import create_user
from tests.pages.conftest import Visitor, a_user
from tests.webapi.stored_documents import item, recommendations, store_user_documents

A, B, C = (UUID(int=n) for n in (0xA, 0xB, 0xC))
NAMES = {A: ("Papercuts", "Broadcast"), B: ("French Disko", "Stereolab"), C: ("<b>Pram</b>", "A & B")}
PAGE = "/user/rob/recommendations/"
RAW = "recommendations_raw"
ITEMS = [
    item(A, 0.75, (B, False, 4, 0.5), (C, True, 1, 0.25), latest=1_704_067_200),
    item(C, 0.5, (B, False, 4, 0.5), msid=True),
]


def names(page: str) -> list[str]:
    listed = page.split('id="recommendations"')[1].split("</ol>", maxsplit=1)[0]
    return [unescape(name) for name in re.findall(r'<p class="what"><bdi class="track"[^>]*>([^<]*)</bdi>', listed)]


def reasons(page: str) -> list[tuple[str, str]]:
    """(recording, percent) of every reason."""
    found = re.findall(
        r'class="reason"><bdi class="track">([^<]*)</bdi>.*?<span class="number">(\d+) %</span>', page, re.S
    )
    return [(unescape(name), percent) for name, percent in found]


def store(connection: Connection, user_id: int, *items: object, statistic: str = RAW, kind: str = "ease") -> None:
    document = recommendations(items or ITEMS, NAMES) | {"kind": kind}  # type: ignore[arg-type]
    store_user_documents(connection, statistic, {user_id: document})


def test_without_anything_computed_the_page_says_so(visitor: Visitor, rob: int) -> None:
    page = visitor.get("/user/ROB/recommendations/").text
    assert '<h1 class="name"><bdi>rob</bdi></h1>' in page
    assert "Not computed yet." in page
    assert "None are known yet." in page
    assert '<a href="/user/rob/recommendations/">' in visitor.get("/user/rob/").text
    assert '<a href="/user/rob/recommendations/">' in visitor.get("/user/rob/stats/").text


def test_recommendations_are_listed_with_their_reasons(visitor: Visitor, rob: int, connection: Connection) -> None:
    store(connection, rob)
    page = visitor.get(PAGE).text
    assert names(page) == ["Papercuts", "<b>Pram</b>"]
    assert "Last heard <time" in page
    assert "Not heard yet" in page
    assert reasons(page) == [("French Disko", "67"), ("<b>Pram</b>", "33"), ("French Disko", "100")]
    assert "by a model of the kind ease" in page
    assert "<button form=" not in page, "who is not logged in sees no buttons"


def test_reasons_against_it_and_those_of_many_together_are_not_drawn(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    one = item(A, 0.5, (B, False, 4, 0.75), (C, False, 2, -0.5), (A, False, 1, 0.125))
    one["reasons"].append([None, False, 60, 0.125])
    store(connection, rob, one)
    page = visitor.get(PAGE).text
    assert reasons(page) == [("French Disko", "100"), ("Papercuts", "25")]
    assert 'width="-' not in page


def test_a_reason_that_is_hated_is_not_named_nor_counted_on_the_page_either(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    more = [UUID(int=100 + n) for n in range(7)]
    made = recommendations(
        [item(A, 1.0, (B, False, 9, 0.3), *((one, False, 1, 0.1) for one in more))],
        NAMES | {one: (f"T{n}", "X") for n, one in enumerate(more)},
    )
    store_user_documents(connection, RAW, {rob: made})
    page = visitor.get(PAGE).text
    assert reasons(page)[0] == ("French Disko", "30")
    assert ("and 7 more<span" in page, "And 3 more with smaller shares." in page) == (True, True)
    with transaction(connection) as cursor:
        put_score(cursor, rob, None, B, HATE)
    page = visitor.get(PAGE).text
    assert "French Disko" not in page
    assert reasons(page) == [(f"T{n}", "10") for n in range(5)]
    assert ("and 6 more<span" in page, "And 2 more with smaller shares." in page) == (True, True)


def test_the_sets_are_chosen_by_links_and_what_is_no_set_is_400(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    store(connection, rob)
    store(connection, rob, item(B, 1.0), statistic="recommendations_top")
    page = visitor.get(PAGE).text
    assert re.findall(r'<a href="([^"]*)"( aria-current="page")?>(?:All|By)', page) == [
        (PAGE, ' aria-current="page"'), (f"{PAGE}?artist_type=top", ""), (f"{PAGE}?artist_type=similar", ""),
    ]  # fmt: skip
    assert names(visitor.get(f"{PAGE}?artist_type=top").text) == ["French Disko"]
    assert "Not computed yet." in visitor.get(f"{PAGE}?artist_type=similar").text
    for query in ("artist_type=x", "offset=-1", "offset=x"):
        assert visitor.get(f"{PAGE}?{query}").status_code == 400, query
    assert visitor.get("/user/nobody/recommendations/").status_code == 404


def test_long_lists_come_in_pages(visitor: Visitor, rob: int, connection: Connection) -> None:
    many = [UUID(int=1000 + n) for n in range(60)]
    document = recommendations(
        [item(one, 100.0 - n) for n, one in enumerate(many)], {one: (f"T{n}", "X") for n, one in enumerate(many)}
    )
    store_user_documents(connection, "recommendations_top", {rob: document})
    seen, path = [], f"{PAGE}?artist_type=top"
    while path:
        page = visitor.get(path).text
        seen += names(page)
        found = re.search(r'<a href="([^"]+)" rel="next">', page)
        path = unescape(found[1]) if found else ""
    assert seen == [f"T{n}" for n in range(60)]
    assert "51 to 60 of 60" in page
    assert "There is nothing further down this list." in visitor.get(f"{PAGE}?artist_type=top&offset=60").text


def test_the_pages_end_where_names_do_and_say_that_the_api_has_more(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    many = [UUID(int=1000 + n) for n in range(120)]
    items = [item(one, 200.0 - n) for n, one in enumerate(many)]
    made = recommendations(items, {one: (f"T{n}", "X") for n, one in enumerate(many[:100])})
    store_user_documents(connection, "recommendations_top", {rob: made})
    with transaction(connection) as cursor:
        put_score(cursor, rob, None, many[3], HATE)

    end = "There is nothing further down this list."
    for offset, said in ((0, "1 to 25 of 99"), (75, "76 to 99 of 99"), (99, end)):
        page = visitor.get(f"{PAGE}?artist_type=top&offset={offset}").text
        assert said in page
        assert ('rel="next"' in page) == (offset == 0)
        assert str(many[100]) not in page
        [(path, more)] = re.findall(r'<a href="([^"]+)">the API has (\d+) more</a>', page)
        answer = visitor.get(unescape(path)).get_json()["payload"]
        assert (more, answer["total_mbid_count"]) == ("20", 119)
        assert [UUID(one["recording_mbid"]) for one in answer["mbids"]] == many[100:]
    made = recommendations(items[:100], dict.fromkeys(many, ("T", "X")))
    store_user_documents(connection, "recommendations_top", {rob: made})
    assert "the API has" not in visitor.get(f"{PAGE}?artist_type=top").text


def test_an_empty_set_says_why_and_a_fallback_is_declared(visitor: Visitor, rob: int, connection: Connection) -> None:
    why = "You have 2 listens: what <everybody> hears."
    store_user_documents(connection, RAW, {rob: recommendations([], fallback=why)})
    page = visitor.get(PAGE).text
    assert unescape(page).count(why) == 1
    assert "<everybody>" not in page
    assert "There is nothing in this list." in page


@pytest.mark.parametrize(
    ("kind", "said"),
    [("popularity", "What everybody hears most: 41 listens"), ("own_history", "What was played most: 41 listens")],
)
def test_what_explains_itself_needs_no_list_of_reasons(
    visitor: Visitor, rob: int, connection: Connection, kind: str, said: str
) -> None:
    store(connection, rob, item(A, 41.0, (A, False, 41, 41.0)), kind=kind)
    page = visitor.get(PAGE).text
    assert said in page
    assert "<details>" not in page


def test_love_and_hate_by_forms_and_hate_is_taken_back(visitor: Visitor, rob: int, connection: Connection) -> None:
    store(connection, rob)
    visitor.log_in()
    assert names(visitor.get(PAGE).text) == ["Papercuts", "<b>Pram</b>"]
    loved = visitor.post("/recommendations/feedback", PAGE, love=f"mbid {A}", back=f"{PAGE}?artist_type=raw")
    assert (loved.status_code, loved.headers["Location"]) == (303, f"{PAGE}?artist_type=raw")
    page = visitor.get(PAGE).text
    assert re.findall(r'value="([^"]+)" class="act love"[^>]* aria-pressed="true"', page) == [f"mbid {A}"]

    hated = visitor.post("/recommendations/feedback", PAGE, hate=f"msid {C}", back=PAGE)
    page = visitor.get(hated.headers["Location"]).text
    assert names(page) == ["Papercuts"], "it is gone at once"
    assert f'name="neither" value="msid {C}"' in page
    visitor.post("/recommendations/feedback", PAGE, neither=f"msid {C}", back=PAGE)
    assert names(visitor.get(PAGE).text) == ["Papercuts", "<b>Pram</b>"]
    assert "not recommended any more" not in visitor.get(hated.headers["Location"]).text, "it is not hated now"
    with transaction(connection) as cursor:
        assert scores_of(cursor, rob, [(None, str(A)), (C, None), (None, None)]) == [1, 0, 0]


@pytest.mark.parametrize("key", ["", "x", str(A), f"mbid {A}x", f"other {A}", "mbid ", "mbid \0"])
def test_a_form_that_names_no_recording_is_400(visitor: Visitor, rob: int, key: str) -> None:
    visitor.log_in()
    assert visitor.post("/recommendations/feedback", "/", love=key).status_code == 400
    if key:
        assert visitor.get(PAGE, query_string={"hated": key}).status_code == 400


def test_a_form_without_a_word_is_400_and_without_a_log_in_goes_there(visitor: Visitor, rob: int) -> None:
    answer = visitor.post("/recommendations/feedback", "/login", love=f"mbid {A}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login?next=%2Fprofile")
    visitor.log_in()
    assert visitor.post("/recommendations/feedback", "/", other=f"mbid {A}").status_code == 400
    elsewhere = visitor.post("/recommendations/feedback", "/", hate=f"mbid {A}", back="//evil.example")
    assert elsewhere.headers["Location"].startswith("/user/rob/recommendations/?hated=")


def test_nobody_acts_for_another(visitor: Visitor, rob: int, connection: Connection) -> None:
    zoe = a_user(connection, "zoe")
    store_user_documents(connection, RAW, {rob: recommendations(ITEMS, NAMES), zoe: recommendations(ITEMS, NAMES)})
    with transaction(connection) as cursor:
        put_score(cursor, zoe, None, A, HATE)
    visitor.log_in()
    page = visitor.get(f"/user/zoe/recommendations/?hated=mbid+{A}").text
    assert "<button form=" not in page
    assert names(page) == ["<b>Pram</b>"]
    visitor.post("/recommendations/feedback", PAGE, hate=f"msid {C}")
    assert names(visitor.get("/user/zoe/recommendations/").text) == ["<b>Pram</b>"]


def test_similar_users_are_linked_and_who_is_gone_is_left_out(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    odd, gone = create_user(connection, "a/b <c>"), create_user(connection, "gone")
    store_user_documents(connection, "similar_users", {rob: [[gone, 0.9], [odd, 0.127]]})
    delete_account(connection, gone, 1)
    page = visitor.get(PAGE).text.split('id="similar-heading"')[1]
    assert re.findall(r'<a href="([^"]+)"><bdi class="user">([^<]*)</bdi></a> <span class="number">(\d+) %', page) == [
        ("/user/a%2Fb%20%3Cc%3E/", "a/b &lt;c&gt;", "13")
    ]


def test_a_user_whose_name_ends_like_the_page_has_her_own(visitor: Visitor, connection: Connection) -> None:
    create_user(connection, "x")
    create_user(connection, "x/recommendations")
    assert "<bdi>x</bdi></h1>" in visitor.get("/user/x/recommendations/").text
    hers = visitor.client.get("/user/x%2Frecommendations/", environ_overrides={"RAW_URI": "/user/x%2Frecommendations/"})
    assert "<bdi>x/recommendations</bdi></h1>" in hers.text
