"""What does it cost to keep a git bundle as a BLOB in the database, against a file and PostgreSQL's large objects?

``python -m benchmarks.bundle_storage`` measures 10 kB to 100 MB and writes docs/bundle-storage.md with its plot;
``--largest 1000000`` stops there and only prints. Every store has to have the bytes on disk (fsync) when it says so.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol
from uuid import uuid4

import asyncpg

from benchmarks.bundle_report import Figure, print_figures, write_page
from benchmarks.rows import median
from sagews.database import Store, create_engine, migrate
from sagews.database.bundles import PIECE_BYTES, NewBundle, StoredBundle
from sagews.workspace.git import Git
from sagews.workspace.import_stream import Author, ImportStream
from sagews.workspace.repository import Repository
from tests.postgresql import Cluster, new_cluster

SIZES = (10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
DURABLE = {"fsync": "on", "full_page_writes": "on"}


class Keeper(Protocol):
    """A way to keep bundles."""

    name: str

    async def save(self, data: bytes) -> object:
        """Keep it durably; returns what it is found by."""

    async def load(self, key: object) -> int:
        """Read it, piece by piece; returns how many bytes there were."""

    async def used(self) -> int:
        """Bytes on disk that are taken by what is kept."""


class FileKeeper:
    """A file in a folder."""

    name = "file on disk"

    def __init__(self, folder: Path) -> None:
        """:param folder: is there."""
        self._folder = folder

    async def save(self, data: bytes) -> object:
        """Write, fsync, rename, fsync the folder."""
        return await asyncio.to_thread(self._save, data)

    def _save(self, data: bytes) -> Path:
        path = self._folder / uuid4().hex
        with path.with_suffix(".part").open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        path.with_suffix(".part").rename(path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return path

    async def load(self, key: object) -> int:
        """Read it in pieces."""
        assert isinstance(key, Path)
        return await asyncio.to_thread(_read, key)

    async def used(self) -> int:
        """Blocks of the file system."""
        return sum(path.stat().st_blocks * 512 for path in self._folder.iterdir())


def _read(path: Path) -> int:
    total = 0
    with path.open("rb") as file:
        while piece := file.read(PIECE_BYTES):
            total += len(piece)
    return total


class StoreKeeper:
    """Our own tables, as a checkpoint writes and an opening reads them."""

    def __init__(self, name: str, store: Store, owner: str, used: Callable[[], Awaitable[int]]) -> None:
        """:param owner: an account."""
        self.name = name
        self._store = store
        self._owner = owner
        self._used = used

    async def save(self, data: bytes) -> object:
        """A checkpoint of a workspace of its own."""
        workspace = await self._store.workspaces.create(self._owner, uuid4().hex)
        epoch = await self._store.workspaces.open(workspace.id, "worker:0", if_epoch=0)
        facts = StoredBundle(1, "", "0" * 40, len(data), "")
        begun = time.perf_counter()
        await self._store.documents.checkpoint(workspace.id, epoch, 1, (), NewBundle(facts, io.BytesIO(data)))
        return workspace.id, facts, time.perf_counter() - begun

    async def load(self, key: object) -> int:
        """All pieces."""
        assert isinstance(key, tuple)
        return sum([len(piece) async for piece in self._store.bundles.read(key[0], key[1])])

    async def used(self) -> int:
        """As was given."""
        return await self._used()


class LargeObjectKeeper:
    """PostgreSQL's large objects, written and read in pieces of the same size."""

    name = "PostgreSQL, large object"

    def __init__(self, connection: asyncpg.Connection) -> None:
        """:param connection: for it alone."""
        self._connection = connection

    async def save(self, data: bytes) -> object:
        """One transaction."""
        async with self._connection.transaction():
            oid = await self._connection.fetchval("SELECT lo_create(0)")
            for at in range(0, len(data), PIECE_BYTES):
                await self._connection.execute("SELECT lo_put($1, $2, $3)", oid, at, data[at : at + PIECE_BYTES])
        return oid

    async def load(self, key: object) -> int:
        """In pieces."""
        total = 0
        while piece := await self._connection.fetchval("SELECT lo_get($1, $2, $3)", key, total, PIECE_BYTES):
            total += len(piece)
        return total

    async def used(self) -> int:
        """The table in which all of them are."""
        return int(await self._connection.fetchval("SELECT pg_total_relation_size('pg_largeobject')"))


