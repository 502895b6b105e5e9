from __future__ import annotations

import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sagews.certificates import Role, Subject, ensure
from sagews.errors import SetupError

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "certificates"


def contents(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_all_that_solo_needs_is_made_and_private(path: Path) -> None:
    folder = ensure(path)
    assert set(contents(path)) == {
        "authority/key.pem",
        "authority.pem",
        "backend.localhost.pem",
        "worker.localhost.pem",
    }
    assert mode(path) == mode(path / "authority") == 0o700
    assert mode(folder.authority_key) == mode(folder.certificate(Role.WORKER)) == 0o600
    assert b"PRIVATE" not in folder.authority.read_bytes()


def test_doing_it_again_changes_nothing_and_needs_no_key(path: Path) -> None:
    folder = ensure(path)
    before = contents(path)
    ensure(path)
    assert contents(path) == before
    folder.authority_key.unlink()
    ensure(path)


def test_certificate_is_renewed_after_two_thirds_of_its_life(path: Path) -> None:
    folder = ensure(path, now=NOW)
    first = folder.certificate(Role.WORKER).read_bytes()
    authority = folder.authority.read_bytes()
    ensure(path, now=NOW + timedelta(days=240))
    assert folder.certificate(Role.WORKER).read_bytes() == first
    ensure(path, now=NOW + timedelta(days=245))
    assert folder.certificate(Role.WORKER).read_bytes() != first
    assert folder.expires(Role.WORKER) == NOW + timedelta(days=245 + 365)
    assert folder.authority.read_bytes() == authority


def test_authority_is_renewed_with_its_key_so_that_what_it_signed_stays(path: Path) -> None:
    folder = ensure(path, now=NOW)
    later = NOW + timedelta(days=2400)
    ensure(path, now=later)
    authority, worker = folder.authority.read_bytes(), folder.certificate(Role.WORKER).read_bytes()
    ensure(path, now=later + timedelta(days=40))
    assert folder.authority.read_bytes() != authority
    assert folder.certificate(Role.WORKER).read_bytes() == worker


def test_certificate_from_the_future_is_made_again(path: Path) -> None:
    folder = ensure(path, now=NOW)
    ensure(path, now=NOW - timedelta(days=300))
    assert folder.expires(Role.WORKER) == NOW + timedelta(days=65)


def test_only_what_is_for_other_names_is_made_again(path: Path) -> None:
    folder = ensure(path)
    before = contents(path)
    ensure(
        path,
        (
            Subject(role=Role.WORKER, host="localhost", names=("worker.example", "10.0.0.1")),
            Subject(role=Role.BACKEND, host="localhost", names=("localhost", "127.0.0.1", "::1")),
        ),
    )
    changed = {name for name, content in contents(path).items() if before.get(name) != content}
    assert changed == {folder.certificate(Role.WORKER).name}


@pytest.mark.parametrize("damage", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_damaged_certificate_is_made_again(path: Path, damage: bytes) -> None:
    folder = ensure(path)
    file = folder.certificate(Role.WORKER)
    good = file.read_bytes()
    file.write_bytes(damage)
    ensure(path)
    assert len(file.read_bytes()) == pytest.approx(len(good), abs=16)


def test_certificate_without_its_key_or_of_another_authority_is_made_again(path: Path, tmp_path: Path) -> None:
    folder, other = ensure(path), ensure(tmp_path / "other")
    worker, backend = folder.certificate(Role.WORKER), folder.certificate(Role.BACKEND)
    foreign = other.certificate(Role.WORKER).read_bytes()
    worker.write_bytes(foreign)
    key, certificate = backend.read_bytes().split(b"-----BEGIN CERTIFICATE", 1)
    backend.write_bytes(foreign.split(b"-----BEGIN CERTIFICATE", 1)[0] + b"-----BEGIN CERTIFICATE" + certificate)
    ensure(path)
    assert worker.read_bytes() != foreign
    assert not backend.read_bytes().endswith(certificate)
    assert key not in backend.read_bytes()


def test_certificate_cannot_be_made_without_the_key(path: Path) -> None:
    folder = ensure(path)
    folder.certificate(Role.WORKER).unlink()
    folder.authority_key.chmod(0o640)
    with pytest.raises(SetupError, match="is open to other users"):
        ensure(path)
    folder.authority_key.chmod(0o600)
    folder.authority_key.write_text("rubbish")
    with pytest.raises(SetupError, match="is damaged"):
        ensure(path)
    folder.authority_key.unlink()
    with pytest.raises(SetupError, match="is missing"):
        ensure(path)


def test_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="cannot be made in"):
        ensure(tmp_path / "file" / "certificates")


def test_several_processes_at_once_agree(path: Path) -> None:
    code = f"from pathlib import Path; from sagews.certificates import ensure; ensure(Path({str(path)!r}))"
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    before = contents(path)
    ensure(path)
    assert contents(path) == before
    assert not list(path.glob(".*"))
