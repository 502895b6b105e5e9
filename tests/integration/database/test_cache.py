"""The cache with a real memcached: fresh, slow, killed, and with one that answers garbage."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import cast

import pytest

from sagews.database.access import cache_for
from sagews.database.cache import Kind, MemcachedCache, _names
from sagews.database.cache_server import CacheServer
from sagews.database.choices import Role
from sagews.database.memcached import Memcached
from sagews.database.store import Store
from tests.logwatch import Expectation
from tests.running_component import Running, component_of, running, site_folder
from tests.waiting import eventually

KEY = b"k" * 32
NUMBERS: Kind[int] = Kind("numbers", 60, lambda number: number, int)


class Loaded:
    """What is in a database, and how often it was asked for."""

    def __init__(self, value: int = 1) -> None:
        self.value = value
        self.times = 0

    async def __call__(self) -> int:
        self.times += 1
        return self.value


@pytest.fixture(scope="module")
def site() -> Iterator[Running]:
    """A memcached of a site whose tests wait longer than its users would: this machine does other things too."""
    with (
        site_folder("memcached.timeout_milliseconds = 2000", memcached="nobody") as configuration,
        running(component_of(Memcached, configuration)) as one,
    ):
        (configuration.certificate_folder / "database-backend.password").write_text("secret")
        yield one


@pytest.fixture
async def backends(site: Running) -> AsyncIterator[tuple[MemcachedCache, MemcachedCache]]:
    """The caches of two backends."""
    caches = [cache_for(site.component.configuration) for _ in range(2)]
    first, second = caches
    assert isinstance(first, MemcachedCache)
    assert isinstance(second, MemcachedCache)
    yield first, second
    for cache in caches:
        await cache.close()


@pytest.mark.memcached
async def test_what_one_backend_loaded_another_has(backends: tuple[MemcachedCache, MemcachedCache]) -> None:
    first, second = backends
    load = Loaded()
    assert [await cache.get_or(NUMBERS, "a", load) for cache in (first, second, first)] == [1, 1, 1]
    assert (load.times, first.hits, second.hits) == (1, 1, 1)


@pytest.mark.memcached
async def test_a_change_shows_at_once_through_each_backend(backends: tuple[MemcachedCache, MemcachedCache]) -> None:
    first, second = backends
    load = Loaded()
    for number in range(20):
        load.value = number
        await first.forget(NUMBERS, "b")
        assert [await cache.get_or(NUMBERS, "b", load) for cache in (second, first)] == [number, number]
    assert load.times == 20


@pytest.mark.memcached
async def test_what_was_loaded_before_a_change_is_not_kept_after_it(
    backends: tuple[MemcachedCache, MemcachedCache],
) -> None:
    first, second = backends

    async def load_while_it_changes() -> int:
        await second.forget(NUMBERS, "c")
        return 1

    assert await first.get_or(NUMBERS, "c", load_while_it_changes) == 1
    assert await second.get_or(NUMBERS, "c", Loaded(2)) == 2
    assert await first.get_or(NUMBERS, "c", Loaded(3)) == 2


@pytest.mark.memcached
async def test_an_old_answer_of_the_kind_is_loaded_anew(site: Running) -> None:
    now = [1000.0]
    template = cache_for(site.component.configuration)
    assert isinstance(template, MemcachedCache)
    cache = MemcachedCache(template._servers, KEY, lambda: now[0])
    assert await cache.get_or(NUMBERS, "d", Loaded(1)) == 1
    now[0] += 61
    assert await cache.get_or(NUMBERS, "d", Loaded(2)) == 2
    await cache.close()


@pytest.mark.memcached
async def test_what_somebody_else_wrote_does_not_count(backends: tuple[MemcachedCache, MemcachedCache]) -> None:
    cache = backends[0]
    stranger = MemcachedCache(cache._servers, b"x" * 32)
    assert await stranger.get_or(NUMBERS, "e", Loaded(666)) == 666
    assert await cache.get_or(NUMBERS, "e", Loaded(1)) == 1
    # An answer for another group, sealed rightly, put where ours belongs.
    server = cache._servers[0]
    assert await cache.get_or(NUMBERS, "f", Loaded(7)) == 7
    own, other = _names(NUMBERS, "e"), _names(NUMBERS, "f")
    found = await server.get(*other)
    assert found is not None
    for name, content in zip(own, (found[other[0]], found[other[1]]), strict=True):
        assert await server.set(name, content, 60)
    assert await cache.get_or(NUMBERS, "e", Loaded(2)) == 2


@pytest.mark.memcached
async def test_a_cancelled_question_does_not_spoil_the_next(backends: tuple[MemcachedCache, MemcachedCache]) -> None:
    cache = backends[0]
    for number in range(50):
        asking = asyncio.create_task(cache.get_or(NUMBERS, f"g{number}", Loaded(-1)))
        for _ in range(number % 10):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
        assert await cache.get_or(NUMBERS, f"h{number}", Loaded(number)) == number


@pytest.mark.memcached
async def test_many_at_once_get_their_own(backends: tuple[MemcachedCache, MemcachedCache]) -> None:
    answers = await asyncio.gather(*(backends[n % 2].get_or(NUMBERS, str(n % 40), Loaded(n % 40)) for n in range(400)))
    assert answers == [n % 40 for n in range(400)]


@asynccontextmanager
async def scripted(
    answer: Callable[[bytes, asyncio.StreamWriter], None], *, patience_seconds: float = 0.05
) -> AsyncIterator[MemcachedCache]:
    """A cache whose memcached answers each line by a script; what takes longer than its patience is no answer."""

    talks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(cast("asyncio.Task[None]", asyncio.current_task()))
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                answer(line, writer)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    cache = MemcachedCache([CacheServer(partial(asyncio.open_connection, "127.0.0.1", port), patience_seconds)], KEY)
    try:
        yield cache
    finally:
        await cache.close()
        server.close()
        if talks:
            await asyncio.wait(talks)


def _write(content: bytes) -> Callable[[bytes, asyncio.StreamWriter], None]:
    return lambda line, writer: writer.write(content)


GARBAGE = {
    "words": _write(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "bytes": _write(bytes(range(256)) * 8),
    "an endless line": _write(b"x" * 2**17),
    "a size that is none": _write(b"VALUE a 0 x\r\n"),
    "a negative size": _write(b"VALUE a 0 -1\r\n\r\nEND\r\n"),
    "what was not asked for": _write(b"VALUE a 0 1\r\n1\r\nEND\r\n"),
    "an error": _write(b"SERVER_ERROR out of memory\r\n"),
    "silence": _write(b""),
    "the end": lambda line, writer: writer.close(),
    "half an answer": lambda line, writer: (writer.write(b"VALU"), writer.close())[0],
    "everything is kept, nothing is there": lambda line, writer: writer.write(
        b"END\r\n" if line.startswith(b"get") else b"STORED\r\n"
    ),
}


@pytest.mark.parametrize("name", GARBAGE)
async def test_answers_are_right_whatever_memcached_says(
    name: str, expected_log: Callable[[str, str], Expectation]
) -> None:
    expected_log("sagews.database", "Cache does not answer")
    async with scripted(GARBAGE[name]) as cache:
        for number in range(10):
            assert await cache.get_or(NUMBERS, "a", Loaded(number)) == number
            await cache.forget(NUMBERS, "a")


@pytest.mark.parametrize("content", [b"null", b"[]", b'[1e99, "x"]', b"[1e99, [1, 2]]", b'["x", 1]', b"[NaN, 1]", b"{"])
async def test_a_sealed_answer_of_another_form_is_loaded_anew(
    content: bytes, expected_log: Callable[[str, str], Expectation]
) -> None:
    name, version_name = _names(NUMBERS, "a")

    def answer(line: bytes, writer: asyncio.StreamWriter) -> None:
        sealed = cache._mac(name, b"v", content) + content
        for one, value in ((version_name, b"v"), (name, sealed)):
            writer.write(f"VALUE {one} 0 {len(value)}\r\n".encode() + value + b"\r\n")
        writer.write(b"END\r\n")

    if content != b"[NaN, 1]":
        expected_log("sagews.database", "Cached answer of another form")
    async with scripted(answer, patience_seconds=10.0) as cache:
        expected_log("sagews.database", "Cache does not answer")  # a set is answered by values, too
        assert await cache.get_or(NUMBERS, "a", Loaded(5)) == 5


@pytest.fixture
def own() -> Iterator[Running]:
    """A memcached that the test has for itself."""
    with (
        site_folder("memcached.timeout_milliseconds = 300", memcached="nobody") as configuration,
        running(component_of(Memcached, configuration)) as one,
    ):
        (configuration.certificate_folder / "database-backend.password").write_text("secret")
        yield one


@pytest.mark.memcached
async def test_a_memcached_that_hangs_or_dies_and_comes_back(
    own: Running, expected_log: Callable[[str, str], Expectation]
) -> None:
    down = expected_log("sagews.database", "Cache does not answer")
    cache = cache_for(own.component.configuration)
    assert isinstance(cache, MemcachedCache)
    load = Loaded()

    async def answers_from_cache() -> bool:
        before = load.times
        assert await cache.get_or(NUMBERS, "a", load) == load.value
        return load.times == before

    await eventually(answers_from_cache)
    assert own.process is not None
    for how in (signal.SIGSTOP, signal.SIGKILL):
        own.process.send_signal(how)
        if how is signal.SIGKILL:
            own.process.wait()
        began = time.monotonic()
        for _ in range(200):
            load.value += 1
            await cache.forget(NUMBERS, "a")
            assert await cache.get_or(NUMBERS, "a", load) == load.value
        # Not a timing of this machine: 400 questions that each waited for their time-out would take 120 s.
        assert time.monotonic() - began < 60
        if how is signal.SIGSTOP:
            own.process.send_signal(signal.SIGCONT)
        else:
            await asyncio.to_thread(own.start)
        await eventually(answers_from_cache)
    assert down.seen
    await cache.close()


@pytest.mark.memcached
async def test_people_see_their_own_changes_through_each_backend(
    store: Store, backends: tuple[MemcachedCache, MemcachedCache]
) -> None:
    first, second = (Store(store._transactions.engine, cache=cache) for cache in backends)
    anna = (await store.accounts.ensure_solo_account()).id
    emmy = (await store.accounts.create("Emmy", "solo")).id

    async def names(account: str) -> list[list[str]]:
        return [sorted(one.workspace.name for one in await s.listings.of_account(account)) for s in (second, first)]

    assert await names(anna) == [[], []]
    made = await first.workspaces.create(anna, "A")
    await first.listings.changed(made.id)
    assert await names(anna) == [["A"], ["A"]]
    await second.permissions.grant(made.id, emmy, Role.READER)
    await second.listings.changed(made.id, emmy)
    assert await names(emmy) == [["A"], ["A"]]
    await second.workspaces.rename(made.id, "B")
    await second.listings.changed(made.id)
    assert (await names(anna), await names(emmy)) == ([["B"], ["B"]], [["B"], ["B"]])
    (listed,) = await first.listings.of_account(anna)
    assert listed == (await store.workspaces.of_account(anna))[0]
    await first.permissions.revoke(made.id, emmy)
    await first.listings.changed(made.id, emmy)
    assert await names(emmy) == [[], []]
    await first.workspaces.delete(made.id)
    await first.listings.changed(made.id)
    assert await names(anna) == [[], []]
    assert backends[0].hits > 0
