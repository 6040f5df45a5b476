"""A service in a cluster: its image is built and pushed, its digest committed, and its address asked for the commit."""

import shlex
import time
from pathlib import Path

from bot.core import image, stages
from bot.core.deploykeys import DeployKeys
from bot.core.image import ImageSpec
from bot.core.recipe import ServiceRecipe
from bot.core.stages import Done, ImagePushed, RunResult, Skipped, Unchanged, Verified
from bot.pipelines import probation, release
from bot.pipelines.course import Cluster, Course, Stop
from bot.pipelines.examination import Expected, Service, Unfit, await_commit
from bot.pipelines.image import Pushed, Yard
from bot.pipelines.overlay import Overlay, roll_back_message
from bot.pipelines.packing import ImageOrder, Packing
from bot.pipelines.probation import Figures
from bot.pipelines.release import Digit, Unsound
from bot.pipelines.store import Artefact


async def deliver(course: Course, recipe: ServiceRecipe, cluster: Cluster, model: Artefact | None) -> RunResult:
    """Bring the service of a commit into the cluster, or say which hop is disconnected; raises course.Stop."""
    run, keys = _Delivery(course, recipe, cluster, model), cluster.keys
    pushed = await run.package()
    declared = await run.declared()
    if declared == pushed.digest and pushed.commit != course.request.sha:
        unchanged = stages.already_serving(pushed.commit)
        for name in ("deploy", "verify"):
            await course.say(name, Skipped(unchanged, pushed.name))
        return Unchanged(course.request.sha, pushed.commit, unchanged)
    if declared == pushed.digest:
        await course.say("deploy", Skipped(f"{keys.place} declares this image already.", pushed.name))
        return await run.verify(pushed, declared, None)
    course.refuse_taken_back(pushed.name)
    before = await run.figures(pushed)
    await run.declare(pushed)
    return await run.verify(pushed, declared, before)


async def push_image(
    course: Course, recipe: ServiceRecipe, cluster: Cluster, model: Artefact | None, tag: str
) -> ImagePushed:
    """Build the image of the commit and push it under a tag; nothing is declared. Raises course.Stop."""
    pushed = await _Delivery(course, recipe, cluster, model).push(tag)
    return ImagePushed(pushed.repository, pushed.name)


def production_key(repository: str, keys: DeployKeys) -> str:
    """Under which the model is kept that was verified last in this overlay: the gate compares with it."""
    return stages.stage_key("production", command=(), inputs={"repository": repository, "overlay": keys.place})


