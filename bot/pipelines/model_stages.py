"""The stages that make a model: train, evaluate, and the gate that compares it with the model in production."""

import asyncio
import time
from pathlib import Path

from bot.core import stages
from bot.core.recipe import TrainingRecipe
from bot.core.stages import Done, Skipped, StageName
from bot.core.steps import Step, training_steps
from bot.pipelines import elsewhere, files
from bot.pipelines.course import Course, Stop, by_hand, made_from
from bot.pipelines.packing import training_image
from bot.pipelines.runner import Broken, Job
from bot.pipelines.store import Artefact


async def make_model(course: Course, recipe: TrainingRecipe, production: Path | None) -> Artefact:
    """The evaluated model directory that passed the gate beside the one in production; raises course.Stop."""
    built = await training_image(course, recipe)
    if course.workshop.maker:
        image = built.name if built else ""
        return await elsewhere.make_model(course, recipe, production, course.workshop.maker, image)
    run = _Training(course, recipe)
    evaluated = await run.evaluate(await run.train())
    await run.gate(evaluated, production)
    return evaluated


class _Training:
    def __init__(self, course: Course, recipe: TrainingRecipe) -> None:
        self._course, self._recipe, self._request = course, recipe, course.request
        self._steps = {step.name: step for step in training_steps(recipe)}
        self._requirements = course.requirements("train", recipe.categories)
        self._indexes = course.indexes(recipe.categories)

    async def train(self) -> Artefact:
        key = await self._key(self._steps["train"])
        if not self._request.retrain and (known := await self._course.workshop.store.find(key)):
            await self._course.say("train", Skipped(stages.same_model(known.commit), known.sha256))
            return known
        return await self._make(self._steps["train"], key, self._folder("train"))

    async def evaluate(self, trained: Artefact) -> Artefact:
        if "evaluate" not in self._steps:
            await self._course.say("evaluate", Skipped(stages.not_configured("evaluate"), trained.sha256))
            return trained
        key = await self._key(self._steps["evaluate"], model=trained.sha256)
        if known := await self._course.workshop.store.find(key):
            await self._course.say("evaluate", Skipped(stages.same_evaluation(known.commit), known.sha256))
            return known
        folder = self._folder("evaluate")
        await asyncio.to_thread(files.copy, trained.path, folder)
        judged = (await self._course.card("evaluate", folder))["sha256"]
        return await self._make(self._steps["evaluate"], key, folder, judged=judged)

    async def gate(self, model: Artefact, production: Path | None) -> None:
        if "gate" not in self._steps:
            await self._course.say("gate", Skipped(stages.not_configured("gate"), model.sha256))
            return
        if production and await self._course.digest("gate", production) == model.sha256:
            await self._course.say("gate", Skipped("The model is the one in production.", model.sha256))
            return
        begun = await self._course.start("gate")
        await self._command(self._steps["gate"], model.path, production)
        await self._course.say("gate", Done(model.sha256, time.monotonic() - begun))

    async def _key(self, step: Step, model: str = "") -> str:
        inputs = await made_from(self._course, step, self._requirements) | {"model": model}
        return stages.stage_key(step.name, command=step.command, inputs=inputs)

    def _folder(self, stage: StageName) -> Path:
        folder = self._course.scratch / "model" / stage
        folder.mkdir(parents=True)
        return folder

    async def _make(self, step: Step, key: str, folder: Path, *, judged: object = None) -> Artefact:
        """Run a stage that writes a model directory, and keep that; `judged` is the model that it must leave alone."""
        begun = await self._course.start(step.name)
        await self._command(step, folder)
        card = await self._course.card(step.name, folder)
        if judged not in (None, card["sha256"]):
            raise Stop(step.name, f"`{' '.join(step.command)}` changed the model that it was to judge.")
        if judged is None:
            await self._course.sign(step.name, folder)
        try:
            artefact = await self._course.workshop.store.keep(key, folder, self._request.sha)
        except files.UnsoundTree as error:
            raise Stop(step.name, f"The model directory can't be kept: {error}") from error
        await self._course.say(step.name, Done(artefact.sha256, time.monotonic() - begun))
        return artefact

    async def _command(self, step: Step, model: Path, production: Path | None = None) -> None:
        """Run a command where only its declared inputs are, so that no other file can matter."""
        source = self._course.scratch / "source" / step.name
        try:
            await asyncio.to_thread(files.copy, self._request.tree, source, step.inputs)
        except files.UnsoundTree as error:
            raise Stop(step.name, str(error)) from error
        there = {"MODEL_DIR": model, "DATA_DIR": self._request.data, "PRODUCTION_DIR": production}
        places: dict[str, Path] = {
            name: path for name, path in there.items() if path and name in (*step.reads, *step.writes)
        }
        given = {"COMMIT": self._request.sha, "LOCK_SHA256": self._course.lock_sha256} | dict(self._request.variables)
        shop = self._course.workshop
        if shop.signer and step.name == "gate":
            places["VERIFYING_KEY_FILE"] = shop.signer.public
        job = Job(
            step.command,
            source,
            self._requirements,
            self._indexes,
            given | {name: str(path) for name, path in places.items()},
            reads=tuple(path for name, path in places.items() if name not in step.writes),
            writes=tuple(path for name, path in places.items() if name in step.writes),
            log=shop.logs / self._request.sha / f"{step.name}.log" if shop.logs else None,
        )
        ran = await shop.runner.run(job)
        if isinstance(ran, Broken):
            raise Stop(step.name, ran.sentence, ran.output_tail, by_hand(self._course, step))
