"""One request to GitHub and its answer: origins, sizes, limits and failures, each turned into the port's outcomes."""

import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urljoin, urlsplit

import aiohttp
from gidgethub import HTTPException, sansio

from bot import __version__
from bot.core.ports import ForgeRefused, ForgeUnavailable

Phase = Literal["app", "read", "write"]

LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes; an answer beyond is not read to its end."""
PATIENCE = 30.0
"""Seconds for one request."""
A_MINUTE = 60.0
"""Seconds to wait after a refusal for a limit that says no more."""
_REDIRECTS = 3
_REQUESTER = f"Bolide/{__version__}"
_VERSION = {"x-github-api-version": "2022-11-28"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was sent: for which repository ("" for the App), path or operation, status (0: no answer)."""

    phase: Phase
    repository: str
    method: str
    what: str
    status: int


@dataclass(frozen=True, slots=True)
class File:
    """Bytes to send as they are, and their media type."""

    media: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Question:
    """A request to send: JSON of `data`, or a file; `what` names it in the log, `largest` bounds the answer (bytes)."""

    method: str
    path: str
    data: Any = None
    file: "File | None" = None
    what: str = ""
    largest: int = LARGEST_ANSWER
    patience: float = PATIENCE

    @property
    def name(self) -> str:
        """What the log calls it; never a query, which may hold a token."""
        return self.what or urlsplit(self.path).path


@dataclass(frozen=True, slots=True)
class Answer:
    """What GitHub answered: 2xx or 4xx, decoded JSON (or text), the next page."""

    status: int
    data: Any
    following: str | None
    headers: Mapping[str, str]

    @property
    def sentence(self) -> str:
        """GitHub's own words about what was wrong."""
        if not isinstance(self.data, dict):
            return f"status {self.status}"
        errors = self.data.get("errors")
        details = errors if isinstance(errors, list) else []
        said = [str(item.get("message") or item.get("code")) for item in details if isinstance(item, dict)]
        return ": ".join([str(self.data.get("message", f"status {self.status}")), *said])


class Unclear(Exception):
    """No usable answer came: whether the request took effect is not known."""


class Unauthorised(Exception):
    """401: the credentials are not accepted (any more); `server_time` is the Date that came with it."""

    def __init__(self, message: str, server_time: str | None) -> None:
        super().__init__(message)
        self.server_time = server_time


