"""Settings: the only reader of the environment.

A setting is one field of `Settings`: its environment variable, default, parser and sentence stand in its metadata, and
`status --config`, the README's table and the refusal of a bad value are derived from there.
"""

import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from conf.urls import broker_url, masked, postgresql_url

MAX_WEB_THREADS = 512
"""Of all web workers together: each thread may hold two connections to PostgreSQL."""
PROJECT = Path(__file__).resolve().parent.parent


class SettingError(ValueError):
    """A setting that cannot be used: names the variable, the value and what is expected."""


def _text(value: str) -> str:
    return value


def _whole(minimum: int, maximum: int = 2**31 - 1) -> Callable[[str], int]:
    def parse(value: str) -> int:
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"expected a whole number from {minimum} to {maximum}") from None
        if not minimum <= number <= maximum:
            raise ValueError(f"expected a whole number from {minimum} to {maximum}")
        return number

    return parse


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("expected seconds, such as 5 or 0.5") from None
    if not 0 <= number <= 86400:
        raise ValueError("expected seconds from 0 to 86400")
    return number


def _memory(value: str) -> str:
    if not re.fullmatch(r"0*[1-9][0-9]*[mg]", value):
        raise ValueError("expected an amount of memory such as 900m or 4g")
    return value


def _spark_master(value: str) -> str:
    if not re.fullmatch(r"local(\[(\*|[1-9][0-9]*)(,[1-9][0-9]*)?\])?|spark://.+|yarn|k8s://.+", value):
        raise ValueError("expected one of: local, local[N], local[*], spark://HOST:PORT, yarn, k8s://...")
    return value


def _absolute(value: str) -> str:
    if value and not Path(value).is_absolute():
        raise ValueError("expected a path that begins with /")
    return value


def _scheme(*schemes: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value and not any(value.startswith(scheme) for scheme in schemes):
            raise ValueError(f"expected it to begin with one of: {', '.join(schemes)}")
        return value

    return parse


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"expected one of: {', '.join(words)}")
        return value

    return parse


def _secret_key(value: str) -> str:
    if value and len(value) < 32:
        raise ValueError("expected at least 32 characters")
    return value


def _setting(env: str, default: str, parse: Callable[[str], Any], about: str, *, secret: bool = False) -> Any:
    return field(metadata={"env": env, "default": default, "parse": parse, "about": about, "secret": secret})


