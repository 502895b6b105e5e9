"""Databases for tests: each test runs on SQLite and on PostgreSQL, with a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import Store, create_engine, migrate
from sagews.database.accounts import Account
from sagews.database.passwords import Passwords
from sagews.database.tables import metadata
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


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that the test has for itself."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as own:
        yield own


@pytest.fixture(scope="session")
def sqlite_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The SQLite database that the tests of this process use, one after the other."""
    return f"sqlite:///{tmp_path_factory.mktemp('database')}/test.db"


@pytest.fixture(scope="session")
def postgresql_url(postgresql: Cluster) -> str:
    """The PostgreSQL database that the tests of this process use, one after the other."""
    return postgresql.create_database()


@pytest.fixture(params=KINDS)
def url(request: pytest.FixtureRequest) -> str:
    """The address of the database that ``engine`` and ``store`` use; other programs may use it too."""
    return str(request.getfixturevalue(f"{request.param}_url"))


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.db"
    cluster: Cluster = request.getfixturevalue("postgresql")
    return cluster.create_database()


@pytest.fixture
async def empty_engine(empty_url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a new database without tables."""
    engine = create_engine(empty_url)
    yield engine
    await engine.dispose()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    """An engine on a database with our tables, and no rows.

    (To make a database for each test would take ten times longer.)
    """
    engine = create_engine(url)
    await migrate(engine)
    async with engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            await connection.execute(delete(table))
    yield engine
    await engine.dispose()


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