class _Delivery:
    def __init__(self, course: Course, recipe: ServiceRecipe, cluster: Cluster, model: Artefact | None) -> None:
        self._course, self._recipe, self._model = course, recipe, model
        self._cluster, self._keys = cluster, cluster.keys
        self._overlay = Overlay(cluster)
        self._packing = Packing(
            course,
            "package",
            ImageOrder(self._keys.image, recipe.categories, recipe.inputs, self._spec, model, self._public_key()),
        )

    async def package(self) -> Pushed:
        """The image of this code, these packages and this model: built and pushed, or known from before."""
        if pushed := await self._packing.find():
            reason = f"The image of this code, these packages and this model was built for {pushed.commit[:8]}."
            await self._course.say("package", Skipped(reason, pushed.name))
            return pushed
        begun = await self._course.start("package")
        pushed = await self._packing.make()
        await self._course.say("package", Done(pushed.name, time.monotonic() - begun))
        return pushed

    async def push(self, tag: str) -> Pushed:
        """The image, built and pushed under this tag; raises Stop."""
        return await self._packing.push(tag)

    def _spec(self, yard: Yard, commit: str) -> ImageSpec:
        command = self._recipe.serve or ("python", "-m", "gunicorn", "--bind", f"[::]:{image.PORT}", self._recipe.wsgi)
        command = (yard.python, *command[1:]) if command[0] == "python" else command
        labels = {"org.opencontainers.image.revision": commit} if commit else {}
        environ = {"COMMIT": commit, "LOCK_SHA256": self._course.lock_sha256} if commit else {}
        model, signed = self._model is not None, self._public_key() is not None
        return ImageSpec(yard.base, command, environ, labels, model=model, signed=signed)

    def _public_key(self) -> Path | None:
        signer = self._course.workshop.signer
        return signer.public if signer and self._model else None

    async def declared(self) -> str | None:
        """The digest that the overlay declares on the default branch now; raises Stop."""
        return await self._overlay.declared()

    async def declare(self, pushed: Pushed) -> None:
        """Commit the digest to the overlay, whoever pushes meanwhile; raises Stop."""
        begun = await self._course.start("deploy")
        message = f"Deploy {pushed.digest[:19]} of {pushed.commit[:8]}\n\nImage: {pushed.name}\nCommit: {pushed.commit}"
        await self._overlay.declare(pushed.digest, message)
        await self._course.say("deploy", Done(pushed.name, time.monotonic() - begun))

    async def figures(self, pushed: Pushed) -> Figures | None:
        """How the version before does, to compare with; None where nothing is watched or nothing answers."""
        if not self._course.workshop.probation:
            return None
        return await probation.measure(Service(self._keys.url.rstrip("/")), self._expected(pushed))

    async def verify(self, pushed: Pushed, before: str | None, figures: Figures | None) -> Verified:
        """Ask the address until it answers the commit and the golden digits, then watch it for its probation.

        Raises Stop naming the broken hop, or what the watch found.
        """
        begun = await self._course.start("verify")
        service, expected = Service(self._keys.url.rstrip("/")), self._expected(pushed)
        patience = self._keys.patience_minutes * 60.0
        found = await await_commit(service, expected, patience=patience, answers=self._keys.answers)
        if isinstance(found, Unfit):
            raise await self._disconnected(found, pushed, before)
        now = time.monotonic()
        watched = await probation.watch(service, expected, figures, self._course.workshop.probation)
        if isinstance(watched, Unfit):
            raise await self._disconnected(watched, pushed, before)
        if self._model:
            key = production_key(self._course.request.repository, self._keys)
            await self._course.workshop.store.keep(key, self._model.path, pushed.commit)
        await self._course.say("verify", Done(pushed.name, time.monotonic() - begun))
        took = now - self._course.begun
        return Verified(self._course.request.sha, pushed.model, took, found.digits, self._keys.url)

    def _expected(self, pushed: Pushed) -> Expected:
        recipe = self._recipe
        return Expected(pushed.commit, pushed.model, self._golden(), recipe.ready, recipe.version, recipe.predict)

    def _golden(self) -> tuple[Digit, ...]:
        try:
            return release.read_golden(self._model.path) if self._model and self._recipe.predict else ()
        except Unsound as error:
            raise Stop("verify", str(error)) from error

    async def _disconnected(self, found: Unfit, pushed: Pushed, before: str | None) -> Stop:
        """Which hop is to blame; where the new image itself answers wrongly, what was declared before comes back."""
        keys, declared = self._keys, await self.declared()
        seen = f"{keys.url} is not verified: {found.sentence}"
        by_hand = f"curl -si {shlex.quote(keys.url.rstrip('/') + (self._recipe.version or self._recipe.ready))}"
        if declared != pushed.digest:
            sentence = f"{seen} {keys.place} declares another image meanwhile: another deployment took over."
        elif found.question in probation.GROUNDS and (last := self._last_good(pushed, before)):
            undone = roll_back_message(keys.overlay, last, f"The image of {pushed.commit} does not do.")
            await self._overlay.declare(last, undone)
            commit = self._course.request.past.commit_of(f"{keys.image}@{last}") or last
            sentence = f"{seen} {keys.place} declares {last[:19]} again."
            return Stop("verify", sentence, reproduce=by_hand, back=commit)
        elif found.question == "version":
            sentence = (
                f"{seen} After {keys.patience_minutes} min {keys.place} declares the new image and an older one "
                "answers: the hop from there to the cluster is disconnected; look at the Argo CD Application that "
                "watches this folder."
            )
        elif found.question == "both":
            sentence = (
                f"{seen} After {keys.patience_minutes} min the new version and an older one answer by turns: the "
                "roll-out has not come to its end; look at it, or make `deploy.patience_minutes` longer than its steps."
            )
        else:
            sentence = f"{seen} The image is declared; the service, or the way to it, is down."
        return Stop("verify", sentence, reproduce=by_hand)

    def _last_good(self, pushed: Pushed, before: str | None) -> str | None:
        """The digest that was declared before this one; from the record where a crash came in between."""
        if before and before != pushed.digest:
            return before
        known = self._course.request.past.before(pushed.commit)
        return known.name.partition("@")[2] if known else None
