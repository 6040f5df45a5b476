"""A repository whose model is made in a cluster: one PipelineRun for a commit, joined, cancelled, explained."""

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.signature import verify
from bot.adapters.certificate import local_context
from bot.adapters.kubernetes import Cluster, connect
from bot.core.pipelineruns import ClusterRefused, ClusterUnavailable, PipelineRuns
from bot.core.recipe import Recipe, TrainingRecipe
from bot.core.signature import NAME, SIGNED
from bot.core.stages import Done, Failed, NotServed, RunResult, Skipped, StageReport, Stopped
from bot.pipelines import redeploy
from bot.pipelines.control import Supervisor
from bot.pipelines.course import RunRequest, Workshop
from bot.pipelines.image import Yard
from bot.pipelines.pipelinerun import ClusterMaker, run_name
from bot.pipelines.runner import LocalRunner
from bot.pipelines.signer import Signer
from bot.pipelines.store import FolderStore
from tests.pipelines.images import MemoryImages
from tests.pipelines.tekton import NAMESPACE, PYTHON, TinyTekton, tiny_tekton
from tests.pipelines.workshop import (
    RECIPE,
    Bench,
    OneEnvironment,
    sha,
    small_environment,
    training_module,
    write_repository,
)
from tests.signing import make_keys

IMAGE = "registry.example.org/python@sha256:" + "a" * 64
LOCK = json.dumps({"_meta": {}, "default": {}, "app": {}, "training": {}, "develop": {}})
ONLY_MODEL = Recipe(RECIPE.training, None)


@dataclass
class Shop:
    """A bot whose models are made in the cluster; nothing is served here."""

    root: Path
    cluster: TinyTekton
    runs: PipelineRuns
    hours: float = 1
    signer: Signer | None = None
    image: str = IMAGE
    yard: Yard | None = None
    reports: list[StageReport] = field(default_factory=list)
    merges: int = 0

    async def merge(
        self,
        number: int,
        changes: Mapping[str, str] | None = None,
        recipe: Recipe = ONLY_MODEL,
        lock: str = LOCK,
        **more: Any,
    ) -> RunResult:
        self.reports.clear()
        self.merges += 1
        tree = write_repository(self.root / f"tree-{self.merges}", {"Pipfile.lock": lock, **(changes or {})})
        environments = OneEnvironment(small_environment(self.root / "environment"))
        maker = ClusterMaker(self.runs, self.cluster.bucket, self.image, "https://pypi.org/simple", hours=self.hours)
        workshop = Workshop(
            LocalRunner(environments, Bench()),
            environments,
            FolderStore(self.root / "store"),
            Supervisor(self.root / "none"),
            self.root / "releases",
            self.root / "scratch",
            maker=maker,
            signer=self.signer,
            yard=self.yard,
        )

        async def report(line: StageReport) -> None:
            self.reports.append(line)

        request = RunRequest("Ada/Digits.x", sha(number), tree, lock, recipe)
        return await redeploy.run(workshop, replace(request, **more), report)

    def stages(self, kind: type) -> list[str]:
        return [line.stage for line in self.reports if isinstance(line.outcome, kind)]


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with tiny_tekton(tmp_path / "cluster") as (cluster, url):
        token = tmp_path / "token"
        token.write_text(cluster.token + "\n")
        async with connect(Cluster(url, NAMESPACE, token)) as runs:
            yield Shop(tmp_path, cluster, runs)


