"""The stages as Tekton's resources. Commands are lists; what differs from run to run comes as parameters only."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from bot.core.image import ROOT, require_base
from bot.core.recipe import TrainingRecipe
from bot.core.steps import Step, require_plain, training_steps

API = "tekton.dev/v1"
PIPELINE = "bolide-model"
ACCOUNT = "bolide-stages"
SOURCE, MODEL = "/workspace/source", "/workspace/model"
PRODUCTION = f"{SOURCE}/production"
LABELS = {"app.kubernetes.io/managed-by": "bolide", "app.kubernetes.io/name": "bolide-stages"}
USER = 65532
WORKING = {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"cpu": "4", "memory": "8Gi"}}
"""What a step may use that runs a repository's code."""
TMP = {"name": "tmp", "mountPath": "/tmp"}  # noqa: S108
PARAMETERS: Mapping[str, str | None] = {
    "commit": None,
    "source-url": None,
    "image": None,
    "index-url": "https://pypi.org/simple",
    "lock-sha256": "",
    "known-url": "",
    "production-url": "",
    "production-dir": "",
    "model-url": "",
}
"""Name → default of the pipeline's parameters; None: it must be given."""
_MEANINGS = {
    "commit": "The commit that the model is made from",
    "source-url": "A tar of that commit's files, with its Pipfile.lock; GET must give it without a password",
    "image": "An image with Python and pip, or with the training's packages, by digest",
    "index-url": "The package index",
    "lock-sha256": "The hex sha256 of Pipfile.lock, for the card",
    "known-url": "A tar of a model that was trained and evaluated before: only the gate runs then",
    "production-url": "A tar of the model in production, which the gate compares with",
    "production-dir": f"{PRODUCTION} where there is one",
    "model-url": "Where a tar of the model is PUT that passed the gate",
}
_FETCH = ("commit", "source-url", "index-url", "known-url", "production-url")


@dataclass(frozen=True, slots=True)
class Order:
    """One run: its name, the values of the pipeline's parameters, and further variables of the stages."""

    name: str
    parameters: Mapping[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    """Such as QUICK."""
    storage: str = "10Gi"
    hours: int = 2


def tasks(
    recipe: TrainingRecipe, script: str, variables: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], ...]:
    """A Task for each stage, with one before that fetches what they need and one after that keeps the model.

    `script` is the program of those two, which is the same for all repositories. Raises Refused.
    """
    made = training_steps(recipe)
    told = {"CATEGORIES": json.dumps(recipe.categories), "INPUTS": json.dumps(recipe.inputs)}
    fetch = {"ACTION": "fetch", **told, **{name.upper().replace("-", "_"): f"$(params.{name})" for name in _FETCH}}
    keep = {"ACTION": "keep", "MODEL_URL": "$(params.model-url)"}
    return (
        _task("fetch", _FETCH, {"script": script}, fetch, writes=("source", "model")),
        *(_stage(step, variables or {}) for step in made),
        _task("keep", ("model-url",), {"script": script}, keep, writes=()),
    )


def pipeline(recipe: TrainingRecipe, embedded: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """The Pipeline over those Tasks: by name, or with `embedded` ones written out in it."""
    made = training_steps(recipe)
    written = {task["metadata"]["name"]: task["spec"] for task in embedded}
    order = [("fetch", ()), *((step.name, step.after or ("fetch",)) for step in made), ("keep", (made[-1].name,))]
    skipped = {"fetch": None, "gate": None, "keep": ("model-url", "notin")}
    spec = {
        "params": [_parameter(name) for name in PARAMETERS],
        "workspaces": [{"name": "run", "description": "Where the source, the packages and the model lie"}],
        "tasks": [
            _pipeline_task(name, after, skipped.get(name, ("known-url", "in")), written, made) for name, after in order
        ],
    }
    return {"apiVersion": API, "kind": "Pipeline", "metadata": {"name": PIPELINE, "labels": LABELS}, "spec": spec}


def pipeline_run(order: Order, spec: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A run of the installed Pipeline, or of one that is written out in `spec`. Raises Refused for an image by tag."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": order.storage}}}
    body = {"pipelineSpec": dict(spec)} if spec else {"pipelineRef": {"name": PIPELINE}}
    made = run_of(body, order, LABELS)
    made["spec"]["workspaces"] = [{"name": "run", "volumeClaimTemplate": {"spec": claim}}]
    return made


