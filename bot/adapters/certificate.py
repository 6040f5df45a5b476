"""A TLS certificate for this machine alone, made where the operator has none of their own."""

import datetime
import ipaddress
import os
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAYS = 90
RENEW_BEFORE = 14
NAMES = ("localhost", "127.0.0.1", "::1")


def local_context(folder: Path, now: datetime.datetime) -> ssl.SSLContext:
    """A server's TLS with the certificate kept in `folder`, made anew when it is missing or soon over.

    It is signed by itself: a client must be told to trust `certificate.pem`, or not to verify. The key has mode 0400.
    """
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    if not _is_good(certificate, key, now):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(certificate, key, now)
    return given_context(certificate, key)


def given_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A server's TLS with these PEM files; raises ValueError naming the file that cannot be used."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as problem:
        raise ValueError(f"The certificate {certificate} with the key {key} cannot be used: {problem}.") from problem
    return context


def _is_good(certificate: Path, key: Path, now: datetime.datetime) -> bool:
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return False
    return key.exists() and now < found.not_valid_after_utc - datetime.timedelta(days=RENEW_BEFORE)


def _make(certificate: Path, key: Path, now: datetime.datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Bolide on this machine")])
    names: list[x509.GeneralName] = [x509.DNSName(NAMES[0])]
    names += [x509.IPAddress(ipaddress.ip_address(name)) for name in NAMES[1:]]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    _write(key, private.private_bytes(pem, form, serialization.NoEncryption()), 0o400)
    _write(certificate, made.public_bytes(pem), 0o444)


def _write(path: Path, content: bytes, mode: int) -> None:
    """The file with this mode from its first byte on, whole or not there."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
    part.replace(path)
