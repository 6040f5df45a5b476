"""Tries a lock out: installs it, trains shortly, starts the service on that model, and measures."""

import asyncio
import contextlib
import hashlib
import json
import platform
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.adapters import jail, probe
from bot.adapters.environments import Environments, Installed, InstallFailed
from bot.adapters.findings import command_failure, read_accuracy, read_result, service_result
from bot.adapters.jail import Finished, Limits
from bot.adapters.tarball import unpack
from bot.core import lockfile
from bot.core.discovery import with_service_found
from bot.core.evidence import (
    Accuracy,
    Examination,
    Failure,
    NotExamined,
    ServiceResult,
    TrainingResult,
)
from bot.core.isolation import Isolation, LocalIsolation
from bot.core.recipe import Recipe, ServiceRecipe, TrainingRecipe

TRAINING_LIMITS = Limits(seconds=600, cpu_seconds=1200, memory_mb=8192)
SERVICE_LIMITS = Limits(seconds=240, cpu_seconds=300, memory_mb=4096)

_PROBE = Path(probe.__file__).resolve()
_NO_SERVICE = "No WSGI service was found in the repository; name it as `service.wsgi` in .github/bolide.yaml."
_NO_TRAINING = "The repository names no training in .github/bolide.yaml."


class Laboratory:
    """Examines locks on a tree of the repository, which it never changes."""

    def __init__(
        self,
        environments: Environments,
        *,
        training_limits: Limits = TRAINING_LIMITS,
        service_limits: Limits = SERVICE_LIMITS,
        isolation: LocalIsolation | None = None,
        required: Isolation = "process",
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._environments = environments
        self._training_limits = training_limits
        self._service_limits = service_limits
        self._isolation = isolation
        self._required = required
        self._tell = tell

    @property
    def python(self) -> str:
        """The Python that locks are tried out with: this process's own."""
        return platform.python_version()

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """What was measured with each of the two lock texts on the tree in the tarball, one after the other.

        Locks that install the same packages are measured once. Raises ValueError for a tarball that is not safe to
        unpack.
        """
        with _temporary() as folder:
            source = await asyncio.to_thread(unpack, tarball, folder / "before")
            recipe = await asyncio.to_thread(_completed, recipe, source)
            today = await self.examine(source, before, recipe)
            if _packages(before, recipe) == _packages(after, recipe):
                return today, today
            # Unpacked anew: without a sandbox, the code that has run could have changed the first tree.
            source = await asyncio.to_thread(unpack, tarball, folder / "after")
            return today, await self.examine(source, after, recipe)

    async def examine(self, source: Path, lock: str, recipe: Recipe) -> Examination:
        """What was measured with one lock text on an unpacked tree; a lock that fails is a result, not an exception."""
        started = time.monotonic()
        recipe = await asyncio.to_thread(_completed, recipe, source)
        with _temporary() as folder:
            run = _Run(source, folder, lock, self._tell, self._isolation, self._required)
            try:
                service, training = await self._examine(run, recipe)
            except jail.NotIsolated as problem:
                service = training = NotExamined(problem.sentence)
        return Examination(
            service=service,
            training=training,
            isolation=run.isolation,
            packages=_packages(lock, recipe),
            seconds=time.monotonic() - started,
        )

    async def _examine(
        self, run: "_Run", recipe: Recipe
    ) -> tuple[ServiceResult | Failure | NotExamined, TrainingResult | Failure | NotExamined]:
        for_training, for_service = await asyncio.gather(
            self._install(run, recipe.training), self._install(run, recipe.service)
        )
        training: TrainingResult | Failure | NotExamined = NotExamined(_NO_TRAINING)
        if isinstance(for_training, Failure):
            training = for_training
        elif recipe.training and for_training:
            training = await run.train(recipe.training, for_training, self._training_limits)
        if isinstance(for_service, Failure):
            return for_service, training
        if not recipe.service or not for_service:
            return NotExamined(_NO_SERVICE), training
        only_boot = isinstance(training, Failure)
        service = await run.serve(recipe.service, for_service, self._service_limits, only_boot=only_boot)
        if only_boot and isinstance(service, ServiceResult):
            return NotExamined("The service starts, but there was no newly trained model to ask it about."), training
        return service, training

    async def _install(self, run: "_Run", part: ServiceRecipe | TrainingRecipe | None) -> Installed | Failure | None:
        if part is None:
            return None
        try:
            lock = lockfile.parse(run.lock)
            requirements = lockfile.requirements(lock, part.categories)
            self._tell(f"Installing {len(requirements.splitlines())} packages ({', '.join(part.categories)}).")
            return await self._environments.install(requirements, lockfile.indexes(lock, part.categories))
        except InstallFailed as error:
            return Failure("install", error.sentence, error.log_tail, inconclusive=error.unreachable)
        except ValueError as error:
            return Failure("install", str(error), "")


@dataclass(slots=True)
class _Run:
    """One examination while it runs: what it works on, and in which isolation it did so."""

    source: Path
    folder: Path
    lock: str
    tell: Callable[[str], None]
    asked_isolation: LocalIsolation | None
    required: Isolation
    isolation: str = ""

    async def train(
        self, recipe: TrainingRecipe, installed: Installed, limits: Limits
    ) -> TrainingResult | Failure | NotExamined:
        """The short training and its evaluation."""
        self.tell("Training shortly.")
        environ = {"QUICK": "1"}
        trained = await self._run(recipe.train, installed, environ, limits)
        failure = command_failure("train", "The short training", recipe.train, trained)
        if failure:
            return failure
        accuracy: Accuracy | NotExamined = NotExamined("The repository names no evaluation, so no accuracy is known.")
        if recipe.evaluate:
            self.tell("Evaluating the model.")
            evaluated = await self._run(recipe.evaluate, installed, environ, limits)
            failure = command_failure("evaluate", "The evaluation", recipe.evaluate, evaluated)
            if failure:
                return failure
            accuracy = await asyncio.to_thread(read_accuracy, self._model_dir() / "metrics.json")
        return TrainingResult(
            accuracy=accuracy,
            seconds=trained.seconds,
            cpu_seconds=trained.cpu_seconds,
            peak_memory_mb=trained.peak_memory_mb,
            size_mb=installed.size_mb,
        )

    async def serve(
        self, recipe: ServiceRecipe, installed: Installed, limits: Limits, *, only_boot: bool
    ) -> ServiceResult | Failure:
        """The service, imported, started and asked."""
        self.tell(f"Starting {recipe.wsgi}.")
        result = self.folder / "result.jsonl"
        golden = self._model_dir() / "golden.json"
        questions = {
            "target": recipe.wsgi,
            "result": str(result),
            "paths": [str(path) for path in (self.source, self.source / "src") if path.is_dir()],
            "ready": recipe.ready,
            "version": recipe.version,
            "predict": recipe.predict,
            "golden": str(golden) if golden.is_file() else "",
            "only_boot": only_boot,
            "import_seconds": limits.seconds / 2,
            "answer_seconds": limits.seconds / 8,
        }
        command = ["python", "-I", "-B", str(_PROBE), json.dumps(questions)]
        finished = await self._run(command, installed, {}, limits, _PROBE)
        lines = await asyncio.to_thread(read_result, result, lambda text: self._shortened(text, installed))
        return service_result(lines, finished, recipe, installed)

    async def _run(
        self, command: Sequence[str], installed: Installed, environ: Mapping[str, str], limits: Limits, *more: Path
    ) -> Finished:
        python = installed.python.resolve()
        finished = await jail.run(
            command,
            cwd=self.source,
            environ={
                "PATH": f"{installed.python.parent}:/usr/bin:/bin",
                "VIRTUAL_ENV": str(installed.path),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONNOUSERSITE": "1",
                "PYTHONUNBUFFERED": "1",
                "MODEL_DIR": str(self._model_dir()),
                "COMMIT": "0" * 40,
                "LOCK_SHA256": hashlib.sha256(self.lock.encode()).hexdigest(),
                **environ,
            },
            readable=[self.source, installed.path, python.parent.parent, *more],
            writable=[self.folder],
            limits=limits,
            on_line=self.tell,
            isolation=self.asked_isolation,
            required=self.required,
        )
        self.isolation = finished.isolation
        return replace(finished, output_tail=self._shortened(finished.output_tail, installed))

    def _shortened(self, text: str, installed: Installed) -> str:
        """The text without the folders of this machine, which say nothing to its readers."""
        packages = next(installed.path.glob("lib/python*/site-packages"), installed.path)
        for folder in (packages, installed.path, self.source, self.folder, _PROBE.parent):
            text = text.replace(f"{folder}/", "")
        return text.replace(f"{installed.python.resolve().parent.parent}/", "python/")

    def _model_dir(self) -> Path:
        path = self.folder / "model"
        path.mkdir(exist_ok=True)
        return path


def _completed(recipe: Recipe, source: Path) -> Recipe:
    """The recipe, with the service that is found in the tree where it names none."""

    def read(path: str) -> str:
        with contextlib.suppress(OSError):
            return (source / path).read_text(errors="replace")[:500_000]
        return ""

    files = (path.relative_to(source).as_posix() for path in source.rglob("*.py") if path.is_file())
    return with_service_found(recipe, files, read)


def _packages(lock: str, recipe: Recipe) -> str:
    """sha256 of what is installed of a lock, of the lock itself where that cannot be told."""
    parts = [part.categories for part in (recipe.training, recipe.service) if part]
    try:
        told = [lockfile.requirements(lockfile.parse(lock), categories) for categories in parts]
    except ValueError:
        told = [lock]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


@contextlib.contextmanager
def _temporary() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="laboratory-")).resolve()
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class OneAtATime:
    """The `Laboratory` port, waiting for its turn."""

    def __init__(self, inner: Laboratory, turn: asyncio.Lock) -> None:
        self._inner, self._turn = inner, turn

    @property
    def python(self) -> str:
        """The Python that locks are tried out with."""
        return self._inner.python

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """What was measured with each of the two lock texts."""
        async with self._turn:
            return await self._inner.examine_pair(tarball, before, after, recipe)
