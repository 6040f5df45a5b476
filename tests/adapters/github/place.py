"""A repository on the sandbox with the App installed, and the App's GitHub: where the adapter's stories take place."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.github import GitHub, open_github
from bot.core.events import Repository
from bot.core.plan import FileChange, OwnBranch, ProposeChange, Target
from bot.core.ports import PullRequest, Reader, Snapshot, Writer
from bot.sandbox import Sandbox
from tests.sandbox.harness import judged_sandbox
from tests.service.keys import private_key, public_key

NAME = "ada/digits"
BRANCH = "bolide/update"
FILES = {"Pipfile": "[packages]\nflask = '*'\n", "Pipfile.lock": '{"default": {}}\n', "README.md": "# digits\n"}


@dataclass(slots=True)
class Clock:
    """The time on GitHub, and on our side unless a story sets it apart."""

    ahead: timedelta = field(default_factory=timedelta)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def seconds(self) -> float:
        return self().timestamp()


@dataclass(slots=True)
class Place:
    """What a story needs."""

    sandbox: Sandbox
    github: GitHub
    repository: Repository
    clock: Clock

    @property
    def reader(self) -> Reader:
        return self.github.reader(self.repository)

    @property
    def writer(self) -> Writer:
        return self.github.writer(self.repository)

    def sent(self) -> list[str]:
        """The requests for the repository so far: GraphQL operations by name, REST by method and path."""
        short = f"repos/{NAME}/"
        found = [asked for asked in self.github.requests if asked.phase != "app"]
        return [
            asked.what if "/" not in asked.what else f"{asked.method} {asked.what.replace(short, '')}"
            for asked in found
        ]

    async def read(self) -> Snapshot:
        return await self.reader.snapshot(["Pipfile"], branch=BRANCH)

    async def change(self, text: str = "[packages]\nflask = '==3.1'\n", title: str = "Update flask") -> ProposeChange:
        """A change of the Pipfile, planned on what is there now."""
        seen = await self.read()
        return ProposeChange(
            target=Target(seen.node_id, seen.default_branch, seen.sha),
            branch=BRANCH,
            existing=seen.existing(),
            files=(FileChange("Pipfile", text),),
            message=f"{title}\n\nBecause.",
            title=title,
            body="| a | b |\n|---|---|\n",
        )

    async def head(self, branch: str) -> str | None:
        """Where a branch is."""
        repository = self.sandbox.repository(NAME)
        ref = await self.sandbox.services.forge.git(repository).ref(f"refs/heads/{branch}")
        return ref.commit if ref else None

    async def history(self, branch: str) -> list[tuple[str, str]]:
        """Author and headline of a branch's commits, newest first."""
        commits = await self.sandbox.services.forge.git(self.sandbox.repository(NAME)).history(f"refs/heads/{branch}")
        return [(commit.author.name, commit.headline) for commit in commits]


def own(opened: PullRequest) -> OwnBranch:
    return OwnBranch(opened.head_sha, opened.number)


@asynccontextmanager
async def open_place(
    tmp_path: Path, *, our_clock: Callable[[], float] | None = None, limits: bool = False
) -> AsyncIterator[Place]:
    """The repository and the App, on a sandbox whose every exchange GitHub's own descriptions judge."""
    clock = Clock()
    async with judged_sandbox(tmp_path / "sandbox", clock=clock, limits=limits) as sandbox:
        made = await sandbox.create_repository(NAME, FILES)
        app = sandbox.register_app("bolide", "ada", public_key())
        installation = sandbox.install_app(app, NAME)
        async with open_github(
            str(app.id),
            private_key(),
            api_url=sandbox.api_url,
            graphql_url=sandbox.graphql_url,
            clock=our_clock or clock.seconds,
        ) as github:
            yield Place(sandbox, github, Repository(made.id, NAME, installation.id), clock)
