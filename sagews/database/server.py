"""Server: the PostgreSQL that has the site's database, as backup and restore reach it."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from sqlalchemy import URL, make_url

from sagews.component.instance import instances
from sagews.configuration import Configuration
from sagews.database.access import has_own_postgresql, operators_tls, postgresql_port
from sagews.database.cluster import SUPERUSER, find_program
from sagews.database.provision import Socket
from sagews.database.uses import NAME
from sagews.errors import UsageError

CONNECT_SECONDS = 10


class Server(Protocol):
    """A PostgreSQL and the site's database in it."""

    @property
    def name(self) -> str:
        """Of the site's database."""

    @property
    def maintenance(self) -> str:
        """Another database, from which that one can be renamed."""

    @property
    def is_own(self) -> bool:
        """Whether it is the site's own, with our roles."""

    def program(self, name: str) -> str:
        """One of PostgreSQL's programs, of this server's version or later.

        :raises SetupError: it is not installed.
        """

    def environment(self) -> Mapping[str, str]:
        """By which PostgreSQL's programs connect (libpq's environment variables)."""

    def connect(self, database: str) -> AbstractAsyncContextManager[Any]:
        """A connection of somebody who may make databases."""


@dataclass(frozen=True)
class OwnServer:
    """The site's own, by the Unix socket, as its superuser."""

    socket: Socket
    data: Path
    programs: str
    name: str = NAME
    maintenance: str = "postgres"
    is_own: bool = True

    def program(self, name: str) -> str:
        """Of the version that made the cluster."""
        return str(find_program(name, self.programs, self.data))

    def environment(self) -> Mapping[str, str]:
        """By the Unix socket."""
        return {"PGHOST": str(self.socket.folder), "PGPORT": str(self.socket.port), "PGUSER": SUPERUSER}

    def connect(self, database: str) -> AbstractAsyncContextManager[Any]:
        """As its superuser."""
        return self.socket.connect(database)


@dataclass(frozen=True)
class OperatorsServer:
    """An operator's, by the address in `database.url`."""

    url: URL
    tls: ssl.SSLContext | None
    authority: str
    programs: str
    maintenance: str = "postgres"
    is_own: bool = False

    @property
    def name(self) -> str:
        """As in the address."""
        return self.url.database or NAME

    def program(self, name: str) -> str:
        """The newest that is installed."""
        return str(find_program(name, self.programs))

    def environment(self) -> Mapping[str, str]:
        """As in the address; with TLS where others use it."""
        variables = {
            "PGHOST": self.url.host or "127.0.0.1",
            "PGPORT": str(self.url.port or 5432),
            "PGUSER": self.url.username or "",
            "PGPASSWORD": str(self.url.password or ""),
            "PGSSLMODE": "verify-full" if self.tls else "disable",
            "PGSSLROOTCERT": (self.authority or "system") if self.tls else "",
        }
        return {name: value for name, value in variables.items() if value}

    @asynccontextmanager
    async def connect(self, database: str) -> AsyncIterator[Any]:
        """As the role in the address."""
        connection = await asyncpg.connect(
            host=self.url.host or "127.0.0.1",
            port=self.url.port or 5432,
            user=self.url.username,
            password=self.url.password,
            database=database,
            ssl=self.tls or False,
            timeout=CONNECT_SECONDS,
        )
        try:
            yield connection
        finally:
            await connection.close()


def server_of(configuration: Configuration) -> Server:
    """The PostgreSQL that has the site's database.

    :raises UsageError: it is the site's own, on another machine.
    :raises DatabaseUnavailable: it has not started yet.
    """
    programs = configuration.postgresql.programs
    if not has_own_postgresql(configuration):
        url = make_url(configuration.database.url)
        return OperatorsServer(url, operators_tls(configuration), configuration.database.authority, programs)
    (instance,) = instances(configuration, "postgresql")
    if instance.host != configuration.host:
        raise UsageError(
            f"The database is on the machine {instance.host}, not here.", mend=f"Do this on {instance.host}."
        )
    socket = Socket(configuration.run_folder_of("postgresql", instance.number), postgresql_port(configuration))
    return OwnServer(socket, configuration.state_folder("postgresql", instance.number) / "data", programs)
