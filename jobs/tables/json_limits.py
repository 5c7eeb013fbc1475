"""What Spark's JSON reader refuses although Python reads it: a listen with it would stop every landing."""

import json
import re
from collections import Counter
from typing import Any

# What Jackson, which reads JSON for Spark, takes: names up to 50,000 characters, numbers up to 1000, 1000 levels.
# Where we count otherwise, we allow less.
MAX_JSON_NAME = 50_000
"""Most bytes of a key in UTF-8."""
MAX_JSON_NUMBER = 1000
"""Most characters of a number."""
MAX_JSON_DEPTH = 500
"""Objects and lists inside each other."""
MAX_JSON_ALIKE = 100
"""Most keys of one length and one hash: Jackson takes a flood of them for an attack and stops reading."""
_LONG_NUMBER = re.compile(rf"(?<![0-9.eE+-])[0-9.eE+-]{{{MAX_JSON_NUMBER + 1}}}")


def spark_reads(text: str, document: Any) -> bool:
    """Whether JSON that Python has read is within Jackson's limits too; `document` is what `text` holds.

    Short flat text, which is nearly all, is cleared without a walk.
    """
    brackets = text.count("{") + text.count("[")
    if (len(text) > MAX_JSON_NAME // 4 or brackets > MAX_JSON_DEPTH) and not _names_and_levels_fit(document):
        return False
    if text.count(":") > MAX_JSON_ALIKE and keys_collide(document):
        return False
    return len(text) <= MAX_JSON_NUMBER or _LONG_NUMBER.search(text) is None or _numbers_fit(text)


def _names_and_levels_fit(document: Any) -> bool:
    waiting = [(document, 1)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_JSON_DEPTH:
            return False
        if isinstance(value, dict) and any(len(name.encode()) > MAX_JSON_NAME for name in value):
            return False
        inner = value.values() if isinstance(value, dict) else value
        waiting.extend((child, depth + 1) for child in inner if isinstance(child, dict | list))
    return True


def keys_collide(document: Any) -> bool:
    """Whether more than MAX_JSON_ALIKE keys at any depth have one length and one hash in Jackson's table of names.

    Its hash is h * 33 + character, from a seed that makes no difference between keys of one length; its places are
    found by the lower bits, so those are compared.
    """
    alike: dict[int, set[str]] = {}
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            for name in value:
                alike.setdefault(len(name), set()).add(name)
        inner = value.values() if isinstance(value, dict) else value
        waiting.extend(child for child in inner if isinstance(child, dict | list))
    return any(_collide(names) for names in alike.values() if len(names) > MAX_JSON_ALIKE)


def _collide(names: set[str]) -> bool:
    hashes: Counter[int] = Counter()
    for name in names:
        value = 0
        for unit in memoryview(name.encode("utf-16-le", "surrogatepass")).cast("H"):
            value = (value * 33 + unit) & 0xFFFF
        hashes[value] += 1
    return hashes.most_common(1)[0][1] > MAX_JSON_ALIKE


def _numbers_fit(text: str) -> bool:
    """Reads the text again, for only its numbers; digits inside of strings are none."""

    def judge(number: str) -> int:
        if len(number) > MAX_JSON_NUMBER:
            raise OverflowError
        return 0

    try:
        json.loads(text, parse_int=judge, parse_float=judge)
    except OverflowError:
        return False
    return True
