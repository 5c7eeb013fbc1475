"""What the statistics of one user over a span of days need of the lake's tables, read without a JVM.

Of each table the rows that her listens in these days lead to: their tracks, what the mapping says of these, and the
metadata of what both name. Everything else joins with nothing, so the results are those of the whole tables.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset

from jobs import lake_files
from jobs.landing import Landing
from jobs.spans import Span

Rows = dict[str, pa.Table]
"""By table."""
_TIME = pa.timestamp("us", "UTC")
_SKEW = timedelta(days=1)
"""No clock is as far from UTC: the days of every zone lie within so much more at both ends."""
_LISTENS = ("user_id", "track_id", "client_id", "played_ms", "duration_ms", "listened_at")
_NAMED: Mapping[str, tuple[str, Callable[[Rows], pa.Array]]] = {
    "clients": ("client_id", lambda found: _values(found, "client_id", "listens")),
    "tracks": ("track_id", lambda found: _values(found, "track_id", "listens")),
    "mapping": ("recording_msid", lambda found: _values(found, "recording_msid", "tracks")),
    **{
        name: ("recording_mbid", lambda found: _values(found, "recording_mbid", "tracks", "mapping"))
        for name in ("recording_artist", "recording_genre", "recording_length")
    },
    "release_metadata_cache": ("release_mbid", lambda found: _values(found, "release_mbid", "tracks", "mapping")),
    "release_group_metadata_cache": (
        "release_group_mbid",
        lambda found: _values(found, "release_group_mbid", "tracks", "release_metadata_cache"),
    ),
    "artist_country_code": ("artist_mbid", lambda found: _values(found, "artist_mbids", "tracks", "mapping")),
}
"""Tables in the order they are read: the column that decides, and the values of it that what was read before names."""


def span_tables(lake: str, landing: Landing, user_id: int, span: Span, wanted: Collection[str]) -> Rows:
    """The tables of `wanted` that the lake has, each cut down to these rows. One user's rows: a few thousand at most.

    Of a table named by others, whose rows are all left out, one stays: for statements that ask whether there is any.
    """
    whose = pc.field("user_id") == user_id
    found: Rows = {}
    for name in ("users", "user_settings", "exclusions"):
        if name in landing.versions:
            found[name] = _rows(lake, landing, name).to_table(filter=whose)
    listens = _rows(lake, landing, "listens")
    found["listens"] = listens.to_table(filter=whose & _within(span), columns=list(_LISTENS))
    for name, (column, values) in _NAMED.items():
        if name in wanted and name in landing.versions:
            rows = _rows(lake, landing, name)
            needed = rows.to_table(filter=pc.field(column).isin(values(found)))
            found[name] = needed if needed.num_rows else rows.head(1)
    return found


def _within(span: Span) -> pc.Expression:
    """At most a day more than the span and the one before it, on whatever clock."""
    first, end = (datetime.fromtimestamp(at, UTC) for at in (span.previous.from_ts, span.to_ts))
    at = pc.field("listened_at")
    return (at >= pa.scalar(first - _SKEW, _TIME)) & (at < pa.scalar(end + _SKEW, _TIME))


def _rows(lake: str, landing: Landing, name: str) -> pyarrow.dataset.Dataset:
    return lake_files.open_table(lake, landing, name).to_pyarrow_dataset()


def _values(found: Rows, column: str, *names: str) -> pa.Array:
    """What these tables have in a column, each once; of lists their elements."""
    columns = [found[name].column(column) for name in names if name in found]
    chunks = [chunk for of in columns for chunk in (of.chunks or [pa.array([], of.type)])]
    return pa.chunked_array([_flat(chunk) for chunk in chunks]).unique()


def _flat(values: pa.Array) -> pa.Array:
    kind = values.type
    return pc.list_flatten(values) if pa.types.is_list(kind) or pa.types.is_large_list(kind) else values
