"""Brings a database's tables to the version that this program needs, and back.

Invariant: each step is one transaction with its note in ``alembic_version``: a migration that is cut off leaves the
database as it was before or after, and of two programs that migrate at once one waits for the other.

The steps are in ``migrations/versions``, written by hand. There is no ``env.py``: importing does nothing here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import tables
from sagews.database.failures import translated
from sagews.database.transactions import Transactions
from sagews.errors import SetupError

_LOCK = 0x5A6E
"""Key of PostgreSQL's advisory lock that one migration holds; any number that nothing else uses."""


async def migrate(engine: AsyncEngine, revision: str = "head") -> None:
    """Upgrade to ``revision``; nothing where it is there already.

    :raises DatabaseUnavailable: the database does not answer.
    """
    await _run(engine, revision, is_downgrade=False)


async def downgrade(engine: AsyncEngine, revision: str) -> None:
    """Downgrade to ``revision``; ``base`` drops every table and all that is in it.

    :raises DatabaseUnavailable: the database does not answer.
    """
    await _run(engine, revision, is_downgrade=True)


async def is_current(engine: AsyncEngine) -> bool:
    """Whether the database's tables are those that this program needs.

    :raises DatabaseUnavailable: the database does not answer.
    """
    return set(await _heads(engine)) == set(_scripts().get_heads())


async def is_empty(engine: AsyncEngine) -> bool:
    """Whether the database has no tables of ours yet.

    :raises DatabaseUnavailable: the database does not answer.
    """
    return not await revision_of(engine)


async def revision_of(engine: AsyncEngine) -> str:
    """The version of the database's tables; empty: it has none.

    :raises DatabaseUnavailable: the database does not answer.
    """
    return next(iter(await _heads(engine)), "")


def knows(revision: str) -> bool:
    """Whether this program knows tables of that version, and so can bring them to its own."""
    return revision in {script.revision for script in _scripts().walk_revisions()}


def newest() -> str:
    """The version of the tables that this program needs."""
    return str(_scripts().get_current_head())


async def require_current(engine: AsyncEngine) -> None:
    """Refuse to go on with other tables than this program needs.

    :raises SetupError: the database needs a migration, or was made by a newer program.
    :raises DatabaseUnavailable: the database does not answer.
    """
    if not await is_current(engine):
        raise SetupError(
            "The database's tables are of another version of sagews.",
            mend="Migrate the database first: `sagews db migrate`.",
        )


async def _heads(engine: AsyncEngine) -> tuple[str, ...]:
    with translated():
        async with engine.connect() as connection:
            return await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_heads())


def _scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return ScriptDirectory.from_config(config)


async def _run(engine: AsyncEngine, revision: str, *, is_downgrade: bool) -> None:
    async with Transactions(engine).write() as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        await connection.run_sync(_steps, revision, is_downgrade)


def _steps(connection: Connection, revision: str, is_downgrade: bool) -> None:
    scripts = _scripts()

    def steps(current: Any, context: MigrationContext) -> Any:
        choose = scripts._downgrade_revs if is_downgrade else scripts._upgrade_revs
        return choose(revision, current)

    with EnvironmentContext(Config(), scripts, fn=steps, destination_rev=revision) as environment:
        environment.configure(connection=connection, target_metadata=tables.metadata, transactional_ddl=True)
        with environment.begin_transaction():
            environment.run_migrations()
