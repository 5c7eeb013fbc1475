"""listens import: forms, bad lines by number, whose listens, and being run again."""

import gzip
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from conf.postgres import Connection
from jobs.listens.imports import BATCH
from jobs.listens.write import delete_history
from tests.commands.conftest import CommandLine, rows

AT = 1_400_000_000


def listen(n: int, **more: Any) -> dict[str, Any]:
    return {"listened_at": AT + n, "track_metadata": {"artist_name": "A", "track_name": f"t{n}"}, **more}


def lines(*listens: Any) -> bytes:
    return b"".join(orjson.dumps(item) + b"\n" for item in listens)


def stored(connection: Connection) -> list[tuple[str, int, str]]:
    return rows(
        connection,
        "SELECT u.name, l.listened_at - %s, l.track_name FROM listen l JOIN users u ON u.id = l.user_id ORDER BY 1, 2",
        AT,
    )


@pytest.fixture(autouse=True)
def alice(cli: CommandLine) -> None:
    assert cli("user", "create", "alice").status == 0


def test_api_and_dump_forms_come_in_and_foreign_ids_stay_out(
    cli: CommandLine, connection: Connection, tmp_path: Path
) -> None:
    dump = {
        "user_id": 7,
        "user_name": "rob",
        "timestamp": AT + 2,
        "recording_msid": "00000000-0000-4000-8000-000000000001",
        "track_metadata": {
            "artist_name": "B",
            "track_name": "t2",
            "release_name": None,
            "additional_info": {"tracknumber": 3, "recording_msid": "00000000-0000-4000-8000-000000000001"},
        },
    }
    export = {
        "inserted_at": 1.5,
        "listened_at": AT + 3,
        "track_metadata": {"artist_name": "C", "track_name": "t3", "recording_msid": "x", "mbid_mapping": {"a": None}},
    }
    file = tmp_path / "history.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + lines(listen(1), dump) + b"\n" + lines(export).rstrip(b"\n"))

    ran = cli("listens", "import", str(file), "--user", "Alice")

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("3 read: 3 new, 0 duplicate, 0 rejected; ")
    assert stored(connection) == [("alice", 1, "t1"), ("alice", 2, "t2"), ("alice", 3, "t3")]
    infos = rows(connection, "SELECT additional_info FROM listen ORDER BY listened_at")
    assert [orjson.loads(info) for (info,) in infos] == [{}, dump["track_metadata"]["additional_info"], {}]  # type: ignore[index]
    assert rows(connection, "SELECT count(*) FROM listen WHERE recording_msid::text LIKE '00000000%%'") == [(0,)]


def test_bad_lines_are_told_by_number_and_reason_and_the_rest_goes_in(
    cli: CommandLine, connection: Connection, tmp_path: Path
) -> None:
    content = (
        lines(listen(1))
        + b"{broken\n"
        + b"\n"
        + lines([1], listen(5) | {"track_metadata": {"artist_name": "A"}}, {"listened_at": 1, "track_metadata": {}})
        + b'{"listened_at": 1400000000, "track_metadata": "\xff"}\n'
        + b'{"x": "'
        + b"y" * 300_000
        + b'"}\n'
        + lines(listen(9, track_metadata={"artist_name": "A", "track_name": "x" * 11_000}))
        + lines(listen(10))
        + lines(
            listen(11, track_metadata={"artist_name": "A", "track_name": "B", "additional_info": {"x": 0}})
        ).replace(b'"x":0', b'"x":99999999999999999999')
    )
    bad = tmp_path / "bad.jsonl"

    ran = cli("listens", "import", "-", "--user", "alice", "--rejected", str(bad), stdin=content)

    assert ran.status == 3
    assert ran.out.startswith("10 read: 2 new, 0 duplicate, 8 rejected; ")
    assert stored(connection) == [("alice", 1, "t1"), ("alice", 10, "t10")]
    told = dict(line.removeprefix("line ").split(": ", 1) for line in ran.err.splitlines())
    assert list(told) == ["2", "4", "5", "6", "7", "8", "9", "11"]
    assert told["2"].startswith("not JSON")
    assert told["4"].startswith("expected one JSON object a line")
    assert told["5"] == "JSON document does not contain required field track_metadata.track_name."
    assert told["6"].startswith("Value for key listened_at is too low")
    assert told["8"] == "the line is longer than 262144 bytes"
    assert told["9"] == "the listen is larger than 10240 bytes"
    assert told["11"] == "JSON document contains a number beyond 64 bits."
    kept = [orjson.loads(line) for line in bad.read_bytes().splitlines()]
    assert [(row["line"], row["reason"]) for row in kept] == [(int(number), reason) for number, reason in told.items()]
    assert kept[0]["content"] == "{broken"


def test_the_file_of_rejections_is_never_the_one_imported_and_is_replaced_by_the_first_rejection_only(
    cli: CommandLine, tmp_path: Path
) -> None:
    file, kept, link = tmp_path / "history.jsonl", tmp_path / "bad.jsonl", tmp_path / "link.jsonl"
    file.write_bytes(lines(listen(1)) + b"bad\n")
    link.symlink_to(file)
    kept.write_bytes(b"of an earlier run\n")

    same = cli("listens", "import", str(file), "--user", "alice", "--rejected", str(link))
    good = cli("listens", "import", "-", "--user", "alice", "--rejected", str(kept), stdin=lines(listen(2)))
    untouched = kept.read_bytes()
    bad = cli("listens", "import", str(file), "--user", "alice", "--rejected", str(kept))

    assert (same.status, same.out) == (2, "")
    assert "name another" in same.err
    assert file.read_bytes() == lines(listen(1)) + b"bad\n"
    assert (good.status, untouched) == (0, b"of an earlier run\n")
    assert (bad.status, [orjson.loads(line)["line"] for line in kept.read_bytes().splitlines()]) == (3, [2])


