"""Databases for tests: each test runs on SQLite and on PostgreSQL, with a database of its own."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import Store, create_engine, migrate
from sagews.database.accounts import Account
from sagews.database.passwords import Passwords
from sagews.database.workspaces import Workspace
from tests.postgresql import Cluster, find_programs, new_cluster

KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]


class SetClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **time: float) -> None:
        """Go on by so many ``seconds``, ``minutes``, ..."""
        self.now += timedelta(**time)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The PostgreSQL of this test process."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as cluster:
        yield cluster


@contextlib.asynccontextmanager
async def _empty_database(kind: str, request: pytest.FixtureRequest, folder: Path) -> AsyncIterator[str]:
    if kind == "sqlite":
        yield f"sqlite:///{folder}/test.db"
        return
    cluster: Cluster = request.getfixturevalue("postgresql")
    name = await cluster.create_database()
    yield cluster.url(name)
    await cluster.drop_database(name)


@pytest.fixture(params=KINDS)
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database."""
    async with _empty_database(request.param, request, tmp_path) as address:
        yield address


@pytest.fixture
async def empty_engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database without tables."""
    engine = create_engine(url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def engine(empty_engine: AsyncEngine) -> AsyncEngine:
    """An engine on a database with our tables."""
    await migrate(empty_engine)
    return empty_engine


@pytest.fixture
def clock() -> SetClock:
    """What tells ``store`` the time."""
    return SetClock()


@pytest.fixture
def store(engine: AsyncEngine, clock: SetClock) -> Store:
    """A store without accounts; its passwords are hashed fast and badly."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    return Store(engine, clock=clock, passwords=Passwords(quick))


@pytest.fixture
async def account(store: Store) -> Account:
    """The solo account."""
    return await store.accounts.ensure_solo_account()


@pytest.fixture
async def workspace(store: Store, account: Account) -> Workspace:
    """A workspace of ``account``, never opened."""
    return await store.workspaces.create(account.id, "Number theory")
