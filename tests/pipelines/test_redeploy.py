"""What a merge starts, told as stories: a repository changes, the run reports its stages, the public port answers."""

import hashlib
import json
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from app.signature import verify
from bot.core.recipe import Recipe, ServiceRecipe
from bot.core.signature import NAME, SIGNED
from bot.core.stages import (
    Done,
    Failed,
    NotServed,
    RunResult,
    Skipped,
    StageReport,
    Started,
    Stopped,
    Unchanged,
    Verified,
)
from bot.pipelines import redeploy
from bot.pipelines.control import Kept, Status, Supervisor, Switched
from bot.pipelines.course import RunRequest, Workshop
from bot.pipelines.runner import LocalRunner
from bot.pipelines.signer import Signer
from bot.pipelines.store import FolderStore
from tests.pipelines.workshop import (
    GATE,
    RECIPE,
    SERVICE,
    Bench,
    Installed,
    OneEnvironment,
    Running,
    lock,
    sha,
    supervising,
    training_module,
    write_repository,
)
from tests.signing import Keys, make_keys

ALL = ["train", "evaluate", "gate", "package", "deploy", "verify"]


@dataclass
class Town:
    """A repository, its bot's workshop and its supervisor."""

    root: Path
    running: Running
    bench: Bench = field(default_factory=Bench)
    environments: OneEnvironment = field(default_factory=OneEnvironment)
    reports: list[StageReport] = field(default_factory=list)
    merges: int = 0

    def workshop(self, **changes: Any) -> Workshop:
        shop = Workshop(
            LocalRunner(self.environments, self.bench),
            self.environments,
            FolderStore(self.root / "store"),
            self.running.ask,
            self.root / "releases",
            self.root / "scratch",
            patience=5,
        )
        return replace(shop, **changes)

    async def merge(
        self, number: int, changes: Mapping[str, str] | None = None, shop: Workshop | None = None, **more: Any
    ) -> RunResult:
        """Run a commit that differs from the standard repository in these files."""
        self.reports.clear()
        self.merges += 1
        tree = write_repository(self.root / f"tree-{self.merges}", changes)
        request = RunRequest("ada/digits", sha(number), tree, lock(), RECIPE)

        async def report(line: StageReport) -> None:
            self.reports.append(line)

        return await redeploy.run(shop or self.workshop(), replace(request, **more), report)

    def stages(self, kind: type) -> list[str]:
        return [line.stage for line in self.reports if isinstance(line.outcome, kind)]

    def reason(self, stage: str) -> str:
        found = [line.outcome for line in self.reports if line.stage == stage]
        outcome = found[-1]
        return (
            outcome.reason if isinstance(outcome, Skipped) else outcome.sentence if isinstance(outcome, Failed) else ""
        )


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    async with supervising(tmp_path / "state") as running:
        yield Town(tmp_path, running)


async def test_a_repository_over_its_life(town: Town) -> None:
    first = await town.merge(1)
    assert isinstance(first, Verified)
    assert (first.sha, first.digits) == (sha(1), 10)
    assert first.model == (await town.running.get("/version"))["model"]
    assert town.stages(Started) == town.stages(Done) == ALL
    assert await town.running.commit() == sha(1)

    # Only the documentation changes: nothing is run, nothing is installed, nothing is deployed.
    commands, installs = len(town.bench.commands), len(town.environments.asked)
    docs = await town.merge(2, {"README.md": "More about digits.\n"})
    assert isinstance(docs, Unchanged)
    assert docs.serving == sha(1)
    assert town.stages(Skipped) == ALL
    assert town.stages(Started) == []
    assert "unchanged since" in town.reason("train")
    assert f"Already serving this model and code, from commit {sha(1)[:8]}" in town.reason("deploy")
    assert (len(town.bench.commands), len(town.environments.asked)) == (commands, installs)
    assert await town.running.commit() == sha(1)

    # The service changes: the model is not trained again.
    served = await town.merge(3, {"shop/__init__.py": SERVICE + "\n# quicker\n"})
    assert isinstance(served, Verified)
    assert town.stages(Skipped) == ["train", "evaluate", "gate"]
    assert town.reason("gate") == "The model is the one in production."
    assert await town.running.commit() == sha(3)

    # The lock moves for the tools only, then for the training, then for the service.
    changed = {"shop/__init__.py": SERVICE + "\n# quicker\n"}
    assert isinstance(await town.merge(4, changed, lock=lock(ruff="2.0")), Unchanged)
    assert isinstance(await town.merge(5, changed, lock=lock(keras="3.1.0")), Verified)
    assert town.stages(Done) == ALL
    assert isinstance(await town.merge(6, changed, lock=lock(keras="3.1.0", flask="3.1.1")), Verified)
    assert town.stages(Done) == ["package", "deploy", "verify"]

    # A revert is a merge like others: the commit that is answered is the one that was merged.
    assert isinstance(await town.merge(7), Verified)
    assert town.stages(Skipped) == ["train", "evaluate"]
    assert await town.running.commit() == sha(7)
    assert not list((town.root / "scratch").iterdir())


