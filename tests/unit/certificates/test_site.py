"""What a site's certificates are: whose, for whom, and what machines get."""

from __future__ import annotations

import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sagews.certificates import Role, expiries, files_of, identity_of, make_all, subjects, token_of
from sagews.configuration import Configuration, load
from sagews.errors import SetupError

SECOND = """
data_folder = "."
worker.hosts = ["localhost", "second"]
worker.port = 8700
worker.user = ""
loadbalancer.user = ""
backend.user = ""
logserver.user = ""
memcached.user = ""
postgresql.user = ""
[site]
profile = "site"
names = ["sage.example.org"]
[hosts.second]
address = "10.0.0.2"
ssh = "root@10.0.0.2"
"""


@pytest.fixture
def site(tmp_path: Path) -> Configuration:
    file = tmp_path / "sagews.toml"
    file.write_text(SECOND)
    return load(file, {})


def test_every_component_that_needs_one_has_a_certificate_on_each_of_its_machines(site: Configuration) -> None:
    found = {(one.role, one.host) for one in subjects(site)}
    assert {(Role.WORKER, "localhost"), (Role.WORKER, "second"), (Role.ADMIN, "second"), (Role.PUBLIC, "")} <= found
    assert (Role.BACKEND, "second") not in found


def test_making_is_repeatable_and_anew_replaces(site: Configuration) -> None:
    path = make_all(site).certificate(Role.WORKER, "second")
    first = path.read_bytes()
    make_all(site)
    assert path.read_bytes() == first
    make_all(site, anew=True)
    assert path.read_bytes() != first


def test_a_machine_gets_its_own_and_never_the_authority_key(site: Configuration) -> None:
    folder = make_all(site)
    names = {path.name for path in files_of(site, "second")}
    assert names == {
        "authority.pem",
        "worker.second.pem",
        "admin.second.pem",
        "worker-token.worker",
        "worker-token.admin",
    }
    assert folder.authority_key not in files_of(site, "second")


def test_passwords_are_where_the_database_and_their_components_are(site: Configuration) -> None:
    folder = make_all(site).path
    files = {folder / f"database-{use}.password" for use in ("admin", "backend", "logserver", "status")}
    for file in files:
        file.touch()
    assert files <= set(files_of(site, "localhost"))
    assert not files & set(files_of(site, "second"))
    backends = replace(site, backend=replace(site.backend, hosts=("localhost", "second")))
    assert files & set(files_of(backends, "second")) == {folder / "database-backend.password"}
    database = replace(site, postgresql=replace(site.postgresql, hosts=("second",)))
    assert files <= set(files_of(database, "second"))


def test_the_public_certificate_is_where_load_balancers_are(site: Configuration) -> None:
    folder = make_all(site).path
    there = replace(site, loadbalancer=replace(site.loadbalancer, hosts=("second",)))
    assert folder / "public.pem" in files_of(there, "second")
    assert folder / "public.pem" not in files_of(there, "localhost")


def test_a_machine_knows_the_ends_of_its_own(site: Configuration) -> None:
    make_all(site)
    assert {one.name for one in expiries(site, "second")} == {"admin.second", "worker.second"}


def test_secrets_are_for_their_owner_only(site: Configuration) -> None:
    folder = make_all(site)
    for path in folder.path.iterdir():
        allowed = 0o644 if path.name == "authority.pem" else 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == allowed


def test_backend_and_worker_hold_the_same_token(site: Configuration) -> None:
    make_all(site)
    assert token_of(site, Role.BACKEND) == token_of(site, Role.WORKER) != ""


def test_a_component_of_a_site_makes_nothing(site: Configuration) -> None:
    assert not identity_of(site, Role.WORKER).certificate.exists()
    with pytest.raises(SetupError, match="sagews certs make"):
        token_of(site, Role.WORKER)


def test_expiries_name_the_first_to_end_first(site: Configuration) -> None:
    make_all(site)
    found = expiries(site)
    assert [one.ends for one in found] == sorted(one.ends for one in found)
    assert not any(one.is_near for one in found)
    assert replace(found[0], ends=found[0].ends - timedelta(days=350)).is_near


def test_the_public_certificate_has_the_names_of_the_site_only(site: Configuration) -> None:
    (public,) = [one for one in subjects(site) if one.role is Role.PUBLIC]
    assert public.names == ("sage.example.org",)
