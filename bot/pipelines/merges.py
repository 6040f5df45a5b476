"""From a commit of the default branch to a run of its stages: files, configuration, then the queue."""

import asyncio
import contextlib
import shutil
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from bot.core import repoconfig
from bot.core.deploykeys import DeployKeys
from bot.core.errors import Refused
from bot.core.events import Repository
from bot.core.pipfile import is_private
from bot.core.ports import Forge, Reader, Register, Writer
from bot.core.previews import Previewed
from bot.core.stages import (
    Done,
    Held,
    ImagePushed,
    NotServed,
    RolledBack,
    RunResult,
    Skipped,
    StageReport,
    Stopped,
    Superseded,
    Verified,
)
from bot.pipelines import preview, redeploy, rollback
from bot.pipelines.calm import Calm
from bot.pipelines.claim import Claim
from bot.pipelines.control import NoSupervisor
from bot.pipelines.course import Cluster, Report, RunRequest, Workshop
from bot.pipelines.deployments import Deployed, Deployments, Past
from bot.pipelines.destination import BRANCH, cluster_of
from bot.pipelines.ledger import Ledger
from bot.pipelines.preview import Ground
from bot.pipelines.runs import RunQueue

Unpack = Callable[[bytes, Path], Path]
REMEMBERED = 100
NO_PREVIEWS = "No previews are made here."


@dataclass(frozen=True, slots=True)
class Order:
    """The command that wants a run, its key empty for a merge, and whether it wants the model made again."""

    key: str = ""
    retrain: bool = False


