"""Asking on somebody's behalf: as the App by JWT, or for one repository with a token narrowed to one phase."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from bot.adapters.github.credentials import AppIdentity, Permissions
from bot.adapters.github.graphql import raise_errors
from bot.adapters.github.line import Answer, Line, Phase, Question, Unauthorised, Unclear, Whom
from bot.core.events import Repository
from bot.core.ports import ForgeRefused, ForgeUnavailable

PAUSES = (0.0, 0.25, 0.75)
"""Seconds before each attempt; after the last one the outage is the worker's to wait out."""
T = TypeVar("T")


class AppSession:
    """The App itself: who it is, and tokens for its installations."""

    def __init__(self, line: Line, identity: AppIdentity) -> None:
        self._line = line
        self._identity = identity

    @property
    def app_id(self) -> int:
        """The App's numeric id."""
        return int(self._identity.app_id)

    async def login(self) -> str:
        """The login under which the App acts."""
        answer = await self._ask(Question("GET", "app"))
        if answer.status != 200:
            raise ForgeRefused(f"GitHub does not say who the App is: {answer.sentence}.")
        return f"{answer.data['slug']}[bot]"

    async def installation(self, name: str) -> Mapping[str, Any]:
        """GitHub's description of the App's installation on OWNER/NAME."""
        answer = await self._ask(Question("GET", f"repos/{quote(name)}/installation"))
        if answer.status != 200:
            raise ForgeRefused(f"The App is not installed on {name}: {answer.sentence}; install it there.")
        found: Mapping[str, Any] = answer.data
        return found

    async def repository_id(self, name: str, installation: int) -> int:
        """The number of an installation's repository."""
        asked = {"repositories": [name.partition("/")[2]], "permissions": {"metadata": "read"}}
        answer = await self._ask(Question("POST", f"app/installations/{installation}/access_tokens", asked))
        if answer.status != 201:
            raise ForgeRefused(f"The App may not work on {name}: {answer.sentence}; check its installation.")
        return int(answer.data["repositories"][0]["id"])

    async def mint(self, repository: Repository, permissions: Permissions) -> str:
        """A token for this repository alone, with these permissions, good for an hour."""
        path = f"app/installations/{repository.installation}/access_tokens"
        narrowed = {"repository_ids": [repository.id], "permissions": dict(permissions)}
        answer = await self._ask(Question("POST", path, narrowed))
        if answer.status != 201:
            raise ForgeRefused(
                f"The App may not work on {repository.name}: {answer.sentence}; check its installation and permissions."
            )
        return str(answer.data["token"])

    async def _ask(self, question: Question) -> Answer:
        # Asking twice for a token makes two tokens and harms nothing, so both questions may be repeated.
        return await _persist(lambda: self._ask_by_our_clock(question))

    async def _ask_by_our_clock(self, question: Question) -> Answer:
        try:
            return await self._line.ask(question, "app", self._whom())
        except Unauthorised as problem:
            if not self._identity.learn(problem.server_time):
                raise ForgeRefused(_NOT_ACCEPTED) from problem
        try:
            return await self._line.ask(question, "app", self._whom())
        except Unauthorised as problem:
            raise ForgeRefused(_NOT_ACCEPTED) from problem

    def _whom(self) -> Whom:
        return Whom({"jwt": self._identity.token()}, "", "app")


_NOT_ACCEPTED = "GitHub does not accept the App's id and key; check GITHUB_APP_ID and GITHUB_PRIVATE_KEY."


