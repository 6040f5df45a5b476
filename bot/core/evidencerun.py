"""An examination of two locks as Tekton's resource: one pod, where the repository's code meets no key and no link."""

from collections.abc import Mapping
from typing import Any

from bot.core.image import ROOT
from bot.core.tekton import TMP, WORKING, Order, run_of, step

LABELS = {"app.kubernetes.io/managed-by": "bolide", "app.kubernetes.io/name": "bolide-evidence"}
WORK = "/workspace/evidence"
PARAMETERS = ("image", "source-url", "order-url", "answer-url", "index-url", "allowed-hosts")
_STEPS: Mapping[str, tuple[str, ...]] = {
    "fetch": ("source-url", "order-url"),
    "examine": ("index-url", "allowed-hosts"),
    "keep": ("answer-url",),
}
"""Step → the parameters that it is told. Only `examine` runs foreign code, and only the others have links."""
_SMALL = {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
_LARGE = {"requests": WORKING["requests"], "limits": {**WORKING["limits"], "memory": "10Gi"}}
"""More than a short training may use, so that its own limit stops it, and the reason is told."""


def evidence_run(order: Order) -> dict[str, Any]:
    """The run of one examination in the image of Bolide itself; raises Refused for an image by tag."""
    task = {"name": "examine", "taskSpec": _task(), "params": [_passed(name) for name in PARAMETERS]}
    body = {"pipelineSpec": {"params": [_declared(name) for name in PARAMETERS], "tasks": [task]}}
    return run_of(body, order, LABELS)


def _task() -> dict[str, Any]:
    return {
        "params": [_declared(name) for name in PARAMETERS],
        "steps": [_step(name, told) for name, told in _STEPS.items()],
        "volumes": [
            {"name": "work", "emptyDir": {"sizeLimit": "20Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}},
        ],
    }


def _step(name: str, told: tuple[str, ...]) -> dict[str, Any]:
    """A step of the program; what the examining one may write, besides the work, no other one reads as its own."""
    run = {"command": ["python3", "-m", "bot", "examine", name], "workingDir": f"{ROOT}/source"}
    environ = {"EVIDENCE_DIR": WORK, "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environ |= {one.upper().replace("-", "_"): f"$(params.{one})" for one in told}
    work: dict[str, Any] = {"name": "work", "mountPath": WORK}
    match name:
        case "examine":
            return step(name, run, environ, _LARGE, [work, TMP])
        case "keep":
            return step(name, run, environ, _SMALL, [{**work, "readOnly": True}])
        case _:
            return step(name, run, environ, _SMALL, [work])


def _declared(name: str) -> dict[str, str]:
    return {"name": name, "type": "string"}


def _passed(name: str) -> dict[str, str]:
    return {"name": name, "value": f"$(params.{name})"}
