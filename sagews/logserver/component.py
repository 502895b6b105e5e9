"""How a site runs its log server."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sagews.certificates import Role, client_context, identity_of
from sagews.component import Component, Health, Instance
from sagews.component.reloading import NAMES
from sagews.errors import SagewsError, Unavailable
from sagews.remotelog import LogConnection


class LogServerComponent(Component):
    """The log server: one process of ours; it keeps nothing but its own spool."""

    name = "logserver"
    needs = ("postgresql",)
    reads = ("database", "postgresql.hosts", "postgresql.port", *NAMES)

    def command(self, instance: Instance) -> Sequence[str]:
        """Our own program."""
        arguments = ("--config", str(self.file), "--instance", str(instance.number))
        return (sys.executable, "-m", "sagews.logserver", *arguments)

    def answers(self, instance: Instance) -> Health:
        """Greet it, as a program that logs does."""
        address, port = self.address(instance), self.port(instance)
        if not port:
            raise Unavailable("It has not told its port yet.")
        try:
            connection = LogConnection(address, port, client_context(identity_of(self.configuration, Role.ADMIN)))
        except (OSError, SagewsError) as error:
            raise Unavailable(f"It does not answer on {address} port {port}: {error}.") from error
        connection.close()
        return Health(detail="takes records", version=connection.welcome.build)
