"""The site's authority: makes keys and signs certificates. Pure: reads and writes no files.

Keys are EC P-256. A certificate names its component's role and hosts and is good for what that role does only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from sagews.certificates.roles import Subject

AUTHORITY_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
SKEW = timedelta(hours=1)
"""Certificates are valid from a little earlier, for machines whose clocks are behind."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """The authority's certificate with its key; exists only while something is signed."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def issue(self, subject: Subject, now: datetime) -> bytes:
        """A new key and its certificate, as one PEM file."""
        key = new_key()
        public = key.public_key()
        builder = (
            _builder(_name(subject.role.common_name), self.certificate.subject, public, now, LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_purposes(subject)), critical=False)
            .add_extension(x509.SubjectAlternativeName(alternative_names(subject)), critical=False)
            .add_extension(_authority_identifier(self.key.public_key()), critical=False)
        )
        certificate = builder.sign(self.key, hashes.SHA256())
        return key_pem(key) + certificate.public_bytes(serialization.Encoding.PEM)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A new private key."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A key as PEM, not encrypted: its file is readable by its owner only."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def authority_certificate(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """The authority's own certificate. Made again with the same key, all that it signed stays valid."""
    name = _name("sagews site authority")
    return (
        _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(_authority_identifier(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def is_current(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether a certificate is valid and less than two thirds of its life are over."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return begin <= now < begin + (end - begin) * 2 / 3


def is_signed_by(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    """Whether the authority's key signed the certificate."""
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def is_for(certificate: x509.Certificate, subject: Subject) -> bool:
    """Whether a certificate has exactly the names and the role of a subject."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    return list(found) == alternative_names(subject) and certificate.subject == _name(subject.role.common_name)


def alternative_names(subject: Subject) -> list[x509.GeneralName]:
    """Hosts, addresses and role, as a certificate names them."""
    return [*(_general_name(name) for name in subject.names), x509.UniformResourceIdentifier(subject.role.uri)]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _purposes(subject: Subject) -> Iterable[x509.ObjectIdentifier]:
    if subject.role.listens:
        yield ExtendedKeyUsageOID.SERVER_AUTH
    if subject.role.connects:
        yield ExtendedKeyUsageOID.CLIENT_AUTH


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _authority_identifier(key: ec.EllipticCurvePublicKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
