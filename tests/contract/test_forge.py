"""The forge in memory and the real one keep the same contract."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bot.adapters.github import GitHub, open_github
from bot.core.events import Actor, Repository
from bot.core.ports import Permission
from bot.sandbox import Sandbox
from tests.contract.forge_suite import FILES, ForgeSuite
from tests.managers.memory_forge import MemoryForge, MemoryRepository
from tests.sandbox.harness import as_user, judged_sandbox
from tests.service.keys import private_key, public_key

NAME = "ada/digits"


@dataclass(frozen=True, slots=True)
class MemoryGround:
    """The repository in memory."""

    forge: MemoryForge
    repository: Repository

    async def push(self, login: str, files: dict[str, str], branch: str = "main") -> str:
        return self.forge.repository.push(files, author=login, branch=branch)

    async def close_pull(self, number: int) -> None:
        self.forge.repository.pulls[number].state = "closed"

    async def merge(self, number: int) -> str:
        return self.forge.repository.merge(number)

    async def notes(self, tag: str) -> list[str]:
        return self.forge.repository.releases[tag].split("\n\n")

    async def issue(self) -> int:
        return self.forge.repository.issue()

    async def is_open(self, issue: int) -> bool:
        return issue in self.forge.repository.open_issues

    async def comments(self, issue: int) -> list[str]:
        return [body for (number, _), body in self.forge.repository.comments.items() if number == issue]

    async def give(self, login: str, role: str) -> Actor:
        self.forge.repository.permissions[5] = cast(Permission, role)
        self.forge.repository.logins[5] = login
        return Actor(5, login)

    async def labels(self) -> dict[str, str]:
        return self.forge.repository.labels


@dataclass(frozen=True, slots=True)
class SandboxGround:
    """The adapter over the sandbox's HTTP door."""

    sandbox: Sandbox
    forge: GitHub
    repository: Repository

    async def push(self, login: str, files: dict[str, str], branch: str = "main") -> str:
        return await self.sandbox.push(NAME, login, files, "Go on", branch)

    async def close_pull(self, number: int) -> None:
        async with as_user(self.sandbox, "ada") as ada:
            await ada("PATCH", f"/repos/{NAME}/pulls/{number}", {"state": "closed"})

    async def merge(self, number: int) -> str:
        async with as_user(self.sandbox, "ada") as ada:
            return str((await ada("PUT", f"/repos/{NAME}/pulls/{number}/merge", {}))[1]["sha"])

    async def notes(self, tag: str) -> list[str]:
        body = str((await self._ask(f"releases/tags/{tag}"))["body"])
        return re.sub(r"\n<!-- bolide:yanked -->", "", body).split("\n\n")

    async def issue(self) -> int:
        return int(self.sandbox.open_issue(NAME, "ada", "Question").number)

    async def is_open(self, issue: int) -> bool:
        return bool((await self._ask(f"issues/{issue}"))["state"] == "open")

    async def comments(self, issue: int) -> list[str]:
        found = await self._ask(f"issues/{issue}/comments")
        return [re.sub(r"\s*<!-- bolide:.* -->$", "", comment["body"]) for comment in found]

    async def give(self, login: str, role: str) -> Actor:
        self.sandbox.set_role(NAME, login, role)
        user = self.sandbox.services.forge.user_named(login)
        assert user is not None
        return Actor(user.id, login)

    async def labels(self) -> dict[str, str]:
        return {label["name"]: label["description"] for label in await self._ask("labels?per_page=100")}

    async def _ask(self, path: str) -> Any:
        async with as_user(self.sandbox, "ada") as ada:
            return (await ada("GET", f"/repos/{NAME}/{path}"))[1]


class TestMemoryForge(ForgeSuite):
    @pytest.fixture
    def ground(self) -> MemoryGround:
        there = MemoryRepository(NAME)
        there.push(FILES)
        return MemoryGround(MemoryForge(there), there.value)


class TestGitHubOverTheSandbox(ForgeSuite):
    @pytest.fixture
    async def ground(self, tmp_path: Path) -> AsyncIterator[SandboxGround]:
        async with judged_sandbox(tmp_path / "sandbox") as sandbox:
            made = await sandbox.create_repository(NAME, FILES)
            app = sandbox.register_app("bolide", "ada", public_key())
            installation = sandbox.install_app(app, NAME)
            async with open_github(
                str(app.id), private_key(), api_url=sandbox.api_url, graphql_url=sandbox.graphql_url
            ) as github:
                yield SandboxGround(sandbox, github, Repository(made.id, NAME, installation.id))
