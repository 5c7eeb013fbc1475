"""Which code this is: results and answers made by other code may be other ones."""

import hashlib
from functools import cache

from conf.settings import PROJECT


@cache
def code_digest(*folders: str) -> bytes:
    """16 bytes: a digest of the Python files below these folders of the project."""
    digest = hashlib.blake2b(digest_size=16)
    for folder in folders:
        for path in sorted((PROJECT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.digest()
