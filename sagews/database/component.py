"""PostgreSQL: how the site's own is made, started, asked and reloaded. Imported by admin only."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.certificates import Role, identity_of
from sagews.component import Component, Health, Instance
from sagews.component.free_port import settle_port
from sagews.database.access import engine_for
from sagews.database.cluster import Cluster
from sagews.database.failures import translated
from sagews.database.migration import is_current
from sagews.database.provision import Socket, is_provided, provision
from sagews.database.uses import NAME, Use
from sagews.errors import DatabaseUnavailable, SetupError

ANSWER_SECONDS = 5.0


class PostgreSQL(Component):
    """The site's own PostgreSQL; there is none where `database.url` names an operator's."""

    name = "postgresql"
    # SIGINT: connections are ended, transactions undone, everything is written (PostgreSQL's "fast" shutdown).
    stop_signal = signal.SIGINT
    stop_seconds = 60.0
    # After a crash it first reads what it had logged.
    start_seconds = 180.0

    def command(self, instance: Instance) -> Sequence[str]:
        """In the foreground, with our configuration instead of the cluster's."""
        cluster = self.cluster(instance)
        settings = f"config_file={cluster.configuration_file}"
        return (str(cluster.program("postgres")), "-D", str(cluster.data), "-c", settings)

    def missing_programs(self) -> Mapping[str, str]:
        """PostgreSQL's are not on the path: of the version that made the cluster, else the newest."""
        try:
            for instance in self.here():
                self.cluster(instance).program("postgres")
        except SetupError:
            return {"postgres": "postgresql"}
        return {}

    def environment(self, instance: Instance) -> Mapping[str, str]:
        """Messages in English: others read them too."""
        return {"LC_ALL": "C.UTF-8"}

    def prepare(self, instance: Instance) -> None:
        """Make the cluster once, and its configuration.

        :raises SetupError: PostgreSQL is not installed or cannot be set up.
        """
        if os.geteuid() == 0 and self.user in ("", "root"):
            raise SetupError("PostgreSQL does not run as root.", mend="Name a Unix user in postgresql.user.")
        settle_port(self, instance)
        self.cluster(instance).make()

    def settle(self, instance: Instance) -> None:
        """Make roles, passwords, the database, and (in an empty one) the tables.

        :raises Unavailable: it does not answer.
        """
        asyncio.run(provision(self.configuration, self.socket(instance)))

    def answers(self, instance: Instance) -> Health:
        """Connect as others do: by TLS, with certificate and password.

        :raises Unavailable: it does not answer, or not rightly.
        """
        return asyncio.run(self._answers(instance))

    def cluster(self, instance: Instance) -> Cluster:
        """Its files."""
        chosen = self.configuration.postgresql
        return Cluster(
            folder=self.state_folder(instance),
            run_folder=self.run_folder(instance),
            user=self.user,
            address=self.address(instance),
            port=self.port(instance),
            identity=identity_of(self.configuration, Role.POSTGRESQL),
            memory_megabytes=chosen.memory_megabytes,
            maximum_connections=chosen.maximum_connections,
            programs_folder=chosen.programs,
        )

    def socket(self, instance: Instance) -> Socket:
        """Where it is reached as its superuser."""
        return Socket(self.run_folder(instance), self.port(instance))

    async def _answers(self, instance: Instance) -> Health:
        async with self.socket(instance).connect() as connection:
            if not await is_provided(connection, self.configuration):
                version = str(await connection.fetchval("SHOW server_version"))
                return Health("answers, not set up yet", version.split(maxsplit=1)[0])
        engine = engine_for(self.configuration, Use.STATUS, connections=1)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await _ask(engine)
        except TimeoutError as error:
            raise DatabaseUnavailable(f"PostgreSQL on port {self.port(instance)} gives no answer.") from error
        finally:
            await engine.dispose()


async def _ask(engine: AsyncEngine) -> Health:
    query = text(
        "SELECT current_setting('server_version'), current_setting('max_connections')::int, "
        "(SELECT coalesce(sum(numbackends), 0)::int FROM pg_stat_database), pg_database_size(:name)"
    )
    with translated():
        async with engine.connect() as connection:
            version, most, connections, size = (await connection.execute(query, {"name": NAME})).one()
    current = await is_current(engine)
    figures = {"connections": connections, "maximum_connections": most, "bytes": size}
    detail = f"{connections} of {most} connections, {size / 2**20:.0f} MiB"
    if not current:
        detail += "; a migration is pending: `sagews db migrate`"
    return Health(detail, version.split(maxsplit=1)[0], figures | {"migration_pending": float(not current)})
