"""Hashing passwords with Argon2id (RFC 9106), off the event loop.

Invariant: checking takes the same work whether or not there is such a person.
"""

from __future__ import annotations

import asyncio
import unicodedata
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from sagews.errors import UsageError

SHORTEST = 8
"""Characters of the shortest password (NIST SP 800-63B, 5.1.1.2)."""

LONGEST = 1024


class Passwords:
    """Hashes and checks passwords; a few at a time, as each takes tens of MiB for a moment."""

    def __init__(self, hasher: PasswordHasher | None = None, *, at_once: int = 2) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)

    async def hash(self, password: str) -> str:
        """The hash to store.

        :raises UsageError: the password is shorter than ``SHORTEST`` or longer than ``LONGEST`` characters.
        """
        if not SHORTEST <= len(password) <= LONGEST:
            raise UsageError(f"A password has {SHORTEST} to {LONGEST} characters.", mend="Choose another password.")
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, _encoded(password))

    async def is_right(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` belongs to the ``stored`` hash; never, where there is none."""
        if len(password) > LONGEST:
            return False
        async with self._turns:
            return await asyncio.to_thread(self._verify, stored, _encoded(password))

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(stored)

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("the password of nobody")

    def _verify(self, stored: str | None, password: bytes) -> bool:
        nobody = self._nobody
        try:
            self._hasher.verify(stored or nobody, password)
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def _encoded(password: str) -> bytes:
    # The same characters typed on different systems are the same password (RFC 8265, section 4.2.2: NFC).
    return unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
