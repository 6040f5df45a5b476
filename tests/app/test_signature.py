"""The service that is given a public key: what is not signed for it is never loaded, and the model before serves on."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from app import create_app
from app.model import ModelError, load
from app.settings import Settings
from app.signature import NAME, BadSignature, verify
from bot.core.signature import SIGNED, SigningKey
from tests.app.serving import serving
from tests.app.test_serving import metrics, until, write_model
from tests.signing import Keys, make_keys


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


def sign(model: Path, keys: Keys) -> None:
    files = {name: (model / name).read_bytes() for name in SIGNED}
    (model / NAME).write_bytes(SigningKey.read(keys.pem).sign(files))


def test_it_is_ready_with_a_signed_model_only_and_says_why_not(spoilt: Path, keys: Keys, tmp_path: Path) -> None:
    def ready() -> tuple[int, dict[str, Any]]:
        environ = {"MODEL_DIR": str(spoilt), "VERIFYING_KEY_FILE": str(keys.public)}
        answer = create_app(Settings.from_env(environ)).test_client().get("/readyz")
        return answer.status_code, answer.get_json()

    (spoilt / NAME).unlink()
    status, told = ready()
    assert (status, f"{spoilt}/model.sig cannot be read" in told["reason"]) == (503, True)
    sign(spoilt, make_keys(tmp_path, "theirs"))
    assert "model.sig was not made with the key that is trusted here" in ready()[1]["reason"]
    sign(spoilt, keys)
    assert ready()[0] == 200
    (spoilt / "golden.json").write_bytes((spoilt / "golden.json").read_bytes() + b" ")
    assert "golden.json is not the file that was signed" in ready()[1]["reason"]
    keys.public.unlink()
    assert ready()[1]["reason"].endswith("train and deploy again, or correct VERIFYING_KEY_FILE.")


def test_a_model_that_is_not_signed_is_not_swapped_in(spoilt: Path, keys: Keys, tmp_path: Path) -> None:
    sign(spoilt, keys)
    first = load(spoilt, keys.public).model_id
    with serving(spoilt, "c0ffee", tmp_path / "log", verifying_key=keys.public) as service:
        write_model(spoilt, spoilt, "unsigned")
        until(lambda: 'result="refused"} 1.0' in metrics(service))
        assert f'model="{first}"}} 1.0' in metrics(service)
        card = json.loads((spoilt / "card.json").read_text()) | {"model_id": "signed"}
        files = {name: (spoilt / name).read_bytes() for name in SIGNED} | {"card.json": json.dumps(card).encode()}
        (spoilt / NAME).write_bytes(SigningKey.read(keys.pem).sign(files))
        (spoilt / "card.partial").write_bytes(files["card.json"])
        (spoilt / "card.partial").replace(spoilt / "card.json")
        until(lambda: 'model="signed"} 1.0' in metrics(service))
    assert f"A new model was refused, {first} serves on: The signature of the model in" in service.log.read_text()


def rewrite(bundle: bytes, **changes: object) -> bytes:
    document = json.loads(bundle)
    return json.dumps(document | {"dsseEnvelope": document["dsseEnvelope"] | changes}).encode()


def signed_statement(key: SigningKey, statement: object, kind: str = "application/vnd.in-toto+json") -> bytes:
    """A sound signature of the key's owner, of something else."""
    payload = json.dumps(statement).encode()
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    made, told = (base64.b64encode(one).decode() for one in (key.private.sign(signed, ec.ECDSA(SHA256())), payload))
    return rewrite(b'{"dsseEnvelope": {}}', payload=told, payloadType=kind, signatures=[{"sig": made}])


def test_whatever_stands_in_a_signature_the_answer_is_one_clause(keys: Keys, tmp_path: Path) -> None:
    key, files = SigningKey.read(keys.pem), {"model.tflite": b"TFL3"}
    good = key.sign(files)
    verify(good, files, keys.public.read_bytes())
    statement = json.loads(base64.b64decode(json.loads(good)["dsseEnvelope"]["payload"]))
    told: list[tuple[bytes, str]] = [
        (b"", "is no signature of a model"),
        (b"[" * 100_000, "is no signature of a model"),
        (b"\xff", "is no signature of a model"),
        (b'{"dsseEnvelope": 3}', "is no signature of a model"),
        (rewrite(good, payload="not base64!"), "is no signature of a model"),
        (rewrite(good, signatures=[]), "is no signature of a model"),
        (rewrite(good, payloadType="text/plain"), "signs a 'text/plain', not a model"),
        (rewrite(good, signatures=[{"sig": ""}]), "was not made with the key that is trusted here"),
        (signed_statement(key, []), "says nothing about a model"),
        (signed_statement(key, statement | {"predicate": {"resources": [3]}}), "says nothing about a model"),
        (signed_statement(key, statement | {"predicateType": "https://slsa.dev/provenance/v1"}), "of another kind"),
        (signed_statement(key, statement, "text/plain"), "signs a 'text/plain'"),
    ]
    for bundle, clause in told:
        with pytest.raises(BadSignature, match=clause):
            verify(bundle, files, keys.public.read_bytes())
    long = make_keys(tmp_path, "long", ec.SECP384R1()).public.read_bytes()
    for other, clause in ((b"no key", "it is no public key in PEM form"), (long, "it is no key of ECDSA P-256")):
        with pytest.raises(BadSignature, match=clause):
            verify(good, files, other)


def test_without_a_key_no_signature_is_asked_for(model_dir: Path, tmp_path: Path) -> None:
    assert load(model_dir).model_id
    with pytest.raises(ModelError, match=r"cannot be read: No such file.*VERIFYING_KEY_FILE"):
        load(model_dir, tmp_path / "missing.pub")