class MergeRuns:
    """The ports `Runner` and `Deployed` on one machine, which serves one repository; `turn` keeps heavy work apart."""

    def __init__(
        self,
        workshop: Workshop,
        records: Path,
        unpack: Unpack,
        turn: asyncio.Lock,
        forge: Forge,
        register: Register,
        allowed_hosts: frozenset[str] = frozenset(),
        calm: Calm | None = None,
        previews: Ground | None = None,
    ) -> None:
        self._workshop, self._unpack, self._turn, self._allowed = workshop, unpack, turn, allowed_hosts
        self._forge, self._register = forge, register
        self._calm = calm or Calm()
        self._previews = previews
        self._claim = Claim(records / "served-repository")
        self._deployments = Deployments(register)
        self._ledger = Ledger(register, workshop.store.card)
        self._queue = RunQueue(self._ledger, self._work, turn)
        self._ended: dict[tuple[int, str, str], RunResult] = {}
        self._runs: set[asyncio.Task[RunResult]] = set()

    async def run(
        self,
        repository: Repository,
        sha: str,
        reader: Reader,
        writer: Writer,
        report: Callable[[StageReport], Awaitable[None]],
        *,
        order: str = "",
        retrain: bool = False,
    ) -> RunResult:
        """Run what is not done yet; a commit that ended already for this order gives its result and reports nothing."""
        key, told = (repository.id, sha, order), Order(order, retrain)
        if key not in self._ended:
            await self._calm.wait(repository, sha, reader)
            # The run outlives whoever asked for it: `close` ends it, or the same commit asked for again joins it.
            task = asyncio.create_task(self._run(repository, sha, reader, writer, report, told))
            self._runs.add(task)
            task.add_done_callback(self._runs.discard)
            self._ended[key] = await asyncio.shield(task)
            self._calm.end(repository)
            while len(self._ended) > REMEMBERED:
                del self._ended[next(iter(self._ended))]
        return self._ended[key]

    async def frozen(self, repository: Repository) -> str:
        """Since when deployments of the repository wait for a person; empty where they do not."""
        return (await self._deployments.read(repository.id)).frozen

    async def resume(self, repository: Repository) -> None:
        """Let deployments go on, of what was taken back too; ended runs are forgotten, so that they can be repeated."""
        await self._deployments.change(repository.id, Past.resumed)
        self._ended = {key: result for key, result in self._ended.items() if key[0] != repository.id}

    async def roll_back(
        self, repository: Repository, order: str, why: str, reader: Reader, writer: Writer
    ) -> RolledBack:
        """Let the version before serve again; the same order again is the same version. Raises Refused."""
        project = await reader.snapshot(repoconfig.PATHS, branch=BRANCH)
        keys = repoconfig.read(project).deploy
        if keys:
            place: rollback.Place = rollback.InCluster(await self._cluster(keys, repository, reader, writer))
        else:
            number, name = await asyncio.to_thread(self._claim.holder, repository)
            if number != str(repository.id):
                raise Refused(f"The machine that Bolide runs on serves {name}; there is nothing to roll back here.")
            place = rollback.Here(self._workshop.deployer, self._workshop.releases.absolute())
        back = await rollback.roll_back(place, repository.id, order, self._deployments)
        if back.taken:
            await self._ledger.take_back(back.taken, back.sha, why)
        return back

    async def preview(
        self, repository: Repository, number: int, sha: str, reader: Reader, writer: Writer
    ) -> Previewed | Stopped:
        """Serve a pull request's commit beside production, by the default branch's configuration. Raises Refused."""
        if self._previews is None:
            raise Refused(NO_PREVIEWS)
        config = (await reader.snapshot((repoconfig.PATH,), branch=BRANCH)).text(repoconfig.PATH)
        async with self._unpacked(repository, sha, reader, writer, config) as request:
            if request is None or request.recipe.service is None:
                raise Refused(f"{repoconfig.PATH} of the default branch names no service, or there is no Pipfile.lock.")
            if request.cluster:
                for url in (request.cluster.keys.url, request.cluster.keys.preview_url):
                    _require_public(url, self._allowed)
            async with self._turn:
                return await preview.open_preview(self._previews, self._workshop, request, number)

    async def push_image(
        self, repository: Repository, sha: str, tag: str, reader: Reader, writer: Writer
    ) -> ImagePushed | Stopped:
        """Build the service's image of a commit and push it under this tag. Raises Refused."""
        keys = repoconfig.read(await reader.snapshot(repoconfig.PATHS, branch=BRANCH)).deploy
        async with self._unpacked(repository, sha, reader, writer, None) as request:
            if request is None:
                raise Refused(f"{repoconfig.PATH} of the tag names no service, or there is no Pipfile.lock.")
            # Where images go is for the default branch to say, whatever an old tag says.
            cluster = await self._cluster(keys, repository, reader, writer) if keys else None
            request = replace(request, cluster=cluster)
            async with self._turn:
                return await redeploy.push_image(self._workshop, request, preview.say_nothing, tag)

    @contextlib.asynccontextmanager
    async def _unpacked(
        self, repository: Repository, sha: str, reader: Reader, writer: Writer, config: str | None
    ) -> AsyncIterator[RunRequest | None]:
        """What to run for a commit, its files there while the block runs."""
        folder = self._workshop.scratch / f"tree-{sha[:12]}-{uuid.uuid4().hex[:8]}"
        try:
            tree = await asyncio.to_thread(self._unpack, await reader.tarball(sha), folder)
            found = await asyncio.to_thread(_request, repository, sha, tree, config)
            yield await self._directed(found, repository, reader, writer) if found else None
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _directed(
        self, found: tuple[RunRequest, DeployKeys | None], repository: Repository, reader: Reader, writer: Writer
    ) -> RunRequest:
        """The request with the cluster that its configuration names. Raises Refused."""
        request, keys = found
        cluster = await self._cluster(keys, repository, reader, writer) if keys else None
        return replace(request, cluster=cluster)

    async def _cluster(self, keys: DeployKeys, repository: Repository, reader: Reader, writer: Writer) -> Cluster:
        return await cluster_of(keys, repository, reader, writer, self._forge, self._register)

    async def close_preview(self, repository: Repository, number: int, reader: Reader, writer: Writer) -> bool:
        """End the preview of the pull request; False where there is none."""
        if self._previews is None or not self._previews.place(repository.id, number).is_dir():
            return False
        keys = repoconfig.read(await reader.snapshot(repoconfig.PATHS, branch=BRANCH)).deploy
        cluster = await self._cluster(keys, repository, reader, writer) if keys else None
        return await preview.close_preview(self._previews, repository.id, number, cluster)

    async def overtaken(self, repository: Repository, sha: str, by: str) -> None:
        """Write down that a merge was left to the run of a newer commit."""
        await self._ledger.leave(repository.name, Superseded(sha, by))

    async def model_files(self, repository: Repository) -> Mapping[str, str]:
        """Name → text of the card and metrics of the repository's deployed model; empty where none serves here."""
        return await asyncio.to_thread(self._model_files, repository, await self._serving())

    async def _serving(self) -> Path | None:
        try:
            serving = (await self._workshop.deployer.status()).serving
        except NoSupervisor:
            return None
        return serving.release if serving else None

    def _model_files(self, repository: Repository, release: Path | None) -> Mapping[str, str]:
        if release is None or not self._claim.is_made() or self._claim.holder(repository)[0] != str(repository.id):
            return {}
        names = {"model-card.json": "card.json", "model-metrics.json": "metrics.json"}
        found = {name: release / "model" / file for name, file in names.items()}
        return {name: path.read_text() for name, path in found.items() if path.is_file()}

    async def close(self) -> None:
        """Cancel what runs; the same commits can be run again."""
        await self._queue.close()
        for task in self._runs:
            task.cancel()
        await asyncio.gather(*self._runs, return_exceptions=True)

    async def _run(
        self, repository: Repository, sha: str, reader: Reader, writer: Writer, report: Report, told: Order
    ) -> RunResult:
        folder = self._workshop.scratch / f"tree-{sha[:12]}-{uuid.uuid4().hex[:8]}"
        try:
            tree = await asyncio.to_thread(self._unpack, await reader.tarball(sha), folder)
            found = await asyncio.to_thread(_request, repository, sha, tree)
            if found is None:
                sentence = f"{repoconfig.PATH} names neither training nor service, or there is no Pipfile.lock."
                return NotServed(sha, sentence)
            request = await self._directed(found, repository, reader, writer)
            if request.cluster:
                _require_public(request.cluster.keys.url, self._allowed)
            else:
                number, name = await asyncio.to_thread(self._claim.holder, repository)
                if number != str(repository.id):
                    return NotServed(sha, f"The machine that Bolide runs on serves {name}; it serves one repository.")
            request = replace(request, order=told.key, retrain=told.retrain)
            return await self._queue.submit(request, report)
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def _work(self, request: RunRequest, report: Report) -> RunResult:
        past, names = await self._deployments.read(request.number), [""]
        if past.frozen:
            return Held(request.sha, past.frozen)

        async def note(line: StageReport) -> None:
            if line.stage == "deploy" and isinstance(line.outcome, Done | Skipped):
                names.append(line.outcome.artefact or "")
            await report(line)

        result = await redeploy.run(self._workshop, replace(request, past=past), note)
        await self._record(request.number, result, names[-1])
        return result

    async def _record(self, number: int, result: RunResult, name: str) -> None:
        """Write down what was verified, and what was taken back."""
        match result:
            case Verified():
                await self._deployments.change(number, lambda past: past.verified(Deployed(result.sha, name)))
            case Stopped(back=back) if back:
                now = datetime.now(UTC)
                await self._deployments.change(number, lambda past: past.after_roll_back(name, now))
            case _:
                pass


def _request(
    repository: Repository, sha: str, tree: Path, config: str | None = None
) -> tuple[RunRequest, DeployKeys | None] | None:
    """What to run for the files of a commit, and where it goes; None where there is nothing that a lock decides.

    `config` is the configuration's text, None for that of the commit itself.
    """
    decided = repoconfig.parse(_text(tree / repoconfig.PATH) if config is None else config)
    recipe = decided.recipe
    lock = _text(tree / "Pipfile.lock")
    if not lock or not (recipe.training or recipe.service):
        return None
    return RunRequest(repository.name, sha, tree, lock, recipe, number=repository.id), decided.deploy


def _require_public(url: str, allowed_hosts: frozenset[str]) -> None:
    """Raise Refused for an address that a repository may not have Bolide ask: a private one that nobody allowed."""
    host = urlsplit(url).hostname or ""
    if is_private(host) and host not in allowed_hosts:
        raise Refused(f"`deploy.url` points to {host}, a private address; the operator can allow it by name.")


def _text(path: Path) -> str:
    if path.is_symlink():
        raise Refused(f"{path.name} is a symbolic link; commit the file itself.")
    try:
        return path.read_text()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeError) as problem:
        raise Refused(f"{path.name} cannot be read: {problem}.") from problem
