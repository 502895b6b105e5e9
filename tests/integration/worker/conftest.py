"""One warm worker for all tests of a pytest process."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from sagews.messages.records import Limits
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from sagews.worker.protection import Protection
from sagews.worker.session_process import Patience
from sagews.worker.session_user import session_users
from sagews.worker.user_reset import remains
from tests.integration.worker.attacks import HELPERS
from tests.integration.worker.system_python import make_open_python
from tests.integration.worker.talk import Talk

NO_LIMITS = Limits()
Begin = Callable[..., Awaitable[Talk]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def environments(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Environments]:
    data = tmp_path_factory.mktemp("worker")
    kept = (EnvironmentSettings("sage", "sage"), EnvironmentSettings("python", "python", spares=1))
    environments = Environments(data, kept, Patience(again_seconds=0.5, kill_seconds=1.0, quit_seconds=1.0))
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


@dataclass
class Confined:
    """A worker whose sessions are confined as far as this machine can."""

    environments: Environments
    data: Path

    async def begin(self, workspace: str, environment: str = "python", limits: Limits = NO_LIMITS) -> Talk:
        """A new session in a workspace; it is ended by `environments.stop` at the latest."""
        folder = self.files(workspace)
        folder.mkdir(parents=True, exist_ok=True)
        return Talk(await self.environments.fork(environment, workspace, folder, limits))

    def files(self, workspace: str) -> Path:
        return self.data / "workspaces" / workspace / "files"

    def has(self, protection: Protection) -> bool:
        """Whether sessions of `python` have it (the zygote of `sage` may not run yet)."""
        return protection in self.environments._zygotes["python"].present

    @property
    def has_users(self) -> bool:
        return self.has(Protection.USERS)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def confined(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Confined]:
    """Two environments: `python` (with few modules, for speed), and `sage`, whose zygote starts when it is used."""
    data = tmp_path_factory.mktemp("confined")
    first = 600_000 + os.getpid() % 1000 * 50  # nobody else's, so that what is left in the end is ours
    users = session_users(f"{first}-{first + 49}")
    wishes = ConfinementSettings(wanted=True, users=users, owner=os.geteuid(), hidden=(data,), temporary_bytes=2**26)
    kept = (EnvironmentSettings("python", "bare", ("numpy",), spares=1), EnvironmentSettings("sage", "sage", spares=1))
    environments = Environments(data, kept, Patience(again_seconds=0.5, kill_seconds=1.0), wishes)
    confined = Confined(environments, data)
    talk = await confined.begin("first")
    talk.process.kill("it was only to warm up", "shutdown")
    await talk.process.ended
    yield confined
    zygotes = [environments.zygote_pid(name) for name in environments.names]
    await environments.stop()
    left = [*remains({user.uid for user in users}), *groups_of(zygotes), *mounts_below(data)]
    assert left == []


def groups_of(zygotes: list[int]) -> list[str]:
    """Control groups that their sessions had."""
    found = (f"{version}sagews/{zygote}.*" for zygote in zygotes if zygote for version in ("*/", ""))
    return [str(path) for pattern in found for path in Path("/sys/fs/cgroup").glob(pattern)]


def mounts_below(folder: Path) -> list[str]:
    """Of this machine, not of a session's own namespace."""
    return [line for line in Path("/proc/self/mounts").read_text().splitlines() if str(folder) in line]


@pytest_asyncio.fixture(loop_scope="session")
async def attacker(confined: Confined) -> AsyncIterator[Talk]:
    """A confined session that has helpers for attacks, beside a neighbour who is asked in the end."""
    neighbour = await confined.begin("neighbour")
    talk = await confined.begin("attacker")
    await talk.run(HELPERS)
    yield talk
    assert (await neighbour.run("1+1")).result == "2"
    for one in (talk, neighbour):
        one.process.kill("the test is over", "shutdown")
        await one.process.ended


@pytest.fixture(scope="session")
def open_python() -> Iterator[Path]:
    """See `system_python`."""
    folder = Path(tempfile.mkdtemp(prefix="sagews-python-", dir="/tmp"))  # pytest's own folder is closed to others
    folder.chmod(0o755)
    yield make_open_python(folder / "python")
    shutil.rmtree(folder)
