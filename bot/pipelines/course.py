"""What the stages of one run share: the request, what they work with, how they report, how they stop."""

import asyncio
import hashlib
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bot.core import lockfile, stages
from bot.core.deploykeys import DeployKeys
from bot.core.events import Repository
from bot.core.pipelineruns import RunEnded
from bot.core.plan import CommitFiles
from bot.core.ports import Reader
from bot.core.recipe import Recipe
from bot.core.stages import Failed, Outcome, StageName, StageReport, Started
from bot.core.steps import Step
from bot.pipelines import files, release
from bot.pipelines.control import Kept, Status, Switched
from bot.pipelines.deployments import Past
from bot.pipelines.image import Yard
from bot.pipelines.pipelinerun import Wanted
from bot.pipelines.release import Unsound
from bot.pipelines.runner import Environments, Runner
from bot.pipelines.signer import Signer
from bot.pipelines.store import ArtefactStore

Report = Callable[[StageReport], Awaitable[None]]
TAKEN_BACK = (
    "This code, these packages and this model were rolled back; change what was wrong, "
    "or say `/deploy resume` to try them again."
)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A commit to build and serve; `tree` is its unpacked source and `lock` the text of its Pipfile.lock."""

    repository: str
    sha: str
    tree: Path
    lock: str
    recipe: Recipe
    data: Path | None = None
    """The folder for DATA_DIR; None where the data lies in the tree."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Further variables of the training, such as QUICK."""
    cluster: "Cluster | None" = None
    """Where the service goes; None for this machine."""
    past: Past = field(default_factory=Past)
    """What was deployed before, and what was taken back."""
    number: int = 0
    """The repository's id."""
    order: str = ""
    """The command that wants this run; empty for a merge's."""
    retrain: bool = False
    """The model is made again, though a kept one would do."""


class Committer(Protocol):
    """The part of a writer that declares what a cluster is to serve."""

    async def commit(self, change: CommitFiles) -> str:
        """The commit that is the branch's head now, made by compare-and-swap. Raises HeadMoved."""
        ...


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that takes its state from a branch, and the forge's reader and writer of that branch's repository."""

    keys: DeployKeys
    reader: Reader
    writer: Committer
    guest: Repository | None = None
    """The repository that is deployed, where another one declares it; None in its own."""


class Deployer(Protocol):
    """Lets a release serve: the supervisor here, a cluster elsewhere."""

    async def status(self) -> Status:
        """What serves now; raises NoSupervisor."""
        ...

    async def deploy(self, release: Path) -> Switched | Kept:
        """Let a release serve without a failed request, or keep what serves and say why; raises NoSupervisor."""
        ...


class ModelMaker(Protocol):
    """Makes models elsewhere, all stages in one run."""

    async def make(self, wanted: Wanted, into: Path) -> RunEnded:
        """How the run ended; if well and no model was known, its files are in `into`."""
        ...


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every run works with; `releases` and `scratch` are folders of this program alone."""

    runner: Runner
    environments: Environments
    store: ArtefactStore
    deployer: Deployer
    releases: Path
    scratch: Path
    public_url: str | None = None
    """Where users reach the service; None for the deployer's own address."""
    yard: Yard | None = None
    """What images are built with; None where they cannot be."""
    maker: "ModelMaker | None" = None
    """Where models are made instead of here, such as a cluster."""
    signer: Signer | None = None
    """Signs models; None where the operator has set no key."""
    logs: Path | None = None
    """Where stages' output is written as it comes: `COMMIT/STAGE.log`."""
    patience: float = 30.0
    """Seconds that the public address may take to answer the merged commit."""
    probation: float = 0.0
    """Seconds for which what was deployed is watched, at most 60."""


class Stop(Exception):
    """A stage failed: nothing after it runs. Caught where the run ends."""

    def __init__(
        self, stage: StageName, sentence: str, log_tail: str = "", reproduce: str = "", *, back: str = ""
    ) -> None:
        super().__init__(sentence)
        self.stage, self.back = stage, back
        self.failure = Failed(sentence, log_tail, reproduce)


class Course:
    """One run under way."""

    def __init__(self, workshop: Workshop, request: RunRequest, report: Report) -> None:
        self.workshop, self.request, self._report = workshop, request, report
        self.begun = time.monotonic()
        self.scratch = workshop.scratch.absolute() / f"{request.sha[:12]}-{uuid.uuid4().hex[:8]}"
        self.lock_sha256 = sha256_text(request.lock)
        self.images: dict[StageName, str] = {}
        """The image of a stage's packages and code, by digest, where one was made."""

    async def start(self, stage: StageName) -> float:
        """Report that a stage began; returns the time for its `Done`."""
        await self._report(self._line(stage, Started()))
        return time.monotonic()

    async def say(self, stage: StageName, outcome: Outcome) -> None:
        """Report how a stage ended."""
        await self._report(self._line(stage, outcome))

    def _line(self, stage: StageName, outcome: Started | Outcome) -> StageReport:
        return StageReport(self.request.sha, stage, outcome, self.images.get(stage, ""))

    def refuse_taken_back(self, name: str) -> None:
        """Raise Stop for a release or an image that holds what was rolled back."""
        if self.request.past.took_back(name):
            raise Stop("deploy", TAKEN_BACK)

    def indexes(self, categories: tuple[str, ...]) -> dict[str, str]:
        """The indexes that the lock takes the categories' packages from; after `requirements`, which reads the lock."""
        return lockfile.indexes(lockfile.parse(self.request.lock), categories)

    def requirements(self, stage: StageName, categories: tuple[str, ...]) -> str:
        """The requirements of categories of the lock; raises Stop."""
        try:
            return lockfile.requirements(lockfile.parse(self.request.lock), categories)
        except ValueError as error:
            raise Stop(stage, f"Pipfile.lock can't be used: {error}") from error

    async def digest(self, stage: StageName, folder: Path, inputs: tuple[str, ...] = ()) -> str:
        """The hash of what the inputs cover; raises Stop."""
        try:
            return await asyncio.to_thread(files.digest, folder, inputs)
        except (files.UnsoundTree, OSError) as error:
            raise Stop(stage, f"An input can't be read: {error}") from error

    async def card(self, stage: StageName, model: Path) -> dict[str, Any]:
        """The card of a model directory, its hash compared with the model; raises Stop."""
        try:
            return await asyncio.to_thread(release.read_card, model)
        except Unsound as error:
            raise Stop(stage, str(error)) from error

    async def sign(self, stage: StageName, model: Path) -> None:
        """Sign a model directory, where the operator has set a key; raises Stop."""
        if signer := self.workshop.signer:
            try:
                await asyncio.to_thread(signer.sign, model)
            except Unsound as error:
                raise Stop(stage, str(error)) from error


async def made_from(course: Course, step: Step, requirements: str) -> dict[str, str]:
    """Name → hash of all that a model stage's result depends on, besides its command and a model; raises Stop."""
    request, signer = course.request, course.workshop.signer
    return (
        dict(request.variables)
        | ({"signed": signer.key.fingerprint()} if signer else {})
        | {
            "code": await course.digest(step.name, request.tree, step.inputs),
            "packages": sha256_text(requirements),
            "data": await course.digest(step.name, request.data) if request.data else "",
        }
    )


def by_hand(course: Course, step: Step) -> str:
    """The command line with which a person gets what a stage got."""
    return stages.reproduce(course.request.sha, step.command, dict(course.request.variables) | {"MODEL_DIR": "model"})


def sha256_text(text: str) -> str:
    """The hex sha256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()
