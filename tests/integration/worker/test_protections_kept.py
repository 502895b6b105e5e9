"""What protects sessions is there for every one of them, whatever happened to a zygote or a start in between."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import uuid
from collections.abc import Callable
from io import BufferedWriter
from pathlib import Path

import pytest

from sagews.errors import OverLimit, Unavailable
from sagews.messages.records import Limits
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from sagews.worker.protection import Protection
from sagews.worker.session_user import SessionUser, session_users
from sagews.worker.zygote_starter import OwnStarter, StartedZygote
from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk
from tests.logwatch import Expectation
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

CONFINED = ConfinementSettings(wanted=True, owner=os.geteuid())


class Forgetful:
    """Starts zygotes as it is told for each: confined, or not."""

    def __init__(self, data: Path, *wishes: ConfinementSettings) -> None:
        self._data = data
        self._wishes = iter(wishes)

    async def start(self, settings: EnvironmentSettings, theirs: socket.socket, log: BufferedWriter) -> StartedZygote:
        return await OwnStarter(self._data, next(self._wishes)).start(settings, theirs, log)


async def test_a_zygote_that_comes_back_with_less_serves_nobody(
    tmp_path: Path, expected_log: Callable[[str, str], Expectation]
) -> None:
    starter = Forgetful(tmp_path / "zygotes", CONFINED, ConfinementSettings(), CONFINED)
    environments = Environments(tmp_path, (EnvironmentSettings("one", "bare"),), starter=starter)
    await environments.start()
    try:
        if not environments.present:
            pytest.skip("this machine protects nothing")
        expected_log("sagews.worker.zygote_process", "A zygote has lost protections")
        os.kill(environments.zygote_pid("one"), signal.SIGKILL)
        await eventually(lambda: not environments.zygote_pid("one"))
        with pytest.raises(Unavailable, match="would be without"):
            await environments.fork("one", "s", tmp_path, Limits())
        assert not environments.zygote_pid("one")
        talk = Talk(await environments.fork("one", "s", tmp_path, Limits()))
        assert (await talk.run("1+1")).result == "2"
    finally:
        await environments.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give users")
@pytest.mark.parametrize("turns", [1, 3, 10, 30])
async def test_who_does_not_wait_for_a_start_leaves_the_user_to_others(tmp_path: Path, turns: int) -> None:
    [user] = session_users(str(688000 + turns))  # not of who tests another number at the same time
    wishes = ConfinementSettings(wanted=True, users=(user,), owner=os.geteuid(), hidden=(tmp_path,))
    environments = Environments(tmp_path, (EnvironmentSettings("one", "bare"),), confinement=wishes)
    await environments.start()
    try:
        if Protection.USERS not in environments.present:
            pytest.skip("this machine gives sessions no users")
        folders = [tmp_path / name for name in ("first", "second")]
        for folder in folders:
            folder.mkdir()
        starting = asyncio.create_task(environments.fork("one", "s", folders[0], Limits()))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])
        if not starting.cancelled():
            starting.result().kill("it was quicker", "shutdown")
        process = await eventually(
            lambda: environments.fork("one", "s", folders[1], Limits()), retry_on=(OverLimit, Unavailable)
        )
        assert (await Talk(process).run("import os; os.getuid()")).result == str(user.uid)
    finally:
        await environments.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give users")
async def test_what_the_last_owner_left_is_gone_before_a_user_is_anothers(tmp_path: Path) -> None:
    [user] = session_users(str(660_000 + os.getpid() % 20_000))  # not of who tests it at the same time
    wishes = ConfinementSettings(wanted=True, users=(user,), owner=os.geteuid(), hidden=(tmp_path,))
    environments = Environments(tmp_path, (EnvironmentSettings("one", "bare"),), confinement=wishes)
    await environments.start()
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
    # As only a hole would leave them: a session's own /tmp and /dev/shm go with it.
    left = [Path(place, f"sagews-left-{uuid.uuid4().hex}") for place in ("/tmp", "/var/tmp", "/dev/shm")]
    sleeper = None
    try:
        if Protection.USERS not in environments.present:
            pytest.skip("this machine gives sessions no users")
        first = Talk(await environments.fork("one", "s", folders[0], Limits()))
        await first.run("open('secret', 'w').write('s')")
        for path in left:
            path.write_text("s")
            os.chown(path, user.uid, user.gid)
        sleeper = subprocess.Popen(["/bin/sleep", "1000"], user=user.uid, group=user.gid, extra_groups=[])
        first.process.kill("enough", "shutdown")
        await first.process.ended
        second = await eventually(
            lambda: environments.fork("one", "s", folders[1], Limits()), retry_on=(OverLimit, Unavailable)
        )
        secret = str(folders[0] / "secret")
        answer = await Talk(second).run(f"import os; os.getuid(), os.path.exists({secret!r})")
        assert answer.result == f"({user.uid}, False)"
        assert [path for path in left if path.exists()] == []
        assert sleeper.wait(5) == -signal.SIGKILL
        assert (folders[0] / "secret").stat().st_uid == os.geteuid()
    finally:
        await environments.stop()
        for path in left:
            path.unlink(missing_ok=True)
        if sleeper is not None:
            sleeper.kill()
            sleeper.wait()


async def test_a_zygote_makes_nobody_else_of_a_session(confined: Confined, tmp_path: Path) -> None:
    zygote = confined.environments._zygotes["python"]
    stranger = SessionUser(1234, 1234)
    with pytest.raises(Unavailable, match="not permitted"):
        await zygote.fork("s", 10**6, tmp_path, Limits(), confined.environments._around, stranger)


async def test_sessions_go_first_where_memory_is_out(attacker: Talk, confined: Confined) -> None:
    set_to = "tried(lambda: open('/proc/self/oom_score_adj', 'w').write('{}'))"
    answer = await attacker.run(f"print({set_to.format(-900)}, {set_to.format(0)})")
    if confined.has_users:
        assert answer.text().split() == ["EACCES", "EACCES"]
    assert int((await attacker.run("open('/proc/self/oom_score_adj').read().strip()")).result.strip("'")) >= 0
    talk = await confined.begin("first to go")
    assert (await talk.run("open('/proc/self/oom_score_adj').read()")).result == r"'500\n'"
    talk.process.kill("enough", "shutdown")
    await talk.process.ended


async def test_memory_on_the_disk_counts_too(confined: Confined) -> None:
    talk = await confined.begin("swap", limits=Limits(memory_bytes=80 * 2**20))
    group = f"sagews/{confined.environments.zygote_pid('python')}.{talk.process.number}"
    found = {
        file.read_text().strip()
        for name in ("memory.memsw.limit_in_bytes", "memory.swap.max")
        for pattern in (f"*/{group}/{name}", f"{group}/{name}")
        for file in Path("/sys/fs/cgroup").glob(pattern)
    }
    if not found:
        pytest.skip("the memory of groups, or swap, is not counted here")
    assert found <= {str(80 * 2**20), "0"}
    talk.process.kill("enough", "shutdown")
    await talk.process.ended
