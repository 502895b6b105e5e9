"""The cache: answers that are read often and may be a few seconds old, kept in the site's memcacheds.

Invariants: an answer is right whatever memcached does. What it gives counts only if one of our backends sealed it
(HMAC), for this very key, at the version that the group has now, and not longer ago than the kind allows; all else is
a miss, and then the database is asked. Never tokens, never what permissions are decided by. A memcached that is down or
slow costs at most its time-out, and is left alone for a second then.

Whoever changes something calls `forget` after the commit: each backend then loads it anew. Where memcached cannot be
told, other backends may show the old answer for as long as its kind allows; this one does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from sagews.database.cache_server import CacheServer

log = logging.getLogger(__name__)

T = TypeVar("T")

FORMAT = "sagews1"
"""Begins every key; to be changed when the form of what is kept changes."""
VERSION_BYTES = 12
VERSION_SECONDS = 86400
LARGEST_BYTES = 512 * 1024
SEAL_BYTES = 32


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of answers: what they are called, how old they may be, and their form as JSON."""

    name: str
    """A word; to be changed when the form changes, so that backends of two releases get along."""
    seconds: float
    write: Callable[[T], Any]
    read: Callable[[Any], T]
    """Raises `ValueError`, `KeyError` or `TypeError` for what `write` would not have made."""


class Cache(Protocol):
    """What backends use."""

    hits: int
    """How many answers it had; `misses`: how many it had not, though a memcached answered."""
    misses: int

    async def get_or(self, kind: Kind[T], group: str, load: Callable[[], Awaitable[T]]) -> T:
        """The answer of this kind for a group (an account's id, ...): kept, or else loaded and kept."""

    async def forget(self, kind: Kind[Any], *groups: str) -> None:
        """Have the answers for these groups loaded anew from now on. To be called after the commit of a change."""

    async def close(self) -> None:
        """Close every connection; repeatable."""


class NoCache:
    """Where there is no memcached: everything is loaded."""

    hits = misses = 0

    async def get_or(self, kind: Kind[T], group: str, load: Callable[[], Awaitable[T]]) -> T:
        """Load it."""
        return await load()

    async def forget(self, kind: Kind[Any], *groups: str) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""


class MemcachedCache:
    """A cache in one or several memcacheds, each of which has its part of the groups."""

    def __init__(self, servers: Sequence[CacheServer], key: bytes, clock: Callable[[], float] = time.time) -> None:
        """
        :param servers: one or more; the same, in the same order, in each backend.
        :param key: secret of the site's backends, 32 bytes.
        :param clock: seconds since 1970.
        """
        self._servers = servers
        self._key = key
        self._clock = clock
        self._untold: dict[str, float] = {}
        self.hits = 0
        self.misses = 0

    async def get_or(self, kind: Kind[T], group: str, load: Callable[[], Awaitable[T]]) -> T:
        """The answer: kept, or else loaded and kept.

        :raises Exception: what ``load`` raises.
        """
        name, version_name = _names(kind, group)
        if not await self._is_told(version_name):
            return await load()
        server = self._server(version_name)
        found = await server.get(version_name, name)
        if found is None:
            return await load()
        version, sealed = found.get(version_name), found.get(name)
        if version is not None and sealed is not None:
            kept = self._open(kind, name, version, sealed)
            if kept is not None:
                self.hits += 1
                return kept.value
        self.misses += 1
        if version is None:
            # Only where there is none: a change that somebody makes meanwhile counts more.
            version = secrets.token_hex(VERSION_BYTES).encode()
            if not await server.set(version_name, version, VERSION_SECONDS, only_new=True):
                return await load()
        value = await load()
        sealed = self._seal(kind, name, version, value)
        if len(sealed) <= LARGEST_BYTES:
            await server.set(name, sealed, kind.seconds)
        return value

    async def forget(self, kind: Kind[Any], *groups: str) -> None:
        """Give each group another version."""
        for group in groups:
            _, version_name = _names(kind, group)
            # As long as an answer of the old version could be shown, if memcached cannot be told.
            self._untold[version_name] = time.monotonic() + kind.seconds
            await self._is_told(version_name)

    async def close(self) -> None:
        """Close every connection; repeatable."""
        for server in self._servers:
            server.close()

    async def _is_told(self, version_name: str) -> bool:
        """Tell memcached of a change if it has not heard of it yet; whether it knows all by now."""
        until = self._untold.get(version_name)
        if until is None:
            return True
        version = secrets.token_hex(VERSION_BYTES).encode()
        told = await self._server(version_name).set(version_name, version, VERSION_SECONDS)
        # Another change may have been made while we waited: it has a later end.
        if (told or until < time.monotonic()) and self._untold.get(version_name) == until:
            del self._untold[version_name]
        return version_name not in self._untold

    def _server(self, version_name: str) -> CacheServer:
        number = int.from_bytes(hashlib.sha256(version_name.encode()).digest()[:4], "big")
        return self._servers[number % len(self._servers)]

    def _seal(self, kind: Kind[T], name: str, version: bytes, value: T) -> bytes:
        body = json.dumps([self._clock() + kind.seconds, kind.write(value)]).encode()
        return self._mac(name, version, body) + body

    def _open(self, kind: Kind[T], name: str, version: bytes, sealed: bytes) -> _Kept[T] | None:
        seal, body = sealed[:SEAL_BYTES], sealed[SEAL_BYTES:]
        if not hmac.compare_digest(seal, self._mac(name, version, body)):
            return None
        try:
            until, content = json.loads(body)
            if not self._clock() < float(until):
                return None
            return _Kept(kind.read(content))
        except (ValueError, KeyError, TypeError):
            log.warning("Cached answer of another form", extra={"action": "cache_form", "kind": kind.name})
            return None

    def _mac(self, name: str, version: bytes, body: bytes) -> bytes:
        digest = hmac.new(self._key, digestmod="sha256")
        for part in (name.encode(), version, body):
            digest.update(len(part).to_bytes(8, "big") + part)
        return digest.digest()


@dataclass(frozen=True)
class _Kept(Generic[T]):
    value: T


def _names(kind: Kind[Any], group: str) -> tuple[str, str]:
    """The keys of a group's answer and of its version: without blanks, at most 250 bytes (memcached's protocol.txt)."""
    name = f"{FORMAT}:{kind.name}:{hashlib.sha256(group.encode()).hexdigest()}"
    return name, f"{name}:version"