class Line:
    """The connection to one GitHub: the only place that sends; keeps within one origin and out of penalties."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        api_url: str,
        graphql_url: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._session = session
        self._api_url = api_url
        self._graphql_url = graphql_url
        self.clock = clock
        self.asked: deque[Asked] = deque(maxlen=10_000)
        self._penalties: dict[str, float] = {}

    async def ask(self, question: Question, phase: Phase, whom: "Whom") -> Answer:
        """The answer, 2xx or 4xx. Raises Unclear, Unauthorised, ForgeUnavailable (limits), ForgeRefused (too large)."""
        self.respect_penalty(whom.budget)
        url = self._graphql_url if question.path == "graphql" else f"{self._api_url}/{question.path}"
        if question.path.startswith(("http://", "https://")):
            url = question.path
        headers = {**sansio.create_headers(whom.requester, **whom.credentials), **_VERSION}
        body = None if question.data is None else json.dumps(question.data).encode()
        if body is not None:
            headers["content-type"] = "application/json; charset=utf-8"
        elif question.file is not None:
            headers["content-type"], body = question.file.media, question.file.content
        for _ in range(_REDIRECTS + 1):
            self._refuse_foreign(url)
            status, received, content = await self._send(question, url, headers, body, phase, whom)
            if status not in ({301, 302, 307, 308} if question.method == "GET" else {307, 308}):
                break
            url = _joined(url, received)
        self._note_limits(status, received, content, whom)
        return _answer(status, received, content)

    async def download(self, path: str, largest: int, phase: Phase, whom: "Whom") -> bytes:
        """The bytes that a path redirects to: the token stays with GitHub's API. Raises as `ask` does."""
        headers = {**sansio.create_headers(whom.requester, **whom.credentials), **_VERSION}
        url = f"{self._api_url}/{path}"
        question = Question("GET", path, largest=largest, patience=300)
        for _ in range(_REDIRECTS + 1):
            status, received, content = await self._send(question, url, headers, None, phase, whom)
            if status not in {301, 302, 307, 308}:
                break
            url = _joined(url, received)
            if not self._same_origin(url):
                headers = {"user-agent": _REQUESTER}
                self._refuse_unsafe(url)
        if status == 200:
            return content
        self._note_limits(status, received, content, whom)
        answer = _answer(status, received, content)
        raise ForgeRefused(f"{whom.name}: {path} could not be downloaded: {answer.sentence}.")

    async def _send(
        self,
        question: Question,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        phase: Phase,
        whom: "Whom",
    ) -> tuple[int, Mapping[str, str], bytes]:
        status = 0
        timeout = aiohttp.ClientTimeout(total=question.patience)
        try:
            async with self._session.request(
                question.method, url, headers=headers, data=body, allow_redirects=False, timeout=timeout
            ) as response:
                status = response.status
                content = await _read(response, question.largest)
                return status, response.headers, content
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as problem:
            raise Unclear(f"GitHub gave no whole answer to {question.method} {question.name}") from problem
        finally:
            self.asked.append(Asked(phase, whom.name, question.method, question.name, status))

    def _same_origin(self, url: str) -> bool:
        api = _origin(self._api_url)
        # GitHub takes files at a host of its own beside the API's; elsewhere they are one.
        return _origin(url) in {
            api,
            _origin(self._graphql_url),
            api.replace("://api.github.com", "://uploads.github.com"),
        }

    def _refuse_foreign(self, url: str) -> None:
        if not self._same_origin(url):
            raise ForgeRefused(f"GitHub pointed to {_origin(url)}, another host; it was not asked.")

    def _refuse_unsafe(self, url: str) -> None:
        if not url.startswith("https://") and self._api_url.startswith("https://"):
            raise ForgeRefused(f"GitHub pointed to {_origin(url)} without encryption; it was not asked.")

    def respect_penalty(self, budget: str) -> None:
        """Raise ForgeUnavailable while GitHub's last word to this budget was to wait."""
        left = self._penalties.get(budget, 0.0) - self.clock()
        if left > 0:
            raise ForgeUnavailable("GitHub asked to wait", after=left)

    def keep_silent(self, budget: str, seconds: float) -> None:
        """Send nothing on this budget for so long; a longer penalty that it has already stands."""
        self._penalties[budget] = max(self._penalties.get(budget, 0.0), self.clock() + seconds)

    def _note_limits(self, status: int, headers: Mapping[str, str], content: bytes, whom: "Whom") -> None:
        """Raise for a rate limit of either kind, and keep silent towards GitHub until it is over."""
        after = limit_pause(status, headers, content, self.clock())
        if after is None:
            return
        self.keep_silent(whom.budget, after)
        raise ForgeUnavailable(f"GitHub's rate limit is reached; it asked to wait {after:.0f} s", after=after)


@dataclass(frozen=True, slots=True)
class Whom:
    """On whose behalf: the credentials, the repository's name for the log, and whose rate limit it counts against."""

    credentials: Mapping[str, str]
    name: str
    budget: str
    purpose: str = ""

    @property
    def requester(self) -> str:
        """The User-Agent: GitHub's logs, and whoever reads them, can tell what a request was for."""
        return f"{_REQUESTER} ({self.purpose})" if self.purpose else _REQUESTER


def limit_pause(status: int, headers: Mapping[str, str], content: bytes, now: float) -> float | None:
    """Seconds to wait when the answer is a rate limit, primary or secondary; None when it is not."""
    if status not in {403, 429}:
        return None
    if (asked := asked_pause(headers, now)) is not None:
        return asked
    # Without either header GitHub's documentation asks for a minute.
    return A_MINUTE if status == 429 or b"rate limit" in content[:4096].lower() else None


def asked_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that the headers of a refusal ask to wait; None where they ask for nothing."""
    asked = headers.get("retry-after", "")
    if asked.isascii() and asked.isdecimal():
        return float(asked)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isascii() and reset.isdecimal():
        return max(1.0, float(reset) - now)
    return None


def _joined(url: str, headers: Mapping[str, str]) -> str:
    try:
        return urljoin(url, headers.get("location", ""))
    except ValueError:
        return "no URL"


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "no URL"
    return f"{parts.scheme}://{parts.netloc}"


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > largest:
            raise ForgeRefused(f"GitHub's answer is larger than {largest} bytes and was not read to its end.")
        parts.append(part)
    return b"".join(parts)


def _answer(status: int, headers: Mapping[str, str], content: bytes) -> Answer:
    if status == 401:
        raise Unauthorised("GitHub did not accept the credentials", headers.get("date"))
    if status >= 500 or status < 200 or 300 <= status < 400:
        raise Unclear(f"GitHub answered {status}")
    try:
        # What it makes of an error is told by its status alone: the library knows neither 429 nor the second 403.
        data, _, following = sansio.decipher_response(200, headers, content)
    except (HTTPException, ValueError, LookupError, AttributeError, TypeError, RecursionError) as problem:
        raise Unclear(f"GitHub's answer, status {status}, is not JSON") from problem
    return Answer(status, data, following, headers)
