import stat
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from conf.secret import FILE, Vault, secret_of
from conf.settings import SettingError, Settings, load_settings


def _settings(folder: Path, **more: str) -> Settings:
    return load_settings({"DATA_DIR": str(folder), **more}, env_file=None)


def _found(folder: Path) -> str:
    return secret_of(_settings(folder))


def test_the_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path: Path) -> None:
    first = _found(tmp_path)
    assert len(first) >= 32
    assert _found(tmp_path) == first
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_processes_that_start_at_once_have_one_secret(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=get_context("fork")) as processes:
        assert len(set(processes.map(_found, [tmp_path] * 8))) == 1


def test_the_setting_beats_the_file_and_a_short_one_is_refused_without_being_shown(tmp_path: Path) -> None:
    assert secret_of(_settings(tmp_path, SECRET_KEY="x" * 32)) == "x" * 32
    assert not (tmp_path / FILE).exists()
    with pytest.raises(SettingError, match=r"SECRET_KEY=\*\*\*: expected at least 32"):
        _settings(tmp_path, SECRET_KEY="hunter2")


def test_a_damaged_secret_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("short\n")
    with pytest.raises(SettingError, match="secret_key: expected at least 32"):
        _found(tmp_path)


def test_a_vault_opens_what_it_locked_and_nothing_else() -> None:
    vault = Vault("a" * 32)
    locked = vault.encrypt("d41d8cd98f00b204e9800998ecf8427e")
    assert b"d41d8" not in locked
    assert vault.decrypt(locked) == "d41d8cd98f00b204e9800998ecf8427e"
    assert Vault("b" * 32).decrypt(locked) is None
    assert vault.decrypt(b"damaged") is None
