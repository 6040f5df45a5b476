"""The runs as a person reads them: the ledger's records, and what each deployment was made of."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.pipelines.runs import Ledger

SHOWN = 100
_SUPERSEDED = "Left to commit {by}, which came before this one began and holds it too."
_VERIFIED = (
    "The service answers as this commit; {digits} known digits right, {seconds:.1f} s from the start of the run."
)


class History:
    """Reads the records and the model cards that lie in a state folder."""

    def __init__(self, state: Path) -> None:
        self._records, self._objects = state / "runs", state / "artefacts" / "objects"
        self._ledger = Ledger(self._records)

    def newest(self) -> tuple[Mapping[str, Any], ...]:
        """The records of the latest runs, the newest first; a run that began earlier may have changed later."""
        paths = [(path.stat().st_mtime, path) for path in self._records.glob("[!.]*.json")]
        latest = sorted(paths, reverse=True)[:SHOWN]
        return tuple(self._record(path, changed) for changed, path in latest)

    def run(self, sha: str) -> Mapping[str, Any] | None:
        """The record of a commit with its `lineage`, None where there is none."""
        path = self._records / f"{sha}.json"
        try:
            changed = path.stat().st_mtime
        except OSError:
            return None
        record = self._record(path, changed)
        return {**record, "lineage": self._lineage(record)}

    def _record(self, path: Path, changed: float) -> dict[str, Any]:
        moment = datetime.fromtimestamp(changed, UTC).strftime("%Y-%m-%d %H:%M:%S")
        record = {"repository": ""} | self._ledger.read(path.stem)
        return {**record, "changed": moment, "sentence": _sentence(record)}

    def _lineage(self, record: Mapping[str, Any]) -> list[dict[str, str]]:
        """From the merge to the deployment, each link by the hash or name that identifies it."""
        stages = record["stages"]
        card = self._card(stages.get("evaluate") or stages.get("train") or {})
        links = {
            "Merge": record["sha"],
            "Lock, sha256": record.get("lock_sha256"),
            "Data, sha256": card.get("data_sha256"),
            "Model": card.get("model_id"),
            "Model, sha256": card.get("sha256"),
            "Release or image": stages.get("package", {}).get("artefact"),
            "Deployment": stages.get("verify", {}).get("artefact"),
        }
        return [{"name": name, "value": str(value)} for name, value in links.items() if value]

    def _card(self, stage: Mapping[str, Any]) -> dict[str, Any]:
        try:
            card = json.loads((self._objects / str(stage["artefact"]) / "card.json").read_text())
        except (OSError, ValueError, KeyError):
            return {}
        return card if isinstance(card, dict) else {}


def _sentence(record: Mapping[str, Any]) -> str:
    result = record.get("result", {})
    match record["state"]:
        case "superseded":
            return _SUPERSEDED.format(by=str(result.get("by"))[:8])
        case "verified":
            return _VERIFIED.format(digits=result.get("digits", 0), seconds=float(record.get("seconds", 0)))
        case "stopped":
            return f"{result.get('stage')} failed: {result.get('failure', {}).get('sentence', '')}"
        case "broken off":
            return f"Bolide itself failed: {record.get('reason', '')}"
        case "held":
            return f"Automatic deployments wait since {result.get('since', '')}."
        case _:
            return str(result.get("sentence", ""))
