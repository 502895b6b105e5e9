"""Who starts zygotes: the worker server itself, or (`launcher_client`) the launcher, which has root's rights."""

from __future__ import annotations

import asyncio
import os
import socket
from io import BufferedWriter
from pathlib import Path
from typing import Protocol

from sagews.worker import zygote_command
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings


class StartedZygote(Protocol):
    """A process that somebody waits for."""

    @property
    def pid(self) -> int:
        """Its process id."""

    async def wait(self) -> int:
        """Return its exit status when it has ended; below 0, the signal that ended it."""


class ZygoteStarter(Protocol):
    """Starts zygotes by exec, with a clean environment."""

    async def start(self, settings: EnvironmentSettings, theirs: socket.socket, log: BufferedWriter) -> StartedZygote:
        """
        :param theirs: the zygote's end of its socket.
        :param log: what it prints goes there.
        """


class OwnStarter:
    """Starts them as children of this process."""

    def __init__(self, data: Path, confinement: ConfinementSettings) -> None:
        """:param data: each zygote's folder is in it."""
        self._data = data
        self._confinement = confinement

    async def start(self, settings: EnvironmentSettings, theirs: socket.socket, log: BufferedWriter) -> StartedZygote:
        """See `ZygoteStarter`."""
        data = self._data / settings.name
        home = zygote_command.make_folders(data)
        return await asyncio.create_subprocess_exec(
            *zygote_command.command(settings, data, theirs.fileno(), os.getpid(), self._confinement),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=zygote_command.variables(settings, data),
            cwd=home,
            pass_fds=[theirs.fileno()],
        )
