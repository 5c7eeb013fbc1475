"""The usage examples of the documentation of March 2023, section 1.2, against the real server.

Its functions are here as they are printed there, but for the address. Looking up MBIDs belongs to parts of the API that
docs/not_yet.txt names.
"""

from time import time
from typing import Any

import pytest
import requests

from tests.live_server import Server
from tests.webapi.conftest import Account, Drain

pytestmark = pytest.mark.servers


@pytest.fixture
def root(live: Server) -> str:
    return f"127.0.0.1:{live.port}"


def submit_listen(root: str, listen_type: str, payload: list[dict[str, Any]], token: str) -> Any:
    response = requests.post(
        url=f"http://{root}/1/submit-listens",
        json={"listen_type": listen_type, "payload": payload},
        headers={"Authorization": f"Token {token}"},
        timeout=10,
    )
    response.raise_for_status()
    return response.json()


def get_listens(
    root: str, token: str, username: str, min_ts: int | None = None, max_ts: int | None = None, count: int | None = None
) -> Any:
    response = requests.get(
        url=f"http://{root}/1/user/{username}/listens",
        params={"min_ts": min_ts, "max_ts": max_ts, "count": count},
        headers={"Authorization": f"Token {token}"},
        timeout=10,
    )
    response.raise_for_status()
    return response.json()["payload"]["listens"]


def submit_feedback(root: str, token: str, recording_mbid: str, score: int) -> None:
    """Submit feedback for recording."""
    response = requests.post(
        url=f"http://{root}/1/feedback/recording-feedback",
        json={"recording_mbid": recording_mbid, "score": score},
        headers={"Authorization": f"Token {token}"},
        timeout=10,
    )
    response.raise_for_status()
    print("Feedback submitted.")


def set_latest_import(root: str, timestamp: int, token: str, service: str = "lastfm") -> Any:
    response = requests.post(
        url=f"http://{root}/1/latest-import",
        json={"ts": timestamp, "service": service},
        headers={"Authorization": f"Token {token}"},
        timeout=10,
    )
    response.raise_for_status()
    return response.json()


def get_latest_import(root: str, token: str, username: str, service: str = "lastfm") -> Any:
    response = requests.get(
        url=f"http://{root}/1/latest-import",
        params={"user_name": username, "service": service},
        headers={"Authorization": f"Token {token}"},
        timeout=10,
    )
    response.raise_for_status()
    return response.json()["latest_import"]


EXAMPLE_PAYLOAD: list[dict[str, Any]] = [
    {
        # An example track.
        "listened_at": int(time()),
        "track_metadata": {
            "additional_info": {
                "release_mbid": "bf9e91ea-8029-4a04-a26a-224e00a83266",
                "artist_mbids": ["db92a151-1ac2-438b-bc43-b82e149ddd50"],
                "recording_mbid": "98255a8c-017a-4bc7-8dd6-1fa36124572b",
                "tags": ["you", "just", "got", "semi", "rick", "rolled"],
            },
            "artist_name": "Rick Astley",
            "track_name": "Never Gonna Give You Up",
            "release_name": "Whenever you need somebody",
        },
    }
]


def test_submitting_listens_and_getting_the_history(root: str, rob: Account, drain: Drain) -> None:
    assert submit_listen(root, "single", EXAMPLE_PAYLOAD, rob.token) == {"status": "ok"}
    drain()
    [track] = get_listens(root, rob.token, "Rob")
    assert track["track_metadata"]["track_name"] == "Never Gonna Give You Up"
    assert track["listened_at"] == EXAMPLE_PAYLOAD[0]["listened_at"]
    earlier = [{**EXAMPLE_PAYLOAD[0], "listened_at": ts} for ts in (1511968583, 1443521965)]
    assert submit_listen(root, "import", earlier, rob.token) == {"status": "ok"}
    drain()
    assert [t["listened_at"] for t in get_listens(root, rob.token, "Rob", max_ts=1511968584)] == [
        1511968583,
        1443521965,
    ]
    assert [t["listened_at"] for t in get_listens(root, rob.token, "Rob", min_ts=1443521965, count=1)] == [1511968583]
    with pytest.raises(requests.HTTPError, match="401"):
        submit_listen(root, "single", EXAMPLE_PAYLOAD, "wrong")


def test_setting_and_getting_the_latest_import(root: str, rob: Account) -> None:
    assert get_latest_import(root, rob.token, "Rob") == 0
    timestamp = int(time())
    assert set_latest_import(root, timestamp, rob.token) == {"status": "ok"}
    assert get_latest_import(root, rob.token, "Rob") == timestamp


def test_submitting_love_and_hate(root: str, rob: Account) -> None:
    mbid = "d23f4719-9212-49f0-ad08-ddbfbfc50d6f"
    for score in (1, -1, 0):
        submit_feedback(root, rob.token, mbid, score)
        answer = requests.get(f"http://{root}/1/feedback/user/Rob/get-feedback", timeout=10).json()
        assert [(one["recording_mbid"], one["score"]) for one in answer["feedback"]] == (
            [(mbid, score)] if score else []
        )
