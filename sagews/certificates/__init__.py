"""Keys and certificates of a site: its own authority, one certificate per component and host, TLS both ways.

context = server_context(identity_of(configuration, Role.WORKER))
... peer_role(connection.get_extra_info("ssl_object")) ...
"""

from __future__ import annotations

from sagews.certificates.contexts import Identity, client_context, renew, server_context
from sagews.certificates.folder import CertificateFolder, ensure
from sagews.certificates.roles import SOLO, Role, Subject, peer_role, require_role
from sagews.certificates.site import expiries, files_of, identity_of, make_all, subjects, token_of

__all__ = [
    "SOLO",
    "CertificateFolder",
    "Identity",
    "Role",
    "Subject",
    "client_context",
    "ensure",
    "expiries",
    "files_of",
    "identity_of",
    "make_all",
    "peer_role",
    "renew",
    "require_role",
    "server_context",
    "subjects",
    "token_of",
]
