"""A site of several backends and workers, each a process of its own, over TLS and on PostgreSQL."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sagews.certificates import Role, client_context, identity_of, make_all
from sagews.configuration import Configuration, load
from sagews.database.choices import Role as WorkspaceRole
from sagews.database.choices import TokenKind
from sagews.database.engine import create_engine
from sagews.database.migration import migrate
from sagews.database.store import Store
from sagews.messages import Frame
from tests.integration.backend.running import CHEAP, Program
from tests.integration.backend.talk import Http, Talk
from tests.waiting import eventually

CONFIGURATION = """
data_folder = "data"
[site]
profile = "site"
names = ["sage.example.org"]
[loadbalancer]
user = ""
[backend]
port = 0
user = ""
hosts = [{hosts}]
[worker]
user = ""
hosts = [{hosts}]
checkpoint_seconds = 0.5
[worker.environments.sage]
enabled = false
[logserver]
user = ""
[memcached]
user = ""
[postgresql]
user = ""
[database]
url = "{url}"
"""
HOST = {"Host": "sage.example.org:8443"}


@dataclass
class WholeSite:
    """The site, and what a test says to it through the eyes of a load balancer."""

    folder: Path
    configuration: Configuration
    store: Store
    backends: list[Program]
    workers: list[Program]
    token: str = ""
    account: str = ""
    talks: list[Talk] = field(default_factory=list)

    @classmethod
    async def make(cls, folder: Path, url: str, size: int = 2) -> WholeSite:
        """Its files, certificates and tables, and an operator; nothing runs yet."""
        text = CONFIGURATION.format(url=url, hosts=", ".join(['"localhost"'] * size))
        (folder / "sagews.toml").write_text(text)
        configuration = load(folder / "sagews.toml", {})
        make_all(configuration)
        engine = create_engine(url)
        await migrate(engine)
        store = Store(engine, passwords=CHEAP)
        site = cls(
            folder,
            configuration,
            store,
            backends=[Program("sagews.backend", folder, number=number) for number in range(size)],
            workers=[Program("sagews.worker", folder, number=number) for number in range(size)],
        )
        await store.account_types.ensure("operator")
        site.account, site.token = await site.new_account("Ada", "operator")
        return site

    async def new_account(self, name: str, account_type: str = "operator") -> tuple[str, str]:
        """An account and an API token of it."""
        account = await self.store.accounts.create(name, account_type)
        return account.id, (await self.store.tokens.create(account.id, TokenKind.API)).secret

    async def collaborator(self, workspace: str) -> tuple[str, str]:
        """The same, of somebody who may change the workspace."""
        account, token = await self.new_account("Emmy")
        await self.store.permissions.grant(workspace, account, WorkspaceRole.COLLABORATOR)
        return account, token

    # -- processes

    async def start(self) -> None:
        """Start everything; returns when every backend sees every worker."""
        await asyncio.gather(*map(self.start_one, (*self.workers, *self.backends)))
        await asyncio.gather(*map(self.sees_all, range(len(self.backends))))

    async def restore(self) -> None:
        """Start again what was ended, use again what was drained."""
        for program in (*self.workers, *self.backends):
            if program.process is None or program.process.returncode is not None:
                await self.start_one(program)
        await asyncio.gather(*map(self.sees_all, range(len(self.backends))))
        await self.use_all_workers()

    async def use_all_workers(self) -> None:
        """No worker is drained."""
        await eventually(self._all_are_listed, within_seconds=30)
        for worker in self.workers:
            await self.http().json("POST", f"/api/admin/workers/worker:{worker.number}/undrain")

    async def _all_are_listed(self) -> bool:
        return len(await self.store.workers.all()) == len(self.workers)

    async def start_one(self, program: Program) -> None:
        """Start a worker or backend; returns when it answers."""
        component = program.module.removeprefix("sagews.")
        file = self.configuration.status_file(component, program.number)

        def is_ready() -> bool:
            assert program.process is not None
            return bool(file.exists() and json.loads(file.read_text())["pid"] == program.process.pid)

        await program.start(is_ready)

    async def sees_all(self, backend: int) -> None:
        """Wait until this backend is connected to every worker."""

        async def healthy() -> bool:
            return bool((await self.http(backend).json("GET", "/healthz"))["status"] == "ok")

        await eventually(healthy, within_seconds=30)

    async def stop(self) -> None:
        """End everything."""
        await self.hang_up()
        for program in (*self.backends, *self.workers):
            await program.kill(signal.SIGTERM)
        await self.store.close()

    # -- clients

    async def hang_up(self) -> None:
        """Close all live connections."""
        talks, self.talks = self.talks, []
        await asyncio.gather(*(talk.close() for talk in talks))

    def address(self, backend: int) -> str:
        """Where a backend listens."""
        status = json.loads(self.configuration.status_file("backend", backend).read_text())
        return f"https://127.0.0.1:{status['port']}"

    def tls(self, role: Role = Role.LOADBALANCER) -> ssl.SSLContext:
        """What a component of this role connects with."""
        return client_context(identity_of(self.configuration, role))

    def http(self, backend: int = 0, token: str = "", **headers: str) -> Http:
        """Requests in the name of the operator, or of a token's account."""
        given = {**HOST, "Authorization": f"Bearer {token or self.token}", **headers}
        return Http(self.address(backend), given, self.tls())

    async def talk(self, backend: int = 0, token: str = "", client: str = "") -> Talk:
        """A live connection in the name of the operator, or of a token's account."""
        talk = await Talk.open(self.address(backend), token or self.token, client=client, headers=HOST, tls=self.tls())
        self.talks.append(talk)
        return talk

    async def workspace(self) -> str:
        """A new workspace of the operator; returns its id."""
        return str((await self.http().json("POST", "/api/workspaces", {"name": secrets.token_hex(4)}))["id"])

    async def worker_of(self, workspace: str) -> Program:
        """The worker that has it open."""
        worker = (await self.store.workspaces.get(workspace)).worker
        assert worker is not None
        return self.workers[int(worker.partition(":")[2])]


async def attached_again(talk: Talk, workspace: str, within_seconds: float = 20) -> Frame:
    """Attach until it succeeds, as clients do."""
    frame: Any = await eventually(lambda: talk.attached(workspace), within_seconds=within_seconds)
    assert isinstance(frame, Frame)
    return frame
