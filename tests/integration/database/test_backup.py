"""Backup and restore, on SQLite and on the site's own PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from sagews.configuration import Configuration, load
from sagews.database.access import engine_for, has_own_postgresql
from sagews.database.backup import backup, restore
from sagews.database.component import PostgreSQL
from sagews.database.journal import Entry
from sagews.database.migration import migrate
from sagews.database.server import server_of
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import Conflict, Fenced, SagewsError, UsageError
from tests.postgresql import find_programs
from tests.running_component import Running, component_of, running, site_folder


def silent(what: str, done: int, of: int) -> None:
    """Say nothing."""


class Cut(Exception):
    """Something breaks off."""


def solo(folder: Path) -> Configuration:
    """The configuration of a solo site in this folder."""
    file = folder / "sagews.toml"
    file.write_text('data_folder = "."\n')
    return load(file, {})


@pytest.fixture(scope="module")
def postgresql() -> Iterator[Running]:
    """The PostgreSQL of a whole site."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with (
        site_folder(postgresql="postgres") as configuration,
        running(component_of(PostgreSQL, configuration)) as one,
    ):
        yield one


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Configuration:
    """A site whose database is empty."""
    if request.param == "sqlite":
        return solo(tmp_path)
    one: Running = request.getfixturevalue("postgresql")
    asyncio.run(drop(one.component.configuration))
    one.component.settle(one.instance)
    return one.component.configuration


async def drop(site: Configuration) -> None:
    """Away with the database."""
    if not has_own_postgresql(site):
        (site.data_folder / "sagews.sqlite").unlink()
        return
    async with server_of(site).connect("postgres") as connection:
        await connection.execute("DROP DATABASE sagews")


@contextlib.asynccontextmanager
async def opened(site: Configuration):  # type: ignore[no-untyped-def]
    engine = engine_for(site, Use.BACKEND, connections=1)
    if not has_own_postgresql(site):
        await migrate(engine)
    store = Store(engine)
    yield store
    await store.close()


async def fill(site: Configuration, name: str) -> tuple[str, int]:
    """Somebody makes a workspace, opens it and edits; returns its id and epoch."""
    async with opened(site) as store:
        account = await store.accounts.ensure_solo_account()
        workspace = await store.workspaces.create(account.id, name)
        epoch = await store.workspaces.open(workspace.id, "worker-0", if_epoch=0)
        await store.journal.append(
            workspace.id, epoch, [Entry(1, "document", "a.ipynb", bytes(range(256)) * 40, account.id)]
        )
    return workspace.id, epoch


async def names(site: Configuration) -> set[str]:
    async with opened(site) as store:
        account = await store.accounts.ensure_solo_account()
        return {one.workspace.name for one in await store.workspaces.of_account(account.id)}


async def run(function, *arguments, **options):  # type: ignore[no-untyped-def]
    return await asyncio.to_thread(function, *arguments, **options)


async def test_what_was_backed_up_comes_back(site: Configuration, tmp_path: Path) -> None:
    workspace, epoch = await fill(site, "before")
    file = tmp_path / "site.backup"
    about = await run(backup, site, file, silent)
    assert file.stat().st_mode & 0o777 == 0o600
    await fill(site, "after")
    with pytest.raises(Conflict, match="not empty"):
        await run(restore, site, file, silent)
    assert await names(site) == {"before", "after"}
    assert await run(restore, site, file, silent, replace=True) == about
    assert await names(site) == {"before"}
    async with opened(site) as store:
        (entry,) = await store.journal.read(workspace)
        assert entry.update == bytes(range(256)) * 40
        # Whoever had the workspace open before is fenced.
        assert (await store.workspaces.get(workspace)).worker is None
        with pytest.raises(Fenced):
            await store.journal.append(workspace, epoch, [Entry(2, "document", "a.ipynb", b"x", "somebody")])
    assert not list(tmp_path.glob(".*"))


async def test_what_was_backed_up_comes_back_where_there_is_nothing(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "mine")
    file = tmp_path / "site.backup"
    await run(backup, site, file, silent)
    await drop(site)
    await run(restore, site, file, silent)
    assert await names(site) == {"mine"}


async def test_a_database_in_use_is_left_alone(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "W")
    file = tmp_path / "site.backup"
    await run(backup, site, file, silent)
    async with opened(site) as store:
        await store.check()
        with pytest.raises(Conflict, match="in use"):
            await run(restore, site, file, silent, replace=True)
        await store.check()
    await run(restore, site, file, silent, replace=True)