def test_only_the_first_bad_lines_are_told(cli: CommandLine) -> None:
    ran = cli("listens", "import", "-", "--user", "alice", "--format", "jsonl", stdin=b"bad\n" * 25)

    assert ran.status == 3
    assert len(ran.err.splitlines()) == 21
    assert ran.err.splitlines()[-1] == "... and 5 more rejected items; --rejected FILE keeps all"


def test_lines_of_all_users_go_to_the_one_named_unless_only_some_are_wanted(
    cli: CommandLine, connection: Connection
) -> None:
    cli("user", "create", "bob")
    content = lines(listen(1, user_name="Rob"), listen(2, user_name="kate"), listen(3))

    everything = cli("listens", "import", "-", "--user", "alice", stdin=content)
    some = cli("listens", "import", "-", "--user", "bob", "--only", "rob", stdin=content)
    others = cli("listens", "import", "-", "--user", "bob", "--only", "kate", stdin=content)

    assert everything.out.startswith("3 read: 3 new, 0 duplicate, 0 rejected; ")
    assert some.out.startswith("3 read: 1 new, 0 duplicate, 0 rejected, 2 of other users left out; ")
    assert others.out.startswith("3 read: 1 new, ")
    assert [key[:2] for key in stored(connection)] == [("alice", 1), ("alice", 2), ("alice", 3), ("bob", 1), ("bob", 2)]


def test_a_second_run_writes_nothing_and_a_deleted_history_can_be_imported_again(
    cli: CommandLine, connection: Connection
) -> None:
    content = lines(*map(listen, range(5)), listen(4))
    first = cli("listens", "import", "-", "--user", "alice", stdin=content)
    second = cli("listens", "import", "-", "--user", "alice", stdin=content)
    delete_history(connection, 1, time.time_ns() // 1000)
    third = cli("listens", "import", "-", "--user", "alice", stdin=content)

    assert first.out.startswith("6 read: 5 new, 1 duplicate, 0 rejected; ")
    assert second.out.startswith("6 read: 0 new, 6 duplicate, 0 rejected; ")
    assert third.out.startswith("6 read: 5 new, 1 duplicate, 0 rejected; ")
    assert len(stored(connection)) == 5


def test_an_interrupted_import_keeps_whole_batches_and_is_completed_by_running_it_again(
    cli: CommandLine, connection: Connection
) -> None:
    content = lines(*map(listen, range(BATCH + 100)))
    process = cli.start("listens", "import", "-", "--user", "alice")
    assert process.stdin is not None and process.stderr is not None and process.stdout is not None
    process.stdin.write(content)
    process.stdin.flush()
    deadline = time.monotonic() + 20
    while not stored(connection) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.stderr.read().decode()

    assert process.wait(20) == 1
    assert process.stdout.read() == b""
    assert said == (
        f"spark_manage.py: stopped; everything up to line {BATCH} is in: run the same command again to complete it, "
        "what is in is not written twice\n"
    )
    assert len(stored(connection)) == BATCH
    again = cli("listens", "import", "-", "--user", "alice", stdin=content)
    assert again.out.startswith(f"{BATCH + 100} read: 100 new, {BATCH} duplicate, 0 rejected; ")
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


def test_a_compressed_file_that_ends_too_early_gives_what_it_has(
    cli: CommandLine, connection: Connection, tmp_path: Path
) -> None:
    file = tmp_path / "history.jsonl.gz"
    file.write_bytes(gzip.compress(lines(*map(listen, range(3000))))[:-2000])

    ran = cli("listens", "import", str(file), "--user", "alice")

    had = len(stored(connection))
    assert ran.status == 1
    assert 0 < had < 3000
    assert f"damaged after line {had}: " in ran.err
    assert f"({had} read: {had} new, 0 duplicate, 0 rejected)" in ran.err


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("-", "--user", "nobody"), 1, "there is no user 'nobody'"),
        (("/no/such/file", "--user", "alice"), 2, "does not exist"),
        (("/", "--user", "alice"), 2, "is a directory"),
        (("-",), 2, "--user"),
        (("-", "--user", "alice", "--rejected", "/no/such/folder/bad"), 1, "No such file or directory"),
    ],
)
def test_wrong_imports_are_refused(cli: CommandLine, arguments: tuple[str, ...], status: int, said: str) -> None:
    ran = cli("listens", "import", *arguments)

    assert (ran.status, ran.out) == (status, "")
    assert said in ran.err


def test_real_listens_of_many_stations_come_in_whole(
    cli: CommandLine, connection: Connection, shared_data: Path
) -> None:
    file = shared_data / "internet-radio-37-channels-2023.jsonl.gz"
    sent = [orjson.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    plays = {(row["listened_at"], *map(row["track_metadata"].get, ("artist_name", "track_name"))) for row in sent}

    ran = cli("listens", "import", str(file), "--user", "alice")

    assert ran.status == 0
    assert ran.out.startswith(f"{len(sent)} read: ")
    found = rows(connection, "SELECT listened_at, artist_name, track_name FROM listen")
    assert {(at, artist.strip(), track.strip()) for at, artist, track in plays} == set(found)
    tops = Counter(artist for _, artist, _ in found).most_common(1)
    assert tops[0][1] > 1
