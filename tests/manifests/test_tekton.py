"""Tekton's resources: made from the stages and nothing else, held to Tekton's linter, tried in a tiny cluster."""

import json
import re
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from bot.__main__ import main
from bot.adapters.kubernetes import Cluster, connect
from bot.core import repoconfig
from bot.core.recipe import Recipe
from bot.core.steps import training_steps
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
            container = {key: value for key, value in step.items() if key not in ("script", "computeResources")}
            container["resources"] = step["computeResources"]
            pod = {"containers": [container], "volumes": task["spec"]["volumes"]}
            kubernetes_validate.validate(
                {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": pod}, "1.32", strict=True
            )


@pytest.mark.network
@pytest.mark.enable_socket
def test_tektons_linter_finds_nothing_and_would_find_a_slip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    program = installed("tekton-lint", "0.6.0") / "node_modules" / ".bin" / "tekton-lint"
    run = tmp_path / "run.yaml"
    run.write_text(printed_run(capsys, ROOT))
    tasks, pipeline = ROOT / TEKTON / "tasks.yaml", ROOT / TEKTON / "pipeline.yaml"

    def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program, "--format", "stylish", "--max-warnings", "0", *paths], capture_output=True, text=True, check=False
        )

    found = lint(tasks, pipeline, run)
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
    assert "cannot be read" in capsys.readouterr().err
    (tmp_path / ".github").mkdir()
    (tmp_path / repoconfig.PATH).write_text("{}\n")
    assert main(["stages", str(tmp_path), "--write"]) == 1
    assert "has no `training`" in capsys.readouterr().err
    assert main(["stages", str(ROOT)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [stage["name"] for stage in told["stages"]] == ["train", "evaluate", "gate", "package", "deploy", "verify"]