async def test_a_damaged_backup_changes_nothing(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "W")
    good = tmp_path / "site.backup"
    await run(backup, site, good, silent)
    content = good.read_bytes()
    middle = len(content) // 2
    bad = tmp_path / "bad.backup"
    for damaged, words in (
        (content[:-1], "no backup|cut"),
        (content[: len(content) // 2], "no backup"),
        (content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :], "checksum"),
        (content[middle:], "length"),
        (b"", "no backup"),
        (content.replace(b'"format": 1', b'"format": 9'), "newer"),
        (content.replace(b'"revision": "', b'"revision": "9'), "newer"),
    ):
        bad.write_bytes(damaged)
        with pytest.raises(UsageError, match=words):
            await run(restore, site, bad, silent, replace=True)
    with pytest.raises(UsageError, match="cannot be read"):
        await run(restore, site, tmp_path / "missing", silent, replace=True)
    assert await names(site) == {"W"}


async def test_a_backup_is_not_written_over_another(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "W")
    file = tmp_path / "site.backup"
    file.write_text("precious")
    with pytest.raises(UsageError, match="already"):
        await run(backup, site, file, silent)
    with pytest.raises(SagewsError, match="cannot be written"):
        await run(backup, site, tmp_path / "no" / "folder", silent)
    assert file.read_text() == "precious"


async def test_a_restore_that_fails_loses_nothing(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "W")
    file = tmp_path / "site.backup"
    await run(backup, site, file, silent)

    def break_off(what: str, done: int, of: int) -> None:
        if what == "Restoring":
            raise Cut

    with pytest.raises(Cut):
        await run(restore, site, file, break_off, replace=True)
    assert await names(site) == {"W"}
    if has_own_postgresql(site):
        assert await databases(site) == {"sagews"}
    await run(restore, site, file, silent, replace=True)
    if has_own_postgresql(site):
        assert await databases(site) == {"sagews"}


async def databases(site: Configuration) -> set[str]:
    engine = engine_for(site, Use.ADMIN, connections=1)
    async with engine.connect() as connection:
        query = text("SELECT datname FROM pg_database WHERE datname LIKE 'sagews%'")
        found = set((await connection.execute(query)).scalars())
    await engine.dispose()
    return found


async def test_a_backup_of_another_kind_is_refused(site: Configuration, tmp_path: Path) -> None:
    await fill(site, "W")
    file = tmp_path / "site.backup"
    await run(backup, site, file, silent)
    kinds = (b'"kind": "sqlite"', b'"kind": "postgresql"')
    content = file.read_bytes()
    mine, other = kinds if kinds[0] in content else kinds[::-1]
    changed = tmp_path / "other.backup"
    changed.write_bytes(content.replace(mine, other))
    with pytest.raises(UsageError, match="This is a backup of"):
        await run(restore, site, changed, silent, replace=True)


async def test_a_backup_while_others_write_is_of_one_moment(tmp_path: Path) -> None:
    site = solo(tmp_path)
    await fill(site, "W")
    async with opened(site) as store:
        account = await store.accounts.ensure_solo_account()
        file = tmp_path / "site.backup"
        saving = asyncio.create_task(run(backup, site, file, silent))
        for number in range(20):
            await store.workspaces.create(account.id, f"W{number}")
        await saving
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(file.read_bytes().rpartition(b"\nsagews-backup ")[0])
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        ((workspaces, permissions),) = connection.execute(
            "SELECT (SELECT count(*) FROM workspaces), (SELECT count(*) FROM permissions)"
        )
    assert workspaces == permissions


def sagews(site: Configuration, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sagews", *arguments, "--config", str(site.data_folder / "sagews.toml")],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path.cwd()), "HOME": str(site.data_folder)},
    )


def test_the_program(site: Configuration, tmp_path: Path) -> None:
    if not has_own_postgresql(site):
        assert sagews(site, "db", "migrate", "--check").returncode == 1
    assert sagews(site, "db", "migrate").returncode == 0
    told = sagews(site, "db", "migrate", "--check")
    assert (told.returncode, "as they have to be" in told.stdout) == (0, True)
    file = str(tmp_path / "site.backup")
    told = sagews(site, "db", "backup", file)
    assert (told.returncode, "sagews:" in told.stderr) == (0, False)  # only progress, where this machine is slow
    assert "tables of version" in told.stdout
    told = sagews(site, "db", "backup", file)
    assert (told.returncode, "already" in told.stderr) == (2, True)
    told = sagews(site, "db", "restore", file)
    assert (told.returncode, "sagews:" in told.stderr) == (0, False)  # only progress, where this machine is slow
    assert "as it was at" in told.stdout
