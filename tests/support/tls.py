"""Certificates for a day: an authority, a server on 127.0.0.1 and a client."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Certificates(NamedTuple):
    """PEM files; server and client hold their key too."""

    authority: Path
    server: Path
    client: Path

    def server_context(self, *, ask_client: bool = False) -> ssl.SSLContext:
        """For a server that may insist on a client certificate."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.server)
        if ask_client:
            context.load_verify_locations(self.authority)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def make_certificates(folder: Path) -> Certificates:
    """Write all three into the folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    root = _certificate("authority", key, "authority", key, authority=True)
    files = Certificates(folder / "ca.pem", folder / "server.pem", folder / "client.pem")
    files.authority.write_bytes(root.public_bytes(Encoding.PEM))
    for name, path in (("server", files.server), ("client", files.client)):
        own = ec.generate_private_key(ec.SECP256R1())
        leaf = _certificate(name, own, "authority", key, authority=False)
        secret = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        path.write_bytes(leaf.public_bytes(Encoding.PEM) + secret)
    return files


def _certificate(
    subject: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool,
) -> x509.Certificate:
    now = datetime.now(UTC)
    address = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))])
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(subject))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(address, critical=False)
    )
    return builder.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])
