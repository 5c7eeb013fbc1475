"""The server's secret: signs the forms of pages, and encrypts what a protocol needs back (never a token itself).

SECRET_KEY, else made once in DATA_DIR/secret_key, readable by its owner only. Under another secret open forms must be
loaded again, and what was encrypted counts as absent: a player logs in again, an application is registered again.
"""

import base64
import hashlib
import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from conf.settings import SettingError, Settings, made_folder

FILE = "secret_key"


def secret_of(settings: Settings) -> str:
    """The secret; made and kept where there is none yet. Raises SettingError for a file that cannot be used."""
    if settings.secret_key:
        return settings.secret_key
    path = made_folder(settings.data_dir) / FILE
    if not path.exists():
        _make(path)
    try:
        found = path.read_text().strip()
    except OSError as problem:
        raise SettingError(f"{path}: {problem.strerror}; it holds the secret of this server") from None
    if len(found) < 32:
        raise SettingError(f"{path}: expected at least 32 characters; restore it from your backup, or remove it")
    return found


def _make(path: Path) -> None:
    """Whole or not at all, also when several processes start at once: the first one's stays."""
    fresh = path.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(fresh, path)
    except FileExistsError:
        pass
    finally:
        fresh.unlink()


def token_vault(settings: Settings) -> "Vault | None":
    """Encrypts the md5 of a token, which AudioScrobbler 1.2 needs; None: AUDIOSCROBBLER=off, so it is not kept."""
    return Vault(secret_of(settings)) if settings.audioscrobbler == "on" else None


class Vault:
    """Encrypts short texts under a server's secret (Fernet: AES-128-CBC and HMAC-SHA-256)."""

    def __init__(self, secret: str) -> None:
        digest = hashlib.sha256(b"listenlake vault\0" + secret.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def encrypt(self, text: str) -> bytes:
        """What `decrypt` gives back."""
        return self._fernet.encrypt(text.encode())

    def decrypt(self, encrypted: bytes) -> str | None:
        """The text; None when it was encrypted under another secret, or is damaged."""
        try:
            return self._fernet.decrypt(bytes(encrypted)).decode()
        except InvalidToken:
            return None
