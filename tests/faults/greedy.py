"""spark_manage.py with one job more, whose tasks ask for more memory than the heap of any driver has here."""

import jobs.catalog
from commands.app import run
from jobs.job import Bundle, Job, SitewideDocument

NAME = "tests.greedy"
JOB = Job(
    name=NAME,
    statistic="tests_greedy",
    select={},
    params=(),
    inputs=("user_track",),
    run="SELECT 0 AS slot, array_join(transform(sequence(1, 15 + key - key), n -> repeat('x', 100000000 + int(n))), '')"
    " AS doc FROM {user_track} LIMIT 1",
    output=SitewideDocument(),
    about="Texts of 1.5 GB",
)

if __name__ == "__main__":
    known: list[Job | Bundle] = [*jobs.catalog.catalog().jobs.values(), *jobs.catalog.catalog().bundles.values()]
    jobs.catalog._found = lambda: iter([*known, JOB])
    jobs.catalog.catalog.cache_clear()
    run()
