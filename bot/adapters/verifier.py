"""A program: attestations on standard input, verdicts on standard output; run by `attestations.py`, without network.

The question is a JSON list of {name, digest, document}: a file's name, its sha256 in hex, and the provenance object
(PEP 740) that the index has of it. The answer is a list of {verdict: verified, publishers: [[kind, place, workflow]]}
or {verdict: not verified | unknown, reason}. Unknown is what the root of trust does not reach, such as a newer log.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pypi_attestations import Distribution, Provenance
from sigstore.models import ClientTrustConfig

MOST_ATTESTATIONS = 20


def judge(name: str, digest: str, document: str, logs: frozenset[str]) -> dict[str, Any]:
    """The verdict on one file; `logs` are the ids of the transparency logs that the root of trust knows."""
    try:
        told = Provenance.model_validate_json(document)
        file = Distribution(name=name, digest=digest)
    except ValidationError as problem:
        said = str(problem).splitlines()[0]
        return {"verdict": "unknown", "reason": f"what the index has is no provenance that can be read: {said}"}
    pairs = [(bundle.publisher, each) for bundle in told.attestation_bundles for each in bundle.attestations]
    if not pairs or len(pairs) > MOST_ATTESTATIONS:
        return _not(f"it has {len(pairs)} attestations")
    for publisher, attestation in pairs:
        entries = attestation.verification_material.transparency_entries
        if not any(_log(entry) in logs for entry in entries):
            return {"verdict": "unknown", "reason": "its transparency log is not one that the root of trust here knows"}
        try:
            attestation.verify(publisher, file, offline=True)
        except Exception as problem:  # a foreign certificate makes the libraries raise more than their own errors
            return _not(str(problem).removeprefix("Verification failed: ") or type(problem).__name__)
    seen = {tuple(_publisher(bundle.publisher.model_dump())): None for bundle in told.attestation_bundles}
    return {"verdict": "verified", "publishers": list(seen)}


def _not(reason: str) -> dict[str, Any]:
    return {"verdict": "not verified", "reason": reason}


def _log(entry: Mapping[str, Any]) -> str:
    told = entry.get("logId")
    return str(told.get("keyId", "")) if isinstance(told, Mapping) else ""


def _publisher(told: Mapping[str, Any]) -> Sequence[str]:
    """Kind, place and workflow, whatever the service calls them."""
    place = told.get("repository") or told.get("email") or told.get("vcs_origin") or told.get("project_id")
    workflow = told.get("workflow") or told.get("workflow_filepath") or told.get("pipeline_definition_id")
    return [str(told["kind"]), str(place or ""), str(workflow or "")]


def known_logs(folder: Path) -> frozenset[str]:
    """The ids of the logs in the root of trust, which sigstore lays out below this folder of the user."""
    ClientTrustConfig.production(offline=True)
    (root,) = folder.rglob("trusted_root.json")
    return frozenset(log["logId"]["keyId"] for log in json.loads(root.read_bytes())["tlogs"])


def main() -> None:
    """Answer the question on standard input."""
    logs = known_logs(Path.cwd())
    asked = json.load(sys.stdin)
    json.dump([judge(each["name"], each["digest"], each["document"], logs) for each in asked], sys.stdout)


if __name__ == "__main__":
    main()
