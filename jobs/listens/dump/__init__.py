"""A Spark dump of another server as one source's listens, users and mapping: the SQL of its import.

`staging` takes the rows in, then `accounts`, `mapping` and `listens` bring them in, in this order, and `imported` keeps
what came when. All on one connection, for what is staged lives and dies with it.
"""

from jobs.listens.dump.dump import Dump

__all__ = ["Dump"]
