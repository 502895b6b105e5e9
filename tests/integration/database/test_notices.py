"""Notices: what is changed is heard of, also after the database was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sagews.database import Store, create_engine, migrate
from sagews.database.accounts import Account
from sagews.database.choices import Role, TokenKind, WorkerState
from sagews.database.notices import Notice, Topic
from sagews.database.workers import Sighting
from sagews.database.workspaces import Workspace
from sagews.errors import Conflict, Fenced
from tests.postgresql import Cluster
from tests.waiting import eventually


class Hearer:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Notice] = []
        self.beginnings = 0

    def begin(self) -> None:
        self.beginnings += 1


@asynccontextmanager
async def listening(store: Store) -> AsyncIterator[Hearer]:
    """Somebody who listens already."""
    hearer = Hearer()
    task = asyncio.create_task(store.notices.listen(hearer.heard.append, hearer.begin))
    await eventually(lambda: hearer.beginnings)
    yield hearer
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_each_change_is_told(store: Store, account: Account, workspace: Workspace) -> None:
    other = await store.accounts.create("Emmy", account.account_type)
    token = await store.tokens.create(other.id, TokenKind.API)
    await store.workers.note([Sighting("worker:0", "127.0.0.1:1", 1, 0.0, "1")])
    async with listening(store) as hearer:
        await store.permissions.grant(workspace.id, other.id, Role.READER)
        await store.permissions.revoke(workspace.id, other.id)
        await store.workspaces.open(workspace.id, "worker:0", if_epoch=0)
        await store.workspaces.delete(workspace.id)
        await store.accounts.disable(other.id)
        await store.tokens.revoke(other.id, token.token.id)
        await store.workers.set_state("worker:0", WorkerState.DRAINING)
        expected = [
            Notice(Topic.PERMISSION, workspace.id, other.id),
            Notice(Topic.PERMISSION, workspace.id, other.id),
            Notice(Topic.OPENED, workspace.id, epoch=1),
            Notice(Topic.DELETED, workspace.id),
            Notice(Topic.ACCOUNT, other.id),
            Notice(Topic.ACCOUNT, other.id),
            Notice(Topic.WORKER, "worker:0"),
        ]
        await eventually(lambda: len(hearer.heard) == len(expected))
        assert hearer.heard == expected


async def test_what_was_not_done_is_not_told(store: Store, account: Account, workspace: Workspace) -> None:
    async with listening(store) as hearer:
        with pytest.raises(Conflict):
            await store.permissions.revoke(workspace.id, account.id)
        with pytest.raises(Fenced):
            await store.workspaces.open(workspace.id, "worker:0", if_epoch=7)
        await store.workspaces.open(workspace.id, "worker:0", if_epoch=0)
        await eventually(lambda: hearer.heard)
        assert hearer.heard == [Notice(Topic.OPENED, workspace.id, epoch=1)]


@pytest.mark.postgresql
async def test_after_the_database_was_away_listening_begins_again(cluster: Cluster) -> None:
    url = cluster.create_database()
    engines = create_engine(url), create_engine(url)
    await migrate(engines[0])
    here, elsewhere = (Store(engine) for engine in engines)
    account = await here.accounts.ensure_solo_account()
    async with listening(here) as hearer:
        await elsewhere.accounts.disable(account.id)
        await eventually(lambda: hearer.heard)
        cluster.stop()
        cluster.start()
        await eventually(lambda: hearer.beginnings == 2)
        await elsewhere.accounts.enable(account.id)
        await eventually(lambda: len(hearer.heard) == 2)
    for engine in engines:
        await engine.dispose()


async def test_what_is_no_notice_is_refused() -> None:
    for payload in (
        "",
        "[]",
        "{}",
        '{"topic": "opened"}',
        '{"topic": "nonsense", "id": ""}',
        '{"topic": "opened", "x": 1}',
    ):
        with pytest.raises(ValueError, match=r"notice|Expecting|'"):
            Notice.of_payload(payload)
