"""A service in a cluster, told as stories: a merge becomes an image, a digest on the branch, and an answer."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from bot.adapters.process_tree import ProcessTree
from bot.core.deploykeys import DeployKeys
from bot.core.errors import Refused
from bot.core.previews import Previewed
from bot.core.recipe import Recipe
from bot.core.stages import Done, Failed, ImagePushed, RunResult, Skipped, StageReport, Stopped, Unchanged, Verified
from bot.pipelines import redeploy
from bot.pipelines.control import Supervisor
from bot.pipelines.course import Cluster, RunRequest, Workshop
from bot.pipelines.image import Yard
from bot.pipelines.preview import Ground, open_preview, say_nothing
from bot.pipelines.runner import LocalRunner
from bot.pipelines.signer import Signer
from bot.pipelines.store import FolderStore
from tests.managers.memory_forge import MemoryForge, MemoryRepository
from tests.pipelines.images import MemoryImages
from tests.pipelines.workshop import (
    RECIPE,
    SERVICE,
    Bench,
    OneEnvironment,
    lock,
    sha,
    small_environment,
    training_module,
    write_repository,
)
from tests.signing import make_keys

BASE = f"registry.example.org/python@sha256:{'b' * 64}"
IMAGE = "registry.example.org/ada/digits"
OVERLAY = "manifests/app/overlays/prod"
PATH = f"{OVERLAY}/kustomization.yaml"
FIRST = f"sha256:{'0' * 64}"
KUSTOMIZATION = f"images:\n  - name: digits  # the service\n    newName: {IMAGE}\n    digest: {FIRST}\n"


@dataclass
class Place:
    """A repository on a forge, a registry, and a cluster whose controller watches the overlay on the branch."""

    root: Path
    repository: MemoryRepository
    forge: MemoryForge
    url: str = ""
    images: MemoryImages = field(default_factory=MemoryImages)
    bench: Bench = field(default_factory=Bench)
    reports: list[StageReport] = field(default_factory=list)
    watched: bool = True
    running: str = FIRST
    merges: int = 0
    tired: int = 0
    signer: Signer | None = None
    recipe: Recipe = RECIPE
    preview: str = ""
    """The overlay that the address answers for; empty for that of production."""
    older: Iterator[bool] = field(default_factory=lambda: iter(()))
    """Whether a pod of the version before answers, for each connection to come; then none does."""
    connections: dict[object, bool] = field(default_factory=dict)
    """The connections that asked for the version, and whether an older pod answered."""

    def others_push(self, times: int) -> None:
        """Let somebody push just before each of the next commits."""

        def somebody(number: int) -> Callable[[], object]:
            return lambda: self.repository.push({"notes.txt": f"{number}\n"})

        self.forge.before_propose = [somebody(number) for number in range(times)]

    def declared(self, path: str = PATH) -> str:
        text = self.repository.commits[self.repository.head].files[path]
        assert isinstance(text, str)
        return text.split("digest: ")[1].split()[0]

    def served(self) -> tuple[str, str | None, str]:
        """What the cluster runs: what is declared, as long as somebody watches that folder."""
        if self.watched:
            self.running = self.declared(self.preview or PATH)
        return self.images.pushed.get(self.running, ("0" * 40, None, ""))

    async def merge(
        self,
        number: int,
        changes: Mapping[str, str] | None = None,
        *,
        minutes: int = 0,
        probation: float = 0,
        **more: Any,
    ) -> RunResult:
        self.reports.clear()
        shop = self.shop(more.pop("yard", Yard(self.images, BASE)), probation)

        async def report(line: StageReport) -> None:
            self.reports.append(line)

        return await redeploy.run(shop, self.request(number, changes, minutes), report)

    def shop(self, yard: Yard | None, probation: float = 0) -> Workshop:
        """What a run works with here."""
        return Workshop(
            LocalRunner(OneEnvironment(), self.bench),
            OneEnvironment(small_environment(self.root / "environment")),
            FolderStore(self.root / "store"),
            Supervisor(self.root / "nobody"),
            self.root / "releases",
            self.root / "scratch",
            yard=yard,
            probation=probation,
            signer=self.signer,
        )

    def request(self, number: int, changes: Mapping[str, str] | None = None, minutes: int = 0) -> RunRequest:
        """A commit to run, which differs from the standard repository in these files."""
        self.merges += 1
        tree = write_repository(self.root / f"tree-{self.merges}", changes)
        keys = replace(DeployKeys(IMAGE, OVERLAY, self.url, self.url), patience_minutes=minutes)
        value = self.repository.value
        cluster = Cluster(keys, self.forge.reader(value), self.forge.writer(value))
        return RunRequest("ada/digits", sha(number), tree, lock(), self.recipe, cluster=cluster)

    def stages(self, kind: type) -> list[str]:
        return [line.stage for line in self.reports if isinstance(line.outcome, kind)]

    def sentence(self) -> str:
        (failed,) = [line.outcome for line in self.reports if isinstance(line.outcome, Failed)]
        return failed.sentence


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with settle(tmp_path) as here:
        yield here


@contextlib.asynccontextmanager
async def settle(tmp_path: Path) -> AsyncIterator[Place]:
    """The place, with the address where its cluster answers."""
    repository = MemoryRepository()
    repository.push({PATH: KUSTOMIZATION})
    here = Place(tmp_path, repository, MemoryForge(repository))

    async def version(request: web.Request) -> web.Response:
        assert request.transport
        peer = request.transport.get_extra_info("peername")
        if peer not in here.connections:
            here.connections[peer] = next(here.older, False)
        commit, model, _code = ("0" * 40, None, "") if here.connections[peer] else here.served()
        return web.json_response({"commit": commit, "model": model})

    async def predict(request: web.Request) -> web.Response:
        rows = (await request.json())["inputs"]
        bright = sum(value > 127 for value in rows[0])
        code = here.served()[2]
        here.tired += "TIRES" in code
        return web.json_response({"prediction": 0 if "WRONG" in code or here.tired > 15 else bright % 10})

    app = web.Application()
    app.router.add_get("/readyz", version)
    app.router.add_get("/version", version)
    app.router.add_post("/predict", predict)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield here
    await runner.cleanup()


async def test_a_merge_becomes_an_image_a_digest_and_an_answer(place: Place) -> None:
    first = await place.merge(1)
    assert isinstance(first, Verified)
    assert (first.sha, first.digits) == (sha(1), 10)
    assert place.stages(Done) == ["train", "evaluate", "gate", "package", "deploy", "verify"]
    assert place.images.pushed[place.declared()][0] == sha(1)
    head = place.repository.commits[place.repository.head]
    assert head.subject.startswith(f"Deploy {place.declared()[:19]} of {sha(1)[:8]}\n\nImage: {IMAGE}@sha256:")
    assert head.files[PATH] == KUSTOMIZATION.replace(FIRST, place.declared())

    # Documentation alone: no image, no commit, no question.
    declared = place.declared()
    docs = await place.merge(2, {"README.md": "More.\n"})
    assert isinstance(docs, Unchanged)
    assert docs.serving == sha(1)
    assert place.stages(Skipped) == ["train", "evaluate", "gate", "package", "deploy", "verify"]
    assert (place.images.builds, place.declared()) == (1, declared)

    # The service alone: another image with the same model.
    served = await place.merge(3, {"shop/__init__.py": SERVICE + "# quicker\n"})
    assert isinstance(served, Verified)
    assert place.stages(Skipped) == ["train", "evaluate", "gate"]
    assert place.images.pushed[place.declared()][0] == sha(3)
    assert served.model == first.model


async def test_while_two_versions_answer_by_turns_the_new_one_is_not_verified(place: Place) -> None:
    place.older = iter([False, False, False, True, True, False, False])
    assert isinstance(await place.merge(1, minutes=1), Verified)
    seen = list(place.connections.values())
    assert True in seen
    assert not any(seen[-DeployKeys().answers :])

    place.older = iter([False, True])
    stopped = await place.merge(2, {"shop/__init__.py": SERVICE + "# two\n"})
    assert isinstance(stopped, Stopped)
    assert f"answers commit '{'0' * 40}', not {sha(2)}." in place.sentence()
    assert "an older one answer by turns: the roll-out has not come to its end" in place.sentence()


async def test_the_image_has_a_bill_of_materials_and_a_statement(place: Place) -> None:
    await place.merge(1)
    (record,) = place.root.glob("store/objects/*/provenance.json")
    statement = json.loads(record.read_text())
    assert statement["subject"] == [{"name": IMAGE, "digest": {"sha256": place.declared().removeprefix("sha256:")}}]
    build = statement["predicate"]["buildDefinition"]
    assert {"uri": "git+https://github.com/ada/digits", "digest": {"gitCommit": sha(1)}} in build[
        "resolvedDependencies"
    ]
    bill = json.loads((record.parent / "sbom.json").read_text())
    assert "flask" in [component["name"] for component in bill["components"]]


async def test_the_image_of_a_signed_model_is_another_and_holds_the_public_key(place: Place, tmp_path: Path) -> None:
    await place.merge(1)
    unsigned = place.declared()
    keys = make_keys(tmp_path)
    place.signer = Signer.of(keys.pem, tmp_path)
    assert isinstance(await place.merge(1), Verified)
    assert place.declared() != unsigned
    assert place.images.public_keys == [keys.public.read_text()]
    assert isinstance(await place.merge(2, {"README.md": "More.\n"}), Unchanged)


async def test_a_training_has_an_image_of_its_own_which_other_merges_leave_alone(place: Place) -> None:
    name = "registry.example.org/ada/training"
    assert RECIPE.training
    place.recipe = replace(RECIPE, training=replace(RECIPE.training, image=name))
    assert isinstance(await place.merge(1), Verified)
    assert place.images.builds == 2
    records = [json.loads(path.read_text()) for path in place.root.glob("store/objects/*/image.json")]
    (made,) = [record for record in records if record["repository"] == name]
    assert place.images.pushed[made["digest"]] == ("", None, training_module())
    (bill,) = [
        path.parent / "sbom.json" for path in place.root.glob("store/objects/*/image.json") if name in path.read_text()
    ]
    assert {one["value"] for part in json.loads(bill.read_text())["components"] for one in part["properties"]} <= {
        "default",
        "training",
    }
    (statement,) = [
        json.loads((path.parent / "provenance.json").read_text())
        for path in place.root.glob("store/objects/*/image.json")
        if IMAGE in path.read_text()
    ]
    by_digest = {"uri": f"pkg:oci/{name}", "digest": {"sha256": made["digest"].removeprefix("sha256:")}}
    assert by_digest in statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert {line.image for line in place.reports if line.stage == "train"} == {f"{name}@{made['digest']}", ""}

    await place.merge(2, {"shop/__init__.py": SERVICE + "# quicker\n"})
    assert place.images.builds == 3
    assert [line.image for line in place.reports if line.stage == "train"] == [f"{name}@{made['digest']}"]
    await place.merge(3, {"training/train.py": training_module() + "# better\n"})
    assert place.images.builds == 5

    stopped = await place.merge(4, {"training/train.py": training_module() + "# best\n"}, yard=None)
    assert isinstance(stopped, Stopped)
    assert (stopped.stage, place.sentence()) == (
        "train",
        "Images cannot be built here: set BOLIDE_BASE_IMAGE, and install buildah.",
    )


async def test_a_push_in_between_does_not_lose_the_digest(place: Place) -> None:
    place.others_push(3)
    assert isinstance(await place.merge(1), Verified)
    assert place.images.pushed[place.declared()][0] == sha(1)
    assert place.repository.commits[place.repository.head].files["notes.txt"] == "2\n"


async def test_a_branch_that_never_rests_is_told(place: Place) -> None:
    place.others_push(9)
    assert isinstance(await place.merge(1), Stopped)
    assert place.sentence() == f"{PATH} could not be written: others pushed each of 5 times; deploy again."
    assert place.declared() == FIRST


async def test_a_folder_that_nobody_watches_is_named(place: Place) -> None:
    await place.merge(1)
    place.watched = False
    stopped = await place.merge(2, {"shop/__init__.py": SERVICE + "# 2\n"})
    assert isinstance(stopped, Stopped)
    assert stopped.stage == "verify"
    assert "the hop from there to the cluster is disconnected" in place.sentence()
    assert "look at the Argo CD Application that watches this folder" in place.sentence()


async def test_an_image_that_answers_wrongly_is_rolled_back(place: Place) -> None:
    await place.merge(1)
    good = place.declared()
    stopped = await place.merge(2, {"shop/__init__.py": SERVICE + "# WRONG\n"})
    assert isinstance(stopped, Stopped)
    assert place.declared() == good
    assert place.served()[0] == sha(1)
    assert f"{OVERLAY} declares {good[:19]} again." in place.sentence()
    assert place.repository.commits[place.repository.head].subject.startswith(f"Roll back {OVERLAY} to {good[:19]}")


async def test_the_gate_compares_with_the_model_that_the_cluster_serves(place: Place) -> None:
    await place.merge(1)
    declared = place.declared()
    worse = await place.merge(2, {"training/train.py": training_module(accuracy=0.95, net=2)})
    assert isinstance(worse, Stopped)
    assert worse.stage == "gate"
    assert place.declared() == declared


async def test_an_overlay_without_the_image_is_told_before_anything_is_declared(place: Place) -> None:
    place.repository.push({PATH: "images: []\n"})
    assert isinstance(await place.merge(1), Stopped)
    assert place.sentence().startswith(f"{PATH} declares no image {IMAGE}; add it below `images`")


async def test_without_a_builder_the_remedy_is_told(place: Place) -> None:
    assert isinstance(await place.merge(1, yard=None), Stopped)
    assert place.sentence() == "Images cannot be built here: set BOLIDE_BASE_IMAGE, and install buildah."


async def test_the_image_of_a_release_is_pushed_under_its_tag_and_deploys_nothing(place: Place) -> None:
    await place.merge(1)
    declared = place.declared()
    shop = place.shop(Yard(place.images, BASE))
    pushed = await redeploy.push_image(shop, place.request(2), say_nothing, "1.2.3")
    assert isinstance(pushed, ImagePushed)
    assert pushed.name == f"{IMAGE}@{place.images.tags['1.2.3']}"
    assert place.images.pushed[place.images.tags["1.2.3"]][0] == sha(2)
    assert place.declared() == declared
    broken = place.request(3, {"training/train.py": "raise SystemExit('No data.')"})
    stopped = await redeploy.push_image(shop, broken, say_nothing, "1.2.4")
    assert isinstance(stopped, Stopped)
    assert stopped.failure.sentence == "No data."
    with pytest.raises(Refused, match=r"deploy\.image"):
        await redeploy.push_image(shop, replace(place.request(4), cluster=None), say_nothing, "1.2.5")


async def test_a_preview_is_declared_beside_production(place: Place) -> None:
    own = PATH.replace("/prod/", "/preview/")
    await place.merge(1)
    place.repository.push({own: KUSTOMIZATION})
    declared, text = place.declared(), place.repository.commits[place.repository.head].files[PATH]

    async def nowhere(folder: Path) -> None:
        raise AssertionError(folder)

    ground = Ground(place.root / "previews", nowhere, lambda pid: ProcessTree(pid).measure())
    shop, wanted = place.shop(Yard(place.images, BASE)), place.request(2, {"shop/__init__.py": SERVICE + "# 2\n"})
    place.preview = own
    found = await open_preview(ground, shop, replace(wanted, number=7), 1)
    assert isinstance(found, Previewed)
    assert (found.url, found.preview is not None, found.production is not None) == (place.url, True, True)
    files = place.repository.commits[place.repository.head].files
    assert place.images.tags
    assert files[PATH] == text
    assert str(files[own]) == KUSTOMIZATION.replace(FIRST, place.declared(own))
    assert place.declared(own) != declared
