"""A load balancer with backends that tell what reached them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sagews.component.supervision import Supervision
from sagews.staticserver.component import StaticServer
from tests.integration.loadbalancer.balanced import Balanced
from tests.servers import Kept, site_folder
from tests.waiting import eventually


@pytest.fixture
def folder() -> Iterator[Path]:
    with site_folder() as made:
        yield made


@pytest.fixture
async def balanced(folder: Path) -> AsyncIterator[Balanced]:
    """One HAProxy, three backends."""
    async with AsyncExitStack() as stack:
        site = Balanced(folder)
        stack.push_async_callback(site.close)
        await site.start()
        yield site


@pytest.fixture
async def nginx(balanced: Balanced) -> AsyncIterator[Kept]:
    """The static server of the same machine."""
    chosen = balanced.configuration
    server = Kept(StaticServer(chosen, chosen.data_folder / "sagews.toml", Supervision(chosen, ())))
    await server.start()
    await balanced.balancer.reload()

    async def is_used() -> bool:
        return (await balanced.fetch("/static/frame.html")).headers.get("Server") == "nginx"

    await eventually(is_used)
    yield server
    await server.stop()
