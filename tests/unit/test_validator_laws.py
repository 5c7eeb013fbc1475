"""Laws of the validator: any JSON is accepted or refused, and what was accepted is accepted again unchanged."""

from contextlib import suppress
from typing import Any, cast

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.listens.msid import msid_of
from jobs.listens.validator import LISTEN_TYPES, InvalidListenError, validate_listen

NOW = 1_700_000_000
MBID = "bf9e91ea-8029-4a04-a26a-224e00a83266"

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.sampled_from([MBID, MBID.upper(), "inf", "1", "", " ", "\0", "\u200b"])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
TYPES = st.sampled_from(LISTEN_TYPES)


def mostly(likely: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(likely, likely, likely, JSON)


NAMES = mostly(st.text(min_size=1, max_size=10))
INFO = st.fixed_dictionaries(
    {},
    optional={
        "tags": mostly(st.lists(st.text(max_size=70), max_size=52)),
        "duration": JSON,
        "duration_ms": mostly(st.integers(1, 10**6)),
        "recording_mbid": mostly(st.just(MBID.upper())),
        "artist_mbids": mostly(st.lists(st.sampled_from([MBID, "", None, MBID.upper()]), max_size=3)),
        "tracknumber": JSON,
        "other": JSON,
    },
)
LISTENS = st.fixed_dictionaries(
    {
        "listened_at": mostly(st.integers(1033430400, NOW)),
        "track_metadata": mostly(
            st.fixed_dictionaries(
                {"artist_name": NAMES, "track_name": NAMES},
                optional={"release_name": NAMES, "additional_info": mostly(INFO), "other": JSON},
            )
        ),
    }
)


@given(JSON, TYPES)
def test_any_json_is_accepted_or_refused_with_one_error_type(document: Any, listen_type: Any) -> None:
    with suppress(InvalidListenError):
        validate_listen(document, listen_type, NOW)


@settings(max_examples=300)
@given(LISTENS)
def test_what_is_accepted_is_storable_and_accepted_again_unchanged(document: Any) -> None:
    before = repr(document)
    try:
        valid = validate_listen(document, "import", NOW)
    except InvalidListenError:
        return
    assert repr(document) == before
    assert validate_listen(valid, "import", NOW) == valid
    encoded = orjson.dumps(valid)
    assert cast(dict[str, Any], orjson.loads(encoded)) == valid
    assert msid_of(valid["track_metadata"]) == msid_of(orjson.loads(encoded)["track_metadata"])
