"""Keys and certificates of a site: its own authority, one certificate per component and host, TLS both ways.

folder = ensure(configuration.certificate_folder)
context = server_context(folder.identity(Role.WORKER))
... peer_role(connection.get_extra_info("ssl_object")) ...
"""

from __future__ import annotations

from sagews.certificates.contexts import Identity, client_context, server_context
from sagews.certificates.folder import CertificateFolder, ensure
from sagews.certificates.roles import SOLO, Role, Subject, peer_role, require_role

__all__ = [
    "SOLO",
    "CertificateFolder",
    "Identity",
    "Role",
    "Subject",
    "client_context",
    "ensure",
    "peer_role",
    "require_role",
    "server_context",
]
