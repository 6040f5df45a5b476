"""The signature of a model directory, a Sigstore bundle as OpenSSF model-signing writes it; verified from bytes.

Formats: github.com/sigstore/model-transparency (the statement), github.com/secure-systems-lab/dsse (what is signed).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app import p256

NAME = "model.sig"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "https://model_signing/signature/v1.0"


class BadSignature(Exception):
    """The files are not vouched for; the message is a clause that says why."""


def read(path: Path) -> bytes:
    """The content of a file that is needed to verify; raises BadSignature."""
    try:
        return path.read_bytes()
    except OSError as problem:
        raise BadSignature(f"{path} cannot be read: {problem.strerror}") from problem


def verify(bundle: bytes, files: Mapping[str, bytes], key: bytes) -> None:
    """Returns when the bundle was made with the key's other half (ECDSA P-256, PEM) for each of these files.

    Raises BadSignature.
    """
    try:
        envelope = json.loads(bundle)["dsseEnvelope"]
        payload, (signature,) = base64.b64decode(envelope["payload"], validate=True), envelope["signatures"]
        made = base64.b64decode(signature["sig"], validate=True)
        kind = str(envelope["payloadType"])
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise BadSignature(f"{NAME} is no signature of a model") from problem
    if kind != PAYLOAD_TYPE:
        raise BadSignature(f"{NAME} signs a {kind[:80]!r}, not a model")
    _require_made_with(key, made, b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload))
    signed = _digests(payload)
    for name, content in files.items():
        if signed.get(name) != hashlib.sha256(content).hexdigest():
            raise BadSignature(f"{name} is not the file that was signed")


def _require_made_with(key: bytes, signature: bytes, signed: bytes) -> None:
    try:
        public = p256.read_key(key)
    except ValueError as problem:
        raise BadSignature(f"the key to verify it with cannot be used: {problem}") from problem
    if not p256.holds(signature, signed, public):
        raise BadSignature(f"{NAME} was not made with the key that is trusted here")


def _digests(payload: bytes) -> dict[str, str]:
    """File name → sha256 of a statement about a model; raises BadSignature for another statement."""
    try:
        statement: dict[str, Any] = json.loads(payload)
        kind = statement["_type"], statement["predicateType"]
        resources = statement["predicate"]["resources"]
        digests = {str(one["name"]): str(one["digest"]) for one in resources if one["algorithm"] == "sha256"}
    except (ValueError, KeyError, TypeError) as problem:
        raise BadSignature(f"{NAME} says nothing about a model") from problem
    if kind != (STATEMENT, PREDICATE):
        raise BadSignature(f"{NAME} is a statement of another kind")
    return digests
