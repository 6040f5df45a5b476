"""The stages that make a model, in one run elsewhere; here is only decided what is needed, and told how it went."""

from pathlib import Path

from bot.core import stages
from bot.core.errors import Refused
from bot.core.pipelineruns import RunEnded, TaskEnded
from bot.core.recipe import TrainingRecipe
from bot.core.stages import Done, Skipped, StageName
from bot.core.steps import Step, training_steps
from bot.pipelines import files
from bot.pipelines.course import Course, ModelMaker, Stop, by_hand, made_from
from bot.pipelines.pipelinerun import Wanted
from bot.pipelines.store import Artefact


async def make_model(
    course: Course, recipe: TrainingRecipe, production: Path | None, maker: ModelMaker, image: str = ""
) -> Artefact:
    """The evaluated model directory that passed the gate beside the one in production; raises Stop.

    `image` is the training's own, by digest; empty where there is none.
    """
    run = _Elsewhere(course, recipe, maker, image)
    return await run.model(production)


class _Elsewhere:
    def __init__(self, course: Course, recipe: TrainingRecipe, maker: ModelMaker, image: str) -> None:
        self._course, self._recipe, self._maker, self._image = course, recipe, maker, image
        self._steps: dict[StageName, Step] = {step.name: step for step in training_steps(recipe)}
        self._requirements = course.requirements("train", recipe.categories)

    async def model(self, production: Path | None) -> Artefact:
        key = await self._key()
        known = None if self._course.request.retrain else await self._course.workshop.store.find(key)
        if known:
            await self._skip("train", stages.same_model(known.commit), known)
            await self._skip("evaluate", stages.same_evaluation(known.commit), known)
            same = production and await self._course.digest("gate", production) == known.sha256
            if same or "gate" not in self._steps:
                await self._skip("gate", "The model is the one in production.", known)
                return known
        return await self._run(key, known, production)

    async def _run(self, key: str, known: Artefact | None, production: Path | None) -> Artefact:
        """The model that a run made, or the known one that it let pass."""
        first: StageName = "gate" if known else "train"
        into = self._course.scratch / "model"
        await self._course.start(first)
        wanted = await self._wanted(key, known, production)
        try:
            ended = await self._maker.make(wanted, into)
        except (Refused, files.UnsoundTree) as error:
            raise Stop(first, str(error)) from error
        if not ended.succeeded:
            raise self._stop(ended, first)
        kept = known or await self._keep(key, into, first)
        for name in self._steps if known is None else (first,):
            await self._course.say(name, Done(kept.sha256, _seconds(ended.tasks, name)))
        return kept

    async def _keep(self, key: str, folder: Path, stage: StageName) -> Artefact:
        """Keep what the run made, once its card fits the model."""
        await self._course.card(stage, folder)
        await self._course.sign(stage, folder)
        try:
            return await self._course.workshop.store.keep(key, folder, self._course.request.sha)
        except files.UnsoundTree as error:
            raise Stop(stage, f"The model directory can't be kept: {error}") from error

    async def _key(self) -> str:
        """The key of the model with its evaluation."""
        inputs = await made_from(self._course, self._steps["train"], self._requirements)
        return stages.stage_key("model", command=(*self._recipe.train, "&&", *self._recipe.evaluate), inputs=inputs)

    async def _wanted(self, key: str, known: Artefact | None, production: Path | None) -> Wanted:
        request = self._course.request
        if request.data:
            raise Stop("train", "In a cluster the data must lie in the repository's tree, below `training.inputs`.")
        beside = await self._course.digest("gate", production) if production else ""
        inputs = {"model": key, "production": beside, "gate": " ".join(self._recipe.gate), "order": request.order}
        return Wanted(
            repository=request.repository,
            sha=request.sha,
            key=stages.stage_key("run", command=(), inputs=inputs),
            tree=request.tree,
            lock_sha256=self._course.lock_sha256,
            recipe=self._recipe,
            variables=request.variables,
            known=known.path if known else None,
            production=production,
            image=self._image,
        )

    async def _skip(self, stage: StageName, reason: str, known: Artefact) -> None:
        told = reason if stage in self._steps else stages.not_configured(stage)
        await self._course.say(stage, Skipped(told, known.sha256))

    def _stop(self, ended: RunEnded, first: StageName) -> Stop:
        """Which stage broke, in its own last words."""
        broken = next((task for task in ended.tasks if not task.succeeded), None)
        step: Step = self._steps.get(_stage(broken, first), self._steps[first])
        tail = broken.log_tail if broken else ""
        said = [line.strip() for line in tail.splitlines() if line.strip()]
        where = f"Task {broken.name}" if broken else "The PipelineRun"
        sentence = said[-1] if said else f"{where} ended without a word: {ended.reason}: {ended.message}"
        return Stop(step.name, sentence, tail, by_hand(self._course, step))


def _stage(task: TaskEnded | None, first: StageName) -> StageName:
    known: tuple[StageName, ...] = ("train", "evaluate", "gate")
    return next((name for name in known if task and task.name == name), first)


def _seconds(tasks: tuple[TaskEnded, ...], name: str) -> float:
    return sum(task.seconds for task in tasks if task.name == name)
