"""The images that a run wants: each is made once for equal contents, pushed, and kept by its record."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.core import image, stages
from bot.core.errors import Refused
from bot.core.image import ImageSpec, Origin
from bot.core.recipe import TrainingRecipe
from bot.core.stages import StageName
from bot.pipelines import files
from bot.pipelines.course import Course, Stop, sha256_text
from bot.pipelines.image import Parts, Pushed, Yard, publish, read_record, write_record
from bot.pipelines.papers import Papers
from bot.pipelines.runner import Explained
from bot.pipelines.store import Artefact


@dataclass(frozen=True, slots=True)
class ImageOrder:
    """An image: where it goes, what is in it, and its configuration for a commit; for none, what equal ones share."""

    repository: str
    categories: tuple[str, ...]
    inputs: tuple[str, ...]
    spec: Callable[[Yard, str], ImageSpec]
    model: Artefact | None = None
    public_key: Path | None = None
    """That of the model's signature."""


class Packing:
    """One image of a run; what goes wrong is told as the stage's failure."""

    def __init__(self, course: Course, stage: StageName, wanted: ImageOrder) -> None:
        """Raises Stop where no images can be built here, or the lock does not do."""
        if course.workshop.yard is None:
            raise Stop(stage, "Images cannot be built here: set BOLIDE_BASE_IMAGE, and install buildah.")
        self._course, self._stage, self._wanted, self._yard = course, stage, wanted, course.workshop.yard
        self._requirements = course.requirements(stage, wanted.categories)

    async def find(self) -> Pushed | None:
        """The image with this code, these packages and this model, where it was made before; raises Stop."""
        known = await self._course.workshop.store.find(await self._key())
        return read_record(known.path) if known else None

    async def make(self) -> Pushed:
        """The image, built, pushed, and kept by its record; raises Stop."""
        key = await self._key()
        pushed = await self.push(key[:16])
        folder = self._course.scratch / f"{self._stage}-image-record"
        told = (await self._origin(), self._course.request.lock, self._wanted.categories, datetime.now(UTC))
        write_record(folder, pushed, Papers(*told))
        await self._course.workshop.store.keep(key, folder, self._course.request.sha)
        return pushed

    async def push(self, tag: str) -> Pushed:
        """The image, built and pushed under this tag; raises Stop."""
        try:
            return await self._publish(tag)
        except Exception as error:
            if isinstance(error, Explained):
                raise Stop(self._stage, error.sentence, error.log_tail) from error
            if isinstance(error, files.UnsoundTree | Refused):
                raise Stop(self._stage, str(error)) from error
            raise

    async def _publish(self, tag: str) -> Pushed:
        course, wanted = self._course, self._wanted
        card = await course.card(self._stage, wanted.model.path) if wanted.model else {}
        installed = await course.workshop.environments.install(self._requirements, course.indexes(wanted.categories))
        spec, tree = wanted.spec(self._yard, course.request.sha), course.request.tree
        model = wanted.model.path if wanted.model else None
        parts = Parts(spec, installed.path, tree, wanted.inputs, model, wanted.public_key)
        context = course.scratch / f"{self._stage}-image"
        digest = await publish(self._yard.images, parts, context, wanted.repository, tag)
        return Pushed(wanted.repository, digest, course.request.sha, card.get("model_id"))

    async def _source(self) -> str:
        return await self._course.digest(self._stage, self._course.request.tree, self._wanted.inputs)

    async def _key(self) -> str:
        spec = self._wanted.spec(self._yard, "")
        inputs = {
            "code": await self._source(),
            "packages": sha256_text(self._requirements),
            "model": self._wanted.model.sha256 if self._wanted.model else "",
            "image": sha256_text(image.containerfile(spec)),
            "repository": self._wanted.repository,
        }
        return stages.stage_key("image", command=spec.command, inputs=inputs)

    async def _origin(self) -> Origin:
        course, model = self._course, self._wanted.model
        card = await course.card(self._stage, model.path) if model else {}
        return Origin(
            repository=course.request.repository,
            commit=course.request.sha,
            lock_sha256=course.lock_sha256,
            requirements_sha256=sha256_text(self._requirements),
            source_sha256=await self._source(),
            data_sha256=card.get("data_sha256"),
            model_id=card.get("model_id"),
            model_sha256=card.get("sha256"),
            base=self._yard.base,
            training_image=course.images.get("train"),
        )


async def training_image(course: Course, recipe: TrainingRecipe) -> Pushed | None:
    """The image of the training's packages and code, made where there is none yet; raises Stop.

    None where `training.image` does not say where it goes. Equal for equal contents, so it names no commit.
    """
    if not recipe.image:
        return None
    requirements = sha256_text(course.requirements("train", recipe.categories))

    def spec(yard: Yard, _commit: str) -> ImageSpec:
        return image.training_spec(yard.base, requirements, yard.python)

    packing = Packing(course, "train", ImageOrder(recipe.image, recipe.categories, recipe.inputs, spec))
    pushed = await packing.find()
    if not pushed:
        await course.start("train")
        pushed = await packing.make()
    course.images["train"] = pushed.name
    return pushed
