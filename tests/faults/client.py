"""A client that submits deterministic listens over HTTP and writes down what it was told."""

from itertools import count
from pathlib import Path
from typing import Any

import requests

from tests.faults.ledger import Ledger, Promise

FIRST = 1_700_000_000


def listen(number: int) -> dict[str, Any]:
    """The number-th listen: another second and another track each."""
    return {
        "listened_at": FIRST + number,
        "track_metadata": {
            "artist_name": f"Artist {number % 7}", "track_name": f"Track {number}",
            "additional_info": {"submission_client": "ledger", "number": number},
        },
    }  # fmt: skip


class Client:
    """Submits, retries nothing by itself, remembers everything."""

    def __init__(self, url: str, user_name: str, token: str, path: Path) -> None:
        self.url = url
        self.user_name = user_name
        self.ledger = Ledger(path)
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Token {token}"
        self._numbers = count()

    def submit(self, how_many: int = 1) -> int | None:
        """Send the next listens in one call; the status, or None when no answer came."""
        return self.send([listen(next(self._numbers)) for _ in range(how_many)])

    def send(self, listens: list[dict[str, Any]]) -> int | None:
        call = self.ledger.intend(self.user_name, listens)
        status = self._post("/1/submit-listens", {"listen_type": "import", "payload": listens})
        self.ledger.answered(call, status)
        return status

    def delete(self, listened_at: int, recording_msid: str) -> int | None:
        return self._post("/1/delete-listen", {"listened_at": listened_at, "recording_msid": recording_msid})

    def _post(self, path: str, body: dict[str, Any]) -> int | None:
        try:
            return self._session.post(self.url + path, json=body, timeout=20).status_code
        except requests.RequestException:
            return None

    def promises(self) -> list[Promise]:
        return self.ledger.promises()
