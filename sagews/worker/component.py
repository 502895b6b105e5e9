"""How `sagews` runs workers."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from typing import ClassVar

from sagews.certificates import Role, client_context, identity_of, token_of
from sagews.client.worker import WorkerClient
from sagews.component import Component, Health, Instance
from sagews.component.reloading import NAMES
from sagews.errors import SagewsError, Unavailable

ANSWER_SECONDS = 5.0


class WorkerComponent(Component):
    """The workers of a site."""

    name: ClassVar[str] = "worker"
    reads: ClassVar[tuple[str, ...]] = ("logserver.hosts", "logserver.port", "logserver.spool_megabytes", *NAMES)
    start_seconds: ClassVar[float] = 180.0
    """Importing Sage takes a while where nothing is in the file cache."""
    stop_seconds: ClassVar[float] = 30.0
    stays_root: ClassVar[bool] = True
    """Its launcher does, to give sessions their users."""

    def command(self, instance: Instance) -> Sequence[str]:
        launched = os.geteuid() == 0 and self.user
        program = "sagews.worker.launcher" if launched else "sagews.worker"
        return (sys.executable, "-m", program, "--config", str(self.file), "--instance", str(instance.number))

    def answers(self, instance: Instance) -> Health:
        return asyncio.run(self._ask(instance))

    async def _ask(self, instance: Instance) -> Health:
        address, port = self.address(instance), self.port(instance)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                client = WorkerClient.tls(
                    address,
                    port,
                    context=client_context(identity_of(self.configuration, Role.ADMIN)),
                    token=token_of(self.configuration, Role.ADMIN),
                )
                async with client as worker:
                    welcome = worker.welcome
                    assert welcome is not None, "a client that is connected was greeted"
        except (OSError, TimeoutError, SagewsError) as error:
            raise Unavailable(f"{instance} does not answer at {address}:{port}: {error}") from error
        return Health(f"answers; {', '.join(welcome.environments)}", version=welcome.build)
