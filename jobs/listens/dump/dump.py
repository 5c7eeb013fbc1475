"""Which dump is being brought in."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Dump:
    """One dump of one source."""

    source: str
    """The server it is of: `listenbrainz`."""
    dump_id: int
    """The source's number of it; its kinds share one series."""
    kind: str
    """full: everything there was; incremental: what came since the one before."""
    name: str
    """Of the archive, without .tar."""
    sha256: str
    """Of the archive, in hex."""
    start_at: datetime | None
    """Listens submitted before are not in it; null: none is too old."""
    end_at: datetime
    """Listens submitted later are not in it."""

    @property
    def is_full(self) -> bool:
        """Whether it replaces what the source brought before."""
        return self.kind == "full"
