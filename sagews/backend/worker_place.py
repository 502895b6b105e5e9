"""Where a worker is: found out anew for each connection, because it may have another port or certificate by then."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sagews.certificates import Role, client_context, identity_of
from sagews.client.worker_link import WorkerLink, over_tls
from sagews.component.instance import Instance, instances, port_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status
from sagews.errors import WorkerUnavailable


@dataclass(frozen=True)
class WorkerPlace:
    """The place of one worker of the site."""

    configuration: Configuration
    instance: Instance

    @property
    def address(self) -> str:
        """Of its machine."""
        if self.configuration.is_solo:
            return self.configuration.worker.address
        return self.configuration.hosts[self.instance.host].address

    @property
    def port(self) -> int:
        """Its port now; 0 = not known. Only on its own machine can it be any free one."""
        port = port_of(self.configuration, self.instance)
        if port or self.instance.host != self.configuration.host:
            return port
        told = read_status(self.configuration.status_file("worker", self.instance.number)).get("port")
        return told if isinstance(told, int) else 0

    def text(self) -> str:
        """For people."""
        return f"{self.address}:{self.port}"

    async def connect(self, make: Callable[[], WorkerLink]) -> WorkerLink:
        """Connect with the certificates of now; a `Connect`.

        :raises WorkerUnavailable: it has not started yet, or its port is not known here.
        """
        port = self.port
        if not port:
            raise WorkerUnavailable(
                f"The port of {self.instance} is not known.",
                mend="Start it; on another machine it needs a port in the configuration (worker.port).",
            )
        context = client_context(identity_of(self.configuration, Role.BACKEND))
        return await over_tls(self.address, port, context)(make)


def worker_places(configuration: Configuration) -> Iterator[WorkerPlace]:
    """Where the workers of the site are; in the solo profile there is one."""
    found = instances(configuration, "worker")
    for instance in found[:1] if configuration.is_solo else found:
        yield WorkerPlace(configuration, instance)
