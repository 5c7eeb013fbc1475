"""Files of other services over the API: the same imports as on the page."""

import io
import threading
from uuid import uuid4

import orjson
import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from conf.postgres import Connection
from conf.settings import Settings
from dumps.load.importer import Importer
from jobs.listens.imports import OUTSIDE
from tests.webapi.conftest import Account, listen, make_account

LINES = orjson.dumps(listen()) + b"\n{broken\n"


def hand_in(client: FlaskClient, who: Account, content: bytes = LINES, **form: str) -> TestResponse:
    data = {"file": (io.BytesIO(content), "dir/history.jsonl"), **form}
    return client.post("/1/import-listens/", data=data, headers=who.headers)


def test_a_file_is_handed_in_followed_and_listed(client: FlaskClient, rob: Account, settings: Settings) -> None:
    handed = hand_in(client, rob, timezone="Europe/Berlin")
    assert handed.status_code == 200
    waiting = handed.get_json()
    path = f"/1/import-listens/{waiting['import_id']}/"
    importer, stop = Importer(settings), threading.Event()
    threading.Timer(0.3, stop.set).start()
    importer.work(stop)
    importer.close()
    done = client.get(path, headers=rob.headers).get_json()

    assert (waiting["state"], waiting["service"], waiting["file_name"]) == ("waiting", "jsonl", "history.jsonl")
    assert (waiting["timezone"], waiting["bytes"], waiting["started"]) == ("Europe/Berlin", len(LINES), None)
    assert (done["state"], done["counts"]["new"], done["counts"]["rejected"]) == ("done", 1, 1)
    assert [problem["item"] for problem in done["problems"]] == ["line 2"]
    assert done["finished"] >= done["started"] >= done["created"]
    assert client.get("/1/import-listens/list/", headers=rob.headers).get_json() == {"imports": [done]}
    cancelled = client.post(f"/1/import-listens/cancel/{done['import_id']}/", headers=rob.headers)
    assert (cancelled.status_code, cancelled.get_json()["error"]) == (
        400,
        "The import is done: only one that is waiting can be cancelled.",
    )


def test_only_the_listens_of_the_wanted_days_come_in(client: FlaskClient, rob: Account, settings: Settings) -> None:
    midnight = 1_640_991_600  # 2022-01-01 00:00 in Berlin
    day = 86_400
    times = (midnight - 1, midnight, midnight + 2 * day - 1, midnight + 2 * day)
    content = b"\n".join(orjson.dumps(listen(at, f"Song {at}")) for at in times)
    first = hand_in(
        client, rob, content, timezone="Europe/Berlin", from_date="2022-01-01", to_date="2022-01-02"
    ).get_json()
    second = hand_in(client, rob, content, timezone="Europe/Berlin", to_date="2021-12-31").get_json()
    third = hand_in(client, rob, content, timezone="Europe/Berlin", from_date="2022-01-03").get_json()
    importer, stop = Importer(settings), threading.Event()
    threading.Timer(1.0, stop.set).start()
    importer.work(stop)
    importer.close()

    assert (first["from_date"], first["to_date"]) == ("2022-01-01", "2022-01-02")
    assert (second["from_date"], second["to_date"]) == (None, "2021-12-31")
    counts = [
        client.get(f"/1/import-listens/{one['import_id']}", headers=rob.headers).get_json()["counts"]
        for one in (first, second, third)
    ]
    assert [count["new"] for count in counts] == [2, 1, 1]
    assert [count["why"] for count in counts] == [{OUTSIDE: 2}, {OUTSIDE: 3}, {OUTSIDE: 3}]
    found = client.get("/1/user/rob/listens").get_json()["payload"]["listens"]
    assert [one["listened_at"] for one in found] == sorted(times, reverse=True)


def test_one_that_waits_is_cancelled_by_its_owner_only(
    client: FlaskClient, rob: Account, connection: Connection, settings: Settings
) -> None:
    kate = make_account(connection, "kate")
    handed = hand_in(client, rob).get_json()["import_id"]
    path = f"/1/import-listens/cancel/{handed}/"

    assert client.get(f"/1/import-listens/{handed}/", headers=kate.headers).status_code == 404
    assert client.post(path, headers=kate.headers).status_code == 404
    assert client.post(path, headers=rob.headers).get_json() == {"status": "ok"}
    assert client.get(f"/1/import-listens/{handed}/", headers=rob.headers).get_json()["state"] == "cancelled"
    assert list((settings.data_dir / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("content", "form", "said"),
    [
        (b"hello", {}, "history.jsonl: not recognised as a file of any service"),
        (b"", {}, "choose a file that is not empty."),
        (LINES, {"service": "deezer"}, "there is no format 'deezer'; there are audioscrobbler, "),
        (LINES, {"timezone": "x"}, "the time zone is not known"),
        (LINES, {"from_date": "31.12.2024"}, "from_date: expected a date such as 2024-12-31."),
        (LINES, {"to_date": "0001-01-01"}, "to_date: expected a date such as 2024-12-31."),
        (LINES, {"from_date": "2022-01-02", "to_date": "2022-01-01"}, "to_date: expected a day not before from_date."),
    ],
)
def test_what_cannot_be_brought_in_is_400(
    client: FlaskClient, rob: Account, settings: Settings, content: bytes, form: dict[str, str], said: str
) -> None:
    answer = hand_in(client, rob, content, **form)

    assert (answer.status_code, answer.get_json()["code"]) == (400, 400)
    assert answer.get_json()["error"].startswith(said)
    assert list((settings.data_dir / "uploads").iterdir() if (settings.data_dir / "uploads").is_dir() else []) == []


def test_no_file_no_token_and_no_such_import(client: FlaskClient, rob: Account) -> None:
    assert client.post("/1/import-listens/", headers=rob.headers).status_code == 400
    assert client.post("/1/import-listens/").status_code == 401
    assert client.get("/1/import-listens/list/").status_code == 401
    assert client.get(f"/1/import-listens/{uuid4()}/", headers=rob.headers).status_code == 404
    assert client.get("/1/import-listens/x/", headers=rob.headers).status_code == 404
