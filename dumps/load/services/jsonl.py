"""JSON lines in API or dump form, plain or gzip: what this server, ListenBrainz dumps and people's scripts write."""

from collections.abc import Iterator

import orjson

from dumps.load.format import Format
from dumps.load.source import Source
from jobs.listens.items import Item
from jobs.listens.lines import listen_of, read_objects

_MARKS = ("track_metadata", "listened_at")
_LOOKED_AT = 20


def _recognises(source: Source) -> bool:
    """By the first lines: one that has been damaged does not hide the others."""
    return source.archive is None and any(map(_is_listen, source.head.splitlines()[:_LOOKED_AT]))


def _is_listen(line: bytes) -> bool:
    try:
        document = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and any(mark in document for mark in _MARKS)


def _read(source: Source) -> Iterator[Item]:
    for member, text in source.texts(lambda name: name.lower().endswith((".jsonl", ".listens"))):
        yield from read_objects(text, listen_of, member=member)


FORMAT = Format("jsonl", "JSON lines, a listen each, as submitted or as in dumps (.jsonl, .gz)", _recognises, _read)
