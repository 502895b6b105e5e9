"""Which addresses of databases are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.database import create_engine
from sagews.errors import ConfigurationError, DatabaseUnavailable


@pytest.mark.parametrize("url", ["", "no url", "mysql://localhost/x", "sqlite://", "sqlite:///:memory:"])
def test_addresses_of_no_use_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        create_engine(url)


def test_a_refusal_does_not_tell_the_password() -> None:
    with pytest.raises(ConfigurationError) as raised:
        create_engine("mysql://user:secret-word@localhost/x")
    assert "secret-word" not in str(raised.value)


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg"])
async def test_postgresql_is_reached_by_asyncpg(scheme: str) -> None:
    engine = create_engine(f"{scheme}://user:word@localhost:1/x")
    assert (engine.dialect.name, engine.dialect.driver) == ("postgresql", "asyncpg")
    await engine.dispose()


def test_a_missing_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(DatabaseUnavailable, match="Cannot write the database file"):
        create_engine(f"sqlite:///{tmp_path}/missing/test.db")


async def test_the_database_file_is_closed_to_others(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/test.db")
    async with engine.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE t (x INTEGER)")
        assert {path.name for path in tmp_path.iterdir()} == {"test.db", "test.db-shm", "test.db-wal"}
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    await engine.dispose()


async def test_sqlite_keeps_the_promises(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path}/test.db")
    async with engine.connect() as connection:
        pragmas = {}
        for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
            pragmas[name] = (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar()
    await engine.dispose()
    full = 2
    assert pragmas == {"journal_mode": "wal", "synchronous": full, "foreign_keys": 1, "busy_timeout": 10_000}
