"""The runs as a person reads them: the ledger's records, and what each deployment was made of."""

from collections.abc import Mapping
from typing import Any

from bot.core.ports import Entry, Register
from bot.pipelines import ledger

SHOWN = 100
_SUPERSEDED = "Left to commit {by}, which came before this one began and holds it too."
_TAKEN_BACK = "It was verified, and taken back at {at}: {why}. Commit {serving} serves again."
_VERIFIED = (
    "The service answers as this commit; {digits} known digits right, {seconds:.1f} s from the start of the run."
)


class History:
    """Reads the records in the register; raises RegisterUnavailable."""

    def __init__(self, register: Register) -> None:
        self._register = register

    async def newest(self) -> tuple[Mapping[str, Any], ...]:
        """The records of the latest runs, the newest first; a run that began earlier may have changed later."""
        return tuple(map(_record, await self._register.newest("runs", SHOWN)))

    async def run(self, sha: str) -> Mapping[str, Any] | None:
        """The record of a commit with its `lineage`, None where there is none."""
        found = await self._register.read("runs", sha)
        if found is None:
            return None
        record = _record(found)
        return {**record, "lineage": _lineage(record)}


def _record(entry: Entry) -> dict[str, Any]:
    record = {"sha": entry.name, "state": "unknown", "stages": {}, "repository": "", **entry.document}
    return {**record, "changed": entry.changed.strftime("%Y-%m-%d %H:%M:%S"), "sentence": _sentence(record)}


def _lineage(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """From the merge to the deployment, each link by the hash or name that identifies it."""
    stages, model = record["stages"], record.get("model", {})
    links = {
        "Merge": record["sha"],
        "Lock, sha256": record.get("lock_sha256"),
        "Data, sha256": model.get("data_sha256"),
        "Training image": record.get("training_image"),
        "Model": model.get("model_id"),
        "Model, sha256": model.get("sha256"),
        "Release or image": stages.get("package", {}).get("artefact"),
        "Deployment": stages.get("verify", {}).get("artefact"),
    }
    return [{"name": name, "value": str(value)} for name, value in links.items() if value]


def _sentence(record: Mapping[str, Any]) -> str:
    result = record.get("result", {})
    stopped = f"{result.get('stage')} failed: {result.get('failure', {}).get('sentence', '')}"
    match record["state"]:
        case "superseded":
            return _SUPERSEDED.format(by=str(result.get("by"))[:8])
        case "verified":
            return _VERIFIED.format(digits=result.get("digits", 0), seconds=float(record.get("seconds", 0)))
        case "stopped":
            return stopped
        case ledger.ROLLED_BACK:
            told = record.get("taken_back")
            return _TAKEN_BACK.format(**{**told, "serving": told["serving"][:8]}) if told else f"Taken back: {stopped}"
        case "broken off":
            return f"Bolide itself failed: {record.get('reason', '')}"
        case "held":
            return f"Automatic deployments wait since {result.get('since', '')}."
        case _:
            return str(result.get("sentence", ""))
