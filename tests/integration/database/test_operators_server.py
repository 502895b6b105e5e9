"""A site on an operator's own PostgreSQL, named in `database.url`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sagews.component.instance import instances
from sagews.configuration import Configuration, load
from sagews.database.access import engine_for
from sagews.database.backup import backup, restore
from sagews.database.grants import grant
from sagews.database.migration import migrate
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import ConfigurationError, DatabaseUnavailable
from tests.postgresql import Cluster

pytestmark = pytest.mark.postgresql
FOLDER = 'data_folder = "."\nsite.profile = "site"\n'


def site_on(url: str, folder: Path, more: str = "") -> Configuration:
    """The configuration of a site on this database."""
    file = folder / "sagews.toml"
    file.write_text(f'{FOLDER}[database]\nurl = "{url}"\n{more}')
    return load(file, {})


@pytest.fixture
def site(postgresql: Cluster, tmp_path: Path) -> Configuration:
    """A site on an empty database of a server on this machine."""
    return site_on(postgresql.create_database().replace("postgresql:", "postgresql+asyncpg:"), tmp_path)


def test_no_postgresql_of_the_sites_own_is_run(site: Configuration) -> None:
    assert instances(site, "postgresql") == ()


async def test_every_use_has_the_one_role_of_the_address(site: Configuration) -> None:
    for use in Use:
        engine = engine_for(site, use, connections=1)
        await migrate(engine)
        await grant(engine)
        await Store(engine).check()
        await engine.dispose()


def silent(what: str, done: int, of: int) -> None:
    """Say nothing."""


async def test_it_is_backed_up_and_restored(site: Configuration, tmp_path: Path) -> None:
    file = tmp_path / "site.backup"
    for name in ("before", "after"):
        engine = engine_for(site, Use.BACKEND, connections=1)
        await migrate(engine)
        store = Store(engine)
        await store.workspaces.create((await store.accounts.ensure_solo_account()).id, name)
        await store.close()
        if name == "before":
            await asyncio.to_thread(backup, site, file, silent)
    await asyncio.to_thread(restore, site, file, silent, replace=True)
    store = Store(engine_for(site, Use.BACKEND, connections=1))
    account = await store.accounts.ensure_solo_account()
    assert [one.workspace.name for one in await store.workspaces.of_account(account.id)] == ["before"]
    await store.close()


async def test_a_server_elsewhere_is_talked_to_by_tls_only(postgresql: Cluster, tmp_path: Path) -> None:
    # This one is on this machine, but named as if it were not, and knows no TLS.
    url = f"postgresql+asyncpg://tester@0.0.0.0:{postgresql.port}/postgres"
    store = Store(engine_for(site_on(url, tmp_path), Use.BACKEND, connections=1))
    with pytest.raises(DatabaseUnavailable, match="SSL"):
        await store.check()
    await store.close()


def test_an_authority_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "authority.pem").write_text("no certificate")
    site = site_on("postgresql+asyncpg://x@example.org/x", tmp_path, f'authority = "{tmp_path}/authority.pem"\n')
    with pytest.raises(ConfigurationError, match=r"database\.authority"):
        engine_for(site, Use.BACKEND)
