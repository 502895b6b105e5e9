"""How do a workspace's bundles, and the time to restore it, grow with its versions?

``python -m benchmarks.checkpoints`` makes 1,000 versions of a growing workspace, stores each in PostgreSQL as a worker
and its backend do, and restores it elsewhere at each hundredth; writes docs/checkpoints.md. ``--count 100`` makes
fewer, and only prints.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import nbformat

from benchmarks.bundle_storage import DURABLE
from benchmarks.report import ROOT, machine
from benchmarks.rows import median
from sagews.database import Store, create_engine, migrate
from sagews.database.bundles import NewBundle, StoredBundle
from sagews.messages.records import BundleRecord
from sagews.worker.kept_files import KeptLimits
from sagews.worker.versions import Versions
from tests.postgresql import new_cluster

COUNT = 1000
STEP = 100
PAGE = ROOT / "docs" / "checkpoints.md"
LIMITS = KeptLimits(file_bytes=1 << 24, bytes=1 << 30, files=10_000)
PICTURE_EVERY, PICTURE_BYTES = 10, 20_000
"""Pictures do not compress, and stay as they are."""

PREFACE = """# What 1,000 checkpoints of one workspace take

`python -m benchmarks.checkpoints` measures it and writes this page. Each checkpoint adds a cell with an output to one
worksheet, so the whole file is a new one; each tenth adds a picture of 20 kB, which does not compress. Every version is
made, bundled and stored in PostgreSQL (fsync on) by the code of workers and backends, one after the other; at each
hundredth the chain is read from the database and the workspace made of it in an empty folder, as when it is opened on
another worker. Times of checkpoints are medians of the last hundred, those of restoring medians of three.

