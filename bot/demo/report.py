"""demo-report.json: what was measured in this run."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PATH = Path("demo-report.json")
APART = ("check-runs", "/issues")
"""Check runs and the tracking issue are counted apart, as tokens are: the App mints those, not the update manager."""


@dataclass(frozen=True, slots=True)
class UpdateFigures:
    """The update pull request: seconds from the push to the open pull request."""

    url: str
    title: str
    changed_direct: int
    changed_transitive: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DeploymentFigures:
    """The deployment after the merge: seconds from the merge to the verified service."""

    sha: str
    verified_sha: str
    failed_requests: int
    requests: int
    seconds: float


def update_requests(log: list[dict[str, Any]]) -> int:
    """How many of the logged requests the update manager made."""
    return sum(
        "(update)" in entry["user_agent"] and not any(part in entry["template"] for part in APART) for entry in log
    )


def evidence_figures(figures: dict[str, Any]) -> dict[str, Any]:
    """The part of the check run's figures that the report shows."""
    before, after = figures["before"], figures["after"]
    return {
        "verdict": figures["verdict"],
        "accuracy_before": before["accuracy"],
        "accuracy_after": after["accuracy"],
        "p50_ms_before": before["p50_ms"],
        "p50_ms_after": after["p50_ms"],
    }


def write(report: dict[str, Any], path: Path = PATH) -> None:
    """Write the report, whole or not at all."""
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(report, indent=2) + "\n")
    draft.replace(path)
