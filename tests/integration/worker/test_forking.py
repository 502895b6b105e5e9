"""When a session cannot be forked: it is said, and the next one can."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from sagews.errors import Unavailable
from sagews.messages.records import Limits
from sagews.worker.environments import Environments
from tests.integration.worker.conftest import Begin

pytestmark = pytest.mark.asyncio(loop_scope="session")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_folder_that_is_gone(environments: Environments, tmp_path: Path, begin: Begin) -> None:
    before = descriptors()
    with pytest.raises(Unavailable, match="No such file"):
        await environments.fork("python", "test", tmp_path / "nowhere", Limits())
    assert descriptors() == before
    assert (await (await begin("python")).run("1+1")).result == "2"


async def test_a_zygote_without_descriptors_lives_on(environments: Environments, tmp_path: Path, begin: Begin) -> None:
    zygote = environments.zygote_pid("python")
    usual = resource.prlimit(zygote, resource.RLIMIT_NOFILE)
    resource.prlimit(zygote, resource.RLIMIT_NOFILE, (3, usual[1]))
    try:
        with pytest.raises(Unavailable, match="Too many open files"):
            await environments.fork("python", "test", tmp_path, Limits())
    finally:
        resource.prlimit(zygote, resource.RLIMIT_NOFILE, usual)
    assert (await (await begin("python")).run("1+1")).result == "2"
    assert environments.zygote_pid("python") == zygote
