"""A real site for tests of the backend: its folder, backends in this process, a worker process, SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from tornado.netutil import bind_sockets

from sagews.backend.application import make_server
from sagews.backend.collaborators import Backend
from sagews.backend.making import make_backend
from sagews.backend.run import drain
from sagews.configuration import Configuration, load
from sagews.configuration.run_files import make_folder
from sagews.database.choices import Role, TokenKind
from sagews.database.engine import create_engine
from sagews.database.migration import migrate
from sagews.database.passwords import Passwords
from sagews.database.store import Store
from tests.integration.backend.talk import Http, Talk
from tests.waiting import eventually

CONFIGURATION = """
data_folder = "data"
[backend]
port = 0
[worker]
checkpoint_seconds = 0.5
[worker.environments.sage]
enabled = false
"""
CHEAP = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@dataclass
class Site:
    """A data folder, its configuration, and one backend that runs in the test's own process."""

    folder: Path
    configuration: Configuration
    backend: Backend
    port: int
    talks: list[Talk] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Of the backend."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        """The sign-in token."""
        return (self.configuration.run_folder / "sign-in-token").read_text()

    @property
    def http(self) -> Http:
        """Requests in the name of the solo account."""
        return Http(self.address, {"Authorization": f"Bearer {self.token}"})

    async def talk(self, client: str = "", token: str = "") -> Talk:
        """A live connection in the name of the solo account, or of a token's."""
        talk = await Talk.open(self.address, token or self.token, client=client)
        self.talks.append(talk)
        return talk

    async def workspace(self, name: str = "W") -> str:
        """A new workspace; returns its id."""
        return str((await self.http.json("POST", "/api/workspaces", {"name": name}))["id"])


@contextlib.asynccontextmanager
async def running_backend(folder: Path, *, pauses_seconds: Sequence[float] = (), **changes: Any) -> AsyncIterator[Site]:
    """A backend in this process, on the site in this folder.

    :param changes: of `Backend`'s collaborators.
    """
    configuration = load(folder / "sagews.toml", {})
    make_folder(configuration.run_folder)
    engine = create_engine(configuration.database_url)
    await migrate(engine)
    store = Store(engine, passwords=CHEAP)
    sockets = bind_sockets(0, "127.0.0.1")
    port = sockets[0].getsockname()[1]
    backend = replace(
        make_backend(configuration, store, folder / "client", port=port, pauses_seconds=pauses_seconds), **changes
    )
    await backend.identity.solo_account()
    backend.start()
    server = make_server(backend)
    server.add_sockets(sockets)
    site = Site(folder, configuration, backend, port)
    try:
        yield site
    finally:
        await asyncio.gather(*(talk.close() for talk in site.talks))
        await drain(backend, server)
        await store.close()


@dataclass
class Program:
    """A program of ours as a process of its own."""

    module: str
    folder: Path
    process: asyncio.subprocess.Process | None = None
    number: int = 0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.folder / f"{self.module}.{self.number}.log"

    async def start(self, is_ready: Callable[[], bool]) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self.module, "--config", str(self.folder / "sagews.toml"),
                "--instance", str(self.number),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env={"PATH": os.environ["PATH"], "HOME": str(self.folder), "PYTHONPATH": str(Path.cwd())},
            )  # fmt: skip

        def ready() -> bool:
            assert self.process is not None
            if self.process.returncode is not None:
                pytest.fail(f"{self.module} ended:\n{self.log.read_text()}")
            return is_ready()

        await eventually(ready, within_seconds=90)

    async def kill(self, number: int = signal.SIGKILL) -> None:
        """End it; repeatable."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()


async def someone_else(site: Site, workspace: str, role: Role | None) -> str:
    """An API token of another account with this role in the workspace."""
    account = await site.backend.store.accounts.create("Emmy", "solo")
    if role is not None:
        await site.backend.store.permissions.grant(workspace, account.id, role)
    return (await site.backend.store.tokens.create(account.id, TokenKind.API)).secret
