"""Users: names without case, positions, tokens kept as digests, passwords kept as hashes."""

import hashlib
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from conf.postgres import Connection, transaction
from conf.secret import Vault
from jobs.listens.users import (
    InvalidPasswordError,
    InvalidUserNameError,
    UserExistsError,
    create_token,
    create_user,
    drop_tokens,
    find_password,
    find_user,
    hash_password,
    keep_md5,
    keep_password,
    list_users,
    password_matches,
    token_digest,
)


def test_a_name_is_found_whatever_its_case_and_unicode_form(connection: Connection) -> None:
    made = create_user(connection, "  Zoe\u0308 ")
    with transaction(connection) as cursor:
        found = find_user(cursor, "ZO\u00cb")
    assert found is not None
    assert (found.id, found.name, found.source, found.foreign_id) == (made, "Zo\u00eb", None, None)


def test_a_name_that_differs_in_case_only_is_taken(connection: Connection) -> None:
    create_user(connection, "alice")
    with pytest.raises(UserExistsError, match="'ALICE' exists already"):
        create_user(connection, "ALICE")
    assert create_user(connection, "bob") > 0


def test_a_foreign_id_is_taken_once_per_source(connection: Connection) -> None:
    create_user(connection, "user_7", source="dump", foreign_id=7)
    create_user(connection, "other_7", source="elsewhere", foreign_id=7)
    with pytest.raises(UserExistsError, match="dump user 7 exists already"):
        create_user(connection, "again_7", source="dump", foreign_id=7)


@pytest.mark.parametrize("name", ["", "  ", "\u200b\u2060 \u200d", "a\0b", "a\nb", "\ud800", "x" * 129])
def test_a_name_nobody_can_have_is_refused(connection: Connection, name: str) -> None:
    with pytest.raises(InvalidUserNameError):
        create_user(connection, name)
    with transaction(connection) as cursor:
        assert find_user(cursor, name) is None
        assert list_users(cursor) == []


def test_users_take_positions_and_start_with_totals_of_zero(connection: Connection) -> None:
    first, second = create_user(connection, "a/b"), create_user(connection, "c")
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM users ORDER BY position")
        assert cursor.fetchall() == [(first,), (second,)]
        cursor.execute("SELECT user_id, listen_count, oldest_listened_at FROM listen_totals ORDER BY user_id")
        assert cursor.fetchall() == [(first, 0, None), (second, 0, None)]


def test_a_token_is_kept_as_its_digest_only(connection: Connection) -> None:
    user = create_user(connection, "alice")
    with transaction(connection) as cursor:
        token = create_token(cursor, user, "first", None)
        assert UUID(token).version == 4
        cursor.execute("SELECT user_id, sha256, label, last_four FROM token")
        [(owner, digest, label, last_four)] = cursor.fetchall()
    assert (owner, label, last_four) == (user, "first", token[-4:])
    assert bytes(digest) == hashlib.sha256(token.encode()).digest()


def test_the_md5_of_a_token_is_kept_encrypted_and_for_another_secret_once_more(connection: Connection) -> None:
    user, vault, other = create_user(connection, "alice"), Vault("a" * 32), Vault("b" * 32)
    with transaction(connection) as cursor:
        token = create_token(cursor, user, "first", vault)
        md5 = hashlib.md5(token.encode(), usedforsecurity=False).hexdigest()
        cursor.execute("SELECT id, md5_encrypted FROM token")
        [(token_id, kept)] = cursor.fetchall()
        assert vault.decrypt(kept) == md5
        assert md5.encode() not in bytes(kept)
        keep_md5(cursor, token_id, token, vault)
        cursor.execute("SELECT md5_encrypted FROM token")
        assert cursor.fetchone() == (kept,)
        keep_md5(cursor, token_id, token, other)
        cursor.execute("SELECT md5_encrypted FROM token")
        [(replaced,)] = cursor.fetchall()
    assert other.decrypt(replaced) == md5


def test_tokens_of_one_label_are_revoked_and_no_other(connection: Connection) -> None:
    rob, zoe = create_user(connection, "rob"), create_user(connection, "zoe")
    with transaction(connection) as cursor:
        kept = [create_token(cursor, rob, "phone", None), create_token(cursor, zoe, "demo", None)]
        for _ in range(2):
            create_token(cursor, rob, "demo", None)
        assert drop_tokens(cursor, rob, "demo") == 2
        cursor.execute("SELECT sha256 FROM token")
        assert {bytes(digest) for (digest,) in cursor.fetchall()} == {token_digest(token) for token in kept}


def test_only_the_last_password_set_is_the_password(connection: Connection) -> None:
    user = create_user(connection, "alice")
    with transaction(connection) as cursor:
        _, kept = find_password(cursor, "alice")
        assert not password_matches(kept, "x")
        keep_password(cursor, user, hash_password("old password"))
        keep_password(cursor, user, hash_password("new password"))
        _, kept = find_password(cursor, "alice")
        assert password_matches(kept, "new password")
        assert not password_matches(kept, "old password")
        assert find_password(cursor, "bob") == (None, None)
    assert PasswordHasher().verify(kept or "", "new password")


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("", "at least 8 characters"),
        ("seven77", "at least 8 characters"),
        ("x" * 1025, "at most 1024 bytes"),
        ("é" * 513, "at most 1024 bytes"),
        ("\ud800" * 8, "not valid Unicode"),
    ],
)
def test_a_password_that_cannot_be_taken_is_refused_and_not_shown(password: str, said: str) -> None:
    with pytest.raises(InvalidPasswordError, match=said) as refused:
        hash_password(password)
    assert not password or password not in str(refused.value)


def test_a_password_of_1024_bytes_of_any_text_is_taken() -> None:
    password = "é\0" * 341 + "x"
    assert password_matches(hash_password(password), password)
    assert not password_matches(hash_password(password), password[:-1])
    assert not password_matches(None, password)
