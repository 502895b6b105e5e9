"""The entrance: who may come in over the network, by which names, and from where a request really is.

Invariants: a request whose Host header names another server is refused; on a site for one person only names of this
machine are allowed, so that no page of a stranger's domain that resolves to 127.0.0.1 gets in (DNS rebinding). In a
site only load balancers and administrators get in, and what they say of a client's address (X-Forwarded-For) is
believed for no other reason than their certificate.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest

from sagews.certificates import Role, require_role
from sagews.component.addresses import site_addresses
from sagews.configuration import Configuration
from sagews.configuration.site import is_loopback
from sagews.errors import NotAllowed

GUESTS = frozenset({Role.LOADBALANCER, Role.ADMIN})
NAMELESS = ("/healthz", "/metrics")
"""Asked for by programs that know an address and no name."""


class Entrance:
    """Of one backend."""

    def __init__(self, configuration: Configuration) -> None:
        self._is_solo = configuration.is_solo
        self._configuration = configuration
        more = (urlsplit(address).hostname or "" for address in configuration.site.addresses)
        self._names = frozenset((*(name.lower() for name in configuration.site.names), *more))

    def admit(self, request: HTTPServerRequest) -> None:
        """Let a request in; gives it the address of the client that the load balancer names.

        :raises NotAllowed: it may not come in, or not by this name.
        """
        if self._is_solo:
            if not is_loopback(name_of(request.host.lower())):
                raise NotAllowed(
                    "This server is not known by that name.", mend="Open the address that `sagews run` printed."
                )
            return
        role = require_role(request.connection.stream.socket, GUESTS)  # type: ignore[union-attr]
        if role is Role.LOADBALANCER:
            request.remote_ip = forwarded_for(request.headers.get("X-Forwarded-For", "")) or request.remote_ip
        if name_of(request.host.lower()) not in self._names and request.path not in NAMELESS:
            raise NotAllowed(
                "This site is not known by that name.", mend="The operator can add it to `site.names` if it should be."
            )

    def is_own_origin(self, origin: str) -> bool:
        """Whether pages of this origin (RFC 6454) are the site's own, by whichever of its load balancers they came."""
        if self._is_solo:
            return False
        plain = origin.lower()
        if plain in site_addresses(self._configuration):
            return True
        # Where something before the load balancers takes the usual port, pages come by it.
        return plain in {f"https://{name}" for name in self._names}

    def is_own_page(self, origin: str, host: str) -> bool:
        """Whether a page of this origin may change something by the sign-in of who looks at it.

        :param host: the request's Host header.
        """
        parts = urlsplit(origin)
        same = parts.netloc.lower() == host.lower() and (self._is_solo or parts.scheme == "https")
        return same or self.is_own_origin(origin)

    def addresses(self, protocol: str, host: str) -> tuple[str, ...]:
        """Every address of the site for a client that came by this one, which is the first.

        :param host: with its port, as the client wrote it.
        """
        own = f"{protocol}://{host}"
        if self._is_solo:
            return (own,)
        known = site_addresses(self._configuration, name_of(host))
        # Where the site is reached by ports that are not its own (443 before it), only that one is known.
        if own not in known and not self._configuration.site.addresses:
            return (own,)
        return tuple(dict.fromkeys((own, *known)))


def name_of(host: str) -> str:
    """The Host header without its port (RFC 9110, section 7.2)."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def forwarded_for(header: str) -> str:
    """The address that the load balancer itself saw: the last one; what stands before it, anybody may have written."""
    last = header.rpartition(",")[2].strip()
    try:
        return str(ip_address(last))
    except ValueError:
        return ""
