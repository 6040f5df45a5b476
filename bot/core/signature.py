"""The signature of a model directory in the format of OpenSSF model-signing: a Sigstore bundle, made with a key; pure.

Formats: github.com/sigstore/model-transparency (the statement), github.com/secure-systems-lab/dsse (what is signed).
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

NAME = "model.sig"
SIGNED = ("card.json", "golden.json", "model.tflite")
"""What a service loads; the rest of a model directory is evidence, and is named by hash."""
PAYLOAD_TYPE = "application/vnd.in-toto+json"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key (ECDSA P-256); only its public half is ever shown."""

    private: ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def read(cls, pem: str) -> "SigningKey":
        """The key in a PEM text; raises ValueError with a clause that never quotes it."""
        how = "`openssl ecparam -name prime256v1 -genkey -noout`"
        wrong = f"is no ECDSA P-256 key in PEM form without a password; make one with {how}"
        try:
            private = load_pem_private_key(pem.encode(), None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ValueError(wrong) from None
        if not isinstance(private, ec.EllipticCurvePrivateKey) or not isinstance(private.curve, ec.SECP256R1):
            raise ValueError(wrong)
        return cls(private)

    def public_pem(self) -> bytes:
        """The public half, with which others verify."""
        return self.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def fingerprint(self) -> str:
        """The sha256 of the public half's PEM form, by which signatures name their key."""
        return hashlib.sha256(self.public_pem()).hexdigest()

    def sign(self, files: Mapping[str, bytes]) -> bytes:
        """The content of model.sig for the files of a model, by name; the same files give the same bytes."""
        payload = json.dumps(_statement(files), indent=1).encode()
        signed = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode(), len(payload), payload)
        # By RFC 6979: an image of the same model has the same digest.
        made = self.private.sign(signed, ec.ECDSA(SHA256(), deterministic_signing=True))
        envelope = {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(made).decode(), "keyid": ""}],
        }
        material = {"publicKey": {"hint": self.fingerprint()}, "tlogEntries": []}
        bundle = {"mediaType": BUNDLE_TYPE, "verificationMaterial": material, "dsseEnvelope": envelope}
        return json.dumps(bundle).encode()


def require_key(text: str) -> str:
    """The PEM text of a signing key, its line breaks maybe written as `\\n`; nothing for nothing. Raises ValueError."""
    text = text if "\n" in text else text.replace("\\n", "\n")
    if text:
        SigningKey.read(text)
    return text


def _statement(files: Mapping[str, bytes]) -> dict[str, object]:
    digests = {name: hashlib.sha256(content).digest() for name, content in sorted(files.items())}
    whole = hashlib.sha256(b"".join(digests.values())).hexdigest()
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "model", "digest": {"sha256": whole}}],
        "predicateType": "https://model_signing/signature/v1.0",
        "predicate": {
            "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
            "resources": [
                {"name": name, "algorithm": "sha256", "digest": digest.hex()} for name, digest in digests.items()
            ],
        },
    }
