from dataclasses import replace
from typing import Any

import pytest

from jobs.catalog import DuplicateJobError, InvalidRequestError, UnknownJobError, catalog, catalog_of
from jobs.job import Bundle, Route
from jobs.stats.artists import JOBS

JOB = JOBS[0]
ALBUMS = replace(JOB, statistic="user_albums", select={"entity": "albums"}, route=None)


def test_a_request_names_its_job_by_its_choosing_params() -> None:
    found = catalog_of([JOB, ALBUMS])

    jobs, params = found.check("stats.user.entity", {"entity": "albums", "stats_range": "week"})

    assert [job.statistic for job in jobs] == ["user_albums"]
    assert params == {"entity": "albums", "stats_range": "week", "at": None, "rebuild": None, "database": None}


def test_without_choosing_params_every_job_of_the_name_runs() -> None:
    jobs, _ = catalog_of([JOB, ALBUMS]).check("stats.user.entity", {})

    assert [job.statistic for job in jobs] == ["user_artists", "user_albums"]


def test_what_is_made_from_a_list_runs_with_it_and_can_be_asked_for_alone() -> None:
    check = catalog().check

    assert [job.statistic for job in check("stats.user.entity", {"entity": "artists"})[0]] == [
        "user_artist_map",
        "user_artists",
    ]
    assert [job.statistic for job in check("stats.sitewide.entity", {"entity": "artist_map"})[0]] == [
        "sitewide_artist_map"
    ]


def test_a_bundle_runs_its_jobs_in_order() -> None:
    found = catalog_of([JOB, ALBUMS, Bundle("cron.all", ("user_albums", "user_artists"), "both")])

    assert [job.statistic for job in found.check("cron.all", {})[0]] == ["user_albums", "user_artists"]


def test_an_unknown_query_is_refused_and_the_known_ones_are_named() -> None:
    with pytest.raises(UnknownJobError, match=r"'stats\.nothing'; known are .*stats\.user\.entity"):
        catalog().check("stats.nothing", {})


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"entity": "pizza"}, "entity='pizza'"),
        ({"stats_range": "weak"}, "stats_range='weak'"),
        ({"stats_range": 7}, "stats_range=7"),
        ({"user": "rob"}, "unknown param 'user'"),
        ({"at": "soon"}, "at='soon'"),
        ({"entity": ["artists"]}, "entity="),
    ],
)
def test_a_param_out_of_bounds_is_refused_by_name(params: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        catalog().check("stats.user.entity", params)


def test_the_same_request_in_other_words_is_the_same_request() -> None:
    check = catalog().check

    assert check("stats.user.entity", {"at": "2021-11-22"})[1] == check("stats.user.entity", {"at": 1637539200})[1]


@pytest.mark.parametrize(
    "second",
    [
        replace(ALBUMS, statistic="user_artists"),
        replace(ALBUMS, select={"entity": "artists"}),
        replace(ALBUMS, route=Route("/1/stats/user/<path:user_name>/artists", "albums", "total_album_count")),
    ],
)
def test_two_jobs_may_not_claim_the_same_thing(second: Any) -> None:
    with pytest.raises(DuplicateJobError, match="user_artists"):
        catalog_of([JOB, second])


def test_a_param_that_is_said_to_be_ignored_is_ignored() -> None:
    params = [param for query in catalog().queries() for param in catalog().params(query)]

    assert {param.name for param in params if param.ignored} == {
        "database",
        "export_to_spotify",
        "html",
        "import_pg_tables",
        "local",
        "only_stage2",
        "use_mlhd",
    }
    assert all(param.ignored == ("and ignored" in param.about) for param in params)


def test_a_bundle_of_a_missing_job_is_refused() -> None:
    with pytest.raises(UnknownJobError, match="user_albums"):
        catalog_of([JOB, Bundle("cron.all", ("user_albums",), "one")])
