"""In memory: a laboratory that knows which locks break, a runner that knows how runs end."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from bot.core import lockfile
from bot.core.attestations import Attested, Unattested, Unchecked
from bot.core.errors import Refused
from bot.core.events import Repository
from bot.core.evidence import Accuracy, Examination, Failure, Latency, NotExamined, ServiceResult, TrainingResult
from bot.core.packages import File
from bot.core.ports import Reader, Writer
from bot.core.previews import Previewed
from bot.core.recipe import Recipe
from bot.core.releasenotes import Asked, Notes
from bot.core.stages import ImagePushed, RolledBack, RunResult, StageReport, Stopped


@dataclass(slots=True)
class MemoryReleaseNotes:
    """`said`: package → its changelog's text for whatever is asked; of the others nothing can be reached."""

    said: dict[str, str] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    async def read(self, wanted: Sequence[Asked]) -> tuple[Notes, ...]:
        self.asked += wanted
        return tuple(self._notes(asked) for asked in wanted)

    def _notes(self, asked: Asked) -> Notes:
        link = f"https://example.org/{asked.name}/changes"
        text = self.said.get(asked.name, "")
        return Notes(asked, text, link, "" if text else "not reachable")


@dataclass(slots=True)
class MemoryAttestations:
    """`verdicts` by sha256; of other files with attestations the `trouble` says why they were not looked at."""

    verdicts: dict[str, Attested] = field(default_factory=dict)
    trouble: str = "nobody knows of them"

    async def of(self, files: Iterable[File]) -> Mapping[str, Attested]:
        return {
            file.sha256: self.verdicts.get(file.sha256, Unchecked(self.trouble)) if file.provenance else Unattested()
            for file in files
        }


@dataclass(slots=True)
class MemoryLaboratory:
    """`broken`: (package, version) → the module whose import fails with it; `quarrels`: the same of several together.

    `meanwhile` happens during the work.
    """

    broken: dict[tuple[str, str], str] = field(default_factory=dict)
    quarrels: dict[frozenset[tuple[str, str]], str] = field(default_factory=dict)
    examined: list[tuple[str, str]] = field(default_factory=list)
    meanwhile: Callable[[], None] = lambda: None
    python: str = "3.11.2"
    away: bool = False
    """Whether the index is out of reach, so that nothing can be installed."""
    idle: str = ""
    """Why no code is run at all."""

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        self.examined.append((before, after))
        self.meanwhile()
        return self._examine(before, recipe), self._examine(after, recipe)

    def _examine(self, lock: str, recipe: Recipe) -> Examination:
        if self.idle:
            return Examination(NotExamined(self.idle), NotExamined(self.idle), "", lock, 0.1)
        pins = lockfile.parse(lock)["default"] if lock else {}
        culprits = [culprit for (name, version), culprit in self.broken.items() if _has(pins, name, version)]
        culprits += [culprit for pair, culprit in self.quarrels.items() if all(_has(pins, *one) for one in pair)]
        training = (
            TrainingResult(Accuracy(0.991, (0.98,) * 10, 10_000), 14.0, 20.0, 900.0, 800.0)
            if recipe.training
            else NotExamined("There is no training to examine.")
        )
        if self.away:
            failed = Failure("install", "The index is out of reach.", "", inconclusive=True)
            return Examination(failed, training, "bubblewrap", lock, 2.0)
        if culprits:
            sentence = f"The import of {culprits[0]} fails: ImportError: cannot import name 'escape' from @flask."
            log = f"Traceback:\n  import {culprits[0]}\n<!-- /bolide:evidence -->\nImportError: fixes #1"
            return Examination(Failure("import", sentence, log, culprits[0]), training, "bubblewrap", lock, 2.0)
        service = ServiceResult("GET /readyz answered 200", Latency(1.2, 3.4, 50), 0.2, 80.0, 40.0)
        return Examination(service, training, "bubblewrap", lock, 2.0)


def _has(pins: dict[str, dict[str, str]], name: str, version: str) -> bool:
    return pins.get(name, {}).get("version") == f"=={version}"


@dataclass(slots=True)
class MemoryRunner:
    """`course`: the reports of a run before it ends with `result`; an ended run is told again without reports."""

    result: Callable[[str], RunResult]
    course: Callable[[str], list[StageReport]] = lambda sha: []
    ended: dict[str, RunResult] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    left: list[tuple[str, str]] = field(default_factory=list)
    """Merges that were left to a newer commit, and that commit."""

    async def overtaken(self, repository: Repository, sha: str, by: str) -> None:
        self.left.append((sha, by))

    async def model_files(self, repository: Repository) -> Mapping[str, str]:
        return self.files

    retrained: list[str] = field(default_factory=list)
    frozen_since: str = ""
    before: RolledBack | None = None
    """What a command to roll back comes to; None where no version before is known."""
    orders: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    async def frozen(self, repository: Repository) -> str:
        return self.frozen_since

    async def resume(self, repository: Repository) -> None:
        self.frozen_since = ""
        self.ended.clear()

    previewed: Previewed | Stopped | None = None
    """What a preview comes to; None where none can be made."""
    previews: list[tuple[int, str]] = field(default_factory=list)

    async def preview(
        self, repository: Repository, number: int, sha: str, reader: Reader, writer: Writer
    ) -> Previewed | Stopped:
        if self.previewed is None:
            raise Refused("No previews are made here.")
        self.previews.append((number, sha))
        return self.previewed

    pushed: ImagePushed | Stopped | None = None
    """What an image comes to; None where none can be built."""

    async def push_image(
        self, repository: Repository, sha: str, tag: str, reader: Reader, writer: Writer
    ) -> ImagePushed | Stopped:
        if self.pushed is None:
            raise Refused("Images need `deploy.image`.")
        self.orders.append(f"{tag} {sha}")
        return self.pushed

    async def close_preview(self, repository: Repository, number: int, reader: Reader, writer: Writer) -> bool:
        there = [preview for preview in self.previews if preview[0] == number]
        self.previews = [preview for preview in self.previews if preview[0] != number]
        return bool(there)

    async def roll_back(
        self, repository: Repository, order: str, why: str, reader: Reader, writer: Writer
    ) -> RolledBack:
        if self.before is None:
            raise Refused("No version before this one is known.")
        self.orders.append(order)
        self.reasons.append(why)
        return self.before

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
        if sha in self.ended and not order:
            return self.ended[sha]
        self.begun.append(sha)
        self.retrained += [sha] if retrain else []
        for stage in self.course(sha):
            await report(stage)
        self.ended[sha] = self.result(sha)
        return self.ended[sha]