@dataclass(frozen=True)
class Bundle:
    """What is kept."""

    content_bytes: int
    data: bytes
    make_seconds: float
    take_seconds: float


def make_bundle(folder: Path, size: int) -> Bundle:
    """A bundle of one file that does not compress: the most that it can have to hold."""
    content = os.urandom(size)
    repository, other = Repository(Git(folder / f"{size}.git")), Repository(Git(folder / f"{size}.other"))

    def write(stream: ImportStream) -> None:
        stream.put("data", "100644", size, io.BytesIO(content))

    begun = time.perf_counter()
    repository.commit(Author("", ""), "", write)
    repository.write_bundle(folder / "bundle", "")
    made = time.perf_counter()
    other.take_bundle(folder / "bundle", 10 * size + 10_000)
    taken = time.perf_counter()
    return Bundle(size, (folder / "bundle").read_bytes(), made - begun, taken - made)


async def measure_one(keeper: Keeper, bundle: Bundle, tries: int) -> Figure:
    """Save and load a bundle some times."""
    saves, loads, before = [], [], await keeper.used()
    for _ in range(tries):
        begun = time.perf_counter()
        key = await keeper.save(bundle.data)
        saves.append(key[2] if isinstance(key, tuple) else time.perf_counter() - begun)
        begun = time.perf_counter()
        if await keeper.load(key) != len(bundle.data):
            raise RuntimeError(f"{keeper.name} gave back something else")
        loads.append(time.perf_counter() - begun)
    space = (await keeper.used() - before) / tries
    return Figure(keeper.name, bundle.content_bytes, len(bundle.data), space, median(saves), median(loads))


async def keepers(stack: AsyncExitStack, folder: Path, cluster: Cluster) -> list[Keeper]:
    """All ways, ready to be used."""
    (folder / "files").mkdir()
    sqlite = folder / "sagews.sqlite"
    url = cluster.create_database()
    connection = await asyncpg.connect(url)
    stack.push_async_callback(connection.close)

    async def sqlite_used() -> int:
        with sqlite3.connect(sqlite) as own:
            own.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        own.close()
        return sqlite.stat().st_size

    async def postgresql_used() -> int:
        return int(await connection.fetchval("SELECT pg_total_relation_size('bundle_pieces')"))

    found: list[Keeper] = [FileKeeper(folder / "files")]
    addresses = (
        ("SQLite, BLOB", f"sqlite+aiosqlite:///{sqlite}", sqlite_used),
        ("PostgreSQL, BLOB", url.replace("postgresql://", "postgresql+asyncpg://", 1), postgresql_used),
    )
    for name, address, used in addresses:
        engine = create_engine(address)
        await migrate(engine)
        store = Store(engine)
        stack.push_async_callback(store.close)
        await store.account_types.ensure("standard")
        account = await store.accounts.create("Ada", "standard")
        found.append(StoreKeeper(name, store, account.id, used))
    return [*found, LargeObjectKeeper(connection)]


async def measure(sizes: Sequence[int]) -> tuple[list[Figure], list[Bundle]]:
    """Every size by every way."""
    figures, bundles = [], []
    with TemporaryDirectory(prefix="sagews-bundles-") as name, new_cluster() as cluster:
        folder = Path(name)
        cluster.settings.update(DURABLE)
        cluster.stop()
        cluster.start()
        async with AsyncExitStack() as stack:
            ways = await keepers(stack, folder, cluster)
            for size in sizes:
                bundle = await asyncio.to_thread(make_bundle, folder, size)
                bundles.append(bundle)
                tries = 5 if size <= 10_000_000 else 3
                figures += [await measure_one(keeper, bundle, tries) for keeper in ways]
    return figures, bundles


def main() -> None:
    """Measure, print, and write the page where everything was measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bundle_storage", description=__doc__)
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="bytes of the largest bundle")
    largest = parser.parse_args().largest
    figures, bundles = asyncio.run(measure([size for size in SIZES if size <= largest]))
    git = [(one.content_bytes, len(one.data), one.make_seconds, one.take_seconds) for one in bundles]
    print_figures(figures, git)
    if largest >= SIZES[-1]:
        write_page(figures, git)


if __name__ == "__main__":
    main()
