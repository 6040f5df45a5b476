"""Whether a signature of ECDSA P-256 with SHA-256 holds (FIPS 186-5, SP 800-186); plain Python, as it is asked rarely.

Only what is public is handled here: the time that it takes may tell all of it.
"""

import base64
import hashlib

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
Point = tuple[int, int]
G: Point = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
HEAD, FOOT = b"-----BEGIN PUBLIC KEY-----", b"-----END PUBLIC KEY-----"
PREFIX = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004")
"""What stands before the coordinates in a public key of this curve (RFC 5480): all lengths are known."""


def read_key(pem: bytes) -> Point:
    """The public key in a PEM text; raises ValueError for another kind of key, or a point that is not on the curve."""
    lines = [line.strip() for line in pem.split(b"\n") if line.strip()]
    if len(lines) < 3 or lines[0] != HEAD or lines[-1] != FOOT:
        raise ValueError("it is no public key in PEM form")
    content = base64.b64decode(b"".join(lines[1:-1]), validate=True)
    if not content.startswith(PREFIX) or len(content) != len(PREFIX) + 64:
        raise ValueError("it is no key of ECDSA P-256")
    x, y = (int.from_bytes(content[-64:][part]) for part in (slice(32), slice(32, None)))
    if max(x, y) >= P or (y * y - (x * x * x - 3 * x + B)) % P:
        raise ValueError("it is no point of the curve P-256")
    return x, y


def holds(signature: bytes, message: bytes, key: Point) -> bool:
    """Whether the signature (DER) was made of this message with the key's other half."""
    r, s = _integers(signature)
    if not (0 < r < N and 0 < s < N):
        return False
    inverse, told = pow(s, -1, N), int.from_bytes(hashlib.sha256(message).digest())
    found = _sum(told * inverse % N, G, r * inverse % N, key)
    return found is not None and found[0] % N == r


def _integers(signature: bytes) -> Point:
    """The two numbers of a signature; zeros where it is not written in the one way that DER has for them."""
    if len(signature) < 8 or signature[3] > 33:
        return 0, 0
    r, s = (int.from_bytes(part) for part in (signature[4 : 4 + signature[3]], signature[6 + signature[3] :]))
    body = b"".join(bytes([2, length]) + n.to_bytes(length) for n in (r, s) for length in [n.bit_length() // 8 + 1])
    return (r, s) if signature == bytes([0x30, len(body) & 0xFF]) + body else (0, 0)


def _sum(one: int, a: Point, other: int, b: Point) -> Point | None:
    """One times a and other times b; None is the point at infinity."""
    choices, found = (None, a, b, _add(a, b)), None
    for bit in range(max(one.bit_length(), other.bit_length()) - 1, -1, -1):
        found = _add(_add(found, found), choices[(one >> bit & 1) + 2 * (other >> bit & 1)])
    return found


def _add(a: Point | None, b: Point | None) -> Point | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % P == 0:
        return None
    slope = (3 * a[0] * a[0] - 3) * pow(2 * a[1], -1, P) if a == b else (b[1] - a[1]) * pow(b[0] - a[0], -1, P)
    x = (slope * slope - a[0] - b[0]) % P
    return x, (slope * (a[0] - x) - a[1]) % P
