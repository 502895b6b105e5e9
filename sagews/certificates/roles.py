"""Who a certificate speaks for: a component's role, written into it as the URI ``sagews://role/NAME``.

A connection is trusted for what its peer's role may do, never merely because the authority signed something.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from ssl import SSLObject, SSLSocket

from sagews.errors import NotAllowed

URI = "sagews://role/"


class Role(StrEnum):
    """The components that hold certificates."""

    BACKEND = "backend"
    WORKER = "worker"
    LOGSERVER = "logserver"
    LOADBALANCER = "loadbalancer"
    POSTGRESQL = "postgresql"
    MEMCACHED = "memcached"
    ADMIN = "admin"
    PUBLIC = "public"
    """What browsers see: the same on every load balancer."""

    @property
    def uri(self) -> str:
        """As it stands in a certificate, among the subject's alternative names (RFC 5280, 4.2.1.6)."""
        return URI + self.value

    @property
    def common_name(self) -> str:
        """Its name in a certificate's subject, at which PostgreSQL (whose roles have it, too) and HAProxy look."""
        return f"sagews_{self.value}"

    @property
    def listens(self) -> bool:
        """Whether others connect to it, so that its certificate serves as a server's."""
        return self not in (Role.LOADBALANCER, Role.ADMIN)

    @property
    def connects(self) -> bool:
        """Whether it connects to others, so that its certificate serves as a client's."""
        return self not in (Role.POSTGRESQL, Role.MEMCACHED, Role.PUBLIC)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A component on a host, for which there is one certificate.

    ``names`` are the DNS names and IP addresses under which it is reached, ``user`` the Unix user whose file it is
    where root makes it (empty: root's own).
    """

    role: Role
    host: str
    names: tuple[str, ...]
    user: str = ""


LOOPBACK = ("localhost", "127.0.0.1", "::1")
SOLO = tuple(Subject(role=role, host="localhost", names=LOOPBACK) for role in (Role.BACKEND, Role.WORKER))
"""What the solo profile needs."""


def peer_role(connection: SSLObject | SSLSocket | None) -> Role:
    """The role of the other side of a TLS connection.

    :param connection: of asyncio: ``transport.get_extra_info("ssl_object")``; None where there is no TLS.
    :raises NotAllowed: where the peer showed no certificate, or one that names no role or several.
    """
    certificate = connection.getpeercert() if connection else None
    names = (certificate or {}).get("subjectAltName", ())
    found = [str(name[1]) for name in names if name[0] == "URI" and str(name[1]).startswith(URI)]
    try:
        (uri,) = found
        return Role(uri.removeprefix(URI))
    except ValueError as error:
        raise NotAllowed(
            "The other side has no certificate with a role of this site.", mend="Use a certificate made by this site."
        ) from error


def require_role(connection: SSLObject | SSLSocket | None, allowed: Collection[Role]) -> Role:
    """The role of the other side, if it is one of those allowed.

    :raises NotAllowed: where it is not.
    """
    role = peer_role(connection)
    if role not in allowed:
        raise NotAllowed(
            f"The role {role} may not connect here, only: {', '.join(sorted(allowed))}.",
            mend="Use the certificate of the right component.",
        )
    return role
