"""Tekton's resources: made from the stages and nothing else, held to Tekton's linter, tried in a tiny cluster."""

import json
import re
import subprocess
import tarfile
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.__main__ import main
from bot.adapters.kubernetes import Cluster, connect
from bot.core import evidencerun, repoconfig, tekton
from bot.core.recipe import Recipe
from bot.core.steps import training_steps
from bot.core.tekton import Order
from bot.terminal.stages import TEKTON, rendered
from tests import kubectl
from tests.npm import installed
from tests.pipelines.tekton import NAMESPACE, tiny_tekton
from tests.pipelines.workshop import write_repository

ROOT = Path(__file__).parents[2]
IMAGE = "registry.example.org/python@sha256:" + "a" * 64


def own_recipe() -> Recipe:
    return repoconfig.parse((ROOT / repoconfig.PATH).read_text()).recipe


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def printed_run(capsys: pytest.CaptureFixture[str], folder: Path, *more: str) -> str:
    given = ["--run", "c" * 40, "--source", "https://example.org/source.tar", "--image", IMAGE, *more]
    assert main(["stages", str(folder), *given]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", sorted(rendered(own_recipe())))
def test_each_file_is_what_the_stages_come_to(name: str) -> None:
    assert (ROOT / name).read_text() == rendered(own_recipe())[name], "run `python -m bot stages --write`"


def test_no_parameter_is_ever_put_into_a_script_or_a_command() -> None:
    for task in documents(ROOT / TEKTON / "tasks.yaml"):
        for step in task["spec"]["steps"]:
            assert "$(" not in step.get("script", "")
            assert "$(" not in json.dumps(step.get("command", []))
            assert step.get("command") is None or isinstance(step["command"], list)


def test_steps_run_as_nobody_on_an_image_by_digest_within_bounds(capsys: pytest.CaptureFixture[str]) -> None:
    for task in documents(ROOT / TEKTON / "tasks.yaml"):
        for step in task["spec"]["steps"]:
            assert step["image"] == "$(params.image)"
            assert step["securityContext"]["allowPrivilegeEscalation"] is False
            assert step["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert {"cpu", "memory"} <= step["computeResources"]["limits"].keys()
    run = yaml.safe_load(printed_run(capsys, ROOT))
    template = run["spec"]["taskRunTemplate"]["podTemplate"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert main(["stages", str(ROOT), "--run", "c" * 40, "--source", "https://e.org/a", "--image", "python:3.11"]) == 1
    assert "write it as name@sha256" in capsys.readouterr().err


def test_a_stage_can_change_only_what_it_is_to_write() -> None:
    tasks = {task["metadata"]["name"]: task["spec"] for task in documents(ROOT / TEKTON / "tasks.yaml")}
    training = own_recipe().training
    assert training
    for step in training_steps(training):
        writable = [one["name"] for one in tasks[f"bolide-{step.name}"]["workspaces"] if not one["readOnly"]]
        assert writable == (["model"] if step.writes else [])


def test_kustomize_renders_them_and_kubernetes_takes_the_rest() -> None:
    found = kubectl.rendered(ROOT / TEKTON)
    kinds = {document["kind"] for document in found}
    assert {"Task", "Pipeline", "Role", "RoleBinding", "ServiceAccount", "NetworkPolicy"} <= kinds
    assert {document["metadata"].get("namespace") for document in found if document["kind"] != "Namespace"} == {
        NAMESPACE
    }
    for document in found:
        if not document["apiVersion"].startswith("tekton.dev"):
            kubernetes_validate.validate(document, "1.32", strict=True)
    for task in (document for document in found if document["kind"] == "Task"):
        # A step is a container of Kubernetes, but for these keys of Tekton's own.
        for step in task["spec"]["steps"]:
            require_container(step, task["spec"]["volumes"])


def require_container(step: dict[str, Any], volumes: list[dict[str, Any]]) -> None:
    """Fail for a step that Kubernetes would not take as a container."""
    container = {key: value for key, value in step.items() if key not in ("script", "computeResources")}
    container["resources"] = step["computeResources"]
    pod = {"containers": [container], "volumes": volumes}
    kubernetes_validate.validate(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}, "1.32", strict=True
    )


def examination() -> dict[str, Any]:
    """The run of an examination, as Bolide creates it."""
    told = {name: f"https://example.org/{name}" for name in evidencerun.PARAMETERS} | {"image": IMAGE}
    return evidencerun.evidence_run(Order("evidence-ada-digits-abc1234-0123456789ab", told))


def test_the_pod_of_an_examination_is_restricted_and_only_the_steps_around_the_code_have_links() -> None:
    run = examination()
    template = run["spec"]["taskRunTemplate"]["podTemplate"]
    assert template["automountServiceAccountToken"] is False
    assert template["securityContext"]["runAsNonRoot"] is True
    assert template["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (task,) = run["spec"]["pipelineSpec"]["tasks"]
    steps = {step["name"]: step for step in task["taskSpec"]["steps"]}
    assert list(steps) == ["fetch", "examine", "keep"]
    told = {name: json.dumps(step["env"]) for name, step in steps.items()}
    assert [name for name in steps if "-url)" in told[name].replace("params.index-url)", "")] == ["fetch", "keep"]
    assert not [text for text in told.values() if re.search("SECRET|TOKEN|KEY|PASSWORD", text)]
    # What the code leaves, the last step can only read; and nothing else that the code can write is in its reach.
    assert steps["keep"]["volumeMounts"] == [{"name": "work", "mountPath": evidencerun.WORK, "readOnly": True}]
    for step in steps.values():
        assert step["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        require_container(step, task["taskSpec"]["volumes"])


def test_what_is_tried_out_reaches_no_private_address() -> None:
    found = {
        document["metadata"]["name"]: document["spec"]
        for document in kubectl.rendered(ROOT / TEKTON)
        if document["kind"] == "NetworkPolicy"
    }
    assert found["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    run, policy = examination(), found["bolide-evidence"]
    assert policy["podSelector"]["matchLabels"].items() <= run["metadata"]["labels"].items()
    assert not found["bolide-stages"]["podSelector"]["matchLabels"].items() <= run["metadata"]["labels"].items()
    assert found["bolide-stages"]["podSelector"]["matchLabels"].items() <= tekton.LABELS.items()
    assert "ingress" not in policy
    open_to_all = [rule for rule in policy["egress"] if "to" not in rule]
    assert {port["port"] for rule in open_to_all for port in rule["ports"]} == {53, 5353}
    blocks = [ip_network(block) for rule in policy["egress"] for to in rule.get("to", ()) for block in excepted(to)]
    for address in ("10.96.0.1", "172.30.0.1", "192.168.1.1", "169.254.169.254", "fd00::1", "fe80::1", "::1"):
        assert any(ip_address(address) in block for block in blocks), address
    assert not any(ip_address("8.8.8.8") in block for block in blocks)


def excepted(to: dict[str, Any]) -> list[str]:
    return list(to["ipBlock"]["except"])


@pytest.mark.network
@pytest.mark.enable_socket
def test_tektons_linter_finds_nothing_and_would_find_a_slip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = installed("tekton-lint", "0.6.0") / "node_modules" / ".bin" / "tekton-lint"
    run = tmp_path / "run.yaml"
    run.write_text(printed_run(capsys, ROOT))
    evidence = tmp_path / "evidence.yaml"
    evidence.write_text(tekton.render([examination()]))
    tasks, pipeline = ROOT / TEKTON / "tasks.yaml", ROOT / TEKTON / "pipeline.yaml"

    def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "--format", "stylish", "--max-warnings", "0", *paths], capture_output=True, text=True, check=False
        )

    found = lint(tasks, pipeline, run, evidence)
    assert (found.returncode, found.stdout.strip()) == (0, "")
    slip = tmp_path / "tasks.yaml"
    slip.write_text(tasks.read_text().replace("$(params.commit)", "$(params.comit)"))
    assert "Undefined param 'comit'" in lint(slip, pipeline, run).stdout


async def test_a_printed_run_works_with_kubectl_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tasks and Pipeline as installed, the run as printed; the source as GitHub packs it, in a folder of its own."""
    lock = json.dumps({"_meta": {}, "default": {}, "app": {}, "training": {}, "develop": {}})
    config = (ROOT / repoconfig.PATH).read_text().replace("app:create_app()", "shop:create_app()")
    tree = write_repository(tmp_path / "digits", {"Pipfile.lock": lock, repoconfig.PATH: config})
    packed = tmp_path / "source.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(tree, "digits")
    async with tiny_tekton(tmp_path / "cluster") as (cluster, url):
        await cluster.bucket.put("source.tar.gz", packed.read_bytes())
        source = await cluster.bucket.link("source.tar.gz", "GET", 60)
        model = await cluster.bucket.link("model.tar", "PUT", 60)
        for document in (*documents(ROOT / TEKTON / "tasks.yaml"), *documents(ROOT / TEKTON / "pipeline.yaml")):
            cluster.installed[document["metadata"]["name"]] = document
        run = yaml.safe_load(
            re.sub(r"https://example\.org/source\.tar", source, printed_run(capsys, tree, "--model", model))
        )
        (tmp_path / "token").write_text(cluster.token)
        async with connect(Cluster(url, NAMESPACE, tmp_path / "token")) as runs:
            assert await runs.create(run)
            assert not await runs.create(run)
            ended = await runs.end(run["metadata"]["name"])
        assert (ended.succeeded, [task.name for task in ended.tasks]) == (
            True,
            ["fetch", "train", "evaluate", "gate", "keep"],
        )
        assert "model.tar" in cluster.bucket.held


def test_a_folder_without_a_training_is_told_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stages", str(tmp_path)]) == 1
    assert "give the folder of a project that has one" in capsys.readouterr().err
    (tmp_path / ".github").mkdir()
    (tmp_path / repoconfig.PATH).write_text("{}\n")
    assert main(["stages", str(tmp_path), "--write"]) == 1
    assert "has no `training`" in capsys.readouterr().err
    assert main(["stages", str(ROOT)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in told["stages"]] == ["train", "evaluate", "gate", "package", "deploy", "verify"]
