"""A database that is down is told as such, and used again when it is back."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sagews.database import Store, create_engine, engine, migrate
from sagews.database.journal import Entry
from sagews.errors import DatabaseUnavailable
from tests.postgresql import Cluster
from tests.waiting import eventually


@pytest.fixture
async def store(cluster: Cluster) -> AsyncIterator[Store]:
    """A store on that PostgreSQL."""
    connections = create_engine(cluster.url("postgres"))
    await migrate(connections)
    store = Store(connections)
    yield store
    await store.close()


@pytest.mark.postgresql
async def test_a_restarted_postgresql_has_every_acknowledged_edit(cluster: Cluster, store: Store) -> None:
    account = await store.accounts.ensure_solo_account()
    workspace = (await store.workspaces.create(account.id, "Knots")).id
    await store.workspaces.open(workspace, "worker-0", if_epoch=0)
    first = Entry(1, "d", "d.ipynb", b"1", "emmy")
    second = Entry(2, "d", "d.ipynb", b"2", "emmy")
    await asyncio.gather(*(store.check() for _ in range(5)))
    await store.journal.append(workspace, 1, [first])
    cluster.stop(signal.SIGQUIT)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable):
            await store.journal.append(workspace, 1, [second])
    with pytest.raises(DatabaseUnavailable):
        await store.check()
    cluster.start()
    await store.journal.append(workspace, 1, [first, second])
    assert [row.n for row in await store.journal.read(workspace)] == [1, 2]


@pytest.mark.postgresql
async def test_after_a_restart_the_first_question_is_answered(cluster: Cluster, store: Store) -> None:
    await asyncio.gather(*(store.check() for _ in range(5)))
    # In a thread, so that the event loop runs, as a server's does, and hears of the closed connections.
    await asyncio.to_thread(cluster.stop)
    cluster.start()
    await store.check()
    await asyncio.gather(*(store.check() for _ in range(8)))


@pytest.mark.postgresql
async def test_a_database_that_is_not_there_is_told(cluster: Cluster) -> None:
    store = Store(create_engine(cluster.url("missing")))
    with pytest.raises(DatabaseUnavailable, match="missing"):
        await store.check()
    await store.close()


async def test_a_port_where_nobody_listens_is_told() -> None:
    store = Store(create_engine("postgresql://tester@127.0.0.1:1/x"))
    with pytest.raises(DatabaseUnavailable):
        await store.check()
    await store.close()


async def test_a_file_that_is_locked_for_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "BUSY_SECONDS", 0.05)
    connections = create_engine(f"sqlite:///{tmp_path}/test.db")
    await migrate(connections)
    store = Store(connections)
    other = sqlite3.connect(tmp_path / "test.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseUnavailable, match="locked"):
        await store.accounts.ensure_solo_account()
    assert await store.accounts.all() == []
    other.execute("ROLLBACK")
    other.close()
    await store.accounts.ensure_solo_account()
    await store.close()


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "test.db").write_text("This is a letter. " * 1000)
    store = Store(create_engine(f"sqlite:///{tmp_path}/test.db"))
    threads = threading.active_count()
    for _ in range(3):
        with pytest.raises(DatabaseUnavailable, match="damaged: file is not a database"):
            await store.check()
    await eventually(lambda: threading.active_count() <= threads)
    await store.close()
