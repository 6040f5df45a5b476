"""The App on GitHub: its login, and readers and writers with tokens narrowed to one repository and one phase."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from bot.adapters.github.credentials import READING, WRITING, AppIdentity
from bot.adapters.github.line import Asked, Line
from bot.adapters.github.reader import GitHubReader
from bot.adapters.github.session import AppSession, RepositorySession
from bot.adapters.github.writer import GitHubWriter
from bot.core.events import Repository


@dataclass(frozen=True, slots=True)
class Installed:
    """The App on a repository: what it was granted there, the events that it is told of, the repository's labels."""

    repository: Repository
    permissions: Mapping[str, str]
    events: tuple[str, ...]
    labels: tuple[str, ...]


class GitHub:
    """`ports.Forge`; `login` is asked of GitHub once, when it is opened."""

    def __init__(self, line: Line, app: AppSession, login: str) -> None:
        self._line = line
        self._app = app
        self._login = login

    @property
    def login(self) -> str:
        """The App's own login, such as `bolide[bot]`."""
        return self._login

    @property
    def requests(self) -> tuple[Asked, ...]:
        """The latest requests, oldest first, at most 10,000: evidence for logs and reports."""
        return tuple(self._line.asked)

    async def locate(self, name: str) -> Repository:
        """The repository OWNER/NAME. Raises ForgeRefused where the App is not installed on it, ForgeUnavailable."""
        return (await self._located(name))[0]

    async def installed(self, name: str) -> Installed:
        """The App on OWNER/NAME. Raises ForgeRefused where it is not installed there, ForgeUnavailable."""
        repository, told = await self._located(name)
        session = RepositorySession(self._line, self._app, repository, READING, "read", "doctor")
        labels = tuple(str(label["name"]) for label in await session.read_all(f"{session.path}/labels"))
        return Installed(repository, told["permissions"], tuple(told["events"]), labels)

    async def _located(self, name: str) -> tuple[Repository, Mapping[str, Any]]:
        """The repository, and GitHub's description of the App's installation on it."""
        told = await self._app.installation(name)
        # The repository's number is learnt from the token that is asked for by name.
        number = await self._app.repository_id(name, int(told["id"]))
        return Repository(number, name, int(told["id"])), told

    def reader(self, repository: Repository, purpose: str = "") -> GitHubReader:
        """Reads with a token of its own, minted at the first request."""
        return GitHubReader(RepositorySession(self._line, self._app, repository, READING, "read", purpose), self._login)

    def writer(self, repository: Repository, purpose: str = "") -> GitHubWriter:
        """Writes with a token of its own, minted at the first request."""
        session = RepositorySession(self._line, self._app, repository, WRITING, "write", purpose)
        return GitHubWriter(session, self._login, self._app.app_id)


@asynccontextmanager
async def open_github(
    app_id: str,
    private_key: str,
    *,
    api_url: str,
    graphql_url: str,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[GitHub]:
    """GitHub, as this App, until the block ends. Raises ForgeRefused when the id or key is wrong, ForgeUnavailable."""
    # No cookies and no proxies from the environment: what is sent where is decided here alone.
    jar = aiohttp.DummyCookieJar()
    connector = aiohttp.TCPConnector(limit=50)
    async with aiohttp.ClientSession(cookie_jar=jar, trust_env=False, connector=connector) as session:
        line = Line(session, api_url, graphql_url, clock)
        app = AppSession(line, AppIdentity(app_id, private_key, clock))
        yield GitHub(line, app, await app.login())
