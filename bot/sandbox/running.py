"""The sandbox on a port of this machine, with the few things that a demo or a test does as a person."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from bot.sandbox.actions import issues, pulls, setup
from bot.sandbox.calls import SERVICES, Services
from bot.sandbox.entities import App, Installation, Issue, Json, Pull, Repository
from bot.sandbox.errors import not_found
from bot.sandbox.forge import API, GRAPHQL, Actor
from bot.sandbox.server import Options, create_sandbox

Files = Mapping[str, bytes | str]


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running sandbox."""

    url: str
    services: Services

    @property
    def api_url(self) -> str:
        """Where REST is."""
        return f"{self.url}{API}"

    @property
    def graphql_url(self) -> str:
        """Where GraphQL is."""
        return f"{self.url}{GRAPHQL}"

    @property
    def requests(self) -> list[Json]:
        """The API requests so far: method, path, template, operation, status, token kind, user."""
        return list(self.services.log.entries)

    def token(self, login: str) -> str:
        """A personal token of the user, who is made if there is none."""
        forge = self.services.forge
        return setup.create_token(forge, setup.create_user(forge, login))

    def repository(self, full_name: str) -> Repository:
        """The repository of that name; raises 404."""
        found = self.services.forge.repository(full_name)
        if found is None:
            raise not_found(f"There is no repository {full_name}.")
        return found

    async def create_repository(
        self, full_name: str, files: Files | None = None, message: str = "Begin", *, private: bool = False
    ) -> Repository:
        """A repository of its owner, with the files as its first commit."""
        made = await setup.create_repository(self.services.forge, full_name, private=private)
        if files:
            await self.push(full_name, made.owner, files, message)
        return self.repository(full_name)

    async def push(self, full_name: str, login: str, files: Files, message: str, branch: str = "") -> str:
        """The SHA of a commit by the person that sets these files."""
        forge = self.services.forge
        user = setup.create_user(forge, login)
        return await setup.push_files(forge, self.repository(full_name), user, files, message, branch)

    def register_app(
        self, slug: str, owner: str, public_key: str, webhook_url: str = "", webhook_secret: str = ""
    ) -> App:
        """The App, registered or changed."""
        new = setup.NewApp(slug, owner, public_key, webhook_url, webhook_secret)
        return setup.register_app(self.services.forge, new)

    def install_app(self, app: App, *full_names: str) -> Installation:
        """The App on these repositories of one account; it is told by a webhook."""
        found = [self.repository(name) for name in full_names]
        account = setup.user_or_404(self.services.forge, found[0].owner)
        return setup.install_app(self.services.forge, app, account, found)

    def set_role(self, full_name: str, login: str, role: str) -> None:
        """Give a person a role in a repository."""
        user = setup.create_user(self.services.forge, login)
        setup.set_role(self.services.forge, self.repository(full_name), user, role)

    def open_issue(self, full_name: str, login: str, title: str, body: str = "") -> Issue:
        """The issue that the person opened."""
        return issues.open_issue(self.services.forge, self._actor(login), self.repository(full_name), title, body)

    def comment(self, full_name: str, login: str, number: int, body: str) -> None:
        """Comment as the person."""
        forge, repository = self.services.forge, self.repository(full_name)
        issues.comment(forge, self._actor(login), repository, issues.issue_of(forge, repository, number), body)

    async def merge(self, full_name: str, login: str, number: int, method: str = "merge") -> Pull:
        """The pull request, merged by the person."""
        how, repository = pulls.Merge(method), self.repository(full_name)
        return await pulls.merge_pull(self.services.forge, self._actor(login), repository, number, how)

    def fault(self, fault: str, times: int = 1, **match: str) -> None:
        """Arm a fault for requests that match method, path (a pattern) or GraphQL operation."""
        self.services.faults.arm({"match": match, "times": times, "fault": fault})

    async def delivered(self) -> None:
        """Wait until every webhook so far has been answered or has failed."""
        await self.services.hooks.idle()

    def _actor(self, login: str) -> Actor:
        return Actor(setup.create_user(self.services.forge, login), "session")


@asynccontextmanager
async def running_sandbox(state: Path, port: int = 0, options: Options | None = None) -> AsyncIterator[Sandbox]:
    """The sandbox on 127.0.0.1, on a free port if none is given; raises OSError when the port is taken."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        app = create_sandbox(state, url, options)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await runner.setup()
        try:
            await web.SockSite(runner, listening).start()
            yield Sandbox(url, app[SERVICES])
        finally:
            await runner.cleanup()