async def test_a_model_is_made_by_one_run_named_after_the_commit(shop: Shop, tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    shop.signer = Signer.of(keys.pem, tmp_path)
    assert isinstance(await shop.merge(1), NotServed)
    assert shop.stages(Done) == ["train", "evaluate", "gate"]
    (name,) = shop.cluster.runs
    assert name.startswith(f"ada-digits-x-{sha(1)[:12]}-")
    assert [run["metadata"]["labels"]["tekton.dev/pipelineTask"] for run in shop.cluster.task_runs] == [
        "fetch",
        "train",
        "evaluate",
        "gate",
        "keep",
    ]
    kept = [path for path in (shop.root / "store" / "objects").iterdir() if (path / "card.json").exists()]
    assert [json.loads((path / "card.json").read_text())["commit"] for path in kept] == [sha(1)]
    assert json.loads((kept[0] / "metrics.json").read_text()) == {"accuracy": 0.99}
    files = {name: (kept[0] / name).read_bytes() for name in SIGNED}
    verify((kept[0] / NAME).read_bytes(), files, keys.public.read_bytes())
    assert not [run for run in shop.cluster.runs.values() if "PRIVATE KEY" in json.dumps(run)]

    # Neither the code nor the data of the training change: only the gate is asked again, of the same model.
    await shop.merge(2, {"README.md": "More.\n"})
    assert shop.stages(Skipped) == ["train", "evaluate"]
    assert shop.stages(Done) == ["gate"]
    assert [run["metadata"]["labels"]["tekton.dev/pipelineTask"] for run in shop.cluster.task_runs[5:]] == [
        "fetch",
        "gate",
    ]


async def test_the_stages_run_in_the_image_that_was_made_for_them(shop: Shop) -> None:
    shop.image = ""
    stopped = await shop.merge(1)
    assert isinstance(stopped, Stopped)
    assert "name a repository for it as `training.image`" in stopped.failure.sentence

    images, training = MemoryImages(), ONLY_MODEL.training
    assert training
    shop.yard = Yard(images, IMAGE)
    named = Recipe(replace(training, image="registry.example.org/ada/training"), None)
    assert isinstance(await shop.merge(1, recipe=named), NotServed)
    (digest,) = images.pushed
    (run,) = shop.cluster.runs.values()
    given = {one["name"]: one["value"] for one in run["spec"]["params"]}
    assert given["image"] == f"registry.example.org/ada/training@{digest}"


async def test_the_pods_see_no_file_that_is_not_declared_and_no_key_of_the_store(shop: Shop) -> None:
    spy = training_module() + "import os\nprint(sorted(os.listdir('.')), sorted(os.environ))\n"
    await shop.merge(1, {"training/train.py": spy, "secret.txt": "1"})
    (log,) = [text for pod, text in shop.cluster.logs.items() if pod.endswith("step-train")]
    assert "['Pipfile.lock', 'training']" in log
    assert "URL" not in log
    (name,) = shop.cluster.runs
    spec = shop.cluster.runs[name]["spec"]["taskRunTemplate"]
    assert spec["podTemplate"]["automountServiceAccountToken"] is False


async def test_a_stage_that_fails_is_told_with_its_last_lines(shop: Shop) -> None:
    result = await shop.merge(1, {"training/train.py": training_module(accuracy=0.5)})
    assert isinstance(result, Stopped)
    assert (result.stage, result.failure.sentence) == ("gate", "The accuracy 0.5 is below the floor 0.9.")
    assert result.failure.reproduce.startswith(f"git checkout {sha(1)} && MODEL_DIR=model python -m training.gate")
    assert shop.stages(Failed) == ["gate"]

    # The same commit again: what failed before is begun anew, under the same name.
    again = await shop.merge(1, {"training/train.py": training_module(accuracy=0.5)})
    assert isinstance(again, Stopped)
    assert len(shop.cluster.runs) == 1
    assert "DELETE " + next(iter(shop.cluster.runs)) in shop.cluster.asked


async def test_packages_that_are_not_pinned_stop_the_run_before_the_training(shop: Shop) -> None:
    lock = LOCK.replace('"training": {}', '"training": {"keras": {"version": ">=3", "hashes": []}}')
    result = await shop.merge(1, lock=lock)
    assert isinstance(result, Stopped)
    assert result.stage == "train"
    assert "keras" in result.failure.sentence


async def test_a_bot_that_was_killed_joins_the_run_that_it_had_begun(shop: Shop) -> None:
    shop.cluster.slowly = True
    first = asyncio.create_task(shop.merge(1))
    while not shop.cluster.runs:  # noqa: ASYNC110 – the cluster tells nobody
        await asyncio.sleep(0.02)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    (name,) = shop.cluster.runs
    assert "status" not in shop.cluster.runs[name]
    shop.hours = 1 / 3600
    result = await shop.merge(1)
    assert [line for line in shop.cluster.asked if line.startswith("POST")] == ["POST pipelineruns"] * 3
    # It takes longer than it may, so it is cancelled, and the cluster's reason is told.
    assert isinstance(result, Stopped)
    assert "Cancelled" in result.failure.sentence
    assert shop.cluster.runs[name]["spec"]["status"] == "Cancelled"
    await shop.runs.cancel(name)
    await shop.runs.cancel("another")


async def test_a_cluster_that_is_away_or_says_no_is_named(shop: Shop, tmp_path: Path) -> None:
    shop.cluster.down = 1
    with pytest.raises(ClusterUnavailable, match="answers 503"):
        await shop.merge(1)
    stranger = tmp_path / "other"
    stranger.write_text("guessed")
    async with connect(Cluster(shop.cluster.bucket.url, NAMESPACE, stranger)) as runs:
        with pytest.raises(ClusterRefused, match=r"create a PipelineRun: Unauthorized\. Look at manifests") as told:
            await runs.create({})
        assert "guessed" not in str(told.value)
    async with connect(Cluster("http://127.0.0.1:9", NAMESPACE, tmp_path / "absent")) as runs:
        with pytest.raises(ClusterUnavailable, match="BOLIDE_KUBERNETES"):
            await runs.remove("x")


async def test_the_token_goes_only_to_a_cluster_whose_certificate_is_known(tmp_path: Path) -> None:
    tls, token = local_context(tmp_path / "tls", datetime.now(UTC)), tmp_path / "token"
    async with tiny_tekton(tmp_path, tls) as (cluster, url):
        token.write_text(cluster.token)
        cluster.installed["p"] = {"spec": {"params": [], "tasks": []}}
        run = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "x"}}
        run["spec"] = {"pipelineRef": {"name": "p"}, "params": []}
        async with connect(Cluster(url, NAMESPACE, token)) as runs:
            with pytest.raises(ClusterUnavailable, match="certificate"):
                await runs.create(run)
        assert not cluster.asked
        async with connect(Cluster(url, NAMESPACE, token, tmp_path / "tls" / "certificate.pem")) as runs:
            assert await runs.create(run)
            assert (await runs.end("x")).succeeded


