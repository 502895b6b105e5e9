"""Where keys and certificates are kept, and making those that are missing or near their end.

::

    certificates/
      authority/key.pem         the authority's key; read only while something is signed
      authority.pem             its certificate, which everybody needs to check others
      worker.localhost.pem      key and certificate of one component on one host, in one file: both change at once

Every file is replaced whole or not at all; those with keys are readable by their owner only.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sagews.certificates.authority import (
    Authority,
    authority_certificate,
    is_current,
    is_for,
    is_signed_by,
    key_pem,
    new_key,
)
from sagews.certificates.contexts import Identity
from sagews.certificates.roles import SOLO, Role, Subject
from sagews.errors import SetupError

PRIVATE_FILE = 0o600
PUBLIC_FILE = 0o644
PRIVATE_FOLDER = 0o700


@dataclass(frozen=True, kw_only=True)
class CertificateFolder:
    """A folder of keys and certificates."""

    path: Path

    @property
    def authority_key(self) -> Path:
        """The authority's key."""
        return self.path / "authority" / "key.pem"

    @property
    def authority(self) -> Path:
        """The authority's certificate."""
        return self.path / "authority.pem"

    def certificate(self, role: Role, host: str = "localhost") -> Path:
        """Key and certificate of a component on a host."""
        return self.path / f"{role}.{host}.pem"

    def identity(self, role: Role, host: str = "localhost") -> Identity:
        """What the component on that host needs for its TLS contexts."""
        return Identity(certificate=self.certificate(role, host), authority=self.authority)

    def expires(self, role: Role, host: str = "localhost") -> datetime:
        """When the certificate of a component ends.

        :raises SetupError: where there is none.
        """
        certificate = _read_certificate(self.certificate(role, host))
        if certificate is None:
            raise SetupError(f"There is no certificate in {self.certificate(role, host)}.")
        return certificate.not_valid_after_utc


def ensure(path: Path, subjects: tuple[Subject, ...] = SOLO, *, now: datetime | None = None) -> CertificateFolder:
    """Make what is missing, damaged, for other names, or past two thirds of its life; leave the rest.

    May be called again and by several processes at once.

    :param path: the folder, made if missing.
    :param now: the time to judge by, with a time zone; default: the clock's.
    :raises SetupError: where the folder cannot be written, or something has to be signed and the key is elsewhere.
    """
    folder = CertificateFolder(path=path)
    now = now or datetime.now(UTC)
    try:
        with _locked(path):
            certificate = _ensure_authority(folder, now)
            missing = [subject for subject in subjects if not _is_good(folder, subject, certificate, now)]
            if missing:
                authority = Authority(key=_read_key(folder.authority_key), certificate=certificate)
                for subject in missing:
                    content = authority.issue(subject, now)
                    _write(folder.certificate(subject.role, subject.host), content, PRIVATE_FILE)
    except OSError as error:
        raise SetupError(
            f"Certificates cannot be made in {path}: {error.strerror}.",
            mend="Give your user the right to write there, or choose another data folder.",
        ) from error
    return folder


def _ensure_authority(folder: CertificateFolder, now: datetime) -> x509.Certificate:
    certificate = _read_certificate(folder.authority)
    if certificate and is_current(certificate, now):
        return certificate
    if not folder.authority_key.exists():
        if certificate:
            raise SetupError(
                f"The authority's certificate is near its end and its key {folder.authority_key} is not here.",
                mend="Put the key back, or remove the folder to begin anew.",
            )
        folder.authority_key.parent.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
        _write(folder.authority_key, key_pem(new_key()), PRIVATE_FILE)
    certificate = authority_certificate(_read_key(folder.authority_key), now)
    _write(folder.authority, certificate.public_bytes(serialization.Encoding.PEM), PUBLIC_FILE)
    return certificate


def _is_good(folder: CertificateFolder, subject: Subject, authority: x509.Certificate, now: datetime) -> bool:
    path = folder.certificate(subject.role, subject.host)
    certificate = _read_certificate(path)
    if certificate is None or not is_current(certificate, now):
        return False
    if not is_for(certificate, subject) or not is_signed_by(certificate, authority):
        return False
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        return False
    return key.public_key() == certificate.public_key()


def _read_certificate(path: Path) -> x509.Certificate | None:
    """The certificate in a file; None where there is none, or nothing that can be read as one."""
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None


def _read_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The authority's key.

    :raises SetupError: where it is missing, damaged or readable by others.
    """
    mend = f"Put the right key back, readable by its owner only (chmod 600 {path})."
    try:
        if path.stat().st_mode & 0o077:
            raise SetupError(f"The authority's key {path} is open to other users.", mend=mend)
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise SetupError(f"The authority's key {path} is missing.", mend=mend) from error
    except (ValueError, TypeError) as error:
        raise SetupError(f"The authority's key {path} is damaged.", mend=mend) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise SetupError(f"The authority's key {path} is of another kind.", mend=mend)
    return key


def _write(path: Path, content: bytes, mode: int) -> None:
    """Replace a file whole: written beside it, on disk before it gets the name."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the folder for one process at a time; made if missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