class RepositorySession:
    """One repository, one phase, one token: minted at the first request, and once more when it is not accepted."""

    def __init__(
        self,
        line: Line,
        app: AppSession,
        repository: Repository,
        permissions: Permissions,
        phase: Phase,
        purpose: str = "",
    ) -> None:
        self._line = line
        self._app = app
        self.repository = repository
        self._permissions = permissions
        self._phase: Phase = phase
        self._purpose = purpose
        self._token: str | None = None
        self._minting = asyncio.Lock()
        self._budget = f"installation {repository.installation}"

    @property
    def path(self) -> str:
        """The repository's REST path."""
        return f"repos/{quote(self.repository.name)}"

    async def read(self, path: str, *, missing_is_fine: bool = False) -> Answer:
        """The answer to a GET, asked again when none came; 404 raises ForgeRefused unless it is fine."""
        answer = await _persist(lambda: self.ask(Question("GET", path)))
        if answer.status == 404 and missing_is_fine:
            return answer
        return self.accept(answer, path)

    async def read_all(self, path: str, pages: int = 10, *, within: str = "") -> list[Any]:
        """The items of a list, page after page, at most so many pages of a hundred; `within`: where a page has it."""
        found: list[Any] = []
        following: str | None = f"{path}{'&' if '?' in path else '?'}per_page=100"
        while following is not None and pages > 0:
            answer = await self.read(following)
            found.extend(answer.data[within] if within else answer.data)
            following, pages = answer.following, pages - 1
        return found

    async def read_graphql(self, operation: str, query: str, variables: Mapping[str, Any]) -> Any:
        """The data of a query, asked again when none came. Raises as `graphql.raise_errors` says."""
        return await _persist(lambda: self.graphql(operation, query, variables))

    async def graphql(self, operation: str, query: str, variables: Mapping[str, Any]) -> Any:
        """The data of a document, asked once: Unclear says that it may or may not have taken effect."""
        data = {"query": query, "operationName": operation, "variables": dict(variables)}
        answer = await self.ask(Question("POST", "graphql", data, what=operation))
        self.accept(answer, operation)
        try:
            return raise_errors(answer.data, self.repository.name, self._line.clock(), answer.headers)
        except ForgeUnavailable as limit:
            self._line.keep_silent(self._budget, limit.after)
            raise

    async def repeat(self, method: str, path: str, data: Any = None) -> Answer:
        """The answer to a request that may be sent twice, for the second time changes nothing; 2xx or 4xx."""
        return await _persist(lambda: self.ask(Question(method, path, data)))

    async def ask(self, question: Question) -> Answer:
        """The answer to one request, 2xx or 4xx; with a new token if the first was refused. Raises Unclear."""
        refused: str | None = None
        for _ in range(2):
            token = await self._current(refused)
            try:
                return await self._line.ask(question, self._phase, self._whom(token))
            except Unauthorised:
                refused = token
        raise ForgeRefused(f"GitHub does not accept a new token for {self.repository.name}; check the installation.")

    async def download(self, path: str, largest: int) -> bytes:
        """The bytes behind a path that redirects to a store."""
        for pause in PAUSES:
            await asyncio.sleep(pause)
            token = await self._current(None)
            try:
                return await self._line.download(path, largest, self._phase, self._whom(token))
            except Unauthorised as problem:
                await self._current(token)
                reason = str(problem)
            except Unclear as problem:
                reason = str(problem)
        raise ForgeUnavailable(f"{self.repository.name} could not be downloaded: {reason}.")

    def accept(self, answer: Answer, what: str) -> Answer:
        """The answer, if it is a 2xx; else ForgeRefused in GitHub's words."""
        if answer.status < 300:
            return answer
        raise ForgeRefused(f"{self.repository.name}: GitHub refused {what}: {answer.sentence}.")

    async def _current(self, refused: str | None) -> str:
        async with self._minting:
            if self._token is None or self._token == refused:
                self._line.respect_penalty(self._budget)
                self._token = await self._app.mint(self.repository, self._permissions)
            return self._token

    def _whom(self, token: str) -> Whom:
        return Whom({"oauth_token": token}, self.repository.name, self._budget, self._purpose)


async def _persist(ask: Callable[[], Awaitable[T]]) -> T:
    """The answer, asked for again where it is unclear whether there was one. Raises ForgeUnavailable."""
    for pause in PAUSES:
        await asyncio.sleep(pause)
        try:
            return await ask()
        except Unclear as problem:
            reason = problem
    raise ForgeUnavailable(f"{reason}.") from reason
