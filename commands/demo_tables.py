"""What the demo prints: top artists of a user, and five recommendations with why, both as the API answers them."""

from typing import Any
from urllib.parse import quote

import requests
from rich.table import Table
from rich.text import Text

from commands.exits import CommandError
from commands.output import printable
from conf.settings import Settings

SHOWN = 10
"""Artists."""
RECOMMENDED = 5
REASONS = 3
"""Of one recommendation."""


def top_artists(settings: Settings, name: str) -> Table:
    """The answer of GET /1/stats/user/NAME/artists as a table. Raises CommandError when there is none."""
    path = f"/1/stats/user/{quote(name, safe='')}/artists?range=all_time&count={SHOWN}"
    answer = requests.get(f"{settings.url}{path}", timeout=10)
    if answer.status_code != 200:
        raise CommandError(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
    payload = answer.json()["payload"]
    table = Table("", "artist", "listens", title=f"Top artists of {name} (of {payload['total_artist_count']})")
    for place, item in enumerate(payload["artists"], 1):
        table.add_row(str(place), Text(printable(item["artist_name"])), str(item["listen_count"]))
    return table


def is_computed(settings: Settings, name: str) -> bool:
    """Whether the statistics of the newest data version are served: then a second start need not wait for Spark."""
    return _is_of_newest(settings, f"/1/stats/user/{quote(name, safe='')}/artists?count=1")


def is_recommended(settings: Settings, name: str) -> bool:
    """Whether recommendations of the newest data version are served: then a second start need not wait for them."""
    return _is_of_newest(settings, _path(name, 1))


def has_year(settings: Settings, name: str, year: int) -> bool:
    """Whether the year in music of a user is served; what a later day has brought, the scheduler has told anew."""
    answer = requests.get(f"{settings.url}/1/stats/user/{quote(name, safe='')}/year-in-music/{year}", timeout=10)
    return answer.status_code == 200 and bool(answer.json()["payload"]["data"])


def recommended(settings: Settings, name: str) -> Table:
    """The answer of GET /1/cf/recommendation/user/NAME/recording. Raises CommandError when there is none."""
    path = _path(name, RECOMMENDED)
    answer = requests.get(f"{settings.url}{path}", timeout=10)
    if answer.status_code != 200:
        raise CommandError(f"GET {path} answered {answer.status_code}: {answer.text[:300]}")
    payload = answer.json()["payload"]
    about = payload["fallback"] or f"by a model of the kind {payload['kind']}"
    table = Table("", "recording", "artist", "because of", title=f"Recommended to {name}, {about}")
    for place, item in enumerate(payload["mbids"], 1):
        shown = (item["recording_name"], item["artist_credit_name"], _because(item, payload["kind"]))
        table.add_row(str(place), *(Text(printable(text or "")) for text in shown))
    return table


def _because(item: dict[str, Any], kind: str) -> str:
    """In words: what was heard how often, and how much of the score that is."""
    if kind == "popularity":
        return f"{item['reasons'][0]['listen_count']} listens of everybody"
    score = item["score"]
    named = [reason for reason in item["reasons"] if reason["recording_name"] is not None]
    told = (
        f"{reason['recording_name']} ({reason['listen_count']} listens, {reason['share'] / score:.0%})"
        for reason in named[:REASONS]
    )
    return ", ".join(told)


def _path(name: str, count: int) -> str:
    return f"/1/cf/recommendation/user/{quote(name, safe='')}/recording?explain=true&count={count}"


def _is_of_newest(settings: Settings, path: str) -> bool:
    """Whether what is answered there is of the newest data version."""
    landing = requests.get(f"{settings.url}/health/ready", timeout=10).json().get("landing") or {}
    answer = requests.get(f"{settings.url}{path}", timeout=10)
    return answer.status_code == 200 and answer.json()["payload"]["data_version"] == landing.get("id")