*In the database* is what the tables of bundles take on disk with their indexes, after the rows that were replaced are
vacuumed (PostgreSQL does that by itself; it uses their space again, and does not give it back).
"""


@dataclass(frozen=True)
class Figure:
    """After so many checkpoints; bytes and seconds."""

    checkpoints: int
    content_bytes: int
    bundles: int
    bundle_bytes: int
    database_bytes: int
    sent_bytes: int
    """Of all bundles since the beginning: the price of putting them together."""
    checkpoint_seconds: float
    restore_seconds: float


class Growing:
    """One workspace on a worker, stored by a backend."""

    def __init__(self, folder: Path, store: Store, workspace: str, epoch: int) -> None:
        """Nothing is in it yet."""
        self._folder = folder
        self._files = folder / "files"
        self._files.mkdir()
        self._store = store
        self._workspace = workspace
        self._epoch = epoch
        self._versions = Versions(folder, self._files, LIMITS)
        self._notebook = nbformat.v4.new_notebook()
        self._seconds: list[float] = []
        self._count = 0
        self._sent = 0

    async def checkpoint(self) -> None:
        """One more version, made and stored."""
        self._change()
        begun = time.perf_counter()
        await self._versions.commit()
        offer = await self._versions.offer()
        if offer is None:
            raise RuntimeError("There is no new version.")
        made = offer.record
        with offer.path.open("rb") as content:
            bundle = NewBundle(StoredBundle(made.count, made.basis, made.head, made.size, made.sha256), content)
            await self._store.documents.checkpoint(self._workspace, self._epoch, self._count, (), bundle)
        self._versions.withdraw(offer)
        await self._versions.stored(offer)
        self._seconds.append(time.perf_counter() - begun)
        self._sent += made.size

    def _change(self) -> None:
        self._count += 1
        output = nbformat.v4.new_output("stream", name="stdout", text=f"{self._count**20}\n")
        source = f"# cell {self._count}\nprint({self._count}^20)"
        self._notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=self._count))
        (self._files / "growing.ipynb").write_text(nbformat.writes(self._notebook))
        if self._count % PICTURE_EVERY == 0:
            (self._files / f"picture{self._count}.png").write_bytes(os.urandom(PICTURE_BYTES))

    async def figure(self, connection: asyncpg.Connection) -> Figure:
        """As it is now."""
        await connection.execute("VACUUM bundles")
        await connection.execute("VACUUM bundle_pieces")
        used = await connection.fetchval(
            "SELECT pg_total_relation_size('bundles') + pg_total_relation_size('bundle_pieces')"
        )
        chain = await self._store.bundles.chain(self._workspace)
        content = {path.name: path.read_bytes() for path in self._files.iterdir()}
        restored = [await self._restore(chain, content) for _ in range(3)]
        return Figure(
            self._count,
            sum(map(len, content.values())),
            len(chain),
            sum(one.size_bytes for one in chain),
            int(used),
            self._sent,
            median(self._seconds[-STEP:]),
            median(restored),
        )

    async def _restore(self, chain: Sequence[StoredBundle], content: dict[str, bytes]) -> float:
        """Make it anew elsewhere; returns the seconds, from the database to the files."""
        with TemporaryDirectory(prefix="restored-", dir=self._folder) as name:
            folder = Path(name)
            (folder / "files").mkdir()
            begun = time.perf_counter()
            for bundle in chain:
                with (folder / bundle.head).open("wb") as file:
                    async for piece in self._store.bundles.read(self._workspace, bundle):
                        file.write(piece)
            records = tuple(BundleRecord(one.basis, one.head, one.number, one.size_bytes, one.sha256) for one in chain)
            await Versions(folder, folder / "files", LIMITS).restore(records, lambda head: folder / head)
            seconds = time.perf_counter() - begun
            if {path.name: path.read_bytes() for path in (folder / "files").iterdir()} != content:
                raise RuntimeError("What was restored is something else.")
        return seconds


async def measure(count: int) -> list[Figure]:
    """All checkpoints, on a PostgreSQL of its own."""
    figures = []
    with TemporaryDirectory(prefix="sagews-checkpoints-") as name, new_cluster() as cluster:
        cluster.settings.update(DURABLE)
        cluster.stop()
        cluster.start()
        url = cluster.create_database()
        connection = await asyncpg.connect(url)
        engine = create_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
        await migrate(engine)
        store = Store(engine)
        try:
            await store.account_types.ensure("standard")
            account = await store.accounts.create("Ada", "standard")
            workspace = await store.workspaces.create(account.id, "growing")
            epoch = await store.workspaces.open(workspace.id, "worker:0", if_epoch=0)
            growing = Growing(Path(name), store, workspace.id, epoch)
            for number in range(1, count + 1):
                await growing.checkpoint()
                if number % STEP == 0:
                    figures.append(await growing.figure(connection))
                    print(lines(figures[-1:])[-1], flush=True)
        finally:
            await store.close()
            await connection.close()
    return figures


def lines(figures: Sequence[Figure]) -> list[str]:
    """A Markdown table."""
    heads = "checkpoints", "files, kB", "bundles", "together, kB", "in the database, kB", "sent so far, kB"
    return [
        f"| {' | '.join(heads)} | checkpoint, ms | restore, ms |",
        "|---|---|---|---|---|---|---|---|",
        *(
            f"| {one.checkpoints} | {one.content_bytes // 1000} | {one.bundles} | {one.bundle_bytes // 1000} "
            f"| {one.database_bytes // 1000} | {one.sent_bytes // 1000} | {one.checkpoint_seconds * 1000:.3g} "
            f"| {one.restore_seconds * 1000:.3g} |"
            for one in figures
        ),
    ]


def main() -> None:
    """Measure, print, and write the page where all were made."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.checkpoints", description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help="how many checkpoints")
    count = parser.parse_args().count
    figures = asyncio.run(measure(count))
    if count < COUNT:
        sys.stdout.write("\n".join(lines(figures)) + "\n")
        return
    facts = "; ".join(f"{name}: {value}" for name, value in machine().items() if name not in ("sage", "jupyter_server"))
    PAGE.write_text(f"{PREFACE}\nMeasured: {facts}.\n\n" + "\n".join(lines(figures)) + "\n")


if __name__ == "__main__":
    main()
