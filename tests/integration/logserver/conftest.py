"""A site with a database of its own, for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sagews.database import Store, create_engine, migrate
from tests.integration.logserver.site import LogSite
from tests.postgresql import Cluster, find_programs, new_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The PostgreSQL of this test process."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as cluster:
        yield cluster


@pytest.fixture
async def site(postgresql: Cluster, tmp_path: Path) -> AsyncIterator[LogSite]:
    """A site with nothing running yet but its database."""
    url = postgresql.create_database()
    engine = create_engine(url, connections=2)
    await migrate(engine)
    store = Store(engine)
    site = LogSite(tmp_path, store, url)
    site.make()
    yield site
    site.end()
    await store.close()
