"""The profile's settings of statistics, as a browser without scripts uses them."""

import re
from html import unescape

import pytest

from conf.postgres import Connection, transaction
from jobs.listens.exclusions import add_exclusion, exclusion_of
from tests.pages.conftest import HTML, Visitor, a_user, rows
from webapi.pages.statistics_settings import CHANGES, zone_groups

ADD, REMOVE = "/profile/statistics/exclusions", "/profile/statistics/exclusions/remove"
ZONE = "/profile/statistics/timezone"
HOSTILE = "<script>alert(1)</script>"


def chosen(visitor: Visitor) -> list[str]:
    return re.findall(r'<option value="([^"]+)" selected>', visitor.get("/profile").text)


def shown(visitor: Visitor) -> list[tuple[str, str]]:
    page = visitor.get("/profile").text
    found = re.findall(r'name="kind" value="(\w+)"><input type="hidden" name="value" value="([^"]*)"', page)
    return [(kind, unescape(value)) for kind, value in found]


def test_a_time_zone_is_chosen_and_stays_chosen(visitor: Visitor, rob: int, connection: Connection) -> None:
    visitor.log_in()
    assert chosen(visitor) == ["UTC"]
    answer = visitor.post(ZONE, "/profile", zone="Asia/Kathmandu")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/profile#statistics")
    assert "Your time zone is Asia/Kathmandu." in visitor.get("/profile").text
    assert chosen(visitor) == ["Asia/Kathmandu"]
    assert rows(connection, "SELECT user_id, zone FROM user_settings") == [(rob, "Asia/Kathmandu")]
    visitor.post(ZONE, "/profile", zone="US/Eastern")
    assert chosen(visitor) == ["US/Eastern"], "set over the API, it is shown"
    visitor.post(ZONE, "/profile", zone="Mars/Olympus")
    assert "Mars/Olympus: no time zone of that name" in visitor.get("/profile").text
    assert chosen(visitor) == ["US/Eastern"]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "US/Eastern", "GB"])
def test_the_select_offers_utc_and_the_chosen_zone_once_and_no_name_twice(zone: str) -> None:
    names = [name for _, group in zone_groups(zone) for name, _ in group]
    assert len(names) == len({*names})
    assert {"UTC", zone, "America/Argentina/Buenos_Aires"} <= {*names}
    groups = {region: dict(group) for region, group in zone_groups(zone)}
    assert groups["America"]["America/Argentina/Buenos_Aires"] == "Argentina/Buenos Aires"


def test_an_exclusion_is_added_listed_and_removed(visitor: Visitor, rob: int) -> None:
    visitor.log_in()
    assert "Everything counts." in visitor.get("/profile").text
    assert visitor.post(ADD, "/profile", kind="artist", value=" Sigur Rós ").status_code == 303
    assert "Left out: artist Sigur Rós." in visitor.get("/profile").text
    visitor.post(ADD, "/profile", kind="client", value=HOSTILE)
    assert shown(visitor) == [("client", HOSTILE), ("artist", "Sigur Rós")]
    assert HOSTILE not in visitor.get("/profile").text
    visitor.post(REMOVE, "/profile", kind="client", value=HOSTILE)
    assert "Counts again: client" in visitor.get("/profile").text
    assert shown(visitor) == [("artist", "Sigur Rós")]


def test_what_names_nothing_is_refused_with_its_reason(visitor: Visitor, rob: int) -> None:
    visitor.log_in()
    for values, said in (
        ({"kind": "recording", "value": "Waterloo"}, "Waterloo is neither an MBID nor an MSID"),
        ({"kind": "artist", "value": ""}, "at least one visible character"),
        ({"kind": "song", "value": "x"}, "expected one of artist, recording, client"),
        ({}, "expected one of artist, recording, client"),
    ):
        for path in (ADD, REMOVE):
            assert visitor.post(path, "/profile", **values).status_code == 303
            assert said in visitor.get("/profile").text
    assert shown(visitor) == []


def test_forms_without_the_secret_of_the_page_or_a_log_in_do_nothing(
    visitor: Visitor, rob: int, connection: Connection
) -> None:
    values = {"zone": "Asia/Tokyo", "kind": "artist", "value": "Abba"}
    for path in (ZONE, ADD, REMOVE):
        assert visitor.post(path, "/login", **values).headers["Location"].startswith("/login")
    visitor.log_in()
    for path in (ZONE, ADD, REMOVE):
        assert visitor.client.post(path, data=values, headers=HTML).status_code == 400
    assert rows(connection, "SELECT (SELECT count(*) FROM user_settings) + (SELECT count(*) FROM exclusion)") == [(0,)]


def test_only_ones_own_exclusions_are_there(visitor: Visitor, rob: int, connection: Connection) -> None:
    zoe = a_user(connection, "zoe")
    with transaction(connection) as cursor:
        add_exclusion(cursor, zoe, exclusion_of("artist", "Abba"))
    visitor.log_in()
    assert shown(visitor) == []
    visitor.post(REMOVE, "/profile", kind="artist", value="Abba")
    assert rows(connection, "SELECT user_id FROM exclusion") == [(zoe,)]


def test_there_is_an_end_to_changes_in_a_minute(timeless: Visitor, rob: int) -> None:
    timeless.log_in()
    token = timeless.form_token("/profile")
    sent = {"csrf_token": token, "kind": "artist", "value": "Abba"}
    found = [timeless.client.post(ADD, data=sent, headers=HTML).status_code for _ in range(CHANGES + 1)]
    assert found == [303] * CHANGES + [429]
