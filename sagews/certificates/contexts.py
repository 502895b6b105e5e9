"""TLS contexts between our components: both sides show a certificate of the site's authority, TLS 1.2 or later."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import SetupError

CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""For TLS 1.2: forward secrecy and authenticated encryption only (RFC 9325, 4.2). TLS 1.3 has nothing else."""


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a component needs to prove who it is and to check others: key with certificate, and the authority's."""

    certificate: Path
    authority: Path


def server_context(identity: Identity) -> ssl.SSLContext:
    """For the side that listens; a peer without a certificate of the authority is refused.

    :raises SetupError: where a file is missing or wrong.
    """
    return _context(ssl.PROTOCOL_TLS_SERVER, identity)


def client_context(identity: Identity) -> ssl.SSLContext:
    """For the side that connects; checks that the server's certificate names the host it connected to.

    :raises SetupError: where a file is missing or wrong.
    """
    return _context(ssl.PROTOCOL_TLS_CLIENT, identity)


def renew(context: ssl.SSLContext, identity: Identity) -> None:
    """Let a context take the certificates that are in its files now: new connections have them, old ones go on.

    :raises SetupError: where a file is missing or wrong; the context stays as it was.
    """
    _context(ssl.PROTOCOL_TLS_SERVER, identity)  # a half-made pair would spoil the context that is in use
    _load(context, identity)


def _context(protocol: int, identity: Identity) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS)
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    _load(context, identity)
    return context


def _load(context: ssl.SSLContext, identity: Identity) -> None:
    try:
        context.load_verify_locations(identity.authority)
        context.load_cert_chain(identity.certificate)
    except (OSError, ssl.SSLError) as error:
        raise SetupError(
            f"The certificate {identity.certificate} or its authority cannot be used: {error}.",
            mend="Start the site again, which makes what is missing.",
        ) from error