async def test_a_command_that_a_cluster_would_change_is_refused(shop: Shop) -> None:
    assert ONLY_MODEL.training
    training: TrainingRecipe = replace(ONLY_MODEL.training, train=("python", "-c", "$(params.commit)"))
    result = await shop.merge(1, recipe=Recipe(training, None))
    assert isinstance(result, Stopped)
    assert "which a cluster replaces" in result.failure.sentence
    assert not shop.cluster.runs


def test_a_run_is_named_as_kubernetes_wants_names() -> None:
    name = run_name("Ada-" * 30 + "/x_y", sha(1), "f" * 64)
    assert len(name) <= 63
    assert name == name.lower()
    assert "--" not in name


async def test_a_model_is_made_again_on_command_by_a_run_of_its_own(shop: Shop) -> None:
    await shop.merge(1)
    await shop.merge(1, order="comment 7", retrain=True)
    assert shop.stages(Done) == ["train", "evaluate", "gate"]
    assert len(shop.cluster.runs) == 2


@pytest.mark.network
@pytest.mark.enable_socket
async def test_packages_of_the_lock_are_installed_by_their_hashes(shop: Shop) -> None:
    if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode:  # noqa: ASYNC221
        pytest.skip(f"{PYTHON} has no pip")
    own = json.loads((Path(__file__).parents[2] / "Pipfile.lock").read_text())
    entry = next(section["typing-extensions"] for section in own.values() if "typing-extensions" in section)
    lock = json.loads(LOCK) | {"training": {"typing-extensions": entry}}
    spy = training_module() + "import typing_extensions\nprint('from', typing_extensions.__file__)\n"
    assert isinstance(await shop.merge(1, {"training/train.py": spy}, lock=json.dumps(lock)), NotServed)
    (log,) = [text for pod, text in shop.cluster.logs.items() if pod.endswith("step-train")]
    assert "/source/packages/typing_extensions.py" in log
    lock["training"]["typing-extensions"] = entry | {"hashes": [f"sha256:{'0' * 64}"]}
    result = await shop.merge(2, {"training/train.py": spy}, lock=json.dumps(lock))
    assert isinstance(result, Stopped)
    assert "cannot be installed" in result.failure.sentence
    assert "hash" in result.failure.log_tail.lower()
