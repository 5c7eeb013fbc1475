"""One module per Delta table: columns, partitioning, rules with reasons. Spark-free.

`TABLES` has those of every lake by name, `METADATA_TABLES` those that an import makes.
"""

from jobs.tables.clients import CLIENTS
from jobs.tables.exclusions import EXCLUSIONS
from jobs.tables.landing import LANDING
from jobs.tables.listens import LISTENS
from jobs.tables.mapping import MAPPING
from jobs.tables.metadata import METADATA_TABLES
from jobs.tables.rejected_listens import REJECTED_LISTENS
from jobs.tables.rules import Rule
from jobs.tables.table import Column, Table
from jobs.tables.tracks import TRACKS
from jobs.tables.user_settings import USER_SETTINGS
from jobs.tables.users import USERS

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        LISTENS,
        TRACKS,
        CLIENTS,
        USERS,
        MAPPING,
        USER_SETTINGS,
        EXCLUSIONS,
        LANDING,
        REJECTED_LISTENS,
    )
}

__all__ = [
    "CLIENTS",
    "EXCLUSIONS",
    "LANDING",
    "LISTENS",
    "MAPPING",
    "METADATA_TABLES",
    "REJECTED_LISTENS",
    "TABLES",
    "TRACKS",
    "USERS",
    "USER_SETTINGS",
    "Column",
    "Rule",
    "Table",
]
