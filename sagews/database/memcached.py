"""Memcached: how it is started, asked and reloaded. Imported by admin only.

Invariant: it talks by TLS only, to those who show a certificate of the site: what runs in people's sessions on the same
machine, and has the same loopback, can neither read nor write in it.
"""

from __future__ import annotations

import os
import shutil
import socket
import ssl
from collections.abc import Mapping, Sequence
from typing import ClassVar

from sagews.certificates import Role, client_context, identity_of
from sagews.certificates.contexts import CIPHERS
from sagews.component import Component, Health, Instance
from sagews.component.free_port import settle_port
from sagews.errors import SetupError, Unavailable

ANSWER_SECONDS = 3.0
CONNECTIONS = 4096
LONGEST_ANSWER = 2**16


class Memcached(Component):
    """One memcached; what is in it may be lost at any time."""

    name = "memcached"
    programs: ClassVar[Mapping[str, str]] = {"memcached": "memcached"}
    stop_seconds = 5.0

    def command(self, instance: Instance) -> Sequence[str]:
        """TCP with TLS only; nobody can list or flush what is in it.

        :raises SetupError: it is not installed.
        """
        identity = identity_of(self.configuration, Role.MEMCACHED)
        tls = {
            "ssl_chain_cert": identity.certificate,
            "ssl_key": identity.certificate,
            "ssl_ca_cert": identity.authority,
            "ssl_verify_mode": 2,  # a peer without a certificate of the authority is refused
            "ssl_min_version": 2,  # TLS 1.2
            "ssl_ciphers": CIPHERS,
        }
        return (
            *(_program(), "-l", self.address(instance), "-p", str(self.port(instance)), "-U", "0"),
            *("-m", str(self.configuration.memcached.memory_megabytes), "-c", str(CONNECTIONS), "-t", "2", "-X", "-F"),
            *("-Z", "-o", ",".join(f"{name}={value}" for name, value in tls.items())),
            *(("-u", self.user or "root") if os.geteuid() == 0 else ()),
        )

    def prepare(self, instance: Instance) -> None:
        """Choose a port where any will do; one that runs takes the certificate of now, and keeps its connections.

        :raises SetupError: it is not installed, or cannot speak TLS.
        """
        _program()
        settle_port(self, instance)
        try:
            self._ask(instance, b"refresh_certs\r\n", b"\r\n")
        except Unavailable:
            return  # it does not run yet, and reads them when it starts

    def answers(self, instance: Instance) -> Health:
        """Ask for its figures, by TLS.

        :raises Unavailable: it does not answer, or not rightly.
        """
        told = dict(_figures(self._ask(instance, b"stats\r\n", b"END\r\n")))
        if "version" not in told:
            raise Unavailable(f"What listens on port {self.port(instance)} is no memcached.")
        hits, misses = float(told.get("get_hits", 0)), float(told.get("get_misses", 0))
        figures = {
            "items": float(told.get("curr_items", 0)),
            "bytes": float(told.get("bytes", 0)),
            "maximum_bytes": float(told.get("limit_maxbytes", 0)),
            "connections": float(told.get("curr_connections", 0)),
            "evictions": float(told.get("evictions", 0)),
            "hit_ratio": hits / (hits + misses) if hits + misses else 0.0,
        }
        detail = f"{figures['items']:.0f} items, {figures['hit_ratio']:.0%} hits"
        return Health(detail, told["version"], figures)

    def _ask(self, instance: Instance, request: bytes, end: bytes) -> bytes:
        address, port = self.address(instance), self.port(instance)
        context = client_context(identity_of(self.configuration, Role.ADMIN))
        try:
            with (
                socket.create_connection((address, port), timeout=ANSWER_SECONDS) as plain,
                context.wrap_socket(plain, server_hostname=address) as connection,
            ):
                connection.sendall(request)
                return _read(connection, end)
        except (OSError, ssl.SSLError, EOFError) as error:
            raise Unavailable(f"Memcached on {address} port {port} does not answer: {error}.") from error


def _program() -> str:
    found = shutil.which("memcached")
    if found is None:
        raise SetupError("Memcached is not installed here.", mend="Install it (Debian's package: memcached).")
    return found


def _read(connection: ssl.SSLSocket, end: bytes) -> bytes:
    answer = b""
    while not answer.endswith(end):
        piece = connection.recv(LONGEST_ANSWER)
        if not piece or len(answer) > LONGEST_ANSWER:
            raise EOFError("it sent something else")
        answer += piece
    return answer


def _figures(answer: bytes) -> list[tuple[str, str]]:
    """From lines of the form ``STAT name value`` (memcached's protocol.txt, "Statistics")."""
    lines = [line.split(" ", 2) for line in answer.decode("ascii", "replace").splitlines()]
    return [(line[1], line[2]) for line in lines if len(line) == 3 and line[0] == "STAT"]