def run_of(body: Mapping[str, Any], order: Order, labels: Mapping[str, str]) -> dict[str, Any]:
    """A run without a volume, as nobody and without a token; raises Refused for an image by tag."""
    require_base(order.parameters["image"])
    security = {"runAsNonRoot": True, "runAsUser": USER, "fsGroup": USER, "seccompProfile": {"type": "RuntimeDefault"}}
    return {
        "apiVersion": API,
        "kind": "PipelineRun",
        "metadata": {"name": order.name, "labels": dict(labels)},
        "spec": {
            **body,
            "params": [{"name": name, "value": value} for name, value in order.parameters.items()],
            "taskRunTemplate": {
                "serviceAccountName": ACCOUNT,
                "podTemplate": {"automountServiceAccountToken": False, "securityContext": security},
            },
            "timeouts": {"pipeline": f"{order.hours}h0m0s"},
        },
    }


def complete_run(recipe: TrainingRecipe, script: str, order: Order) -> dict[str, Any]:
    """A run that needs nothing installed: its pipeline and tasks are written out in it. Raises Refused."""
    return pipeline_run(order, pipeline(recipe, tasks(recipe, script, order.variables))["spec"])


def render(documents: Iterable[Mapping[str, Any]]) -> str:
    """The documents as YAML, scripts as blocks."""
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=1000, explicit_start=True)


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def _stage(step: Step, variables: Mapping[str, str]) -> dict[str, Any]:
    require_plain(step.command)
    require_plain(variables)
    first, *rest = step.command
    run = {"command": ["python3" if first == "python" else first, *rest], "workingDir": f"{SOURCE}/tree"}
    environ = dict(variables) | {
        "COMMIT": "$(params.commit)",
        "LOCK_SHA256": "$(params.lock-sha256)",
        "MODEL_DIR": MODEL,
        "PYTHONPATH": f"{SOURCE}/packages:{ROOT}/packages",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    needed = ["commit", "lock-sha256"]
    if "PRODUCTION_DIR" in step.reads:
        environ["PRODUCTION_DIR"] = "$(params.production-dir)"
        needed.append("production-dir")
    return _task(step.name, needed, run, environ, writes=("model",) if step.writes else ())


def step(
    name: str,
    run: Mapping[str, Any],
    environ: Mapping[str, str],
    resources: Mapping[str, Any],
    mounts: Iterable[Mapping[str, Any]],
) -> dict[str, Any]:
    """One step of a Task: a container that may nothing, and writes to its mounts alone."""
    return {
        "name": name,
        "image": "$(params.image)",
        **run,
        "env": [{"name": key, "value": value} for key, value in {**environ, "HOME": "/tmp"}.items()],  # noqa: S108
        "computeResources": dict(resources),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": list(mounts),
    }


def _task(
    name: str, needed: Iterable[str], run: Mapping[str, Any], environ: Mapping[str, str], *, writes: tuple[str, ...]
) -> dict[str, Any]:
    """A Task of one step; `writes` are the workspaces that it may change."""
    paths = {"source": SOURCE, "model": MODEL}
    spec = {
        "params": [_parameter(parameter) for parameter in (*needed, "image")],
        "workspaces": [{"name": key, "mountPath": path, "readOnly": key not in writes} for key, path in paths.items()],
        "steps": [step(name, run, environ, WORKING, [TMP])],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {"apiVersion": API, "kind": "Task", "metadata": {"name": f"bolide-{name}", "labels": LABELS}, "spec": spec}


def _parameter(name: str) -> dict[str, Any]:
    default = PARAMETERS[name]
    told = {"name": name, "type": "string", "description": _MEANINGS[name]}
    return told if default is None else {**told, "default": default}


def _pipeline_task(
    name: str,
    after: tuple[str, ...],
    guard: tuple[str, str] | None,
    written: Mapping[str, Any],
    made: tuple[Step, ...],
) -> dict[str, Any]:
    """One task of the Pipeline; `guard` names the parameter that must be empty (`in`) or set (`notin`)."""
    known = {"fetch": _FETCH, "keep": ("model-url",)}
    reads_production = any(step.name == name and "PRODUCTION_DIR" in step.reads for step in made)
    own = known.get(name, ("commit", "lock-sha256", *(["production-dir"] if reads_production else [])))
    body = {"taskSpec": written[f"bolide-{name}"]} if written else {"taskRef": {"name": f"bolide-{name}"}}
    task: dict[str, Any] = {"name": name, **body}
    if after:
        task["runAfter"] = list(after)
    if guard:
        task["when"] = [{"input": f"$(params.{guard[0]})", "operator": guard[1], "values": [""]}]
    task["params"] = [{"name": parameter, "value": f"$(params.{parameter})"} for parameter in (*own, "image")]
    task["workspaces"] = [{"name": key, "workspace": "run", "subPath": key} for key in ("source", "model")]
    return task
