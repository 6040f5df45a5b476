"""What runs a repository's code: in isolation for evidence, and through the stages for production."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from bot.core.events import Repository
from bot.core.evidence import Examination
from bot.core.ports.forge import Reader, Writer
from bot.core.previews import Previewed
from bot.core.recipe import Recipe
from bot.core.stages import ImagePushed, RolledBack, RunResult, StageReport, Stopped


class Laboratory(Protocol):
    """Examines locks in isolation, on an unpacked tree of the repository."""

    @property
    def python(self) -> str:
        """The Python that locks are tried out with, such as "3.11.2"."""

    async def examine_pair(
        self, tarball: bytes, before: str, after: str, recipe: Recipe
    ) -> tuple[Examination, Examination]:
        """What was measured with each of the two lock texts on the same tree."""


class Deployed(Protocol):
    """Knows the model that serves."""

    async def model_files(self, repository: Repository) -> Mapping[str, str]:
        """Name → text of what describes the repository's deployed model; empty where none of it serves here."""


class Runner(Protocol):
    """Runs the stages of a commit: train, evaluate, package, deploy, verify."""

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
        """Run what is not done yet, on the files that `reader` gives; what serves stays when anything fails.

        `writer` declares what a cluster is to serve, where the repository is deployed to one.

        A commit that ended already for the same `order` gives its recorded result and reports nothing. `retrain`:
        the model is made again. Raises HeadMoved where the branch moves on while a run waits for a storm of merges to
        end.
        """
        ...

    async def overtaken(self, repository: Repository, sha: str, by: str) -> None:
        """Write down that a merge was left to the run of a newer commit."""
        ...

    async def roll_back(
        self, repository: Repository, order: str, why: str, reader: Reader, writer: Writer
    ) -> RolledBack:
        """Let the version before serve again; the same `order` again is the same version. Raises Refused.

        `why` is a clause for the record of what is taken back: who asked for it, and where.
        """

    async def frozen(self, repository: Repository) -> str:
        """Since when deployments wait for a person, after two roll-backs within an hour; empty where they do not."""

    async def resume(self, repository: Repository) -> None:
        """Deploy again, what was taken back too."""

    async def preview(
        self, repository: Repository, number: int, sha: str, reader: Reader, writer: Writer
    ) -> Previewed | Stopped:
        """Serve a commit of a pull request beside production, by the default branch's configuration.

        Production is not touched. Raises Refused.
        """
        ...

    async def push_image(
        self, repository: Repository, sha: str, tag: str, reader: Reader, writer: Writer
    ) -> ImagePushed | Stopped:
        """Build the service's image of a commit and push it under this tag. Raises Refused."""
        ...

    async def close_preview(self, repository: Repository, number: int, reader: Reader, writer: Writer) -> bool:
        """End the preview of the pull request; False where there is none."""
        ...
