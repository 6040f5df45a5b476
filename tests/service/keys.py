"""Keys and secrets for tests, made when they are needed."""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key() -> str:
    """An App's private key, PEM."""
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return _key().private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def public_key() -> str:
    """The public half, PEM."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return _key().public_key().public_bytes(serialization.Encoding.PEM, form).decode()
