"""A dump in the running system: asked for by command, done by the request consumer, read over the API."""

from pathlib import Path

import orjson
import pytest
import requests

from tests.faults.parts import until
from tests.spark_dumps.archives import MBID, MSID, NOON, full, incremental, mapped, play
from tests.whole_system import Up

pytestmark = pytest.mark.spark


def listens(up: Up, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = requests.get(f"{up.url}/1/user/{name}/listens", timeout=10).json()["payload"][
        "listens"
    ]
    return found


def test_a_dump_is_asked_for_imported_landed_and_read_over_the_api(whole_system: Up, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    full(tmp_path, 1, mapped(1, 1), play(2, 2), play(3, 3, artist_name=""))
    incremental(tmp_path, 2, play(4, 4))
    (tmp_path / "users.csv").write_text("user_id,user_name\n7,dumped\n")
    options = ("--from", str(tmp_path), "--users", str(tmp_path / "users.csv"), "--source", "e2e", "--wait")

    first = whole_system.command("request_import_full", *options)
    second = whole_system.command("request_import_incremental", *options)

    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert "import.dump.full: 3 read, 2 new, 0 changed, 0 duplicate, 0 deleted, 1 rejected" in first.stdout
    answer = orjson.loads(second.stdout[second.stdout.index("{") : second.stdout.rindex("}") + 1])
    assert (answer["type"], answer["errors"]) == ("import_incremental_dump", [])
    assert answer["imported_dump"] == ["listenbrainz-spark-dump-2-20210102-000000-incremental"]
    found = listens(whole_system, "dumped")
    assert [(row["listened_at"], row["recording_msid"]) for row in found] == [
        (NOON + 4, MSID(4)), (NOON + 2, MSID(2)), (NOON + 1, MSID(1)),
    ]  # fmt: skip
    assert MBID(1) in orjson.dumps(found[2]).decode()
    until(lambda: "3" in _counted(whole_system), 60, "landed")


def _counted(up: Up) -> str:
    ran = up.command("sql", "SELECT count(*) AS n FROM listens WHERE source = 'e2e' AND dump_id IN (1, 2)")
    return ran.stdout


@pytest.mark.slow  # the reasons themselves are asked for one by one in tests/spark_dumps
def test_a_refused_dump_has_failed_at_once_with_the_reason(whole_system: Up, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    Path(f"{full(tmp_path, 1, play(1))}.sha256").write_text("0" * 64)

    ran = whole_system.command("request_import_full", "--from", str(tmp_path), "--wait")

    assert ran.returncode == 1
    assert "import.dump.full failed: listenbrainz-spark-dump-1-20210102-000000-full.tar: its SHA-256 is" in ran.stderr
