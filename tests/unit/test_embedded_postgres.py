import os
import signal
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from conf import postgres
from conf.embedded_postgres import EmbeddedPostgres, EmbeddedPostgresError, embedded_dsn, socket_dir

pytestmark = pytest.mark.servers


@pytest.fixture
def folder(state_dir: Path, request: pytest.FixtureRequest) -> Path:
    return state_dir / f"embedded-{abs(hash(request.node.name)) % 10**8}"


def _value(folder: Path) -> int:
    connection = postgres.connect(embedded_dsn(folder), autocommit=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM store")
        row = cursor.fetchone()
    connection.close()
    assert row
    return int(row[0])


def test_it_starts_stops_and_keeps_what_was_committed(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.running()
    postgres.migrate(embedded_dsn(folder))
    server.stop()
    assert not server.running()
    server.start()
    assert _value(folder) == 1
    server.stop()


def test_it_takes_over_from_a_server_whose_supervisor_was_killed(folder: Path) -> None:
    orphan = EmbeddedPostgres(folder)
    orphan.start()
    assert orphan.process
    before = orphan.process.pid
    heir = EmbeddedPostgres(folder)
    heir.start()
    assert heir.process
    assert heir.process.pid != before
    orphan.process.wait(10)
    assert not psutil.pid_exists(before)
    heir.stop()


def test_it_takes_over_from_a_server_that_still_recovers_from_a_crash(folder: Path) -> None:
    orphan = EmbeddedPostgres(folder)
    orphan.start()
    assert orphan.process
    orphan.process.send_signal(signal.SIGSTOP)  # it has the cluster and does not answer
    heir = EmbeddedPostgres(folder)
    waker = threading.Timer(4, orphan.process.send_signal, [signal.SIGCONT])
    waker.start()
    heir.start()
    orphan.process.wait(10)
    heir.stop()


def test_an_empty_password_of_a_killed_first_start_is_made_again(folder: Path) -> None:
    folder.mkdir()
    (folder / "postgres.password").touch(mode=0o600)
    server = EmbeddedPostgres(folder)
    server.start()
    postgres.connect(embedded_dsn(folder)).close()
    server.stop()


def test_it_listens_on_no_port_and_keeps_its_password_to_itself(folder: Path) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.process
    process = psutil.Process(server.process.pid)
    assert [c for c in process.net_connections("inet") if c.status == psutil.CONN_LISTEN] == []
    assert (folder / "postgres.password").stat().st_mode & 0o077 == 0
    with pytest.raises(postgres.StoreUnavailableError):
        postgres.connect(f"postgresql://listenlake:wrong@/listenlake?host={socket_dir(folder)}")
    server.stop()


def test_it_allows_as_many_connections_as_it_is_told(folder: Path) -> None:
    server = EmbeddedPostgres(folder, max_connections=1084)
    server.start()
    with closing(postgres.connect(embedded_dsn(folder))) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW max_connections")
        assert cursor.fetchone() == ("1084",)
    server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand its server to another account")
def test_as_root_it_does_not_run_as_root_and_refuses_a_folder_its_account_cannot_enter(
    folder: Path, tmp_path: Path
) -> None:
    server = EmbeddedPostgres(folder)
    server.start()
    assert server.process
    assert psutil.Process(server.process.pid).uids().real != 0
    server.stop()
    tmp_path.chmod(0o700)
    with pytest.raises(EmbeddedPostgresError, match="DATA_DIR"):
        EmbeddedPostgres(tmp_path / "closed").start()


def test_a_folder_that_somebody_else_has_made_is_refused_and_left_alone(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = elsewhere.stat()
    folder.mkdir()
    socket_dir(folder).symlink_to(elsewhere)
    with pytest.raises(EmbeddedPostgresError, match="is a link"):
        EmbeddedPostgres(folder).start()
    assert (elsewhere.stat().st_uid, elsewhere.stat().st_mode) == (before.st_uid, before.st_mode)
    socket_dir(folder).unlink()
    socket_dir(folder).mkdir()
    if os.geteuid() == 0:
        os.chown(socket_dir(folder), 65534, 65534)
        with pytest.raises(EmbeddedPostgresError, match="belongs to somebody else"):
            EmbeddedPostgres(folder).start()


def test_a_long_data_dir_has_its_socket_in_a_short_folder_that_for_root_nobody_else_can_make() -> None:
    short = socket_dir(Path("/srv") / ("x" * 100))
    assert len(str(short)) < 80
    assert short.parent == Path("/var/lib/listenlake" if os.geteuid() == 0 else tempfile.gettempdir())
