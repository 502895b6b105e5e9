"""A component of a site that is a server of others, run as the one who keeps it alive does: as its own Unix user."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sagews.component import Component, Health
from sagews.errors import Unavailable
from tests.waiting import eventually

USER = "nobody"
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@contextlib.contextmanager
def site_folder() -> Iterator[Path]:
    """A folder that other users can reach, which pytest's are not; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sagews-site-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder)


class Kept:
    """One instance, started and stopped."""

    def __init__(self, component: Component, number: int = 0) -> None:
        self.component = component
        self.instance = component.instances()[number]
        self.log = Path(f"{component.run_folder(self.instance)}.log")
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        return self.component.port(self.instance)

    async def start(self) -> Health:
        """Start it, wait until it answers."""
        await asyncio.to_thread(self._start)
        await eventually(self._is_answering, within_seconds=20)
        return await self.health()

    async def health(self) -> Health:
        return await asyncio.to_thread(self.component.answers, self.instance)

    async def reload(self) -> None:
        """Let it read everything anew, as the site does."""
        await asyncio.to_thread(self.component.prepare, self.instance)
        assert self.process is not None
        self.process.send_signal(self.component.reload_signal)

    async def stop(self) -> int:
        """Stop it softly, then for sure; returns its exit status."""
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(self.component.stop_signal)
        try:
            return await asyncio.to_thread(process.wait, self.component.stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            return await asyncio.to_thread(process.wait)

    async def kill(self) -> None:
        """It dies."""
        process, self.process = self.process, None
        assert process is not None
        process.kill()
        await asyncio.to_thread(process.wait)

    def said(self) -> str:
        return self.log.read_text()

    def _start(self) -> None:
        component, instance = self.component, self.instance
        for folder in (component.state_folder(instance), component.run_folder(instance)):
            folder.mkdir(parents=True, exist_ok=True)
            if os.geteuid() == 0:
                account = pwd.getpwnam(USER)
                os.chown(folder, account.pw_uid, account.pw_gid)
        component.prepare(instance)
        run_as = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                component.command(instance), stderr=log, stdout=log, cwd="/", preexec_fn=_end_with_parent, **run_as
            )  # type: ignore[call-overload]

    async def _is_answering(self) -> bool:
        assert self.process is not None
        if self.process.poll() is not None:
            raise RuntimeError(self.said())
        try:
            await self.health()
        except Unavailable:
            return False
        return True


def _end_with_parent() -> None:
    # In the child, before it becomes the server (prctl(2), PR_SET_PDEATHSIG).
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
