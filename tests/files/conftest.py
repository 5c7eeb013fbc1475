"""Files in, as formats read them: no database needed."""

import io
import zipfile
from collections.abc import Callable
from datetime import UTC, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from dumps.load.services import AUTO, format_of
from dumps.load.source import open_source
from jobs.listens.items import Found, Item, LeftOut, Loved, Refused
from jobs.listens.validator import validate_listen

NOW = 1_900_000_000


class Read:
    """A file as its format reads it: `.format`, its items by what they bring."""

    def __init__(self, content: bytes, name: str = "file", format_name: str = AUTO, zone: tzinfo = UTC) -> None:
        source = open_source(io.BufferedReader(io.BytesIO(content)), name, zone)
        format_ = format_of(source, format_name)
        self.format = format_.name
        self.items: list[Item] = list(format_.read(source))

    @property
    def listens(self) -> list[dict[str, Any]]:
        """Those found, judged by the validator."""
        return [validate_listen(i.brings.listen, "import", NOW) for i in self.items if isinstance(i.brings, Found)]

    @property
    def loved(self) -> list[Loved]:
        return [item.brings for item in self.items if isinstance(item.brings, Loved)]

    @property
    def left_out(self) -> list[str]:
        return [item.brings.reason for item in self.items if isinstance(item.brings, LeftOut)]

    @property
    def refused(self) -> list[tuple[str, str]]:
        return [(item.place, item.brings.reason) for item in self.items if isinstance(item.brings, Refused)]


def read_json(document: object, **more: Any) -> Read:
    return Read(orjson.dumps(document), **more)


def zipped(members: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="session")
def examples(shared_data: Path) -> Callable[[str], bytes]:
    """Content of one of the example files of other services."""
    return lambda name: (shared_data / "import-examples" / name).read_bytes()