async def test_the_release_names_what_it_was_made_of(town: Town) -> None:
    await town.merge(1)
    status = await town.running.ask.status()
    assert status.serving
    document = json.loads((status.serving.release / "release.json").read_text())
    trace, card = document["trace"], json.loads((status.serving.release / "model" / "card.json").read_text())
    assert document["kind"] == "sealed virtual environment"
    assert trace["commit"] == sha(1) == card["commit"]
    assert trace["lock_sha256"] == (await town.running.get("/version"))["lock"]
    assert trace["data_sha256"] == card["data_sha256"]
    assert trace["model_sha256"] == document["files"]["model/model.tflite"] == card["sha256"]
    assert "training/train.py" not in str(document["files"])

    # The same statement as an image's, about the file that names all the others by their sums.
    statement = json.loads((status.serving.release / "provenance.json").read_text())
    sealed = hashlib.sha256((status.serving.release / "release.json").read_bytes()).hexdigest()
    name = f"{status.serving.release.name}/release.json"
    assert statement["subject"] == [{"name": name, "digest": {"sha256": sealed}}]
    build = statement["predicate"]["buildDefinition"]
    assert build["buildType"].endswith("/sealed-virtual-environment/v1")
    sums = [next(iter(one["digest"].values())) for one in build["resolvedDependencies"]]
    assert sums[:2] == [sha(1), trace["lock_sha256"]]
    assert sums[-2:] == [card["data_sha256"], card["sha256"]]
    bill = json.loads((status.serving.release / "sbom.json").read_text())
    assert "flask" in [component["name"] for component in bill["components"]]


async def test_the_bot_signs_and_only_the_public_half_of_its_key_goes_on(town: Town, tmp_path: Path) -> None:
    """The stages write down what they see; the key lies where no run has any business."""
    operator, show = tmp_path / "operator", "\nimport json, os\nprint(json.dumps(dict(os.environ)))\n"
    operator.mkdir()
    keys, others = make_keys(operator), make_keys(operator, "others")
    nosy = {"training/train.py": training_module() + show, "training/gate.py": GATE + show}
    shop = town.workshop(signer=Signer.of(keys.pem, tmp_path), logs=tmp_path / "logs")
    assert isinstance(await town.merge(1, nosy, shop), Verified)
    serving = (await town.running.ask.status()).serving
    assert serving
    seen = {
        name: json.loads((tmp_path / "logs" / sha(1) / f"{name}.log").read_text().splitlines()[-1])
        for name in ALL[:3:2]
    }
    assert "VERIFYING_KEY_FILE" not in seen["train"]
    assert seen["gate"]["VERIFYING_KEY_FILE"] == str(tmp_path / "verifying-key.pem")
    service = await town.running.get("/environment")
    assert service["VERIFYING_KEY_FILE"] == str(serving.release / "verifying-key.pem")
    for where in (*seen.values(), service):
        assert str(keys.private) not in where.values()
    assert verified(serving.release / "model", serving.release / "verifying-key.pem", keys)
    secret = keys.pem.splitlines()[1]
    assert find(secret, tmp_path) == [keys.private]

    # The same model is as signed as before; another key signs another.
    assert isinstance(await town.merge(2, nosy | {"README.md": "More.\n"}, shop), Unchanged)
    rotated = town.workshop(signer=Signer.of(others.pem, tmp_path))
    assert isinstance(await town.merge(3, nosy, rotated), Verified)
    assert town.stages(Done) == ALL
    serving = (await town.running.ask.status()).serving
    assert serving
    assert verified(serving.release / "model", serving.release / "verifying-key.pem", others)
    nothing = training_module().replace('(folder / "golden.json").write_text', "str")
    unsigned = await town.merge(4, {"training/train.py": nothing}, rotated)
    assert isinstance(unsigned, Stopped)
    assert unsigned.failure.sentence.startswith("The model cannot be signed: ")


