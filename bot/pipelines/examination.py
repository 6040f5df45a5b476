"""Questions to a running service: is it ready, which commit is it, does it answer the golden digits rightly."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import aiohttp

from bot.pipelines.release import Digit, Release

_PAUSE = 0.05
_TURNS_PAUSE = 1.0
"""Seconds until the answers are counted again after two versions answered by turns: each count may err by chance."""
_ANSWER_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True)
class Expected:
    """What the service must answer, and where it is asked; without `version` or `predict` that is not asked."""

    commit: str
    model: str | None
    golden: tuple[Digit, ...]
    ready: str
    version: str
    predict: str

    @classmethod
    def of(cls, release: Release) -> "Expected":
        """What the server of a release must answer."""
        trace = release.trace
        golden = release.golden() if release.predict else ()
        return cls(trace.commit, trace.model_id, golden, release.ready, release.version, release.predict)


@dataclass(frozen=True, slots=True)
class Sound:
    """Every question was answered as expected, so many digits among them."""

    digits: int


@dataclass(frozen=True, slots=True)
class Unfit:
    """The first question that was not answered as expected, in a sentence."""

    question: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Service:
    """A service to ask: a URL over TCP, or through a Unix socket when one is given."""

    url: str
    socket: str | None = None

    def session(self, seconds: float, *, fresh: bool = False) -> aiohttp.ClientSession:
        """A client of this service alone, without proxies; each request may take that long.

        `fresh`: each has a connection of its own, as the users of a balanced service have.
        """
        connector = aiohttp.UnixConnector(self.socket) if self.socket else aiohttp.TCPConnector(force_close=fresh)
        timeout = aiohttp.ClientTimeout(total=seconds)
        return aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False)


async def examine(
    service: Service, expected: Expected, *, patience: float, alive: Callable[[], bool] = lambda: True
) -> Sound | Unfit:
    """Ask until it is ready, at most `patience` seconds; then once for the commit and for each golden digit."""
    deadline = time.monotonic() + patience
    async with service.session(max(1.0, min(patience, 10.0))) as client:
        while complaint := await _ask_ready(client, service.url, expected):
            if not alive():
                return Unfit("start", "The server stopped while it started.")
            if time.monotonic() > deadline:
                return complaint
            await asyncio.sleep(_PAUSE)
        complaint = await _ask_version(client, service.url, expected)
        return complaint or await _ask_digits(client, service.url, expected)


async def await_commit(service: Service, expected: Expected, *, patience: float, answers: int = 1) -> Sound | Unfit:
    """Examine again and again until the commit is answered, at most `patience` seconds: for a public address.

    So many `answers` in a row must name it, each on a connection of its own: while versions take turns, both answer.
    The question `both` tells that they still did at the end.
    """
    deadline, both = time.monotonic() + patience, False
    while True:
        found = await examine(service, expected, patience=deadline - time.monotonic())
        if isinstance(found, Sound):
            other = await _ask_others(service, expected, answers - 1)
            if other is None:
                return found
            found, both = other, True
        if found.question in ("digits", "answer"):
            return found
        if time.monotonic() > deadline:
            return replace(found, question="both") if both and found.question == "version" else found
        await asyncio.sleep(_TURNS_PAUSE if both else _PAUSE)


async def _ask_others(service: Service, expected: Expected, times: int) -> Unfit | None:
    """The first of so many answers on new connections that names another version; errors are the probation's matter."""
    async with service.session(10, fresh=True) as client:
        for _ in range(times if expected.version else 0):
            status, answer = await _get(client, service.url + expected.version)
            if status == 200 and (other := _compare(answer, expected)):
                return other
    return None


async def _ask_ready(client: aiohttp.ClientSession, url: str, expected: Expected) -> Unfit | None:
    path = expected.ready or "/"
    status, answer = await _get(client, url + path)
    # A service that declares no readiness is ready when it answers at all.
    if status == 200 or (not expected.ready and 0 < status < 500):
        return None
    reason = answer.get("reason") or answer.get("detail") or answer.get("error") or "it gave no reason"
    said = f"answered {status}: {reason}" if status else f"did not answer: {reason}"
    return Unfit("ready", f"{path} {said}.")


async def _ask_version(client: aiohttp.ClientSession, url: str, expected: Expected) -> Unfit | None:
    if not expected.version:
        return None
    status, answer = await _get(client, url + expected.version)
    if status != 200:
        return Unfit("version", f"{expected.version} answered {status or answer.get('error')}, not the commit.")
    return _compare(answer, expected)


def _compare(answer: Mapping[str, Any], expected: Expected) -> Unfit | None:
    """What is wrong with a version that was answered."""
    if answer.get("commit") != expected.commit:
        return Unfit("version", f"{expected.version} answers commit {answer.get('commit')!r}, not {expected.commit}.")
    if expected.model and answer.get("model") != expected.model:
        return Unfit("version", f"{expected.version} answers model {answer.get('model')!r}, not {expected.model}.")
    return None


async def _ask_digits(client: aiohttp.ClientSession, url: str, expected: Expected) -> Sound | Unfit:
    for digit in expected.golden:
        if wrong := await _ask_digit(client, url, expected, digit):
            return wrong
    return Sound(len(expected.golden))


async def _ask_digit(client: aiohttp.ClientSession, url: str, expected: Expected, digit: Digit) -> Unfit | None:
    """The complaint about one golden digit: `answer` where there is none, `digits` where it is a wrong one."""
    status, answer = await _post(client, url + expected.predict, {"inputs": digit.pixels})
    if status != 200:
        said = answer.get("detail") or answer.get("error") or "no reason"
        return Unfit("answer", f"{expected.predict} answered {status} for the golden {digit.label}: {said}.")
    if answer.get("prediction") != digit.label:
        given = answer.get("prediction")
        return Unfit("digits", f"{expected.predict} answers {given!r} for the golden digit {digit.label}.")
    return None


class Asker:
    """Asks a service one thing at a time: the golden digits by turns, or whether it is ready where it has none."""

    def __init__(self, client: aiohttp.ClientSession, url: str, expected: Expected) -> None:
        self._client, self._url, self._expected = client, url, expected

    async def ask(self, turn: int) -> Unfit | None:
        """What is wrong with the answer to the question of this turn."""
        golden = self._expected.golden
        if not golden:
            return await _ask_ready(self._client, self._url, self._expected)
        return await _ask_digit(self._client, self._url, self._expected, golden[turn % len(golden)])


async def _get(client: aiohttp.ClientSession, url: str) -> tuple[int, dict[str, Any]]:
    return await _request(client, "GET", url, None)


async def _post(client: aiohttp.ClientSession, url: str, document: object) -> tuple[int, dict[str, Any]]:
    return await _request(client, "POST", url, document)


async def _request(
    client: aiohttp.ClientSession, method: str, url: str, document: object
) -> tuple[int, dict[str, Any]]:
    """The status and the JSON object; status 0 with an `error` when there was no answer."""
    try:
        async with client.request(method, url, json=document, allow_redirects=False) as answer:
            body = await answer.content.read(_ANSWER_LIMIT)
            return answer.status, _object(answer.content_type, body)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        return 0, {"error": str(error) or type(error).__name__}


def _object(content_type: str, body: bytes) -> dict[str, Any]:
    if "json" not in content_type:
        return {}
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
