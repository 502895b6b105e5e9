"""Migrations build the tables that the program declares, and take them away again."""

from __future__ import annotations

import asyncio

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, inspect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database import create_engine, migrate, tables
from sagews.database.migration import downgrade, is_current, require_current
from sagews.errors import SetupError


def differences(connection: Connection) -> list[object]:
    options = {"compare_type": True, "compare_server_default": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables.metadata))


def checks(connection: Connection) -> dict[str, list[str]]:
    inspector = inspect(connection)
    return {
        table: sorted(str(check["name"]) for check in inspector.get_check_constraints(table))
        for table in tables.metadata.tables
    }


@pytest.fixture
async def migrated(empty_engine: AsyncEngine) -> AsyncEngine:
    """An engine on a new database with our tables."""
    await migrate(empty_engine)
    return empty_engine


async def test_upgrade_from_nothing_makes_the_declared_tables(empty_engine: AsyncEngine) -> None:
    await migrate(empty_engine)
    async with empty_engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_check_constraints_are_the_declared_ones(migrated: AsyncEngine) -> None:
    async with migrated.begin() as connection:
        expected = await connection.run_sync(checks)
        await connection.run_sync(tables.metadata.drop_all)
        await connection.run_sync(tables.metadata.create_all)
        assert await connection.run_sync(checks) == expected


async def test_differences_are_seen(migrated: AsyncEngine) -> None:
    async with migrated.begin() as connection:
        await connection.execute(text("ALTER TABLE workers DROP COLUMN version"))
        assert len(await connection.run_sync(differences)) == 1


async def test_migrating_again_changes_nothing(migrated: AsyncEngine) -> None:
    await migrate(migrated)
    assert await is_current(migrated)


async def test_downgrade_drops_every_table(migrated: AsyncEngine) -> None:
    await downgrade(migrated, "base")
    async with migrated.connect() as connection:
        left = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert left == ["alembic_version"]
    assert not await is_current(migrated)
    await migrate(migrated)
    assert await is_current(migrated)


async def test_an_empty_database_is_refused(empty_engine: AsyncEngine) -> None:
    with pytest.raises(SetupError):
        await require_current(empty_engine)


async def test_a_current_database_is_accepted(migrated: AsyncEngine) -> None:
    await require_current(migrated)


async def test_two_programs_may_migrate_at_once(empty_url: str) -> None:
    engines = [create_engine(empty_url), create_engine(empty_url)]
    try:
        await asyncio.gather(*(migrate(engine) for engine in engines))
        assert await is_current(engines[0])
    finally:
        for engine in engines:
            await engine.dispose()
