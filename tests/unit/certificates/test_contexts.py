"""Handshakes between real contexts, in memory."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from sagews.certificates import Role, Subject, client_context, ensure, peer_role, require_role, server_context
from sagews.certificates.folder import CertificateFolder
from sagews.errors import NotAllowed, SetupError

SUBJECTS = tuple(Subject(role=role, host="localhost", names=("localhost", "127.0.0.1")) for role in Role)


@pytest.fixture
def folder(tmp_path: Path) -> CertificateFolder:
    return ensure(tmp_path / "certificates", SUBJECTS)


def handshake(
    server: ssl.SSLContext, client: ssl.SSLContext, host: str = "localhost"
) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection after its handshake and one exchange (TLS 1.3 reports a refused client late)."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (server.wrap_bio(up, down, server_side=True), client.wrap_bio(down, up, server_hostname=host))
    waiting = list(ends)
    while waiting:
        for end in list(waiting):
            try:
                end.do_handshake()
                waiting.remove(end)
            except ssl.SSLWantReadError:
                continue
    ends[0].write(b"x")
    ends[1].read()
    ends[1].write(b"x")
    ends[0].read()
    return ends


def test_each_side_knows_the_role_of_the_other(folder: CertificateFolder) -> None:
    server, client = handshake(
        server_context(folder.identity(Role.WORKER)), client_context(folder.identity(Role.BACKEND))
    )
    assert peer_role(server) is Role.BACKEND
    assert peer_role(client) is Role.WORKER
    assert server.version() == "TLSv1.3"
    assert server.selected_alpn_protocol() is None


def test_tls_1_2_has_forward_secrecy_and_older_is_refused(folder: CertificateFolder) -> None:
    server, client = server_context(folder.identity(Role.WORKER)), client_context(folder.identity(Role.BACKEND))
    assert server.minimum_version == client.minimum_version == ssl.TLSVersion.TLSv1_2
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    ends = handshake(server, client)
    cipher = ends[0].cipher()
    assert cipher
    assert cipher[0].startswith("ECDHE-ECDSA-")
    offered = [offer for offer in server.get_ciphers() if offer["protocol"] == "TLSv1.2"]
    assert offered
    assert all(offer["aead"] and offer["kea"] == "kx-ecdhe" for offer in offered)


def test_role_that_may_not_connect_is_told_so(folder: CertificateFolder) -> None:
    server, _ = handshake(server_context(folder.identity(Role.WORKER)), client_context(folder.identity(Role.ADMIN)))
    assert require_role(server, {Role.ADMIN, Role.BACKEND}) is Role.ADMIN
    with pytest.raises(NotAllowed, match="The role admin may not connect here, only: backend"):
        require_role(server, {Role.BACKEND})
    with pytest.raises(NotAllowed, match="no certificate with a role"):
        peer_role(None)


def test_client_without_certificate_is_refused(folder: CertificateFolder) -> None:
    client = ssl.create_default_context(cafile=folder.authority)
    with pytest.raises(ssl.SSLError, match=r"PEER_DID_NOT_RETURN_A_CERTIFICATE|peer did not return"):
        handshake(server_context(folder.identity(Role.WORKER)), client)


def test_certificate_of_another_site_is_refused(folder: CertificateFolder, tmp_path: Path) -> None:
    other = ensure(tmp_path / "other", SUBJECTS)
    here, there = folder.identity(Role.WORKER), other.identity(Role.BACKEND)
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server_context(here), client_context(there))
    client = client_context(there)
    client.load_verify_locations(folder.authority)
    with pytest.raises(ssl.SSLError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
        handshake(server_context(here), client)


def test_server_for_another_host_is_refused(folder: CertificateFolder) -> None:
    server, client = server_context(folder.identity(Role.WORKER)), client_context(folder.identity(Role.BACKEND))
    handshake(server, client, "127.0.0.1")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        handshake(server, client, "example.org")


def test_role_that_only_connects_cannot_play_a_server(folder: CertificateFolder) -> None:
    server, client = server_context(folder.identity(Role.ADMIN)), client_context(folder.identity(Role.BACKEND))
    with pytest.raises(ssl.SSLCertVerificationError, match=r"[Uu]nsuit?able certificate purpose|unsupported"):
        handshake(server, client)


def test_role_that_only_listens_cannot_play_a_client(folder: CertificateFolder) -> None:
    server, client = server_context(folder.identity(Role.WORKER)), client_context(folder.identity(Role.MEMCACHED))
    with pytest.raises(ssl.SSLError, match=r"CERTIFICATE_VERIFY_FAILED|certificate verify failed"):
        handshake(server, client)


def test_missing_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"worker\.localhost\.pem or its authority cannot be used"):
        server_context(CertificateFolder(path=tmp_path).identity(Role.WORKER))
