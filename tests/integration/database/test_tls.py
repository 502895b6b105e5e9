"""PostgreSQL over TLS, each side with a certificate of the site's authority."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from sagews.certificates.contexts import client_context
from sagews.certificates.folder import CertificateFolder, ensure
from sagews.certificates.roles import Role
from sagews.database import Store, create_engine
from sagews.errors import DatabaseUnavailable
from tests.postgresql import Cluster

pytestmark = pytest.mark.postgresql


@pytest.fixture
def certificates(tmp_path: Path) -> CertificateFolder:
    """The site's certificates; PostgreSQL gets the worker's, which is good for any server on this machine."""
    return ensure(tmp_path / "certificates")


@pytest.fixture
def url(cluster: Cluster, certificates: CertificateFolder) -> str:
    """The address of a PostgreSQL that speaks TLS, to those who have a certificate too."""
    cluster.stop()
    own = str(cluster.write("server.pem", certificates.certificate(Role.WORKER).read_bytes()))
    authority = str(cluster.write("authority.pem", certificates.authority.read_bytes()))
    cluster.settings |= {"ssl": "on", "ssl_cert_file": own, "ssl_key_file": own, "ssl_ca_file": authority}
    (cluster.data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 trust clientcert=verify-ca\n")
    cluster.start()
    return cluster.url("postgres")


async def test_with_a_context_the_connection_is_encrypted(url: str, certificates: CertificateFolder) -> None:
    engine = create_engine(url, tls=client_context(certificates.identity(Role.BACKEND)))
    async with engine.connect() as connection:
        query = text("SELECT ssl, version, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        row = (await connection.execute(query)).one()
    await engine.dispose()
    assert (row.ssl, row.version) == (True, "TLSv1.3")
    assert "backend" in row.client_dn


async def test_a_server_of_another_authority_is_refused(url: str, tmp_path: Path) -> None:
    strangers = ensure(tmp_path / "strangers")
    store = Store(create_engine(url, tls=client_context(strangers.identity(Role.BACKEND))))
    with pytest.raises(DatabaseUnavailable, match="certificate"):
        await store.check()
    await store.close()


async def test_without_a_certificate_nobody_gets_in(url: str) -> None:
    store = Store(create_engine(url))
    with pytest.raises(DatabaseUnavailable):
        await store.check()
    await store.close()