def find(text: str, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def verified(model: Path, public: Path, keys: Keys) -> bool:
    assert public.read_bytes() == keys.public.read_bytes()
    verify((model / NAME).read_bytes(), {name: (model / name).read_bytes() for name in SIGNED}, public.read_bytes())
    return True


async def test_a_failing_gate_keeps_what_serves(town: Town) -> None:
    await town.merge(1)
    worse = await town.merge(2, {"training/train.py": training_module(accuracy=0.95)})
    assert isinstance(worse, Stopped)
    assert worse.stage == "gate"
    assert worse.failure.sentence == "The accuracy 0.95 is below production's 0.99."
    assert worse.failure.reproduce == f"git checkout {sha(2)} && MODEL_DIR=model python -m training.gate"
    assert town.stages(Failed) == ["gate"]
    assert "package" not in town.stages(Started)
    assert await town.running.commit() == sha(1)


FAILING = [
    ({"training/train.py": "raise SystemExit('No data: run training.download.')"}, "train", "No data: run"),
    ({"training/train.py": "print('nothing')"}, "train", "no sound card.json"),
    ({"training/evaluate.py": "import shop"}, "evaluate", "No module named 'shop'"),
    ({"training/train.py": training_module(accuracy=0.5)}, "gate", "0.5 is below production's 0.99"),
    ({"shop/__init__.py": "import nowhere"}, "deploy", "No module named 'nowhere'"),
    ({"training/data/shift.txt": "1"}, "deploy", "/predict answers 1 for the golden digit 0"),
]


async def test_whatever_fails_the_old_version_serves_on(town: Town) -> None:
    await town.merge(1)
    for number, (changes, stage, said) in enumerate(FAILING, 2):
        result = await town.merge(number, changes)
        assert isinstance(result, Stopped)
        assert (result.stage, town.stages(Failed)) == (stage, [stage])
        assert said in result.failure.sentence
        assert result.failure.reproduce or said == "no sound card.json"
        assert await town.running.commit() == sha(1)
    again = await town.merge(9)
    assert isinstance(again, Unchanged)


async def test_an_evaluation_cannot_change_the_model(town: Town) -> None:
    tampering = (
        "import hashlib, json, os, pathlib\n"
        "folder = pathlib.Path(os.environ['MODEL_DIR'])\n"
        "(folder / 'model.tflite').write_bytes(b'other')\n"
        "card = json.loads((folder / 'card.json').read_text())\n"
        "card['sha256'] = hashlib.sha256(b'other').hexdigest()\n"
        "(folder / 'card.json').write_text(json.dumps(card))\n"
    )
    result = await town.merge(1, {"training/evaluate.py": tampering})
    assert isinstance(result, Stopped)
    assert "changed the model that it was to judge" in result.failure.sentence


async def test_a_link_out_of_the_model_directory_is_not_followed(town: Town) -> None:
    secret = town.root / "secret"
    secret.write_text("canary-two")
    linking = training_module() + f"    (folder / 'extra').symlink_to({str(secret)!r})\n"
    result = await town.merge(1, {"training/train.py": linking})
    assert isinstance(result, Stopped)
    assert "extra is a link" in result.failure.sentence
    assert not [path for path in (town.root / "store").rglob("*") if path.is_file() and b"canary" in path.read_bytes()]


async def test_a_run_that_was_cut_off_repeats_only_what_was_not_done(town: Town) -> None:
    @dataclass
    class Falling:
        """A deployer whose program dies as the deployment is asked for."""

        supervisor: Supervisor

        async def status(self) -> Status:
            return await self.supervisor.status()

        async def deploy(self, release: Path) -> Switched | Kept:
            raise KeyboardInterrupt(release)

    with pytest.raises(KeyboardInterrupt):
        await town.merge(1, shop=town.workshop(deployer=Falling(town.running.ask)))
    assert isinstance(await town.merge(1), Verified)
    assert town.stages(Skipped) == ["train", "evaluate", "package"]
    assert isinstance(await town.merge(1), Verified)
    assert town.stages(Done) == ["verify"]
    # On command the model is trained though nothing has changed; it is the same, and serves on.
    assert isinstance(await town.merge(1, retrain=True), Verified)
    assert town.stages(Done) == ["train", "verify"]


async def test_a_damaged_artefact_is_made_again(town: Town) -> None:
    await town.merge(1)
    trained = next(line.outcome.artefact for line in town.reports if isinstance(line.outcome, Done))
    model = town.root / "store" / "objects" / trained / "model.tflite"
    model.write_bytes(model.read_bytes() + b" ")
    assert isinstance(await town.merge(2, {"shop/__init__.py": SERVICE + "# new\n"}), Verified)
    assert "train" in town.stages(Done)


async def test_a_lock_without_gunicorn_is_refused(town: Town, tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to(shutil.which("python3") or "python3")
    result = await town.merge(1, shop=town.workshop(environments=OneEnvironment(bare)))
    assert isinstance(result, Stopped)
    assert result.stage == "package"
    assert "have no gunicorn; add it, or name service.serve" in result.failure.sentence
    assert not list((tmp_path / "releases").iterdir())


async def test_a_lock_that_lacks_a_category_is_named(town: Town) -> None:
    result = await town.merge(1, lock='{"_meta": {}, "default": {}}')
    assert isinstance(result, Stopped)
    assert "training" in result.failure.sentence


async def test_a_public_address_that_leads_elsewhere_is_said_to_be_disconnected(town: Town, tmp_path: Path) -> None:
    async with supervising(tmp_path / "other") as other:
        result = await town.merge(1, shop=town.workshop(public_url=other.url, patience=1))
    assert isinstance(result, Stopped)
    assert result.stage == "verify"
    assert "what is between the two is disconnected" in result.failure.sentence


async def test_without_a_supervisor_nothing_is_trained(town: Town) -> None:
    await town.running.ask.stop()
    await town.running.process.wait()
    result = await town.merge(1)
    assert isinstance(result, Stopped)
    assert "python -m bot supervise" in result.failure.sentence
    assert town.bench.commands == []


async def test_a_repository_without_a_service_or_without_a_training(town: Town) -> None:
    alone = await town.merge(1, recipe=Recipe(RECIPE.training, None))
    assert isinstance(alone, NotServed)
    assert town.stages(Done) == ["train", "evaluate", "gate"]
    served = await town.merge(2, recipe=Recipe(None, RECIPE.service))
    assert isinstance(served, Verified)
    assert (served.model, served.digits) == (None, 0)


async def test_a_service_that_goes_wrong_after_the_switch_is_rolled_back(town: Town) -> None:
    await town.merge(1)
    tiring = SERVICE.replace(
        "bright = sum", "app.seen = getattr(app, 'seen', 0) + 1\n        bright = (app.seen > 10) + sum"
    )
    result = await town.merge(2, {"shop/__init__.py": tiring})
    assert isinstance(result, Stopped)
    assert result.stage == "verify"
    assert f"/predict answers 1 for the golden digit 0. Commit {sha(1)[:8]} serves again." in result.failure.sentence
    assert await town.running.commit() == sha(1)


class NotInstallable(Exception):
    def __init__(self) -> None:
        super().__init__()
        self.sentence, self.log_tail = "The packages of the lock cannot be installed: no wheel.", "the log"


class NoEnvironments:
    async def install(self, requirements: str, indexes: Mapping[str, str] | None = None) -> Installed:
        raise NotInstallable


async def test_a_service_that_declares_no_route_must_answer_at_least(town: Town) -> None:
    plain = Recipe(None, ServiceRecipe(("app",), ("shop",), "shop:create_app()", "", "", ""))
    assert isinstance(await town.merge(1, recipe=plain), Verified)
    assert await town.running.commit() == sha(1)
    failing = SERVICE + "\ncreate_app = lambda: lambda environ, start: 1 / 0\n"
    result = await town.merge(2, {"shop/__init__.py": "import nowhere"}, recipe=plain)
    assert isinstance(result, Stopped)
    assert "No module named 'nowhere'" in result.failure.sentence
    result = await town.merge(3, {"shop/__init__.py": failing}, recipe=plain)
    assert isinstance(result, Stopped)
    assert "/ answered 500" in result.failure.sentence
    assert await town.running.commit() == sha(1)


async def test_packages_that_cannot_be_installed_are_said(town: Town) -> None:
    nowhere = NoEnvironments()
    training = await town.merge(1, shop=town.workshop(runner=LocalRunner(nowhere, town.bench)))
    packaging = await town.merge(1, shop=town.workshop(environments=nowhere))
    for result, stage in ((training, "train"), (packaging, "package")):
        assert isinstance(result, Stopped)
        assert (result.stage, result.failure.log_tail) == (stage, "the log")
        assert "no wheel" in result.failure.sentence
