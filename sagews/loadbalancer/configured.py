"""The configuration of one HAProxy, from the site's: pure, but for ports that others have told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagews.certificates import Identity, Role
from sagews.component.addresses import HTTPS_PORT
from sagews.component.instance import Instance, instances, port_of
from sagews.component.template import fill, quoted
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status

TEMPLATE = Path(__file__).with_name("haproxy.cfg")
MAINTENANCE_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
YEAR_SECONDS = 365 * 24 * 3600
RATE_SECONDS = 10
ERRORS = (502, 503, 504)


@dataclass(frozen=True, kw_only=True)
class Files:
    """What HAProxy reads, besides its configuration."""

    certificate: Path
    """What browsers see, with its key."""
    maintenance: Path
    identity: Identity
    """Its own, for backends."""


def configured(configuration: Configuration, instance: Instance, ports: Mapping[str, int], files: Files) -> str:
    """The text of the configuration file of an instance.

    :param ports: the real ones: ``port`` and ``http_port``.
    :raises SetupError: a path or name cannot be written into such a file.
    """
    chosen = configuration.loadbalancer
    return fill(
        TEMPLATE,
        instance=instance,
        maximum_connections=chosen.maximum_connections,
        request_seconds=chosen.request_seconds,
        drain_seconds=round(chosen.drain_seconds),
        errors="\n".join(_error_page(status, files.maintenance) for status in ERRORS),
        bind=quoted(f"{chosen.address}:{ports['port']}"),
        certificate=quoted(files.certificate),
        connections_per_address=chosen.connections_per_address,
        requests_in_10_seconds=chosen.requests_per_second * RATE_SECONDS,
        transport_security=_transport_security(configuration),
        redirection=_redirection(configuration, ports),
        to_backends=_to_backends(files.identity),
        cookie=cookie(configuration),
        # What is published is laid out for an nginx by the backends of its machine.
        published=" /published/" if instance.host in configuration.backend.hosts else "",
        live_servers="".join(_servers(configuration)),
        polling_servers="".join(_servers(configuration, " cookie {name} track live/{name}")),
        static_servers="".join(_static_servers(configuration, instance, files)),
    )


def cookie(configuration: Configuration) -> str:
    """The cookie that keeps polling transports at one backend: the site's, apart from others' on the same host."""
    return f"sagews_backend_{configuration.loadbalancer.port}"


def _backends(configuration: Configuration) -> Iterator[tuple[Instance, str, str]]:
    """Each backend whose port is known, where it is, and the name that its certificate has to have.

    The name is the subject's: it says that it is a backend's, which no host name does.
    """
    for one in instances(configuration, "backend"):
        told = read_status(configuration.status_file(one.component, one.number)).get("port", 0)
        port = port_of(configuration, one) or told
        if port:
            address = configuration.hosts[one.host].address
            yield one, f"{address}:{port}", f"verifyhost {Role.BACKEND.common_name}"


def _servers(configuration: Configuration, more: str = "") -> Iterator[str]:
    """One line for each backend.

    :param more: what follows, with its ``{name}``.
    """
    for one, where, named in _backends(configuration):
        yield f"    server {one.program} {where} {named}{more.format(name=one.program)}\n"


def _to_backends(identity: Identity) -> str:
    return (
        f"ssl verify required ca-file {quoted(identity.authority)} crt {quoted(identity.certificate)} "
        "init-addr last,libc,none"
    )


def _static_servers(configuration: Configuration, instance: Instance, files: Files) -> Iterator[str]:
    for one in instances(configuration, "staticserver"):
        told = read_status(configuration.status_file(one.component, one.number)).get("port", 0)
        port = port_of(configuration, one) or told
        if port and one.host == instance.host:
            watch = "check inter 3s downinter 1s fall 2 rise 1 observe layer4 error-limit 1 on-error mark-down"
            yield f"    server {one.program} 127.0.0.1:{port} {watch}\n"
    yield from _servers(configuration, f" backup {_to_backends(files.identity)} track live/{{name}}")


def _error_page(status: int, page: Path) -> str:
    headers = {"Cache-Control": "no-store", "Retry-After": "5", "Content-Security-Policy": MAINTENANCE_POLICY}
    told = " ".join(f'hdr {name} "{value}"' for name, value in headers.items())
    return f'    http-error status {status} content-type "text/html; charset=utf-8" {told} file {quoted(page)}'


def _transport_security(configuration: Configuration) -> str:
    """HSTS (RFC 6797), only with a certificate that browsers know: without one it locks people out of their machine."""
    if not configuration.loadbalancer.certificate:
        return ""
    return f'    http-response set-header Strict-Transport-Security "max-age={YEAR_SECONDS}"'


def _redirection(configuration: Configuration, ports: Mapping[str, int]) -> str:
    if not ports["http_port"]:
        return ""
    port = "" if ports["port"] == HTTPS_PORT else f":{ports['port']}"
    most = configuration.loadbalancer.connections_per_address
    bind = quoted(f"{configuration.loadbalancer.address}:{ports['http_port']}")
    return (
        "\nfrontend plain\n"
        f"    bind {bind}\n"
        "    tcp-request connection track-sc0 src table addresses\n"
        f"    tcp-request connection reject if {{ sc0_conn_cur gt {most} }}\n"
        f"    http-request redirect code 301 location https://%[req.hdr(host),regsub(:[0-9]*$,,)]{port}%[capture.req.uri]\n"
    )
