"""What a user plays from now on, whichever protocol says so."""

from typing import Any

from webapi.db.playing_now import playing_seconds, set_playing_now
from webapi.services import services


def play(user_id: int, track_metadata: dict[str, Any]) -> None:
    """Fill the slot for as long as the validated track lasts. Raises StoreUnavailableError.

    Other workers hear of it by the database; in this one it holds when this returns.
    """
    with services().pool.transaction() as cursor:
        set_playing_now(cursor, user_id, track_metadata, playing_seconds(track_metadata["additional_info"]))
    services().versions.forget("playing_now", user_id)
