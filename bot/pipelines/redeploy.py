"""One merge: train, evaluate, gate, package, deploy and verify, each only when something that it depends on changed."""

import asyncio
import shlex
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path

from bot.core import stages
from bot.core.errors import Refused
from bot.core.image import Origin
from bot.core.recipe import ServiceRecipe
from bot.core.stages import (
    Done,
    ImagePushed,
    NotServed,
    RunResult,
    Skipped,
    StageReport,
    Stopped,
    Unchanged,
    Verified,
)
from bot.pipelines import cluster, files, probation, release
from bot.pipelines.control import Kept, NoSupervisor, Serving, Status
from bot.pipelines.course import Course, Report, RunRequest, Stop, Workshop, sha256_text
from bot.pipelines.examination import Expected, Service, Unfit, await_commit
from bot.pipelines.model_stages import make_model
from bot.pipelines.papers import Papers
from bot.pipelines.probation import Figures
from bot.pipelines.release import Release, Trace, Unsound
from bot.pipelines.runner import Explained
from bot.pipelines.store import Artefact

RELEASES_KEPT = 5


async def run(workshop: Workshop, request: RunRequest, report: Report) -> RunResult:
    """Bring the commit into production, or say why it is not; the version that served before serves until then.

    Running a commit again repeats nothing that is done.
    """
    course = Course(workshop, request, report)
    try:
        return await _whole(course)
    except Stop as stop:
        await report(StageReport(request.sha, stop.stage, stop.failure))
        url = request.cluster.keys.url if request.cluster else ""
        return Stopped(request.sha, stop.stage, stop.failure, stop.back, url)
    finally:
        await asyncio.to_thread(shutil.rmtree, course.scratch, ignore_errors=True)


async def push_image(workshop: Workshop, request: RunRequest, report: Report, tag: str) -> ImagePushed | Stopped:
    """Build the image of the request's commit and push it under a tag; nothing is deployed. Raises Refused."""
    course, recipe, there = Course(workshop, request, report), request.recipe, request.cluster
    if not recipe.service or not there:
        raise Refused("Images need `service` in the configuration, and `deploy.image` in that of the default branch.")
    try:
        model = await make_model(course, recipe.training, None) if recipe.training else None
        return await cluster.push_image(course, recipe.service, there, model, tag)
    except Stop as stop:
        return Stopped(request.sha, stop.stage, stop.failure)
    finally:
        await asyncio.to_thread(shutil.rmtree, course.scratch, ignore_errors=True)


async def _whole(course: Course) -> RunResult:
    recipe, sha = course.request.recipe, course.request.sha
    if recipe.service and (there := course.request.cluster):
        known = await course.workshop.store.find(cluster.production_key(course.request.repository, there.keys))
        made = await make_model(course, recipe.training, known.path if known else None) if recipe.training else None
        return await cluster.deliver(course, recipe.service, there, made)
    status = await _status(course) if recipe.service else None
    serving = status.serving if status else None
    production = serving.release / "model" if serving and serving.model else None
    model = await make_model(course, recipe.training, production) if recipe.training else None
    if not recipe.service or not status:
        return NotServed(sha, "The repository has no service to deploy.")
    run = _Service(course, recipe.service, model)
    content = await run.content()
    if not serving or serving.content != content:
        sealed = await run.package(content)
        before = await run.figures(sealed, status) if serving else None
        await run.deploy(sealed)
        return await run.verify(sealed, status, serving, before)
    unchanged = Skipped(stages.already_serving(serving.commit), serving.release.name)
    await course.say("package", unchanged)
    await course.say("deploy", unchanged)
    if serving.commit == sha:
        return await run.verify(await run.deployed(serving), status, serving)
    await course.say("verify", unchanged)
    return Unchanged(sha, serving.commit, unchanged.reason)