@dataclass(frozen=True)
class Settings:
    """Everything a part may be told from outside; built once at start-up and passed on."""

    data_dir: Path = _setting("DATA_DIR", "", Path, "folder of all local state (root: below /var/lib/listenlake)")
    database_url: str = _setting(
        "DATABASE_URL",
        "",
        postgresql_url,
        "PostgreSQL 14 or newer; empty: the embedded one below DATA_DIR",
        secret=True,
    )
    broker_url: str = _setting(
        "BROKER_URL",
        "postgresql:",
        broker_url,
        "`postgresql:` for queue tables in the database, `amqp://...` for RabbitMQ",
        secret=True,
    )
    spark_master: str = _setting(
        "SPARK_MASTER",
        "local[*]",
        _spark_master,
        "Spark master of the request consumer",
    )
    spark_driver_memory: str = _setting("SPARK_DRIVER_MEMORY", "2g", _memory, "heap of the request consumer's JVM")
    spark_profile: str = _setting(
        "SPARK_PROFILE",
        "auto",
        _one_of("auto", "local", "cluster"),
        "conf/spark/*.conf to use; auto: local for local masters, else cluster",
    )
    lake_url: str = _setting(
        "LAKE_URL",
        "",
        _scheme("/", "file:", "s3a://", "abfss://", "hdfs://", "gs://"),
        "where the Delta tables and results are; empty: DATA_DIR/lake",
    )
    web_host: str = _setting("WEB_HOST", "127.0.0.1", _text, "address the web server listens on")
    web_port: int = _setting("WEB_PORT", "8100", _whole(1, 65535), "port the web server listens on")
    web_workers: int = _setting("WEB_WORKERS", "2", _whole(1, 64), "web worker processes")
    web_threads: int = _setting("WEB_THREADS", "8", _whole(1, 64), "threads per web worker; of all workers at most 512")
    public_url: str = _setting(
        "PUBLIC_URL", "", _scheme("http://", "https://"), "address users see; empty: http://WEB_HOST:WEB_PORT"
    )
    proxy_hops: int = _setting(
        "PROXY_HOPS", "0", _whole(0, 9), "trusted proxies in front, whose X-Forwarded-For is believed"
    )
    web_idle_per_address: int = _setting(
        "WEB_IDLE_PER_ADDRESS",
        "200",
        _whole(1, 1000),
        "kept connections that one client address may leave idle, all workers together; of more the oldest are closed. "
        "No limit with PROXY_HOPS",
    )
    rate_limit_window: int = _setting("RATE_LIMIT_WINDOW", "10", _whole(1, 3600), "seconds of a rate-limit window")
    rate_limit_per_token: int = _setting(
        "RATE_LIMIT_PER_TOKEN", "500", _whole(1), "requests per window with a valid token"
    )
    rate_limit_per_address: int = _setting(
        "RATE_LIMIT_PER_ADDRESS", "300", _whole(1), "requests per window and client address without a valid token"
    )
    max_deliveries: int = _setting(
        "MAX_DELIVERIES", "5", _whole(1, 100), "deliveries of a message before it is a dead letter"
    )
    landing_interval: float = _setting(
        "LANDING_INTERVAL", "5", _seconds, "least seconds between two landings into the lake"
    )
    landing_batch: int = _setting("LANDING_BATCH", "250000", _whole(1), "most listens of one landing")
    request_attempts: int = _setting("REQUEST_ATTEMPTS", "3", _whole(1, 20), "tries of a request before it has failed")
    schedule: str = _setting(
        "SCHEDULE", "", _absolute, "file of what the scheduler asks for when; empty: `conf/schedule.toml`"
    )
    result_inline_bytes: int = _setting(
        "RESULT_INLINE_BYTES", "262144", _whole(0), "results up to this size travel inside the message"
    )
    secret_key: str = _setting(
        "SECRET_KEY",
        "",
        _secret_key,
        "signs forms and encrypts what a protocol needs back, at least 32 characters; empty: made once, in "
        "DATA_DIR/secret_key",
        secret=True,
    )
    signup: str = _setting(
        "SIGNUP",
        "closed",
        _one_of("closed", "open"),
        "open: visitors may make an account; closed: the admin makes them",
    )
    audioscrobbler: str = _setting(
        "AUDIOSCROBBLER",
        "on",
        _one_of("on", "off"),
        "AudioScrobbler 1.2; off erases the encrypted md5 of every token that it needs",
    )
    playlist_bots: str = _setting(
        "PLAYLIST_BOTS",
        "",
        _text,
        "users, commas between their names, who may make playlists for others and say what made them; empty: nobody, "
        "not `troi-bot,troi-bot-debug` as on ListenBrainz: whoever signs up first could take a name that nobody has",
    )
    metrics: str = _setting(
        "METRICS",
        "local",
        _one_of("local", "open"),
        "who may read /metrics: local: this machine; open: everybody",
    )
    log_format: str = _setting("LOG_FORMAT", "text", _one_of("text", "json"), "log lines as text or as JSON objects")
    log_level: str = _setting(
        "LOG_LEVEL", "INFO", _one_of("DEBUG", "INFO", "WARNING", "ERROR"), "least level of log lines"
    )

    @property
    def lake(self) -> str:
        """Where the Delta tables are: LAKE_URL without a trailing slash, else DATA_DIR/lake."""
        return (self.lake_url or str(self.data_dir / "lake")).rstrip("/")

    @property
    def url(self) -> str:
        """The address users see, without a trailing slash."""
        return (self.public_url or f"http://{self.web_address}").rstrip("/")

    @property
    def web_address(self) -> str:
        """WEB_HOST:WEB_PORT, an IPv6 address in brackets."""
        host = f"[{self.web_host}]" if ":" in self.web_host else self.web_host
        return f"{host}:{self.web_port}"

    @property
    def playlist_bot_names(self) -> list[str]:
        """The names of PLAYLIST_BOTS, as written there."""
        return [name for one in self.playlist_bots.split(",") if (name := one.strip())]

    @property
    def embedded_postgres(self) -> bool:
        """Whether we start PostgreSQL ourselves."""
        return not self.database_url

    @property
    def postgres_connections(self) -> int:
        """How many connections the embedded PostgreSQL must allow: two a web thread, and room for all other parts."""
        return max(100, 2 * self.web_workers * self.web_threads + 60)

    def shown(self) -> list[tuple[str, str, str]]:
        """(variable, value with secrets masked, sentence) of every setting, in the order of this file."""
        return [
            (f.metadata["env"], masked(value) if f.metadata["secret"] else value, f.metadata["about"])
            for f in fields(self)
            for value in [str(getattr(self, f.name))]
        ]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process that must have these very settings, whatever its own says."""
    own = {f.metadata["env"]: str(getattr(settings, f.name)) for f in fields(settings)}
    return {**os.environ, **own}


def default_data_dir(project: Path = PROJECT) -> Path:
    """`data` in the project; for root a folder that an unprivileged PostgreSQL can reach, one per checkout."""
    if os.geteuid() != 0:
        return project / "data"
    return Path("/var/lib/listenlake") / f"{project.name}-{hashlib.sha256(str(project).encode()).hexdigest()[:8]}"


def made_folder(data_dir: Path, *below: str) -> Path:
    """A folder of DATA_DIR, made where it is missing. Raises SettingError where it cannot be made or written into."""
    folder = data_dir.joinpath(*below)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise SettingError(f"DATA_DIR={data_dir}: {folder} cannot be made ({problem.strerror})") from None
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingError(f"DATA_DIR={data_dir}: {folder} is not yours to write into")
    return folder


def load_settings(environ: Mapping[str, str] | None = None, env_file: Path | None = PROJECT / ".env") -> Settings:
    """Settings from the environment, which beats the `.env` file, which beats the defaults.

    A relative DATA_DIR is below the current folder, one of the `.env` file below the folder of that file. Raises
    SettingError, naming the variable, for a value that cannot be used.
    """
    environ = os.environ if environ is None else environ
    of_file: dict[str, str | None] = dict(dotenv_values(env_file)) if env_file and env_file.exists() else {}
    given = {**of_file, **environ}
    values: dict[str, Any] = {}
    for f in fields(Settings):
        raw = (given.get(f.metadata["env"]) or f.metadata["default"]).strip()
        try:
            values[f.name] = f.metadata["parse"](raw)
        except ValueError as problem:
            shown = "***" if f.metadata["secret"] else repr(raw)
            raise SettingError(f"{f.metadata['env']}={shown}: {problem}") from None
    if not (given.get("DATA_DIR") or "").strip():
        values["data_dir"] = default_data_dir()
    start = env_file.parent if env_file and "DATA_DIR" not in environ else Path()
    values["data_dir"] = (start / values["data_dir"].expanduser()).absolute()
    settings = Settings(**values)
    if settings.web_workers * settings.web_threads > MAX_WEB_THREADS:
        raise SettingError(
            f"WEB_WORKERS={settings.web_workers} and WEB_THREADS={settings.web_threads}: expected at most "
            f"{MAX_WEB_THREADS} threads in all, for each may hold two connections to PostgreSQL"
        )
    return settings
