"""Verifying ECDSA in pure Python, beside the library that signed."""

import base64
import hashlib
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from app.p256 import FOOT, HEAD, N, P, Point, holds, read_key

keys = st.integers(1, N - 1).map(lambda secret: ec.derive_private_key(secret, ec.SECP256R1()))
ECDSA = ec.ECDSA(SHA256(), deterministic_signing=True)
few = settings(max_examples=25, deadline=None)


def pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def told_by_openssl(key: ec.EllipticCurvePrivateKey, signature: bytes, message: bytes) -> bool:
    try:
        key.public_key().verify(signature, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


@few
@given(keys, keys, st.binary(max_size=200), st.data())
def test_it_says_what_openssl_says(
    key: ec.EllipticCurvePrivateKey, other: ec.EllipticCurvePrivateKey, message: bytes, data: st.DataObject
) -> None:
    public, signature = read_key(pem(key)), key.sign(message, ECDSA)
    numbers = key.public_key().public_numbers()
    assert public == (numbers.x, numbers.y)
    assert holds(signature, message, public)
    assert not holds(signature, message + b"!", public)
    assert holds(signature, message, read_key(pem(other))) == told_by_openssl(other, signature, message)
    place, bit = data.draw(st.integers(0, len(signature) - 1)), data.draw(st.integers(0, 7))
    flipped = signature[:place] + bytes([signature[place] ^ 1 << bit]) + signature[place + 1 :]
    assert not holds(flipped, message, public)
    assert not told_by_openssl(key, flipped, message)


edges = st.sampled_from([0, 1, 2, 127, 128, 255, 256, N - 1, N, N + 1, P, 2**256 - 1, 2**256, 2**300])


@few
@given(st.integers(1, N - 1), edges, edges)
def test_numbers_at_the_edges_are_judged_as_openssl_does(secret: int, r: int, s: int) -> None:
    key, signature = ec.derive_private_key(secret, ec.SECP256R1()), encode_dss_signature(r, s)
    assert holds(signature, b"message", read_key(pem(key))) == told_by_openssl(key, signature, b"message")


@pytest.mark.parametrize("secret", [1, 2, N - 1, N - 2])
def test_keys_whose_points_meet_those_of_the_curve_are_no_exception(secret: int) -> None:
    key = ec.derive_private_key(secret, ec.SECP256R1())
    for number in range(3):
        message = b"%d" % number
        assert holds(key.sign(message, ECDSA), message, read_key(pem(key)))
    r, s = decode_dss_signature(key.sign(b"", ECDSA))
    assert holds(encode_dss_signature(r, N - s), b"", read_key(pem(key)))  # as true as the other one, by definition
    # Made so that the two multiples cancel: the sum is the point at infinity, which has no coordinate.
    told = int.from_bytes(hashlib.sha256(b"").digest())
    cancelling = -told * pow(secret, -1, N) % N
    assert not holds(encode_dss_signature(cancelling, 1), b"", read_key(pem(key)))


@given(st.binary(max_size=80))
def test_other_bytes_are_no_signature(content: bytes) -> None:
    assert not holds(content, b"", G_DOUBLED)


def test_a_signature_is_written_in_one_way_only() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    good = key.sign(b"", ECDSA)
    assert not holds(good + b"\0", b"", read_key(pem(key)))
    assert not holds(good[:1] + b"\x81" + good[1:], b"", read_key(pem(key)))


def test_another_key_is_refused_and_the_right_one_found_among_white_space() -> None:
    good = pem(ec.derive_private_key(7, ec.SECP256R1()))
    assert read_key(b"\n" + good.replace(b"\n", b"\r\n") + b"\n") == read_key(good)
    long = ec.derive_private_key(7, ec.SECP384R1()).public_key()
    off = base64.b64decode(b"".join(good.splitlines()[1:-1]))
    off = off[:-1] + bytes([off[-1] ^ 1])
    told = [
        (b"", "PEM form"),
        (HEAD, "PEM form"),
        (good.replace(b"PUBLIC", b"PRIVATE"), "PEM form"),
        (good.replace(b"MFkw", b"MF*w"), "base64|Only base64"),
        (long.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo), "no key of ECDSA P-256"),
        (b"\n".join((HEAD, base64.b64encode(off), FOOT)), "no point of the curve"),
    ]
    for content, clause in told:
        with pytest.raises(ValueError, match=clause):
            read_key(content)


def test_it_takes_little_time() -> None:
    key = ec.derive_private_key(7, ec.SECP256R1())
    good, public = key.sign(b"", ECDSA), read_key(pem(key))
    began = time.process_time()
    assert holds(good, b"", public)
    assert time.process_time() - began < 0.25


G_DOUBLED: Point = read_key(pem(ec.derive_private_key(2, ec.SECP256R1())))
