"""Where a stage's command runs: the port, and the runner of one machine."""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

LONGEST_LOG = 8 * 2**20
"""Bytes, about; what a command writes beyond is read and dropped."""


@dataclass(frozen=True, slots=True)
class Job:
    """A stage's command, the packages it needs, and all that it may see: nothing else is there when it runs."""

    command: tuple[str, ...]
    source: Path
    requirements: str
    """Hashed requirements, one line a package."""
    indexes: Mapping[str, str]
    """Name → address of the indexes that the lock takes them from."""
    environ: Mapping[str, str]
    reads: tuple[Path, ...]
    writes: tuple[Path, ...]
    log: Path | None = None
    """The file to which each line is added as the command writes it; None: only the end is kept."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The command ended with exit status 0."""

    output_tail: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The packages could not be installed, or the command failed or took too long; `sentence` says which."""

    sentence: str
    output_tail: str


class Runner(Protocol):
    """Runs stages: as processes here, as pods elsewhere."""

    async def run(self, job: Job) -> Passed | Broken:
        """Run it to its end; cancelling stops the command."""
        ...


class Installed(Protocol):
    """An environment on disk."""

    @property
    def path(self) -> Path:
        """Its folder, which nobody writes into."""
        ...

    @property
    def python(self) -> Path:
        """Its interpreter."""
        ...


class Environments(Protocol):
    """Makes environments from hashed requirements, each once."""

    async def install(self, requirements: str, indexes: Mapping[str, str] | None = None) -> Installed:
        """The environment with exactly these packages; an error with `sentence` and `log_tail` when it can't be."""
        ...


@runtime_checkable
class Explained(Protocol):
    """An error that explains itself to a person."""

    sentence: str
    log_tail: str


class Finished(Protocol):
    """How a command ended."""

    @property
    def returncode(self) -> int:
        """Its exit status."""
        ...

    @property
    def output_tail(self) -> str:
        """The end of what it wrote."""
        ...

    @property
    def stopped(self) -> str | None:
        """The limit for which it was killed, such as `time` or `memory`; None when it ended by itself."""
        ...


class Jail(Protocol):
    """Runs a command with an empty environment, without a network, within limits."""

    async def __call__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        environ: Mapping[str, str],
        readable: Sequence[Path],
        writable: Sequence[Path],
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run it to its end, giving each line as it comes; cancelling kills all its processes."""
        ...


class LocalRunner:
    """Runs stages on this machine: an environment from the lock, a process without a network."""

    def __init__(self, environments: Environments, jail: Jail) -> None:
        self._environments, self._jail = environments, jail

    async def run(self, job: Job) -> Passed | Broken:
        """Run it to its end; cancelling stops the command."""
        try:
            finished = await self._finished(job)
        except Exception as error:
            if isinstance(error, Explained):
                return Broken(error.sentence, error.log_tail)
            raise
        if finished.returncode == 0 and not finished.stopped:
            return Passed(finished.output_tail)
        return Broken(_sentence(job.command, finished), finished.output_tail)

    async def _finished(self, job: Job) -> Finished:
        installed = await self._environments.install(job.requirements, job.indexes)
        with _written_to(job.log) as on_line:
            return await self._jail(
                _command(job.command, installed.python),
                cwd=job.source,
                environ={"PATH": f"{installed.python.parent}:/usr/bin:/bin", "LANG": "C.UTF-8"} | dict(job.environ),
                readable=(job.source, installed.path, *job.reads),
                writable=job.writes,
                on_line=on_line,
            )


def prune_logs(folder: Path, keep: int) -> None:
    """Remove the logs of all but the latest commits; `folder` holds one folder for each."""
    known = sorted(folder.glob("*/"), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in known[keep:]:
        shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _written_to(log: Path | None) -> Iterator[Callable[[str], None] | None]:
    """What takes lines and writes each down at once, until the file is as long as it may be."""
    if log is None:
        yield None
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1) as file:

        def take(line: str) -> None:
            if file.tell() < LONGEST_LOG:
                file.write(f"{line}\n")

        yield take


def _command(command: Sequence[str], python: Path) -> list[str]:
    first, *rest = command
    return [str(python) if first in ("python", "python3") else first, *rest]


def _sentence(command: Sequence[str], finished: Finished) -> str:
    if finished.stopped:
        return f"`{' '.join(command)}` was stopped at its {finished.stopped} limit."
    said = [line.strip() for line in finished.output_tail.splitlines() if line.strip()]
    return said[-1] if said else f"`{' '.join(command)}` ended with exit status {finished.returncode} and said nothing."
