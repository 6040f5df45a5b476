"""What the manifests come to when kustomize has rendered them, held to Kubernetes' schemas and to rules of our own."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from bot.core.kustomize import FILE, image_digest
from tests import kubectl

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests"
OVERLAYS = sorted(
    path.parent.relative_to(MANIFESTS).as_posix() for path in MANIFESTS.glob("*/overlays/*/kustomization.yaml")
)
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job")
ELSEWHERE = ("argoproj.io", "keda.sh", "openshift.io", "tekton.dev")
"""API groups of custom resources, which Kubernetes' own schemas do not know."""

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)


@cache
def rendered(overlay: str) -> tuple[dict[str, Any], ...]:
    return tuple(kubectl.rendered(MANIFESTS / overlay))


def pods(overlay: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each workload with the specification of its pods."""
    for document in rendered(overlay):
        if document["kind"] in WORKLOADS:
            yield document, document["spec"]["template"]


def containers(overlay: str) -> Iterator[dict[str, Any]]:
    for _, template in pods(overlay):
        yield from (*template["spec"].get("initContainers", ()), *template["spec"]["containers"])


def labels_fit(selector: dict[str, str], labels: dict[str, str]) -> bool:
    return bool(selector) and selector.items() <= labels.items()


def test_there_is_an_overlay_for_each_place() -> None:
    assert {"app/overlays/prod", "app/overlays/preview", "app/overlays/openshift"} <= set(OVERLAYS)
    assert {"bot/overlays/one-machine", "bot/overlays/many-machines", "argocd/overlays/prod"} <= set(OVERLAYS)


@each_overlay
def test_kubernetes_itself_would_take_them(overlay: str) -> None:
    for document in rendered(overlay):
        if not document["apiVersion"].split("/")[0].endswith(ELSEWHERE):
            kubernetes_validate.validate(document, "1.32", strict=True)


@each_overlay
def test_every_image_is_named_by_digest(overlay: str) -> None:
    for container in containers(overlay):
        assert re.fullmatch(r"[a-z0-9./:-]+@sha256:[0-9a-f]{64}", container["image"]), container["image"]


@each_overlay
def test_nothing_runs_as_root_or_may_become_it(overlay: str) -> None:
    for _, template in pods(overlay):
        security = template["spec"]["securityContext"]
        assert security["runAsNonRoot"] is True
        assert security["seccompProfile"] == {"type": "RuntimeDefault"}
        assert template["spec"]["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & template["spec"].keys()
    for container in containers(overlay):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }


@each_overlay
def test_every_container_has_bounds_and_every_port_has_probes(overlay: str) -> None:
    for container in containers(overlay):
        assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        if container.get("ports"):
            probes = [container[name]["httpGet"]["path"] for name in ("readinessProbe", "livenessProbe")]
            assert probes in (["/readyz", "/livez"], ["/minio/health/ready", "/minio/health/live"])


@each_overlay
def test_no_secret_is_in_them(overlay: str) -> None:
    for document in rendered(overlay):
        assert document["kind"] != "Secret"
    for container in containers(overlay):
        named = [entry for entry in container.get("env", ()) if re.search("SECRET|PASSWORD|TOKEN|KEY", entry["name"])]
        assert not [entry for entry in named if "value" in entry and not entry["name"].endswith("_FILE")]


@each_overlay
def test_selectors_find_their_own_pods_and_no_others(overlay: str) -> None:
    workloads = list(pods(overlay))
    for workload, template in workloads:
        selector = workload["spec"]["selector"]["matchLabels"]
        found = [
            other["metadata"]["name"] for other, its in workloads if labels_fit(selector, its["metadata"]["labels"])
        ]
        assert found == [workload["metadata"]["name"]]
        assert labels_fit(selector, template["metadata"]["labels"])


@each_overlay
def test_services_policies_and_budgets_select_pods(overlay: str) -> None:
    labels = [template["metadata"]["labels"] for _, template in pods(overlay)]
    for document in rendered(overlay):
        match document["kind"]:
            case "Service":
                selector = document["spec"]["selector"]
            case "NetworkPolicy":
                selector = document["spec"]["podSelector"]["matchLabels"]
                assert document["spec"]["policyTypes"] == ["Ingress", "Egress"]
            case "PodDisruptionBudget":
                selector = document["spec"]["selector"]["matchLabels"]
            case _:
                continue
        assert [one for one in labels if labels_fit(selector, one)], document["metadata"]["name"]


@each_overlay
def test_every_workload_has_a_network_policy(overlay: str) -> None:
    policies = [document for document in rendered(overlay) if document["kind"] == "NetworkPolicy"]
    for _, template in pods(overlay):
        fitting = [
            p for p in policies if labels_fit(p["spec"]["podSelector"]["matchLabels"], template["metadata"]["labels"])
        ]
        assert fitting


@each_overlay
def test_what_scales_is_there(overlay: str) -> None:
    scalable = (*WORKLOADS, "Rollout")
    names = {(found["kind"], found["metadata"]["name"]) for found in rendered(overlay) if found["kind"] in scalable}
    for document in rendered(overlay):
        if document["kind"] == "HorizontalPodAutoscaler":
            target = document["spec"]["scaleTargetRef"]
            assert (target["kind"], target["name"]) in names


@each_overlay
def test_routes_and_image_streams_are_openshifts_alone(overlay: str) -> None:
    kinds = {document["kind"] for document in rendered(overlay)}
    assert ({"Route", "ImageStream"} <= kinds) == overlay.endswith("openshift")


def test_argo_cd_watches_folders_that_exist() -> None:
    applications = [document for document in rendered("argocd/overlays/prod") if document["kind"] == "Application"]
    assert applications
    (project,) = [document for document in rendered("argocd/overlays/prod") if document["kind"] == "AppProject"]
    for application in applications:
        source = application["spec"]["source"]
        assert (ROOT / source["path"] / FILE).is_file(), source["path"]
        assert source["repoURL"] in project["spec"]["sourceRepos"]
        namespaces = [destination["namespace"] for destination in project["spec"]["destinations"]]
        assert application["spec"]["destination"]["namespace"] in namespaces


@pytest.mark.parametrize("place", ["prod", "preview", "openshift"])
def test_bolide_finds_the_digest_that_it_sets(place: str) -> None:
    path = MANIFESTS / "app" / "overlays" / place / FILE
    found = image_digest(path.read_text(), "registry.example.org/bolide/digits")
    assert found
    assert found.startswith("sha256:")


def test_a_preview_lives_in_a_name_space_of_its_own() -> None:
    def spaces(overlay: str) -> set[str]:
        return {document["metadata"].get("namespace", "") for document in rendered(overlay)} - {""}

    assert not spaces("app/overlays/preview") & spaces("app/overlays/prod")
