from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conf.settings import SettingError, default_data_dir, load_settings, made_folder


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = load_settings({}, env_file=None)
    assert (settings.web_host, settings.web_port, settings.url) == ("127.0.0.1", 8100, "http://127.0.0.1:8100")
    assert settings.embedded_postgres
    assert settings.lake == str(settings.data_dir / "lake")


def test_an_ipv6_address_of_the_web_server_is_in_brackets() -> None:
    settings = load_settings({"WEB_HOST": "::1"}, env_file=None)
    assert (settings.web_address, settings.url) == ("[::1]:8100", "http://[::1]:8100")


def test_the_environment_beats_the_env_file_which_beats_the_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("WEB_PORT=9001\nWEB_WORKERS=3\n")
    settings = load_settings({"WEB_PORT": "9002"}, env_file=tmp_path / ".env")
    assert (settings.web_port, settings.web_workers, settings.web_threads) == (9002, 3, 8)


@pytest.mark.parametrize(
    ("name", "value"),
    [("WEB_PORT", "0"), ("WEB_PORT", "http"), ("SPARK_DRIVER_MEMORY", "much"),
     ("SPARK_DRIVER_MEMORY", ""), ("LOG_LEVEL", "loud"),
     ("DATABASE_URL", "postgresql://u:pa/hidden@h/db"), ("DATABASE_URL", "postgresql://u:pa@hidden@h/db"),
     ("DATABASE_URL", "postgresql://u:hidden%zz@h/db"), ("DATABASE_URL", "postgresql://h/db?hidden=1"),
     ("DATABASE_URL", "postgresql://[::1/hidden"), ("DATABASE_URL", "postgresql://h:123456/hidden"),
     ("BROKER_URL", "amqp://h:99999/hidden"), ("BROKER_URL", "amqp://u:hidden/@h/"), ("BROKER_URL", "amqp://h/?hidden=1"),
     ("BROKER_URL", "amqp://h/?heartbeat=hidden"), ("BROKER_URL", "amqp://h/?ssl_options={hidden"),
     ("BROKER_URL", "postgresql://u:hidden@elsewhere/db"),
     ("SPARK_MASTER", "localhost"), ("SPARK_MASTER", "local[0]"), ("SPARK_MASTER", "local[]"),
     ("SPARK_MASTER", "yarny"), ("SPARK_MASTER", "spark://"), ("SPARK_DRIVER_MEMORY", "0g"),
     ("SPARK_DRIVER_MEMORY", "\u00b2g"),
     ("BROKER_URL", "redis://x"), ("LANDING_INTERVAL", "-1"), ("LANDING_INTERVAL", "nan"), ("LAKE_URL", "ftp://x")],
)  # fmt: skip
def test_an_invalid_setting_is_refused_by_name(name: str, value: str) -> None:
    if value == "":
        assert load_settings({name: value}, env_file=None)  # empty means not given
        return
    with pytest.raises(SettingError, match=name) as refusal:
        load_settings({name: value}, env_file=None)
    assert "hidden" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("DATABASE_URL", "postgres://h1:1,h2:2/db?sslmode=require"), ("DATABASE_URL", "postgresql:///db?host=%2Frun%2Fx"),
     ("DATABASE_URL", "postgresql://u:p%40q@[::1]:5432/db"), ("BROKER_URL", "postgresql:"),
     ("BROKER_URL", "amqps://u:p@h:5671/%2F?heartbeat=4"), ("SPARK_MASTER", "local"), ("SPARK_MASTER", "local[2]"),
     ("SPARK_MASTER", "local[*]"), ("SPARK_MASTER", "spark://head:7077"), ("SPARK_MASTER", "yarn"),
     ("SPARK_MASTER", "k8s://https://head:6443"), ("SPARK_DRIVER_MEMORY", "900m")],
)  # fmt: skip
def test_what_libpq_rabbitmq_and_spark_take_is_taken(name: str, value: str) -> None:
    assert getattr(load_settings({name: value}, env_file=None), name.lower()) == value


@pytest.mark.parametrize(
    ("url", "expected"),
    [("postgresql://h/db?user=u&password=hidden", "postgresql://h/db?user=u&password=***"),
     ("postgresql://h/db?sslpassword=hidden&p%61ssword=hidden", "postgresql://h/db?sslpassword=***&p%61ssword=***"),
     ("postgresql://u:hidden@h/db?sslmode=require", "postgresql://u:***@h/db?sslmode=require"),
     ("postgresql:///db?host=%2Frun", "postgresql:///db?host=%2Frun"),
     ("postgresql://h/db?password=hid#hidden", "***"), ("postgresql://h/db?password=hidden@", "***")],
)  # fmt: skip
def test_a_password_in_the_query_is_not_shown_either(url: str, expected: str) -> None:
    shown = {name: value for name, value, _ in load_settings({"DATABASE_URL": url}, env_file=None).shown()}
    assert shown["DATABASE_URL"] == expected


def test_web_threads_are_few_enough_for_postgresql_which_allows_two_connections_for_each() -> None:
    assert load_settings({}, env_file=None).postgres_connections == 100
    most = load_settings({"WEB_WORKERS": "8", "WEB_THREADS": "64"}, env_file=None)
    assert most.postgres_connections == 2 * 512 + 60
    with pytest.raises(SettingError, match="WEB_WORKERS=9 and WEB_THREADS=64"):
        load_settings({"WEB_WORKERS": "9", "WEB_THREADS": "64"}, env_file=None)


def test_a_bad_secret_is_refused_without_showing_it() -> None:
    with pytest.raises(SettingError) as refusal:
        load_settings({"DATABASE_URL": "mysql://me:hidden@host/db"}, env_file=None)
    assert "hidden" not in str(refusal.value)
    assert "DATABASE_URL" in str(refusal.value)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1, max_size=20))
def test_no_password_is_ever_shown(password: str) -> None:
    settings = load_settings(
        {"DATABASE_URL": f"postgresql://me:{password}@db/x", "BROKER_URL": f"amqp://you:{password}@mq:1234/"},
        env_file=None,
    )
    shown = {name: value for name, value, _ in settings.shown()}
    assert shown["DATABASE_URL"] == "postgresql://me:***@db/x"
    assert shown["BROKER_URL"] == "amqp://you:***@mq:1234/"


def test_a_relative_data_dir_of_the_env_file_is_beside_it_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    elsewhere.mkdir()
    (project / ".env").write_text("DATA_DIR=data\n")
    monkeypatch.chdir(elsewhere)
    assert load_settings({}, env_file=project / ".env").data_dir == project / "data"
    assert load_settings({"DATA_DIR": "data"}, env_file=project / ".env").data_dir == elsewhere / "data"
    assert load_settings({"DATA_DIR": "/srv/x"}, env_file=project / ".env").data_dir == Path("/srv/x")


@pytest.mark.parametrize("data_dir", ["/dev/null/x", "/proc/x"])
def test_a_data_dir_that_cannot_be_made_is_refused_by_name_and_reason(data_dir: str) -> None:
    with pytest.raises(SettingError, match=f"DATA_DIR={data_dir}: .* cannot be made"):
        made_folder(Path(data_dir), "reports")


def test_two_checkouts_of_root_do_not_share_state() -> None:
    assert default_data_dir(Path("/a/listenlake")) != default_data_dir(Path("/b/listenlake"))
