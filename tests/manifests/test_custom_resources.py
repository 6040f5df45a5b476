"""Custom resources, held to the schemas of their makers through the validators of published packages."""

import json
import subprocess
from typing import Any

import pytest

from tests.manifests.test_manifests import OVERLAYS, rendered
from tests.npm import installed

VALIDATE = """
const [models, documents] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const judge = (Model) => (document) => {
  try {
    new Model(document).validate();
    return null;
  } catch (problem) {
    return String(problem.message);
  }
};
import(models).then((known) => console.log(JSON.stringify(documents.map(judge(known[documents[0].kind])))));
"""
MAKERS = {
    "Application": ("@kubernetes-models/argo-cd", "2.7.2"),
    "AppProject": ("@kubernetes-models/argo-cd", "2.7.2"),
    "Rollout": ("@kubernetes-models/argo-rollouts", "2.0.0"),
    "ScaledObject": ("@kubernetes-models/keda", "2.0.0"),
    "TriggerAuthentication": ("@kubernetes-models/keda", "2.0.0"),
}
"""Kind → the package of its validator, and its version."""


def judged(documents: list[dict[str, Any]]) -> list[str | None]:
    """What is wrong with each of some documents of one kind."""
    (package,) = {MAKERS[document["kind"]] for document in documents}
    (version,) = {document["apiVersion"] for document in documents}
    told = json.dumps([f"{package[0]}/{version}", documents])
    folder = installed(*package)
    done = subprocess.run(["node", "-e", VALIDATE], input=told, cwd=folder, capture_output=True, text=True, check=True)
    found: list[str | None] = json.loads(done.stdout)
    return found


def of(kind: str) -> list[dict[str, Any]]:
    """All that the overlays have of a kind."""
    return [document for overlay in OVERLAYS for document in rendered(overlay) if document["kind"] == kind]


@pytest.mark.parametrize("kind", MAKERS)
def test_their_makers_would_take_them(kind: str) -> None:
    documents = of(kind)
    assert documents
    assert judged(documents) == [None] * len(documents)


def test_every_custom_resource_has_a_judge() -> None:
    groups = ("argoproj.io", "keda.sh")
    custom = {d["kind"] for overlay in OVERLAYS for d in rendered(overlay) if d["apiVersion"].startswith(groups)}
    assert custom == MAKERS.keys()


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("Application", {"source": {"path": 1}}),
        ("Rollout", {"strategy": {"canary": {"steps": [{"setWeight": "a fifth"}]}}}),
        ("ScaledObject", {"triggers": [{"type": "postgresql"}]}),
    ],
)
def test_what_their_makers_would_refuse_is_noticed(kind: str, wrong: dict[str, Any]) -> None:
    document = of(kind)[0]
    (told,) = judged([{**document, "spec": {**document["spec"], **wrong}}])
    assert told


def test_a_canary_goes_step_by_step_over_the_deployment_that_bolide_sets() -> None:
    documents = rendered("app/overlays/prod-canary")
    (rollout,), (deployment,) = (
        [document for document in documents if document["kind"] == kind] for kind in ("Rollout", "Deployment")
    )
    reference = rollout["spec"]["workloadRef"]
    assert (reference["kind"], reference["name"]) == (deployment["kind"], deployment["metadata"]["name"])
    assert rollout["metadata"]["namespace"] == deployment["metadata"]["namespace"]
    weights = [step["setWeight"] for step in rollout["spec"]["strategy"]["canary"]["steps"] if "setWeight" in step]
    assert weights == sorted(weights)
    assert 0 < weights[0] <= weights[-1] < 100


def test_kedas_workers_are_scaled_by_kedas_autoscaler_alone() -> None:
    documents = rendered("bot/overlays/many-machines-keda")
    assert not [document for document in documents if document["kind"] == "HorizontalPodAutoscaler"]
    (scaled,), (login,) = (
        [document for document in documents if document["kind"] == kind]
        for kind in ("ScaledObject", "TriggerAuthentication")
    )
    target = scaled["spec"]["scaleTargetRef"]
    names = {(document["kind"], document["metadata"]["name"]) for document in documents}
    assert (target["kind"], target["name"]) in names
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["authenticationRef"]["name"] == login["metadata"]["name"]
    (secret,) = login["spec"]["secretTargetRef"]
    mounted = [
        volume for d in documents if d["kind"] == "Deployment" for volume in d["spec"]["template"]["spec"]["volumes"]
    ]
    assert secret["name"] in [volume.get("secret", {}).get("secretName") for volume in mounted]


@pytest.mark.parametrize("kind", ["Route", "ImageStream"])
def test_openshifts_resources_have_the_fields_that_their_reference_names(kind: str) -> None:
    (found,) = [document for document in rendered("app/overlays/openshift") if document["kind"] == kind]
    known = {
        "Route": {
            "host",
            "path",
            "to",
            "alternateBackends",
            "port",
            "tls",
            "wildcardPolicy",
            "subdomain",
            "httpHeaders",
        },
        "ImageStream": {"lookupPolicy", "dockerImageRepository", "tags"},
    }
    assert found["spec"].keys() <= known[kind]
    group = {"Route": "route.openshift.io/v1", "ImageStream": "image.openshift.io/v1"}
    assert found["apiVersion"] == group[kind]
