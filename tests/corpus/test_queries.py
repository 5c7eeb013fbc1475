"""Class C of the bad inputs: what may stand in a query and in the path."""

import pytest

from tests.corpus.conftest import Hold
from tests.corpus.seed import BEARER, Seed, dumped, http

pytestmark = pytest.mark.servers

LISTENS = "/1/user/Rob/listens"
STATISTIC = "/1/stats/user/Rob/artists"
YEAR = "/1/stats/user/Rob/year-in-music"
NO_YEAR = "Cannot find Year in Music report for year"
RELEASES = "/1/explore/fresh-releases/"
OFFSET = "'offset' should be a non-negative integer"
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"
OTHER_KEY = dumped({"listened_at": 1443521965, "recording_msid": "x"})

# A year and an mbid are part of a path: what is no year of a report is not found.
QUERIES = [
    ("count -1", f"{LISTENS}?count=-1", 400, "should be positive"),
    ("count abc", f"{LISTENS}?count=abc", 400, "Invalid count argument: abc"),
    ("count 1e3", f"{LISTENS}?count=1e3", 400, "Invalid count argument: 1e3"),
    ("count 1.5", f"{LISTENS}?count=1.5", 400, "Invalid count argument: 1.5"),
    ("count of 5000 digits", f"{LISTENS}?count={'9' * 5000}", 400, "Invalid count argument: 999"),
    ("count NUL", f"{LISTENS}?count=%00", 400, "Invalid count argument: \0"),
    ("count 1000000", f"{LISTENS}?count=1000000", 200, '"count":0'),
    ("offset -1", f"{STATISTIC}?offset=-1", 400, OFFSET),
    ("offset 2^63", f"{STATISTIC}?offset={2**63}", 400, OFFSET),
    ("offset 2^64", f"{STATISTIC}?offset={2**64}", 400, OFFSET),
    ("bounds equal", f"{LISTENS}?min_ts=1443521965&max_ts=1443521965", 400, "max_ts should be greater than min_ts"),
    ("bounds crossed", f"{LISTENS}?min_ts=1443521965&max_ts=5", 400, "max_ts should be greater than min_ts"),
    ("max_ts in milliseconds", f"{LISTENS}?max_ts={10**12}", 400, "Incorrect max_ts timestamp argument"),
    ("max_ts in nanoseconds", f"{LISTENS}?max_ts={10**18}", 400, "Incorrect max_ts timestamp argument"),
    ("max_ts of 40 digits", f"{LISTENS}?max_ts={10**39}", 400, "Incorrect max_ts timestamp argument"),
    ("max_ts nan", f"{LISTENS}?max_ts=nan", 400, "Incorrect max_ts timestamp argument: nan"),
    ("range Week", f"{STATISTIC}?range=Week", 400, "Invalid range: Week"),
    ("range ../x", f"{STATISTIC}?range=../x", 400, "Invalid range: ../x"),
    ("range with a quote", f"{STATISTIC}?range=week'--", 400, "Invalid range: week'--"),
    ("range empty", f"{STATISTIC}?range=", 400, "Invalid range: "),
    ("year 0", f"{YEAR}/0", 404, f"{NO_YEAR}: 0"),
    ("year -1", f"{YEAR}/-1", 404, f"{NO_YEAR}: -1"),
    ("year 99999", f"{YEAR}/99999", 404, f"{NO_YEAR}: 99999"),
    ("year abc", f"{YEAR}/abc", 404, f"{NO_YEAR}: abc"),
    ("days 31", f"{RELEASES}?days=31", 400, "days must be between 1 and 30."),
    ("date 2023-02-30", f"{RELEASES}?release_date=2023-02-30", 400, "Cannot parse date 2023-02-30"),
    ("mbid x", "/1/stats/artist/x/listeners", 400, "x mbid format invalid."),
    ("10,000 mbids", f"{LISTENS}?mbids={','.join([MBID] * 10_000)}", 431, "The headers are too large."),
    ("repeated", f"{LISTENS}?count=x&count=1", 400, "Invalid count argument: x"),
    ("unknown", f"{LISTENS}?__proto__=1&count[]=2&%ff=%fe", 200, '"count":0'),
    ("user a/b", "/1/user/a/b/listens", 404, "Cannot find user: a/b"),
    ("user NUL", "/1/user/%00/listens", 404, "Cannot find user: "),
    ("user of 1001 characters", f"/1/user/{'u' * 1001}/listens", 404, "Cannot find user: uuu"),
    ("user ..", "/1/user/../listens", 404),
    ("user emoji", "/1/user/%F0%9F%8E%B5/listens", 404, "Cannot find user: \U0001f3b5"),
]
SEEDS = [
    Seed(
        f"C{number}",
        str(about),
        lambda path=str(path): http("GET", path),  # type: ignore[misc]
        int(code),
        str(says[0]) if says else "",
        limited=code != 431,
    )
    for number, (about, path, code, *says) in enumerate(QUERIES, 1)
]


def test_every_bad_query_is_refused_clamped_or_ignored(all_hold: Hold) -> None:
    assert [seed.id for seed in SEEDS] == [f"C{number}" for number in range(1, 36)]
    all_hold(SEEDS)


def test_a_bad_key_of_a_listen_deletes_nothing(all_hold: Hold) -> None:
    def sent() -> bytes:
        return http("POST", "/1/delete-listen", BEARER, OTHER_KEY)

    all_hold([Seed("C27b", "recording_msid x", sent, 400, "x: Recording MSID format invalid.")])
