"""Where keys and certificates are kept, and making those that are missing or near their end.

::

    certificates/
      authority/key.pem         the authority's key; read only while something is signed
      authority.pem             its certificate, which everybody needs to check others
      public.pem                key and certificate that browsers see
      worker.localhost.pem      key and certificate of one component on one host, in one file: both change at once

Every file is replaced whole or not at all; those with keys are readable by their owner only.
"""

from __future__ import annotations

import fcntl
import os
import pwd
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
        return self.path / ("public.pem" if role is Role.PUBLIC else f"{role}.{host}.pem")

    def identity(self, role: Role, host: str = "localhost") -> Identity:
        """What the component on that host needs for its TLS contexts."""
        return Identity(certificate=self.certificate(role, host), authority=self.authority)

    def expires(self, role: Role, host: str = "localhost") -> datetime:
        """When the certificate of a component ends.

        :raises SetupError: where there is none.
        """
        return end_of(self.certificate(role, host))


def end_of(path: Path) -> datetime:
    """When the (first) certificate in a file ends.

    :raises SetupError: where there is none, or it cannot be read.
    """
    try:
        certificate = _read_certificate(path)
    except OSError as error:
        raise SetupError(f"The certificate {path} cannot be read: {error.strerror}.") from error
    if certificate is None:
        raise SetupError(f"There is no certificate in {path}.", mend="`sagews certs make` makes what is missing.")
    return certificate.not_valid_after_utc


def ensure(
    path: Path, subjects: tuple[Subject, ...] = SOLO, *, anew: bool = False, now: datetime | None = None
) -> CertificateFolder:
    """Make what is missing, damaged, for other names, or past two thirds of its life; leave the rest.

    May be called again and by several processes at once.

    :param path: the folder, made if missing.
    :param anew: make again also those that are good.
    :param now: the time to judge by, with a time zone; default: the clock's.
    :raises SetupError: where the folder cannot be written, or something has to be signed and the key is elsewhere.
    """
    folder = CertificateFolder(path=path)
    now = now or datetime.now(UTC)
    try:
        with _locked(path):
            certificate = _ensure_authority(folder, now)
            missing = [one for one in subjects if anew or not _is_good(folder, one, certificate, now)]
            if missing:
                authority = Authority(key=_read_key(folder.authority_key), certificate=certificate)
                for subject in missing:
                    content = authority.issue(subject, now)
                    replace_file(folder.certificate(subject.role, subject.host), content, user=subject.user)
            for subject in subjects:
                give(folder.certificate(subject.role, subject.host), subject.user)
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
        replace_file(folder.authority_key, key_pem(new_key()))
    certificate = authority_certificate(_read_key(folder.authority_key), now)
    replace_file(folder.authority, certificate.public_bytes(serialization.Encoding.PEM), PUBLIC_FILE)
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


def replace_file(path: Path, content: bytes, mode: int = PRIVATE_FILE, *, user: str = "") -> None:
    """Replace a file whole: written beside it, its user's and on disk before it gets the name.

    :param user: whose it becomes where root writes it; empty: ours.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            give(Path(temporary), user)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def give(file: Path, user: str) -> None:
    """Make a file its user's, where root is asked to and it is not yet.

    :raises SetupError: there is no such user.
    """
    if not user or os.geteuid() != 0:
        return
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise SetupError(f"There is no Unix user {user}.", mend="`sagews init` makes the users of a site.") from error
    if file.stat().st_uid != account.pw_uid:
        os.chown(file, account.pw_uid, account.pw_gid)


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
