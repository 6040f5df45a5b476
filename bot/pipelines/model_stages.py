"""The stages that make a model: train, evaluate, and the gate that compares it with the model in production."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

from bot.core import stages
from bot.core.recipe import TrainingRecipe
from bot.core.stages import Done, Skipped, StageName
from bot.pipelines import files
from bot.pipelines.course import Course, Stop, sha256_text
from bot.pipelines.runner import Broken, Job
from bot.pipelines.store import Artefact


async def make_model(course: Course, recipe: TrainingRecipe, production: Path | None) -> Artefact:
    """The evaluated model directory that passed the gate beside the one in production; raises course.Stop."""
    run = _Training(course, recipe)
    evaluated = await run.evaluate(await run.train())
    await run.gate(evaluated, production)
    return evaluated


class _Training:
    def __init__(self, course: Course, recipe: TrainingRecipe) -> None:
        self._course, self._recipe, self._request = course, recipe, course.request
        self._requirements = course.requirements("train", recipe.categories)
        self._indexes = course.indexes(recipe.categories)

    async def train(self) -> Artefact:
        key = await self._key("train", self._recipe.train)
        if not self._request.retrain and (known := await self._course.workshop.store.find(key)):
            await self._course.say("train", Skipped(stages.same_model(known.commit), known.sha256))
            return known
        return await self._make("train", key, self._recipe.train, self._folder("train"))

    async def evaluate(self, trained: Artefact) -> Artefact:
        if not self._recipe.evaluate:
            await self._course.say("evaluate", Skipped(stages.not_configured("evaluate"), trained.sha256))
            return trained
        key = await self._key("evaluate", self._recipe.evaluate, model=trained.sha256)
        if known := await self._course.workshop.store.find(key):
            await self._course.say("evaluate", Skipped(stages.same_evaluation(known.commit), known.sha256))
            return known
        folder = self._folder("evaluate")
        await asyncio.to_thread(files.copy, trained.path, folder)
        judged = (await self._course.card("evaluate", folder))["sha256"]
        return await self._make("evaluate", key, self._recipe.evaluate, folder, judged=judged)

    async def gate(self, model: Artefact, production: Path | None) -> None:
        if not self._recipe.gate:
            await self._course.say("gate", Skipped(stages.not_configured("gate"), model.sha256))
            return
        if production and await self._course.digest("gate", production) == model.sha256:
            await self._course.say("gate", Skipped("The model is the one in production.", model.sha256))
            return
        begun = await self._course.start("gate")
        folders = {"MODEL_DIR": model.path} | ({"PRODUCTION_DIR": production} if production else {})
        await self._command("gate", self._recipe.gate, folders, reads=tuple(folders.values()))
        await self._course.say("gate", Done(model.sha256, time.monotonic() - begun))

    async def _key(self, stage: StageName, command: tuple[str, ...], model: str = "") -> str:
        code = await self._course.digest(stage, self._request.tree, self._recipe.inputs)
        data = await self._course.digest(stage, self._request.data) if self._request.data else ""
        packages = sha256_text(self._requirements)
        inputs = dict(self._request.variables) | {"code": code, "packages": packages, "data": data, "model": model}
        return stages.stage_key(stage, command=command, inputs=inputs)

    def _folder(self, stage: StageName) -> Path:
        folder = self._course.scratch / "model" / stage
        folder.mkdir(parents=True)
        return folder

    async def _make(
        self, stage: StageName, key: str, command: tuple[str, ...], folder: Path, *, judged: object = None
    ) -> Artefact:
        """Run a stage that writes a model directory, and keep that; `judged` is the model that it must leave alone."""
        begun = await self._course.start(stage)
        await self._command(stage, command, {"MODEL_DIR": folder}, writes=(folder,))
        card = await self._course.card(stage, folder)
        if judged not in (None, card["sha256"]):
            raise Stop(stage, f"`{' '.join(command)}` changed the model that it was to judge.")
        try:
            artefact = await self._course.workshop.store.keep(key, folder, self._request.sha)
        except files.UnsoundTree as error:
            raise Stop(stage, f"The model directory can't be kept: {error}") from error
        await self._course.say(stage, Done(artefact.sha256, time.monotonic() - begun))
        return artefact

    async def _command(
        self,
        stage: StageName,
        command: tuple[str, ...],
        folders: Mapping[str, Path],
        *,
        reads: tuple[Path, ...] = (),
        writes: tuple[Path, ...] = (),
    ) -> None:
        """Run a command where only its declared inputs are, so that no other file can matter."""
        source = self._course.scratch / "source" / stage
        try:
            await asyncio.to_thread(files.copy, self._request.tree, source, self._recipe.inputs)
        except files.UnsoundTree as error:
            raise Stop(stage, str(error)) from error
        given = {"COMMIT": self._request.sha, "LOCK_SHA256": self._course.lock_sha256} | dict(self._request.variables)
        if self._request.data:
            folders, reads = {**folders, "DATA_DIR": self._request.data}, (*reads, self._request.data)
        environ = given | {name: str(folder) for name, folder in folders.items()}
        job = Job(command, source, self._requirements, self._indexes, environ, reads, writes)
        ran = await self._course.workshop.runner.run(job)
        if isinstance(ran, Broken):
            by_hand = stages.reproduce(
                self._request.sha, command, dict(self._request.variables) | {"MODEL_DIR": "model"}
            )
            raise Stop(stage, ran.sentence, ran.output_tail, by_hand)
