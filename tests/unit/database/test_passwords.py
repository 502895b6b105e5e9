"""Hashing and checking passwords."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from sagews.database.passwords import LONGEST, SHORTEST, Passwords
from sagews.errors import UsageError


def quick(time_cost: int = 1) -> Passwords:
    return Passwords(PasswordHasher(time_cost=time_cost, memory_cost=8, parallelism=1))


async def test_only_the_right_password_is_right() -> None:
    passwords = quick()
    stored = await passwords.hash("correct horse")
    assert "correct horse" not in stored
    assert await passwords.is_right(stored, "correct horse")
    assert not await passwords.is_right(stored, "correct hors")
    assert not await passwords.is_right(stored, "")


async def test_where_there_is_no_hash_nothing_is_right() -> None:
    passwords = quick()
    assert not await passwords.is_right(None, "the password of nobody")
    assert not await passwords.is_right("no hash at all", "correct horse")


async def test_the_same_characters_are_the_same_password() -> None:
    passwords = quick()
    stored = await passwords.hash("caf\u00e9 caf\u00e9")
    assert await passwords.is_right(stored, "cafe\u0301 cafe\u0301")


@pytest.mark.parametrize("password", ["a" * (SHORTEST - 1), "a" * (LONGEST + 1)])
async def test_too_short_and_too_long_ones_are_refused(password: str) -> None:
    with pytest.raises(UsageError):
        await quick().hash(password)
    assert not await quick().is_right(None, password)


async def test_any_text_can_be_a_password() -> None:
    passwords = quick()
    assert await passwords.is_right(await passwords.hash("\0" * 8 + "\ud800"), "\0" * 8 + "\ud800")


async def test_hashes_with_other_parameters_are_outdated() -> None:
    stored = await quick().hash("correct horse")
    assert not quick().is_outdated(stored)
    assert quick(time_cost=2).is_outdated(stored)
