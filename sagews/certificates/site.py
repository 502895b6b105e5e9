"""Which certificates and tokens a site has, whose they are, and how a program of it comes by its own.

Invariants: in a whole site only `make_all` makes anything, and its caller may read the authority's key; components read
what is theirs. In the solo profile the programs, all of one user, make what they miss.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sagews.certificates.contexts import Identity
from sagews.certificates.folder import CertificateFolder, end_of, ensure, replace_file
from sagews.certificates.roles import LOOPBACK, Role, Subject
from sagews.certificates.token import read_token, worker_token
from sagews.configuration import Configuration
from sagews.errors import SetupError

EVERYWHERE = (Role.ADMIN,)
TOKEN_HOLDERS = (Role.BACKEND, Role.WORKER, Role.ADMIN)
OPEN_FOLDER = 0o755


def identity_of(configuration: Configuration, role: Role) -> Identity:
    """Key, certificate and authority of this machine's component of that role.

    :raises SetupError: in the solo profile, where they are missing and cannot be made.
    """
    if configuration.is_solo:
        return ensure(configuration.certificate_folder).identity(role)
    return CertificateFolder(path=configuration.certificate_folder).identity(role, configuration.host)


def token_of(configuration: Configuration, role: Role) -> str:
    """The token of the site's workers, for one that holds it.

    :raises SetupError: it cannot be read, or (in the solo profile) not made.
    """
    if configuration.is_solo:
        return worker_token(configuration.certificate_folder)
    return read_token(_token_file(configuration, role))


def subjects(configuration: Configuration) -> tuple[Subject, ...]:
    """Every certificate of the site: one for each role on each machine where it is needed, and the public one."""
    return tuple(_subjects(configuration))


def make_all(configuration: Configuration, *, anew: bool = False, now: datetime | None = None) -> CertificateFolder:
    """Make every certificate and token of the site that is missing, wrong, or past two thirds of its life; repeatable.

    :param anew: make all certificates again, also those that are good.
    :raises SetupError: where the folder cannot be written, or something has to be signed and the key is elsewhere.
    """
    folder = ensure(configuration.certificate_folder, subjects(configuration), anew=anew, now=now)
    if os.geteuid() == 0:
        folder.path.chmod(OPEN_FOLDER)  # each user finds its own files, which are closed to the others
    token = worker_token(folder.path)
    for role in TOKEN_HOLDERS:
        path = _token_file(configuration, role)
        if not path.exists() or path.read_text() != token:
            replace_file(path, token.encode(), user=_user(configuration, role))
    return folder


def files_of(configuration: Configuration, host: str) -> tuple[Path, ...]:
    """The files of the certificate folder that a machine needs, and no others.

    The authority's key is not among them, nor a password or token that nobody there uses; the machine with the
    database has the passwords of all, against which it checks them.
    """
    folder = CertificateFolder(path=configuration.certificate_folder)
    mine = [
        folder.certificate(one.role, one.host) for one in subjects(configuration) if _is_of(configuration, one, host)
    ]
    tokens = [_token_file(configuration, role) for role in TOKEN_HOLDERS if host in _hosts(configuration, role)]
    has_database = host in _hosts(configuration, Role.POSTGRESQL)
    passwords = [
        path
        for path in sorted(folder.path.glob("database-*.password"))
        if has_database or host in _hosts_of_use(configuration, path.stem.removeprefix("database-"))
    ]
    return (folder.authority, *mine, *tokens, *passwords)


@dataclass(frozen=True)
class Expiry:
    """When a certificate ends."""

    name: str
    ends: datetime
    is_operators: bool = False
    """Whether it is the operator's own, which is renewed where it comes from."""

    @property
    def when(self) -> str:
        """For people."""
        verb = "has ended" if self.ends < datetime.now(self.ends.tzinfo) else "ends"
        return f"{verb} on {self.ends:%Y-%m-%d}"

    @property
    def renewal(self) -> str:
        """The command that takes care of it."""
        return "sagews reload loadbalancer" if self.is_operators else "sagews certs renew && sagews reload"

    @property
    def is_near(self) -> bool:
        """Whether it ends within three weeks, or has ended."""
        return self.ends - datetime.now(self.ends.tzinfo) < timedelta(days=21)


def expiries(configuration: Configuration, host: str = "") -> tuple[Expiry, ...]:
    """When certificates end, the first to end first.

    :param host: only those that this machine has; empty = all of the site.
    :raises SetupError: one is missing.
    """
    folder = CertificateFolder(path=configuration.certificate_folder)
    found = [*_operators(configuration)] if host in ("", *configuration.loadbalancer.hosts) else []
    found += [
        Expiry(folder.certificate(one.role, one.host).stem, folder.expires(one.role, one.host))
        for one in subjects(configuration)
        if not host or _is_of(configuration, one, host)
    ]
    return tuple(sorted(found, key=lambda one: one.ends))


def _operators(configuration: Configuration) -> Iterator[Expiry]:
    """When the operator's own public certificate ends, where there is one."""
    if configuration.loadbalancer.certificate:
        path = Path(configuration.loadbalancer.certificate)
        try:
            yield Expiry(path.name, end_of(path), is_operators=True)
        except SetupError as error:
            raise SetupError(error.what, mend="Put it there, or correct `loadbalancer.certificate`.") from error


def _subjects(configuration: Configuration) -> Iterator[Subject]:
    for role in Role:
        if role is Role.PUBLIC:
            if configuration.loadbalancer.certificate:
                continue  # the operator's own
            names = configuration.site.names
            yield Subject(role=role, host="", names=names, user=_user(configuration, role))
            continue
        for host in sorted(_hosts(configuration, role)):
            names = tuple(dict.fromkeys((configuration.hosts[host].address, *LOOPBACK)))
            yield Subject(role=role, host=host, names=names, user=_user(configuration, role))


def _is_of(configuration: Configuration, subject: Subject, host: str) -> bool:
    """Whether a machine needs a certificate; the public one, where a load balancer is."""
    return host in (configuration.loadbalancer.hosts if subject.role is Role.PUBLIC else (subject.host,))


def _hosts_of_use(configuration: Configuration, use: str) -> tuple[str, ...]:
    """The machines on which the component is that uses the database under its own name."""
    return tuple(getattr(configuration, use).hosts) if use in (Role.BACKEND, Role.LOGSERVER) else ()


def _hosts(configuration: Configuration, role: Role) -> set[str]:
    if role in EVERYWHERE:
        return set(configuration.hosts)
    if role is Role.POSTGRESQL and configuration.database.url:
        return set()
    return set(getattr(configuration, role.value).hosts)


def _user(configuration: Configuration, role: Role) -> str:
    if role in (Role.ADMIN, Role.PUBLIC):
        return configuration.loadbalancer.user if role is Role.PUBLIC else ""
    return str(getattr(configuration, role.value).user)


def _token_file(configuration: Configuration, role: Role) -> Path:
    return configuration.certificate_folder / f"worker-token.{role.value}"
