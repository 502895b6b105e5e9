"""LauncherClient: the worker server's end of its socket to the launcher, which starts zygotes for it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections import deque
from io import BufferedWriter
from itertools import chain

from sagews.errors import SetupError
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.launcher_messages import NEWS_BYTES, News, NewsKind, Order
from sagews.worker.zygote_starter import StartedZygote


class LaunchedZygote:
    """One that runs as the launcher's child."""

    def __init__(self, pid: int) -> None:
        """:param pid: its process id."""
        self._pid = pid
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._pid

    async def wait(self) -> int:
        """See `StartedZygote`."""
        return await asyncio.shield(self.ended)


class LauncherClient:
    """Asks the launcher; is a `ZygoteStarter`."""

    def __init__(self, connection: socket.socket, environments: tuple[EnvironmentSettings, ...]) -> None:
        """:param environments: as the configuration has them; the launcher knows the same."""
        self._connection = connection
        self._places = {settings.name: place for place, settings in enumerate(environments)}
        self._asked: dict[int, deque[asyncio.Future[LaunchedZygote]]] = {}
        """By place; the launcher answers in the order in which it was asked, also who does not wait any more."""
        self._living: dict[int, LaunchedZygote] = {}
        connection.setblocking(False)
        asyncio.get_running_loop().add_reader(connection, self._read)

    async def start(self, settings: EnvironmentSettings, theirs: socket.socket, log: BufferedWriter) -> StartedZygote:
        """See `ZygoteStarter`.

        :raises SetupError: the launcher cannot start it, or is gone.
        """
        place = self._places[settings.name]
        asked: asyncio.Future[LaunchedZygote] = asyncio.get_running_loop().create_future()
        try:
            socket.send_fds(self._connection, [Order(place).pack()], [theirs.fileno(), log.fileno()])
        except OSError as error:
            raise SetupError(f"The launcher cannot be asked for a zygote: {error.strerror}.") from error
        self._asked.setdefault(place, deque()).append(asked)
        return await asked

    def _read(self) -> None:
        try:
            data = self._connection.recv(NEWS_BYTES + 1)
        except ConnectionResetError:
            data = b""
        if not data:
            self._gone()
            return
        news = News.unpack(data)
        if news.kind is NewsKind.ENDED:
            self._living.pop(news.pid).ended.set_result(news.status)
            return
        asked = self._asked[news.environment].popleft()
        if news.kind is NewsKind.STARTED:
            zygote = self._living[news.pid] = LaunchedZygote(news.pid)
            if not asked.done():  # who does not wait any more has closed its socket, with which it ends
                asked.set_result(zygote)
        elif not asked.done():
            asked.set_exception(SetupError(f"The launcher cannot start a zygote: {os.strerror(news.status)}."))

    def _gone(self) -> None:
        """The launcher has died, and its children with it."""
        asyncio.get_running_loop().remove_reader(self._connection)
        for asked in chain(*self._asked.values()):
            if not asked.done():
                asked.set_exception(SetupError("The launcher is gone."))
        for zygote in self._living.values():
            zygote.ended.set_result(-9)
        self._asked.clear()
        self._living.clear()