class _Service:
    def __init__(self, course: Course, recipe: ServiceRecipe, model: Artefact | None) -> None:
        self._course, self._recipe, self._model = course, recipe, model
        self._workshop, self._sha = course.workshop, course.request.sha
        self._requirements = course.requirements("package", recipe.categories)
        self._indexes = course.indexes(recipe.categories)

    async def content(self) -> str:
        """The key of all that is served: equal for commits that need no new deployment."""
        code = await self._course.digest("package", self._course.request.tree, self._recipe.inputs)
        model = self._model.sha256 if self._model else ""
        inputs = {"code": code, "packages": sha256_text(self._requirements), "model": model}
        recipe = self._recipe
        routes = (recipe.wsgi, recipe.ready, recipe.version, recipe.predict, *recipe.serve)
        return stages.stage_key("package", command=routes, inputs=inputs)

    async def package(self, content: str) -> Release:
        target = self._workshop.releases.absolute() / release.name_of(content, self._sha)
        try:
            known = await asyncio.to_thread(release.inspect, target)
        except (Unsound, files.UnsoundTree, OSError):
            return await self._seal(target, content)
        await self._course.say("package", Skipped("The release of this commit is sealed already.", known.name))
        return known

    async def _seal(self, target: Path, content: str) -> Release:
        begun = await self._course.start("package")
        card = await self._course.card("package", self._model.path) if self._model else {}
        trace = Trace(
            content=content,
            commit=self._sha,
            lock_sha256=self._course.lock_sha256,
            requirements_sha256=sha256_text(self._requirements),
            data_sha256=card.get("data_sha256"),
            model_id=card.get("model_id"),
            model_sha256=card.get("sha256"),
        )
        packages = await self._install()
        try:
            sealed = await asyncio.to_thread(
                release.seal,
                target,
                trace=trace,
                service=self._recipe,
                tree=self._course.request.tree,
                model=self._model.path if self._model else None,
                packages=packages,
                public_key=self._workshop.signer.public if self._workshop.signer else None,
                papers=await self._papers(trace),
            )
        except (Unsound, files.UnsoundTree) as error:
            raise Stop("package", str(error)) from error
        await self._course.say("package", Done(sealed.name, time.monotonic() - begun))
        return sealed

    async def _papers(self, trace: Trace) -> Papers:
        request, inputs = self._course.request, self._recipe.inputs
        origin = Origin(
            repository=request.repository,
            commit=trace.commit,
            lock_sha256=trace.lock_sha256,
            requirements_sha256=trace.requirements_sha256,
            source_sha256=await self._course.digest("package", request.tree, inputs),
            data_sha256=trace.data_sha256,
            model_id=trace.model_id,
            model_sha256=trace.model_sha256,
            base="",
            training_image=self._course.images.get("train"),
        )
        return Papers(origin, request.lock, self._recipe.categories, datetime.now(UTC))

    async def _install(self) -> Path:
        try:
            return (await self._workshop.environments.install(self._requirements, self._indexes)).path
        except Exception as error:
            if isinstance(error, Explained):
                raise Stop("package", error.sentence, error.log_tail) from error
            raise

    async def figures(self, sealed: Release, status: Status) -> Figures | None:
        """How the version before does, to compare with; None where nothing is watched or nothing answers."""
        if not self._workshop.probation:
            return None
        return await probation.measure(Service(self._workshop.public_url or status.url), Expected.of(sealed))

    async def deploy(self, sealed: Release) -> None:
        self._course.refuse_taken_back(sealed.name)
        begun = await self._course.start("deploy")
        try:
            answer = await self._workshop.deployer.deploy(sealed.path)
        except NoSupervisor as error:
            raise Stop("deploy", str(error)) from error
        if isinstance(answer, Kept):
            raise Stop("deploy", answer.sentence, answer.log_tail, _serve_by_hand(sealed))
        await self._course.say("deploy", Done(sealed.name, time.monotonic() - begun))

    async def deployed(self, serving: Serving) -> Release:
        """The release that serves already."""
        try:
            return await asyncio.to_thread(release.inspect, serving.release)
        except (Unsound, files.UnsoundTree, OSError) as error:
            raise Stop("verify", str(error)) from error

    async def verify(
        self, sealed: Release, status: Status, before: Serving | None, figures: Figures | None = None
    ) -> Verified:
        """Ask the public address for the commit and the digits, then watch it for its probation; raises Stop."""
        begun = await self._course.start("verify")
        url = self._workshop.public_url or status.url
        found = await await_commit(Service(url), Expected.of(sealed), patience=self._workshop.patience)
        if not self._recipe.version and not await self._serves():
            found = Unfit("version", "it has no version route, and the supervisor serves another commit.")
        if isinstance(found, Unfit):
            raise await self._disconnected(url, found, before)
        now = time.monotonic()
        watched = await probation.watch(Service(url), Expected.of(sealed), figures, self._workshop.probation)
        if restarts := (await _status(self._course)).restarts - status.restarts:
            watched = Unfit("restarts", f"its server had to be started again {restarts} times.")
        if isinstance(watched, Unfit):
            raise await self._disconnected(url, watched, before)
        await self._course.say("verify", Done(sealed.name, time.monotonic() - begun))
        kept = {sealed.path, before.release} if before else {sealed.path}
        await asyncio.to_thread(release.prune, self._workshop.releases.absolute(), RELEASES_KEPT, kept)
        return Verified(self._sha, sealed.trace.model_id, now - self._course.begun, found.digits)

    async def _serves(self) -> bool:
        serving = (await _status(self._course)).serving
        return serving is not None and serving.commit == self._sha

    async def _disconnected(self, url: str, found: Unfit, before: Serving | None) -> Stop:
        """Which hop is to blame; where it is the service itself, the release of before serves again."""
        serving = (await _status(self._course)).serving
        seen = f"{url} is not verified: {found.sentence}"
        by_hand = f"curl -si {shlex.quote(url + (self._recipe.version or self._recipe.ready))}"
        if not serving or serving.commit != self._sha:
            other = serving.commit[:8] if serving else "nothing"
            sentence = f"{seen} The supervisor serves {other} meanwhile: another deployment took over."
        elif self._workshop.public_url and found.question not in probation.GROUNDS:
            sentence = f"{seen} The supervisor serves the commit, so what is between the two is disconnected."
        elif last := self._last_good(before):
            return await self._back_to(*last, seen, by_hand)
        else:
            sentence = seen
        return Stop("verify", sentence, reproduce=by_hand)

    def _last_good(self, before: Serving | None) -> tuple[Path, str] | None:
        """Release and commit that served before this one; from the record where a crash came in between."""
        if before and before.commit != self._sha:
            return before.release, before.commit
        known = self._course.request.past.before(self._sha)
        return (self._workshop.releases.absolute() / known.name, known.commit) if known else None

    async def _back_to(self, path: Path, commit: str, seen: str, by_hand: str) -> Stop:
        answer = await self._workshop.deployer.deploy(path)
        if isinstance(answer, Kept):
            return Stop("verify", f"{seen} The version before cannot serve again: {answer.sentence}", answer.log_tail)
        return Stop("verify", f"{seen} Commit {commit[:8]} serves again.", reproduce=by_hand, back=commit)


async def _status(course: Course) -> Status:
    try:
        return await course.workshop.deployer.status()
    except NoSupervisor as error:
        raise Stop("deploy", str(error)) from error


def _serve_by_hand(sealed: Release) -> str:
    given = "".join(f"{name}={shlex.quote(value)} " for name, value in sealed.variables.items())
    command = shlex.join(sealed.serve or ("python", "-m", "gunicorn", sealed.wsgi))
    return (
        f"cd {shlex.quote(str(sealed.source))} && PATH={shlex.quote(str(sealed.python.parent))}:$PATH {given}{command}"
    )
