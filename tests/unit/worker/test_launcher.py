"""What the launcher does not do, and what the server makes of its answers."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import pytest

from sagews.configuration import load
from sagews.errors import SetupError
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.launcher import check_owner, launch
from sagews.worker.launcher_client import LauncherClient
from sagews.worker.launcher_messages import ORDER_BYTES, News, NewsKind, Order

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a launcher")
ONE = EnvironmentSettings("one", "bare")


@as_root
@pytest.mark.parametrize("setting", ["worker.confine = false", 'worker.users = ""'])
def test_no_session_is_root(tmp_path: Path, setting: str) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text(f'site.profile = "site"\nworker.user = "nobody"\n{setting}\n')
    with pytest.raises(SetupError, match="would be root's"):
        launch(load(file, {}), file, 0)


@as_root
def test_a_folder_in_which_others_can_write_is_refused(tmp_path: Path) -> None:
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir(mode=0o755)
    link.symlink_to(folder)
    check_owner(folder)
    with pytest.raises(SetupError):
        check_owner(link)
    folder.chmod(0o775)
    with pytest.raises(SetupError, match="chmod go-w"):
        check_owner(folder)
    folder.chmod(0o755)
    os.chown(folder, 65534, 65534)
    with pytest.raises(SetupError):
        check_owner(folder)


async def test_an_answer_goes_to_who_asked_for_it(tmp_path: Path) -> None:
    ours, launcher = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine, theirs = socket.socketpair()
    with launcher, ours, mine, theirs, (tmp_path / "log").open("wb") as log:
        client = LauncherClient(ours, (ONE,))
        first, second = (asyncio.create_task(client.start(ONE, theirs, log)) for _ in range(2))
        for _ in range(2):
            orders = await asyncio.to_thread(socket.recv_fds, launcher, ORDER_BYTES, 2)
            assert orders[0] == Order(0).pack()
            for descriptor in orders[1]:
                os.close(descriptor)
        first.cancel()
        await asyncio.wait([first])
        for pid in (101, 102):
            launcher.send(News(NewsKind.STARTED, 0, pid).pack())
        started = await second
        assert started.pid == 102
        for pid in (101, 102):
            launcher.send(News(NewsKind.ENDED, 0, pid, 7).pack())
        assert await started.wait() == 7
        asyncio.get_running_loop().remove_reader(ours)
