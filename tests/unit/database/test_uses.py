"""Passwords and rights of the uses of a database."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.configuration import load
from sagews.database.access import cache_for
from sagews.database.cache import MemcachedCache, NoCache
from sagews.database.grants import RIGHTS
from sagews.database.provision import is_kept, verifier
from sagews.database.tables import metadata
from sagews.database.uses import Use, make_passwords, password_of
from sagews.errors import SetupError


def test_every_table_says_who_may_use_it() -> None:
    assert set(metadata.tables) <= set(RIGHTS)


def test_only_the_owner_and_the_log_server_change_the_log() -> None:
    assert set(RIGHTS["log"]) == {Use.LOGSERVER, Use.BACKEND}
    assert RIGHTS["log"][Use.BACKEND] == ("SELECT",), "the operator's page shows the log and changes nothing in it"
    assert [table for table, rights in RIGHTS.items() if Use.LOGSERVER in rights] == ["log", "alembic_version"]


def test_what_postgresql_keeps_of_a_password() -> None:
    kept = verifier("pencil", bytes(range(16)))
    assert kept.startswith("SCRAM-SHA-256$4096:AAECAwQFBgcICQoLDA0ODw==$")
    assert is_kept("pencil", kept)
    assert not is_kept("pencils", kept)
    assert not is_kept("pencil", None)
    assert not is_kept("pencil", "md5abc")


def test_a_password_that_is_missing_is_said(tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text('data_folder = "."\nsite.profile = "site"\nbackend.user = ""\nlogserver.user = ""\n')
    site = load(file, {})
    site.certificate_folder.mkdir()
    with pytest.raises(SetupError, match="cannot be read"):
        password_of(site, Use.BACKEND)
    make_passwords(site)
    assert len({password_of(site, use) for use in Use}) == len(Use)


async def test_a_site_without_memcached_has_no_cache(tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text('data_folder = "."\n')
    assert isinstance(cache_for(load(file, {})), NoCache)
    file.write_text('data_folder = "."\nsite.profile = "site"\nmemcached.hosts = []\n')
    assert isinstance(cache_for(load(file, {})), NoCache)
    file.write_text(
        'data_folder = "."\nsite.profile = "site"\ndatabase.url = "postgresql+asyncpg://x:y@example.org/x"\n'
    )
    assert isinstance(cache_for(load(file, {})), MemcachedCache)
