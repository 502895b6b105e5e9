"""How a load balancer is run: HAProxy in the foreground, as a master with a worker process.

SIGUSR2 lets the master start a worker with the new configuration and certificates; the old one hands over its
listening sockets and goes when its connections do. SIGUSR1 stops softly: nothing new is taken, requests that run are
finished. What is open after `stop_seconds` (live connections, whose clients then go to the other load balancer) is cut.
"""

from __future__ import annotations

import html
import http.client
import signal
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from sagews.certificates import CertificateFolder, Identity, Role, identity_of
from sagews.certificates.folder import PRIVATE_FILE, PUBLIC_FILE, replace_file
from sagews.component import Component, Health, Instance
from sagews.component.component import LOW_PORTS
from sagews.component.instance import port_of
from sagews.component.ports import choose_ports
from sagews.component.programs import accept, find_program
from sagews.component.template import fill
from sagews.errors import SetupError, Unavailable
from sagews.loadbalancer.configured import Files, configured
from sagews.loadbalancer.statistics import Statistics, read_statistics

MAINTENANCE = Path(__file__).with_name("maintenance.html")
PATIENCE_SECONDS = 3.0
HTTP_OK = 200


class LoadBalancer(Component):
    """HAProxy: TLS in, HTTPS with certificates to the backends, plain HTTP to the machine's nginx."""

    name: ClassVar[str] = "loadbalancer"
    needs: ClassVar[tuple[str, ...]] = ("backend", "staticserver")
    programs: ClassVar[Mapping[str, str]] = {"haproxy": "haproxy"}
    reads: ClassVar[tuple[str, ...]] = (
        "site",
        "backend.hosts",
        "backend.port",
        "staticserver.hosts",
        "staticserver.port",
    )
    reload_takes_settings: ClassVar[bool] = True
    stop_seconds: ClassVar[float] = 8.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGUSR1
    reload_signal: ClassVar[signal.Signals] = signal.SIGUSR2

    def command(self, instance: Instance) -> Sequence[str]:
        folder = self.run_folder(instance).absolute()
        return [_program(), "-W", "-db", "-C", str(folder), "-f", str(self._file(instance))]

    def prepare(self, instance: Instance) -> None:
        """:raises SetupError: HAProxy is missing, or refuses the configuration; what it has stays as it was."""
        folder = self.state_folder(instance).absolute()
        files = self._files(instance, folder)
        page = fill(MAINTENANCE, site=html.escape(self.configuration.site.name))
        replace_file(files.maintenance, page.encode(), PUBLIC_FILE)
        ports = choose_ports(self.configuration, instance, self._address, ("port", "http_port"))
        if not self.configuration.loadbalancer.http_port:
            ports["http_port"] = 0
        text = configured(self.configuration, instance, ports, files)
        part = folder / "new.haproxy.cfg"
        replace_file(part, text.encode(), PUBLIC_FILE)
        run = str(self.run_folder(instance).absolute())
        accept([_program(), "-c", "-C", run, "-f", str(part)], f"configuration of {instance}", user=self.user)
        part.replace(self._file(instance))

    def needs_low_ports(self, instance: Instance) -> bool:
        """80 and 443 are what browsers ask by themselves."""
        return super().needs_low_ports(instance) or 0 < port_of(self.configuration, instance, "http_port") < LOW_PORTS

    def answers(self, instance: Instance) -> Health:
        """:raises Unavailable: HAProxy does not answer, or no backend does."""
        statistics = read_statistics(self.run_folder(instance))
        self._ask(instance)
        return _health(statistics)

    @property
    def _address(self) -> str:
        return self.configuration.loadbalancer.address

    def _file(self, instance: Instance) -> Path:
        return self.state_folder(instance).absolute() / "haproxy.cfg"

    def _files(self, instance: Instance, folder: Path) -> Files:
        given = identity_of(self.configuration, Role.LOADBALANCER)
        identity = Identity(certificate=given.certificate.absolute(), authority=given.authority.absolute())
        public = CertificateFolder(path=self.configuration.certificate_folder).certificate(Role.PUBLIC, "").absolute()
        own = self.configuration.loadbalancer.certificate
        if own:
            public = folder / "public.pem"
            _copy(Path(own), public, self.user)
        return Files(certificate=public, maintenance=folder / "maintenance.html", identity=identity)

    def _ask(self, instance: Instance) -> None:
        """Ask as a browser does. Whose certificate it is, is not asked: this is our own machine."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        address = "127.0.0.1" if self._address == "*" else self._address
        where = f"{address}:{self.port(instance)}"
        connection = http.client.HTTPSConnection(
            address, self.port(instance), context=context, timeout=PATIENCE_SECONDS
        )
        try:
            connection.request("GET", "/healthz")
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{instance} does not answer on {where} ({error}).") from error
        finally:
            connection.close()
        if status != HTTP_OK:
            raise Unavailable(f"{instance} answers on {where} with status {status}: no backend answers behind it.")


def _health(statistics: Statistics) -> Health:
    backends, static = statistics.backends, statistics.static_servers
    up = sum(one.is_up for one in backends)
    connections = statistics.number("CurrConns")
    detail = f"{up} of {len(backends)} backends, {connections:g} connections"
    if not any(one.is_up for one in static):
        detail += ", no static server"
    figures = {
        "backends": float(len(backends)),
        "backends_up": float(up),
        "sessions": float(sum(one.sessions for one in backends)),
        "connections": connections,
        "requests": statistics.number("CumReq"),
    }
    return Health(detail=detail, version=statistics.version.partition("-")[0], figures=figures)


def _program() -> str:
    return find_program("haproxy", package="haproxy")


def _copy(own: Path, copy: Path, user: str) -> None:
    """HAProxy's user can seldom read an operator's own certificate."""
    try:
        content = own.read_bytes()
    except OSError as error:
        raise SetupError(
            f"The certificate {own} cannot be read: {error.strerror}.", mend="Correct `loadbalancer.certificate`."
        ) from error
    replace_file(copy, content, PRIVATE_FILE, user=user)
