"""Makes the site's database in its own PostgreSQL: roles with their passwords, the database, tables, rights.

Invariant: each step may be done again, and may have been cut off anywhere. Passwords reach the server only as what
checks them (RFC 5803), so they stand in no log of it.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from sagews.configuration import Configuration
from sagews.database.access import engine_for
from sagews.database.cluster import SUPERUSER
from sagews.database.failures import translated
from sagews.database.grants import grant
from sagews.database.migration import is_empty, migrate
from sagews.database.uses import NAME, Use, make_passwords, password_file, password_of

_ITERATIONS = 4096
"""PostgreSQL's own number; the passwords are random."""
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class Socket:
    """The Unix socket by which root, and the user of the cluster, are its superuser."""

    folder: Path
    port: int

    @asynccontextmanager
    async def connect(self, database: str = "postgres") -> AsyncIterator[Any]:
        """A connection of the superuser.

        :raises DatabaseUnavailable: it does not answer there.
        """
        with translated():
            try:
                connection = await asyncpg.connect(
                    host=str(self.folder), port=self.port, user=SUPERUSER, database=database, timeout=_CONNECT_SECONDS
                )
            except asyncpg.PostgresError:
                await asyncio.sleep(0)  # asyncpg's socket is closed at the loop's next turn, which may be its last
                raise
            try:
                yield connection
            finally:
                await connection.close()


async def provision(configuration: Configuration, socket: Socket) -> None:
    """Make everything that is missing; a database without tables gets them, another is migrated by the operator only.

    :raises DatabaseUnavailable: it does not answer.
    :raises SetupError: a password can be neither read nor made.
    """
    make_passwords(configuration)
    async with socket.connect() as connection:
        for use in Use:
            await _make_role(connection, use.role, password_of(configuration, use))
        await make_database(connection, NAME)
    async with socket.connect(NAME) as connection:
        await close_database(connection, NAME)
    engine = engine_for(configuration, Use.ADMIN, connections=1)
    try:
        if await is_empty(engine):
            await migrate(engine)
        await grant(engine)
    finally:
        await engine.dispose()


async def is_provided(connection: Any, configuration: Configuration) -> bool:
    """Whether the database is there, and every role with the password that is in its file.

    :param connection: of the superuser.
    """
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", NAME):
        return False
    query = "SELECT rolname, rolpassword FROM pg_authid WHERE rolname = any($1::text[])"
    kept = dict(await connection.fetch(query, [use.role for use in Use]))
    return all(
        password_file(configuration, use).exists() and is_kept(password_of(configuration, use), kept.get(use.role))
        for use in Use
    )


async def make_database(connection: Any, name: str) -> None:
    """Make a database that belongs to `Use.ADMIN`, where there is none of that name."""
    if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'CREATE DATABASE "{name}" OWNER {Use.ADMIN.role} TEMPLATE template0 ENCODING UTF8')


async def close_database(connection: Any, name: str) -> None:
    """Let in our roles only, and let only the owner make anything in it.

    :param connection: of the superuser, to that database.
    """
    roles = ", ".join(use.role for use in Use)
    async with connection.transaction():
        await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        await connection.execute(f'GRANT CONNECT ON DATABASE "{name}" TO {roles}')
        await connection.execute(f"ALTER SCHEMA public OWNER TO {Use.ADMIN.role}")
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {roles}")


async def _make_role(connection: Any, role: str, password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await connection.execute(f"CREATE ROLE {role}")
    await connection.execute(
        f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS "
        f"PASSWORD '{verifier(password, os.urandom(16))}'"
    )


def verifier(password: str, salt: bytes) -> str:
    """What PostgreSQL keeps to check a password with by SCRAM-SHA-256 (RFC 5803; RFC 5802, section 3).

    :param password: ASCII only, so that it needs no preparation (RFC 4013).
    """
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    kept = (b64encode(hashlib.sha256(client).digest()).decode(), b64encode(server).decode())
    return f"SCRAM-SHA-256${_ITERATIONS}:{b64encode(salt).decode()}${kept[0]}:{kept[1]}"


def is_kept(password: str, kept: str | None) -> bool:
    """Whether what PostgreSQL keeps, as `verifier` makes it, is this password's."""
    if not (kept or "").startswith(f"SCRAM-SHA-256${_ITERATIONS}:"):
        return False
    salt = b64decode(str(kept).split(":")[1].split("$")[0])
    return hmac.compare_digest(verifier(password, salt), str(kept))
