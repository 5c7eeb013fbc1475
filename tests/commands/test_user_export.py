"""user export: a whole file or none, readable by its owner, and read back by listens import."""

import io
import zipfile
from pathlib import Path

from conf.postgres import Connection
from jobs.listens.listen import Submission, new_message_id
from jobs.listens.users import create_user
from jobs.listens.write import write_submissions
from tests.commands.conftest import CommandLine

LISTEN = {"listened_at": 1_600_000_000, "track_metadata": {"artist_name": "A", "track_name": "t"}}


def test_user_export_writes_a_file_that_listens_import_reads(
    cli: CommandLine, connection: Connection, tmp_path: Path
) -> None:
    rob = create_user(connection, "rob")
    create_user(connection, "kate")
    write_submissions(connection, [Submission(new_message_id(), rob, 1, (LISTEN,))])
    file = tmp_path / "rob.zip"

    told = cli("user", "export", "Rob", str(file))
    process = cli.start("user", "export", "rob", "-")
    piped, _ = process.communicate(timeout=60)
    back = cli("listens", "import", str(file), "--user", "kate")
    nobody = cli("user", "export", "nobody", str(tmp_path / "nobody.zip"))
    nowhere = cli("user", "export", "rob", str(tmp_path / "no" / "x.zip"))

    assert (told.status, told.out, told.err) == (0, "", f"{file}: {file.stat().st_size} bytes\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert (process.returncode, zipfile.ZipFile(io.BytesIO(piped)).namelist()[:2]) == (
        0,
        ["user.json", "listens/2020/9.jsonl"],
    )
    assert back.out.startswith("2 read: 1 new, 0 duplicate, 0 rejected, 1 left out")
    assert (nobody.status, nowhere.status) == (1, 1)
    assert "No such file or directory" in nowhere.err
    assert [path.name for path in tmp_path.iterdir() if "zip" in path.name] == ["rob.zip"]
