"""Backup and restore of the database in a PostgreSQL, by PostgreSQL's own `pg_dump` and `pg_restore`."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any, TypeVar

import asyncpg

from sagews.configuration import Configuration
from sagews.database.access import engine_for
from sagews.database.backup_file import PIECE_BYTES, About, Progress, pieces
from sagews.database.failures import translated
from sagews.database.grants import grant
from sagews.database.keeping import FORGET_OPENINGS
from sagews.database.provision import close_database, make_database
from sagews.database.server import Server, server_of
from sagews.database.uses import Use
from sagews.errors import Conflict, DatabaseUnavailable, UsageError

T = TypeVar("T")
LAST_LINES = 5


class PostgreSQLKeeping:
    """Of the site's own server, or of an operator's whose role may make databases."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.server: Server = server_of(configuration)

    def save(self, part: Path, progress: Progress) -> str:
        """By `pg_dump`, which copies what was committed at one moment.

        :raises UsageError: there is nothing in it.
        """
        revision, size = self._ask(self.server.name, _revision_and_size)
        if not revision:
            raise UsageError("There is nothing in the database yet.", mend="Start the site first.")
        command = [self.server.program("pg_dump"), "--format=custom", "--no-owner", "--no-privileges"]
        written = 0
        with part.open("wb") as target, tempfile.TemporaryFile() as told:
            process = subprocess.Popen(
                [*command, f"--dbname={self.server.name}"], stdout=subprocess.PIPE, stderr=told, env=self._environment()
            )
            with process:
                assert process.stdout is not None
                while piece := process.stdout.read(PIECE_BYTES):
                    target.write(piece)
                    written += len(piece)
                    progress(f"Copying a database of {size / 2**20:.0f} MiB", written, 0)
            _require_success(process, told, "pg_dump")
        return revision

    def users(self) -> str:
        """Who is connected to it; those who only ask for its health do not count."""
        query = (
            "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = $1 AND usename <> $2 "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend' GROUP BY usename"
        )
        rows = self._ask(self.server.maintenance, lambda c: c.fetch(query, self.server.name, Use.STATUS.role))
        return ", ".join(f"{count} connections of {user}" for user, count in rows)

    def is_empty(self) -> bool:
        """Whether nobody has an account in it, or it is not there."""
        there = "SELECT true FROM pg_database WHERE datname = $1"
        if not self._ask(self.server.maintenance, lambda c: c.fetchval(there, self.server.name)):
            return True
        return not self._ask(self.server.name, _has_accounts)

    def load(self, file: Path, about: About, progress: Progress) -> None:
        """Restore into another database, and exchange the two names in one transaction."""
        part = f"{self.server.name}_{secrets.token_hex(6)}_new"
        self._ask(self.server.maintenance, lambda c: self._make(c, part))
        try:
            if self.server.is_own:
                self._ask(part, lambda c: close_database(c, part))
            self._restore(part, file, about, progress)
            self._ask(part, lambda c: c.execute(FORGET_OPENINGS))
            old = self._ask(self.server.maintenance, lambda c: self._exchange(c, part))
        except BaseException:
            self._ask(self.server.maintenance, lambda c: c.execute(f'DROP DATABASE IF EXISTS "{part}"'))
            raise
        self._ask(self.server.maintenance, lambda c: c.execute(f'DROP DATABASE IF EXISTS "{old}"'))
        if self.server.is_own:
            asyncio.run(self._grant())

    def _restore(self, database: str, file: Path, about: About, progress: Progress) -> None:
        command = [self.server.program("pg_restore"), "--no-owner", "--no-privileges", "--exit-on-error"]
        if self.server.is_own:
            command.append(f"--role={Use.ADMIN.role}")
        with tempfile.TemporaryFile() as told, file.open("rb") as source:
            process = subprocess.Popen(
                [*command, "--single-transaction", f"--dbname={database}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=told,
                env=self._environment(),
            )
            with process:
                assert process.stdin is not None
                _feed(process.stdin, pieces(source, about), about, progress)
            _require_success(process, told, "pg_restore")

    async def _make(self, connection: Any, name: str) -> None:
        for (left,) in await connection.fetch(
            "SELECT datname FROM pg_database WHERE datname ~ $1", f"^{self.server.name}_[0-9a-f]{{12}}_(new|old)$"
        ):
            await connection.execute(f'DROP DATABASE "{left}"')  # of a restore that was cut off
        if self.server.is_own:
            await make_database(connection, name)
        else:
            await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE template0 ENCODING UTF8')

    async def _exchange(self, connection: Any, part: str) -> str:
        old = f"{self.server.name}_{secrets.token_hex(6)}_old"
        try:
            async with connection.transaction():
                if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", self.server.name):
                    await connection.execute(f'ALTER DATABASE "{self.server.name}" RENAME TO "{old}"')
                await connection.execute(f'ALTER DATABASE "{part}" RENAME TO "{self.server.name}"')
        except asyncpg.ObjectInUseError as error:
            raise Conflict(
                "Somebody has connected to the database meanwhile.",
                mend="Stop what uses it (`sagews stop backend worker logserver`), and try again.",
            ) from error
        return old

    async def _grant(self) -> None:
        engine = engine_for(self.configuration, Use.ADMIN, connections=1)
        try:
            await grant(engine)
        finally:
            await engine.dispose()

    def _ask(self, database: str, ask: Callable[[Any], Awaitable[T]]) -> T:
        async def run() -> T:
            with translated():
                async with self.server.connect(database) as connection:
                    return await ask(connection)

        return asyncio.run(run())

    def _environment(self) -> Mapping[str, str]:
        own = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        return own | dict(self.server.environment())


async def _revision_and_size(connection: Any) -> tuple[str, int]:
    size = await connection.fetchval("SELECT pg_database_size(current_database())")
    if not await connection.fetchval("SELECT to_regclass('public.alembic_version') IS NOT NULL"):
        return "", size
    return str(await connection.fetchval("SELECT version_num FROM alembic_version") or ""), size


async def _has_accounts(connection: Any) -> bool:
    if not await connection.fetchval("SELECT to_regclass('public.accounts') IS NOT NULL"):
        return False
    return bool(await connection.fetchval("SELECT EXISTS (SELECT 1 FROM accounts)"))


def _feed(target: IO[bytes], content: Iterable[bytes], about: About, progress: Progress) -> None:
    written = 0
    try:
        for piece in content:
            target.write(piece)
            written += len(piece)
            progress("Restoring", written, about.length)
        target.close()
    except BrokenPipeError:
        return  # it has ended, and its exit status and what it printed say why


def _require_success(process: subprocess.Popen[bytes], told: IO[bytes], name: str) -> None:
    if process.returncode:
        told.seek(0)
        lines = told.read().decode(errors="replace").strip().splitlines()[-LAST_LINES:]
        raise DatabaseUnavailable(f"{name} failed: {' '.join(lines)}.", mend="Nothing was changed; mend that first.")
