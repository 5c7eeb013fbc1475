"""One statistic of one user over any whole days, made when it is asked for over the API (jobs/spans.py)."""

from jobs.job import Bundle, Param
from jobs.spans import QUERY

BUNDLE = Bundle(
    name=QUERY,
    jobs=(),
    about="One statistic of one user over any whole days, when the API is asked for it",
    params=(
        Param("statistic", about="of users, as it is stored: user_artists, ...", required=True),
        Param("user_id", kind=int, minimum=1, about="whose", required=True),
        Param("from_ts", kind=int, about="midnight UTC at which the first day begins, epoch seconds", required=True),
        Param("to_ts", kind=int, about="midnight UTC at which the last day ends, epoch seconds", required=True),
    ),
    one_of="statistic",
)
