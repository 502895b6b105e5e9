"""What tests of a whole site's routing get: PostgreSQL, two workers, two backends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.routing.whole_site import WholeSite
from tests.postgresql import Cluster, find_programs, new_cluster


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """The PostgreSQL of this test process."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as cluster:
        yield cluster


def database_of(cluster: Cluster) -> str:
    """A new database, as the configuration names it."""
    return cluster.create_database().replace("postgresql://", "postgresql+asyncpg://", 1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_site(tmp_path_factory: pytest.TempPathFactory, postgresql: Cluster) -> AsyncIterator[WholeSite]:
    """A site for the tests of one file: to start it takes long."""
    site = await WholeSite.make(Path(tmp_path_factory.mktemp("site")), database_of(postgresql))
    try:
        await site.start()
        yield site
    finally:
        await site.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def site(running_site: WholeSite) -> AsyncIterator[WholeSite]:
    """The site, with all its processes, whatever the test before did to it."""
    await running_site.restore()
    yield running_site
    await running_site.hang_up()


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL that the test has for itself."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as own:
        yield own
