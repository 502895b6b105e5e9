"""One warm worker for all tests of a pytest process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from sagews.messages.records import Limits
from sagews.worker.environments import Environments, EnvironmentSettings
from sagews.worker.session_process import Patience
from tests.integration.worker.talk import Talk

NO_LIMITS = Limits()
Begin = Callable[..., Awaitable[Talk]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def environments(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Environments]:
    data = tmp_path_factory.mktemp("worker")
    kept = (EnvironmentSettings("sage"), EnvironmentSettings("python", spares=1))
    environments = Environments(data, kept, Patience(again_seconds=0.5, kill_seconds=1.0))
    await environments.start()
    yield environments
    await environments.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def begin(environments: Environments, tmp_path: Path) -> AsyncIterator[Begin]:
    """``await begin("sage")``: a new session, which ends with the test."""
    begun: list[Talk] = []

    async def begin(environment: str = "sage", limits: Limits = NO_LIMITS) -> Talk:
        folder = tmp_path / "files"
        folder.mkdir(exist_ok=True)
        talk = Talk(await environments.fork(environment, f"test-{len(begun)}", folder, limits))
        begun.append(talk)
        return talk

    yield begin
    for talk in begun:
        talk.process.kill("the test is over", "shutdown")
        await talk.process.ended


@pytest_asyncio.fixture(loop_scope="session")
async def sage(begin: Begin) -> Talk:
    return await begin("sage")


@pytest_asyncio.fixture(loop_scope="session")
async def python(begin: Begin) -> Talk:
    return await begin("python")
